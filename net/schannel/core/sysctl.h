/* SPDX-License-Identifier: GPL-2.0-only */
/* The sysctls net.schannel.*. See sysctl.c. */
#ifndef _SCHANNEL_SYSCTL_H
#define _SCHANNEL_SYSCTL_H

#include <linux/types.h>

#include "ring/pool.h"

struct ctl_table_header;
struct net;

/**
 * struct sc_sysctl - the sysctls of one network namespace
 * @header:	the registered table
 * @busy_poll_us: limit for polling for data, or space, before a thread sleeps
 * @connect_timeout_ms: limit for the time from connect() to the peer's answer
 * @divert_delay_ms: age at which the bytes of an accepted TCP connection move to a channel
 * @divert_local: whether TCP connections to this domain itself are diverted
 */
struct sc_sysctl {
	struct ctl_table_header *header;
	int busy_poll_us;
	int connect_timeout_ms;
	int divert_delay_ms;
	int divert_local;
};

int sc_sysctl_create(struct net *net, struct sc_sysctl *ctl);
void sc_sysctl_destroy(struct sc_sysctl *ctl);

unsigned int sc_sysctl_busy_poll_us(const struct net *net);
unsigned long sc_sysctl_connect_timeout(const struct net *net);
unsigned long sc_sysctl_divert_delay(const struct net *net);
bool sc_sysctl_divert_local(const struct net *net);

u32 sc_sysctl_pool_pages(void);
long sc_sysctl_pool_total_pages(void);
unsigned long sc_sysctl_idle(void);
struct sc_size_limits sc_sysctl_ring(void);
u8 sc_sysctl_dgram_order(void);
unsigned long sc_sysctl_orphan_timeout(void);
unsigned int sc_sysctl_max_orphans(void);

/* As sysctl_mem of struct proto, in pages: net.schannel.dgram_mem_kib. */
extern long sc_sysctl_dgram_mem[3];

#endif /* _SCHANNEL_SYSCTL_H */
