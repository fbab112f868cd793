// SPDX-License-Identifier: GPL-2.0-only
/* Flows over generic netlink. See netlink.c. */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/in6.h>
#include <linux/sock_diag.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include <uapi/linux/schannel.h>
#include "core/channel.h"
#include "core/flow.h"
#include "core/peer.h"
#include "core/reap.h"
#include "netlink_gen.h"
#include "netlink_msg.h"

/* ---- Messages ---------------------------------------------------------- */

static int sc_netlink_flow_type(const struct sc_flow *flow)
{
	switch (flow->type) {
	case SCHANNEL_TYPE_SEQPACKET:
		return SOCK_SEQPACKET;
	case SCHANNEL_TYPE_DGRAM:
		return SOCK_DGRAM;
	default:
		return SOCK_STREAM;
	}
}

static bool sc_netlink_fill_ports(struct sk_buff *skb,
				  const struct sc_flow *flow)
{
	u32 local = flow->open.src_port, remote = flow->open.dst_port;

	if (!flow->opened)
		swap(local, remote);
	return !nla_put_u32(skb, SCHANNEL_A_FLOW_LOCAL_PORT, local) &&
	       !nla_put_u32(skb, SCHANNEL_A_FLOW_PEER_PORT, remote) &&
	       !(flow->opened && nla_put_flag(skb, SCHANNEL_A_FLOW_OPENED));
}

/* The addresses of the TCP connection that the flow carries. */
static bool sc_netlink_fill_addresses(struct sk_buff *skb,
				      const struct sc_flow *flow)
{
	const u8 *local = flow->open.src_addr, *remote = flow->open.dst_addr;

	if (flow->type != SCHANNEL_TYPE_TCP)
		return true;
	if (!flow->opened)
		swap(local, remote);
	return !nla_put(skb, SCHANNEL_A_FLOW_LOCAL_ADDRESS,
			sizeof(struct in6_addr), local) &&
	       !nla_put(skb, SCHANNEL_A_FLOW_PEER_ADDRESS,
			sizeof(struct in6_addr), remote);
}

static bool sc_netlink_fill_sock(struct sk_buff *skb, struct sock *sk,
				 struct user_namespace *user_ns)
{
	u32 cookie[2];

	sock_diag_save_cookie(sk, cookie);
	return !nla_put_u32(skb, SCHANNEL_A_FLOW_UID,
			    from_kuid_munged(user_ns, sk->sk_uid)) &&
	       !nla_put_u64_64bit(skb, SCHANNEL_A_FLOW_INODE, sock_i_ino(sk),
				  SCHANNEL_A_FLOW_PAD) &&
	       !nla_put_u64_64bit(skb, SCHANNEL_A_FLOW_COOKIE,
				  cookie[0] | (u64)cookie[1] << 32,
				  SCHANNEL_A_FLOW_PAD);
}

static bool sc_netlink_fill_rings(struct sk_buff *skb, struct sc_flow *flow)
{
	struct sc_flow_view view;

	if (nla_put_u32(skb, SCHANNEL_A_FLOW_TX_RING, sc_flow_tx_size(flow)))
		return false;
	if (!sc_flow_is_joined(flow))
		return true;
	sc_flow_look(flow, &view);
	return !nla_put_u32(skb, SCHANNEL_A_FLOW_PEER_ID, flow->peer_id) &&
	       !nla_put_u32(skb, SCHANNEL_A_FLOW_RX_RING, sc_flow_rx_size(flow)) &&
	       !nla_put_u32(skb, SCHANNEL_A_FLOW_TX_QUEUED, view.queued) &&
	       !nla_put_u32(skb, SCHANNEL_A_FLOW_RX_QUEUED, view.avail);
}

/* Under rcu_read_lock(). */
static bool sc_netlink_fill_flow(struct sk_buff *skb, struct sc_flow *flow,
				 struct user_namespace *user_ns)
{
	struct sc_flow_stats stats;
	struct sock *sk = sc_flow_sock(flow);

	if (nla_put_u32(skb, SCHANNEL_A_FLOW_DOMID,
			flow->channel->peer->domid) ||
	    nla_put_u32(skb, SCHANNEL_A_FLOW_ID, flow->id) ||
	    nla_put_u32(skb, SCHANNEL_A_FLOW_TYPE,
			sc_netlink_flow_type(flow)) ||
	    !sc_netlink_fill_ports(skb, flow) ||
	    !sc_netlink_fill_addresses(skb, flow) ||
	    !sc_netlink_fill_rings(skb, flow))
		return false;
	if (sk && !sc_netlink_fill_sock(skb, sk, user_ns))
		return false;
	if (!rcu_access_pointer(flow->user))
		return !nla_put_flag(skb, SCHANNEL_A_FLOW_CLOSED);
	return !sc_flow_get_stats(flow, &stats) ||
	       !nla_put(skb, SCHANNEL_A_FLOW_STATS, sizeof(stats), &stats);
}

/**
 * sc_netlink_put_flow() - put a message about a flow
 * @skb:	where to put it
 * @to:		its headers
 * @flow:	the flow
 * @user_ns:	the user namespace that its socket's uid is shown in
 * @error:	NULL, or for a flow that ended 0 or the negative error it ended with
 *
 * Context: under rcu_read_lock().
 * Return: 0, or -EMSGSIZE if @skb is full.
 */
int sc_netlink_put_flow(struct sk_buff *skb, const struct sc_netlink_to *to,
			struct sc_flow *flow, struct user_namespace *user_ns,
			const int *error)
{
	void *head = sc_netlink_begin(skb, to);
	bool done;

	if (!head)
		return -EMSGSIZE;
	done = sc_netlink_fill_flow(skb, flow, user_ns) &&
	       !(error && nla_put_u32(skb, SCHANNEL_A_FLOW_ERROR, -*error));
	return sc_netlink_end(skb, head, done);
}

/* ---- Dumps ------------------------------------------------------------- */

static int sc_netlink_dump_channel_flows(struct sk_buff *skb,
					 struct netlink_callback *cb,
					 struct schannel_channel *ch)
{
	struct sc_netlink_to to = sc_netlink_to_dump(cb);
	struct user_namespace *user_ns = sk_user_ns(NETLINK_CB(cb->skb).sk);
	struct sc_netlink_dump *at = sc_netlink_dump(cb);
	struct sc_flow *flow;
	unsigned long id;
	int err = 0;

	rcu_read_lock();
	xa_for_each_start(&ch->flows, id, flow, at->flow) {
		if (sc_viewer_sees(&at->viewer, sc_flow_sock(flow)))
			err = sc_netlink_put_flow(skb, &to, flow, user_ns,
						  NULL);
		if (err)
			break;
		at->flow = id + 1;
	}
	rcu_read_unlock();
	return err;
}

static int sc_netlink_dump_peer_flows(struct sk_buff *skb,
				      struct netlink_callback *cb,
				      struct schannel_peer *peer)
{
	struct sc_netlink_dump *at = sc_netlink_dump(cb);
	struct schannel_peer *ends[2] = { peer, peer->remote };
	struct schannel_channel *ch;
	int err;

	for (; at->end < ARRAY_SIZE(ends); at->end++, at->flow = 0) {
		if (!ends[at->end])
			continue;
		ch = sc_peer_channel_up(ends[at->end], sock_net(skb->sk));
		if (!ch)
			continue;
		err = sc_netlink_dump_channel_flows(skb, cb, ch);
		sc_channel_put(ch);
		if (err)
			return err;
	}
	at->end = 0;
	return 0;
}

int schannel_nl_flow_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb)
{
	struct sc_netlink_dump *at = sc_netlink_dump(cb);
	struct net *net = sock_net(skb->sk);
	struct schannel_peer *peer;
	int err = 0;

	while (!err && (peer = sc_peer_next(net, at->domid))) {
		if (peer->domid != at->domid) {
			if (at->only) {
				sc_peer_put(peer);
				break;
			}
			/* the peer that the dump had reached disappeared */
			at->domid = peer->domid;
			at->end = 0;
			at->flow = 0;
		}
		err = sc_netlink_dump_peer_flows(skb, cb, peer);
		sc_peer_put(peer);
		if (err)
			break;
		at->domid++;
		if (at->only)
			at->domid = SC_DOMID_ANY;
	}
	return err;
}

int schannel_nl_flow_get_start(struct netlink_callback *cb)
{
	struct nlattr *attr = genl_info_dump(cb)->attrs[SCHANNEL_A_FLOW_DOMID];
	struct sc_netlink_dump *at = sc_netlink_dump(cb);
	struct schannel_peer *peer;

	sc_viewer_init(&at->viewer, cb->skb);
	if (!attr)
		return 0;
	peer = sc_peer_get(sock_net(cb->skb->sk), nla_get_u32(attr));
	if (!peer) {
		NL_SET_ERR_MSG_ATTR(cb->extack, attr, "no such peer");
		return -ENOENT;
	}
	at->only = true;
	at->domid = peer->domid;
	sc_peer_put(peer);
	return 0;
}

/* ---- Ending a flow ------------------------------------------------------ */

/* Does an attribute have this value, if the request has it at all? */
static bool sc_netlink_may_be(const struct genl_info *info, int attr, u32 value)
{
	return !info->attrs[attr] || nla_get_u32(info->attrs[attr]) == value;
}

/* The flow that the request means, with a reference, if it is in the channel to @peer. */
static struct sc_flow *sc_netlink_find_flow(const struct genl_info *info,
					    struct schannel_peer *peer)
{
	struct schannel_channel *ch = sc_peer_channel_up(peer, genl_info_net(info));
	struct sc_flow *flow;
	u32 local, remote;

	if (!ch)
		return NULL;
	flow = sc_flow_get(ch, nla_get_u32(info->attrs[SCHANNEL_A_FLOW_ID]));
	sc_channel_put(ch);
	if (!flow)
		return NULL;
	local = flow->open.src_port;
	remote = flow->open.dst_port;
	if (!flow->opened)
		swap(local, remote);
	if (flow->opened == !!info->attrs[SCHANNEL_A_FLOW_OPENED] &&
	    sc_netlink_may_be(info, SCHANNEL_A_FLOW_LOCAL_PORT, local) &&
	    sc_netlink_may_be(info, SCHANNEL_A_FLOW_PEER_PORT, remote))
		return flow;
	sc_flow_put(flow);
	return NULL;
}

/* The flow that an administrator means, with a reference, or an error. */
static struct sc_flow *sc_netlink_admin_flow(struct sk_buff *request,
					     struct genl_info *info)
{
	struct schannel_peer *peer;
	struct sc_flow *flow;

	/* GENL_ADMIN_PERM, which schannel.yaml could ask for, is about init_user_ns */
	if (!netlink_ns_capable(request, genl_info_net(info)->user_ns, CAP_NET_ADMIN))
		return ERR_PTR(-EPERM);
	if (GENL_REQ_ATTR_CHECK(info, SCHANNEL_A_FLOW_ID))
		return ERR_PTR(-EINVAL);
	peer = sc_netlink_peer(info, SCHANNEL_A_FLOW_DOMID);
	if (IS_ERR(peer))
		return ERR_CAST(peer);
	flow = sc_netlink_find_flow(info, peer);
	if (!flow && peer->remote)
		flow = sc_netlink_find_flow(info, peer->remote);
	sc_peer_put(peer);
	return flow ?: ERR_PTR(-ENOENT);
}

int schannel_nl_flow_del_doit(struct sk_buff *request, struct genl_info *info)
{
	struct sc_flow *flow = sc_netlink_admin_flow(request, info);

	if (IS_ERR(flow))
		return PTR_ERR(flow);
	sc_reap_kill(flow);
	sc_flow_put(flow);
	return 0;
}

int schannel_nl_flow_demote_doit(struct sk_buff *request, struct genl_info *info)
{
	struct sc_flow *flow = sc_netlink_admin_flow(request, info);
	int err;

	if (IS_ERR(flow))
		return PTR_ERR(flow);
	err = sc_flow_take_back(flow, true);
	if (err)
		NL_SET_ERR_MSG(info->extack, "its bytes cannot go over TCP");
	sc_flow_put(flow);
	return err;
}
