// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "schannel": its registration and its events. The policies
 * and the table of operations (netlink_gen.c) are generated from schannel.yaml, which
 * also documents the operations and attributes; the operations are in
 * netlink_peer.c, netlink_channel.c, netlink_flow.c, netlink_stats.c and
 * netlink_divert.c.
 *
 * A dump continues after its last message: at a domid, and an index in that
 * channel's flow table. It holds no lock and no reference between two messages. So an
 * object that appears or disappears meanwhile may be missing from it; any other
 * object is in it exactly once.
 *
 * Requests and events concern the network namespace of the netlink socket. The
 * user that flows are shown to is the one that opened the netlink socket: another
 * process may use it by now.
 */
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "core/flow.h"
#include "core/observer.h"
#include "core/peer.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "netlink_msg.h"

static struct sc_netlink_to sc_netlink_to_event(u8 cmd)
{
	return (struct sc_netlink_to) {
		.family = &schannel_nl_family,
		.cmd = cmd,
	};
}

/* A message for all members of @group, or NULL if the group has no members. */
static struct sk_buff *sc_netlink_event(struct net *net, unsigned int group,
					gfp_t gfp)
{
	if (!genl_has_listeners(&schannel_nl_family, net, group))
		return NULL;
	return genlmsg_new(NLMSG_GOODSIZE, gfp);
}

/* A reader that is too slow misses events; its recvmsg() then returns ENOBUFS. */
static void sc_netlink_multicast(struct net *net, unsigned int group,
				 struct sk_buff *skb, int err, gfp_t gfp)
{
	if (err)
		nlmsg_free(skb);
	else
		genlmsg_multicast_netns(&schannel_nl_family, net, skb, 0, group,
					gfp);
}

/* As peer() of struct sc_observer. */
static void sc_netlink_peer_event(struct net *net, struct schannel_peer *peer,
				  bool gone)
{
	struct sc_netlink_to to = sc_netlink_to_event(SCHANNEL_CMD_PEER_NTF);
	struct sk_buff *skb;
	int err;

	skb = sc_netlink_event(net, SCHANNEL_NLGRP_PEERS, GFP_ATOMIC);
	if (!skb)
		return;
	err = sc_netlink_put_peer(skb, &to, peer, gone);
	sc_netlink_multicast(net, SCHANNEL_NLGRP_PEERS, skb, err, GFP_ATOMIC);
}

/* As channel() of struct sc_observer. */
static void sc_netlink_channel_event(struct net *net,
				     struct schannel_peer *peer, bool up)
{
	struct sc_netlink_to to = sc_netlink_to_event(SCHANNEL_CMD_CHANNEL_NTF);
	struct sk_buff *skb;
	int err;

	skb = sc_netlink_event(net, SCHANNEL_NLGRP_PEERS, GFP_KERNEL);
	if (!skb)
		return;
	err = sc_netlink_put_channel(skb, &to, net, peer, !up);
	sc_netlink_multicast(net, SCHANNEL_NLGRP_PEERS, skb, err, GFP_KERNEL);
}

static void sc_netlink_flow_event(struct sc_flow *flow, struct net *net,
				  const int *error)
{
	struct sc_netlink_to to = sc_netlink_to_event(SCHANNEL_CMD_FLOW_NTF);
	struct sk_buff *skb;
	int err;

	skb = sc_netlink_event(net, SCHANNEL_NLGRP_FLOWS, GFP_KERNEL);
	if (!skb)
		return;
	rcu_read_lock();
	err = sc_netlink_put_flow(skb, &to, flow, net->user_ns, error);
	rcu_read_unlock();
	sc_netlink_multicast(net, SCHANNEL_NLGRP_FLOWS, skb, err, GFP_KERNEL);
}

/* As flow() of struct sc_observer. */
static void sc_netlink_flow_opened(struct sc_flow *flow, struct sock *sk)
{
	sc_netlink_flow_event(flow, sock_net(sk), NULL);
}

/* As flow_over() of struct sc_observer. */
static void sc_netlink_flow_ended(struct sc_flow *flow, struct sock *sk, int err)
{
	sc_netlink_flow_event(flow, sock_net(sk), &err);
}

/* Each call costs one test while no socket has joined the groups. */
static struct sc_observer sc_netlink_observer = {
	.peer		= sc_netlink_peer_event,
	.channel	= sc_netlink_channel_event,
	.flow		= sc_netlink_flow_opened,
	.flow_over	= sc_netlink_flow_ended,
};

/* The generator leaves out the flags that schannel.yaml gives a multicast group. */
static const struct genl_multicast_group sc_netlink_groups[] = {
	[SCHANNEL_NLGRP_PEERS] = { .name = SCHANNEL_MCGRP_PEERS },
	[SCHANNEL_NLGRP_FLOWS] = {
		.name	= SCHANNEL_MCGRP_FLOWS,
		.flags	= GENL_MCAST_CAP_NET_ADMIN,
	},
};

int __init sc_netlink_init(void)
{
	int err;

	schannel_nl_family.mcgrps = sc_netlink_groups;
	schannel_nl_family.n_mcgrps = ARRAY_SIZE(sc_netlink_groups);
	err = genl_register_family(&schannel_nl_family);
	if (!err)
		sc_observer_register(&sc_netlink_observer);
	return err;
}

void sc_netlink_exit(void)
{
	sc_observer_unregister(&sc_netlink_observer);
	genl_unregister_family(&schannel_nl_family);
}
