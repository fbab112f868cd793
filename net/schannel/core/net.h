/* SPDX-License-Identifier: GPL-2.0-only */
/* What each network namespace has of its own. See net.c. */
#ifndef _SCHANNEL_NET_H
#define _SCHANNEL_NET_H

#include <linux/atomic.h>

#include <uapi/linux/schannel_netlink.h>
#include "sysctl.h"

struct mem_cgroup;
struct net;
struct schannel_peer;
struct sc_loopback;

/**
 * struct sc_net - a namespace's own
 * @loopback:	the namespace's channel to itself
 * @sysctl:	its part of net.schannel.*
 * @stats:	by SCHANNEL_A_STATS_*; for what happens once in a connection's life
 * @payer:	the memory cgroup that is charged for its channels: of who made its
 *		first socket. NULL for the initial namespace
 */
struct sc_net {
	struct sc_loopback *loopback;
	struct sc_sysctl sysctl;
	atomic_long_t stats[__SCHANNEL_A_STATS_MAX];
	struct mem_cgroup *payer;
};

extern unsigned int sc_net_id;

struct sc_net *sc_net(const struct net *net);
void sc_net_charge(const struct net *net);
struct mem_cgroup *sc_net_payer(const struct schannel_peer *peer);

#endif /* _SCHANNEL_NET_H */
