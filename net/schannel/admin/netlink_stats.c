// SPDX-License-Identifier: GPL-2.0-only
/* Statistics of a namespace over generic netlink. See netlink.c. */
#include <net/genetlink.h>
#include <net/net_namespace.h>

#include "core/stats.h"
#include "netlink_gen.h"
#include "netlink_msg.h"

static bool sc_netlink_fill_stats(struct sk_buff *skb, const struct net *net)
{
	int i;

	for (i = SCHANNEL_A_STATS_SOCKETS; i <= SCHANNEL_A_STATS_MAX; i++)
		if (nla_put_u64_64bit(skb, i, sc_stats_read(net, i),
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
