// SPDX-License-Identifier: GPL-2.0-only
/* Statistics of a namespace over generic netlink. See netlink.c. */
#include <net/genetlink.h>
#include <net/net_namespace.h>

#include "core/channel.h"
#include "core/peer.h"
#include "core/stats.h"
#include "netlink_gen.h"
#include "netlink_msg.h"

static void sc_netlink_add_orphans(struct schannel_peer *peer, const struct net *net,
				   struct sc_orphan_sum *sum)
{
	struct schannel_channel *ch = sc_peer_channel_up(peer, net);

	if (!ch)
		return;
	sum->nr += READ_ONCE(ch->orphans.all.nr);
	sum->pages += READ_ONCE(ch->orphans.all.pages);
	sc_channel_put(ch);
}

/* The orphans of all channels of the namespace. */
static void sc_netlink_orphans(const struct net *net, struct sc_orphan_sum *sum)
{
	struct schannel_peer *peer;
	u32 domid = 0;

	while ((peer = sc_peer_next(net, domid))) {
		sc_netlink_add_orphans(peer, net, sum);
		if (peer->remote)
			sc_netlink_add_orphans(peer->remote, net, sum);
		domid = peer->domid + 1;
		sc_peer_put(peer);
	}
}

static u64 sc_netlink_stat(const struct net *net, const struct sc_orphan_sum *orphans,
			   int what)
{
	switch (what) {
	case SCHANNEL_A_STATS_ORPHANS:
		return orphans->nr;
	case SCHANNEL_A_STATS_ORPHAN_MEMORY:
		return (u64)orphans->pages << PAGE_SHIFT;
	default:
		return sc_stats_read(net, what);
	}
}

static bool sc_netlink_fill_stats(struct sk_buff *skb, const struct net *net)
{
	struct sc_orphan_sum orphans = {};
	int i;

	sc_netlink_orphans(net, &orphans);
	for (i = SCHANNEL_A_STATS_SOCKETS; i <= SCHANNEL_A_STATS_MAX; i++)
		if (nla_put_u64_64bit(skb, i, sc_netlink_stat(net, &orphans, i),
				      SCHANNEL_A_STATS_PAD))
			return false;
	return true;
}

int schannel_nl_stats_get_doit(struct sk_buff *request, struct genl_info *info)
{
	struct sc_netlink_to to = sc_netlink_to_reply(info);
	struct sk_buff *skb;
	void *head;
	int err = -EMSGSIZE;

	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	head = sc_netlink_begin(skb, &to);
	if (head)
		err = sc_netlink_end(skb, head,
				     sc_netlink_fill_stats(skb,
							   genl_info_net(info)));
	return sc_netlink_reply(skb, info, err);
}
