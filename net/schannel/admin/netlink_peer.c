// SPDX-License-Identifier: GPL-2.0-only
/* Peers over generic netlink. See netlink.c. */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/string.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include <uapi/linux/schannel.h>
#include "core/peer.h"
#include "core/transport.h"
#include "netlink_gen.h"
#include "netlink_msg.h"

static bool sc_netlink_fill_info(struct sk_buff *skb,
				 struct schannel_peer *peer)
{
	struct schannel_peer_info info;
	unsigned int i;

	sc_peer_info(peer, &info);
	if (*info.name && nla_put_string(skb, SCHANNEL_A_PEER_NAME, info.name))
		return false;
	if (memchr_inv(info.uuid, 0, sizeof(info.uuid)) &&
	    nla_put(skb, SCHANNEL_A_PEER_UUID, sizeof(info.uuid), info.uuid))
		return false;
	for (i = 0; i < info.nr_addresses; i++)
		if (nla_put_in6_addr(skb, SCHANNEL_A_PEER_ADDRESS,
				     &info.address[i]))
			return false;
	return true;
}

static bool sc_netlink_fill_peer(struct sk_buff *skb,
				 struct schannel_peer *peer)
{
	if (nla_put_u32(skb, SCHANNEL_A_PEER_DOMID, peer->domid) ||
	    nla_put_string(skb, SCHANNEL_A_PEER_TRANSPORT,
			   peer->transport->name) ||
	    nla_put_u32(skb, SCHANNEL_A_PEER_CHANNEL_STATE,
			sc_peer_is_up(peer) ? SCHANNEL_CHANNEL_STATE_UP :
					      SCHANNEL_CHANNEL_STATE_DOWN) ||
	    !sc_netlink_fill_info(skb, peer))
		return false;
	return peer->domid != SC_DOMID_SELF ||
	       !nla_put_u32(skb, SCHANNEL_A_PEER_OWN_DOMID, sc_own_domid());
}

/**
 * sc_netlink_put_peer() - put a message about a peer
 * @skb:	where to put it
 * @to:		its headers
 * @peer:	the peer
 * @gone:	the peer disappeared
 *
 * Return: 0, or -EMSGSIZE if @skb is full.
 */
int sc_netlink_put_peer(struct sk_buff *skb, const struct sc_netlink_to *to,
			struct schannel_peer *peer, bool gone)
{
	void *head = sc_netlink_begin(skb, to);
	bool done;

	if (!head)
		return -EMSGSIZE;
	done = sc_netlink_fill_peer(skb, peer) &&
	       !(gone && nla_put_flag(skb, SCHANNEL_A_PEER_GONE));
	return sc_netlink_end(skb, head, done);
}

int schannel_nl_peer_get_doit(struct sk_buff *request, struct genl_info *info)
{
	struct sc_netlink_to to = sc_netlink_to_reply(info);
	struct schannel_peer *peer;
	struct sk_buff *skb;
	int err = -ENOMEM;

	peer = sc_netlink_peer(info, SCHANNEL_A_PEER_DOMID);
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (skb) {
		err = sc_netlink_put_peer(skb, &to, peer, false);
		err = sc_netlink_reply(skb, info, err);
	}
	sc_peer_put(peer);
	return err;
}

int schannel_nl_peer_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb)
{
	struct sc_netlink_to to = sc_netlink_to_dump(cb);
	struct sc_netlink_dump *at = sc_netlink_dump(cb);
	struct net *net = sock_net(skb->sk);
	struct schannel_peer *peer;
	int err = 0;

	while (!err && (peer = sc_peer_next(net, at->domid))) {
		err = sc_netlink_put_peer(skb, &to, peer, false);
		if (!err)
			at->domid = peer->domid + 1;
		sc_peer_put(peer);
	}
	return err;
}

int schannel_nl_peer_set_doit(struct sk_buff *request, struct genl_info *info)
{
	struct schannel_peer *peer;
	struct nlattr *attr;
	struct net *net;
	int err;

	/* GENL_ADMIN_PERM, which schannel.yaml could ask for, is about init_user_ns */
	if (!netlink_ns_capable(request, genl_info_net(info)->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	if (GENL_REQ_ATTR_CHECK(info, SCHANNEL_A_PEER_NETNS_FD))
		return -EINVAL;
	attr = info->attrs[SCHANNEL_A_PEER_NETNS_FD];
	net = get_net_ns_by_fd(nla_get_s32(attr));
	if (IS_ERR(net)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "not a network namespace");
		return PTR_ERR(net);
	}
	err = -EPERM;
	if (!netlink_ns_capable(request, net->user_ns, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "CAP_NET_ADMIN is needed in that namespace, too");
		goto out;
	}
	peer = sc_netlink_peer(info, SCHANNEL_A_PEER_DOMID);
	err = PTR_ERR_OR_ZERO(peer);
	if (err)
		goto out;
	err = sc_peer_move(peer, net);
	sc_peer_put(peer);
out:
	put_net(net);
	return err;
}
