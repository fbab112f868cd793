// SPDX-License-Identifier: GPL-2.0-only
/* Verdicts of transparent mode on TCP connections, over generic netlink. See netlink.c. */
#include <linux/capability.h>
#include <linux/in6.h>
#include <linux/netlink.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include <uapi/linux/schannel.h>
#include "core/divert.h"
#include "netlink_gen.h"
#include "netlink_msg.h"

static bool sc_netlink_fill_divert(struct sk_buff *skb,
				   const struct sc_divert_view *view)
{
	if (nla_put_u32(skb, SCHANNEL_A_DIVERT_VERDICT, view->verdict))
		return false;
	if (view->last && (nla_put_u32(skb, SCHANNEL_A_DIVERT_LAST, view->last) ||
			   nla_put_u32(skb, SCHANNEL_A_DIVERT_AGE_MS, view->age_ms)))
		return false;
	return view->domid == SC_DOMID_ANY ||
	       !nla_put_u32(skb, SCHANNEL_A_DIVERT_DOMID, view->domid);
}

int schannel_nl_divert_get_doit(struct sk_buff *request, struct genl_info *info)
{
	struct sc_netlink_to to = sc_netlink_to_reply(info);
	struct nlattr *port = info->attrs[SCHANNEL_A_DIVERT_PORT];
	struct sc_divert_view view;
	struct in6_addr addr;
	struct sk_buff *skb;
	void *head;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, SCHANNEL_A_DIVERT_ADDRESS))
		return -EINVAL;
	addr = nla_get_in6_addr(info->attrs[SCHANNEL_A_DIVERT_ADDRESS]);
	err = sc_divert_look(genl_info_net(info), &addr,
			     port ? nla_get_u32(port) : 0, &view);
	if (err) {
		NL_SET_ERR_MSG(info->extack, "schannel_inet is not loaded");
		return err;
	}
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	err = -EMSGSIZE;
	head = sc_netlink_begin(skb, &to);
	if (head)
		err = sc_netlink_end(skb, head,
				     sc_netlink_fill_divert(skb, &view));
	return sc_netlink_reply(skb, info, err);
}

static int sc_netlink_put_divert_count(struct sk_buff *skb,
				       const struct sc_netlink_to *to,
				       u32 verdict, u64 count)
{
	void *head = sc_netlink_begin(skb, to);
	bool done;

	if (!head)
		return -EMSGSIZE;
	done = !nla_put_u32(skb, SCHANNEL_A_DIVERT_VERDICT, verdict) &&
	       !nla_put_u64_64bit(skb, SCHANNEL_A_DIVERT_COUNT, count,
				  SCHANNEL_A_DIVERT_PAD);
	return sc_netlink_end(skb, head, done);
}

/* How often each verdict was given; args[0] is the verdict that comes next. */
int schannel_nl_divert_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct sc_netlink_to to = sc_netlink_to_dump(cb);
	u64 counts[__SCHANNEL_DIVERT_MAX];
	long *verdict = &cb->args[0];
	int err;

	err = sc_divert_counts(sock_net(skb->sk), counts);
	if (err) {
		NL_SET_ERR_MSG(cb->extack, "schannel_inet is not loaded");
		return err;
	}
	for (; *verdict <= SCHANNEL_DIVERT_MAX; (*verdict)++) {
		err = sc_netlink_put_divert_count(skb, &to, *verdict,
						  counts[*verdict]);
		if (err)
			return err;
	}
	return 0;
}

/* ---- Going back to TCP ------------------------------------------------- */

int schannel_nl_divert_detach_doit(struct sk_buff *request, struct genl_info *info)
{
	struct sc_netlink_to to = sc_netlink_to_reply(info);
	struct net *net = genl_info_net(info);
	struct sk_buff *skb;
	void *head;
	u64 left;
	int err;

	if (!netlink_ns_capable(request, net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	err = sc_divert_detach(net_eq(net, &init_net) ? NULL : net, &left);
	if (err) {
		NL_SET_ERR_MSG(info->extack, "schannel_inet is not loaded");
		return err;
	}
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	err = -EMSGSIZE;
	head = sc_netlink_begin(skb, &to);
	if (head)
		err = sc_netlink_end(skb, head,
				     !nla_put_u64_64bit(skb, SCHANNEL_A_DIVERT_COUNT, left,
							SCHANNEL_A_DIVERT_PAD));
	return sc_netlink_reply(skb, info, err);
}
