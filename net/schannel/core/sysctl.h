/* SPDX-License-Identifier: GPL-2.0-only */
/* net.schannel.*: what an administrator may change. See sysctl.c. */
#ifndef _SCHANNEL_SYSCTL_H
#define _SCHANNEL_SYSCTL_H

#include <linux/types.h>

#include "ring/pool.h"

struct ctl_table_header;
struct net;

/**
 * struct sc_sysctl - what is a namespace's own
 * @header:	of the registered table
 * @busy_poll_us: how long to look for data, or space, before sleeping, where that helps
 * @connect_timeout_ms: from connect() to an answer
 * @divert_timeout_ms: the same for a TCP connection, which goes on as such then
 * @divert_retry_ms: how long it is remembered that one could not be diverted
 * @divert_local: whether TCP connections to this domain itself are diverted
 */
struct sc_sysctl {
	struct ctl_table_header *header;
	int busy_poll_us;
	int connect_timeout_ms;
	int divert_timeout_ms;
	int divert_retry_ms;
	int divert_local;
};

int sc_sysctl_create(struct net *net, struct sc_sysctl *ctl);
void sc_sysctl_destroy(struct sc_sysctl *ctl);

unsigned int sc_sysctl_busy_poll_us(const struct net *net);
unsigned long sc_sysctl_connect_timeout(const struct net *net);
unsigned long sc_sysctl_divert_timeout(const struct net *net);
unsigned long sc_sysctl_divert_retry(const struct net *net);
bool sc_sysctl_divert_local(const struct net *net);

u32 sc_sysctl_pool_pages(void);
long sc_sysctl_pool_total_pages(void);
unsigned long sc_sysctl_idle(void);
struct sc_size_limits sc_sysctl_ring(void);
u8 sc_sysctl_dgram_order(void);

#endif /* _SCHANNEL_SYSCTL_H */
