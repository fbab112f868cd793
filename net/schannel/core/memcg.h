/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory cgroups: charging them for memory that no allocation charges. See memcg.c. */
#ifndef _SCHANNEL_MEMCG_H
#define _SCHANNEL_MEMCG_H

#include <linux/types.h>

struct mem_cgroup;
struct sock;

int sc_memcg_init(void);
void sc_memcg_exit(void);

bool sc_memcg_has_room(struct mem_cgroup *memcg, unsigned int pages);
struct mem_cgroup *sc_memcg_get(const struct sock *sk);
void sc_memcg_inherit(struct sock *sk, struct sock *from);
int sc_memcg_charge(struct mem_cgroup *memcg, unsigned int pages);
void sc_memcg_charge_beyond(struct mem_cgroup *memcg, unsigned int pages);
void sc_memcg_uncharge(struct mem_cgroup *memcg, unsigned int pages);

#endif /* _SCHANNEL_MEMCG_H */
