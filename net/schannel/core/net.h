/* SPDX-License-Identifier: GPL-2.0-only */
/* Per network namespace data. See net.c. */
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
 * struct sc_net - data of a network namespace
 * @loopback:	the namespace's channel to itself
 * @sysctl:	its own net.schannel.* sysctls
 * @stats:	counters, indexed by SCHANNEL_A_STATS_*, of events that happen once per
 *		connection
 * @payer:	the memory cgroup that is charged for the namespace's channels: the one of
 *		the process that created its first socket. NULL for the initial namespace
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
bool sc_net_has_payer(const struct schannel_peer *peer);

#endif /* _SCHANNEL_NET_H */
