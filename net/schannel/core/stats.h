/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters, traces and calls of observers when connections and channels come and go. Process
 * context, except for the functions whose first argument is a namespace. See stats.c.
 */
#ifndef _SCHANNEL_STATS_H
#define _SCHANNEL_STATS_H

#include <linux/types.h>

#include <uapi/linux/schannel_netlink.h>

struct net;
struct sc_channel_traffic;
struct sc_flow;
struct schannel_channel;

void sc_stats_add(const struct net *net, enum schannel_attr_stats what, long nr);
u64 sc_stats_read(const struct net *net, enum schannel_attr_stats what);
void sc_stats_connect(const struct net *net, int err);
void sc_stats_incoming(const struct net *net, int reason);

static inline void sc_stats_inc(const struct net *net,
				enum schannel_attr_stats what)
{
	sc_stats_add(net, what, 1);
}

void sc_stats_channel(struct schannel_channel *ch, bool up);
void sc_stats_channel_failed(struct schannel_channel *ch);
void sc_stats_channel_traffic(struct schannel_channel *ch,
			      struct sc_channel_traffic *sum);

void sc_stats_orphan_reset(struct sc_flow *flow, enum schannel_attr_stats what);
void sc_stats_flow_began(struct sc_flow *flow);
void sc_stats_flow_over(struct sc_flow *flow, int err);
void sc_stats_flow_closed(struct sc_flow *flow, u32 reason);

#endif /* _SCHANNEL_STATS_H */
