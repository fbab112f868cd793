// SPDX-License-Identifier: GPL-2.0-only
/* Flows over generic netlink: who asks, and who is told. See netlink.c. */
#include <linux/err.h>
#include <linux/in6.h>
#include <linux/sock_diag.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include <uapi/linux/schannel.h>
#include <uapi/linux/schannel_netlink.h>
#include "core/channel.h"
#include "core/flow.h"
#include "netlink.h"
#include "netlink_msg.h"
#include "core/peer.h"

/* ---- What is said of one ----------------------------------------------- */

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
	u32 ours = flow->open.src_port, theirs = flow->open.dst_port;

	if (!flow->opened)
		swap(ours, theirs);
	return !nla_put_u32(skb, SCHANNEL_A_FLOW_LOCAL_PORT, ours) &&
	       !nla_put_u32(skb, SCHANNEL_A_FLOW_PEER_PORT, theirs) &&
	       !(flow->opened && nla_put_flag(skb, SCHANNEL_A_FLOW_OPENED));
}

/* Of a TCP connection whose bytes it carries. */
static bool sc_netlink_fill_addresses(struct sk_buff *skb,
				      const struct sc_flow *flow)
{
	const u8 *ours = flow->open.src_addr, *theirs = flow->open.dst_addr;

	if (flow->type != SCHANNEL_TYPE_INET)
		return true;
	if (!flow->opened)
		swap(ours, theirs);
	return !nla_put(skb, SCHANNEL_A_FLOW_LOCAL_ADDRESS,
			sizeof(struct in6_addr), ours) &&
	       !nla_put(skb, SCHANNEL_A_FLOW_PEER_ADDRESS,
			sizeof(struct in6_addr), theirs);
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

static int sc_netlink_put_flow(struct sk_buff *skb,
			       const struct sc_netlink_to *to,
			       struct sc_flow *flow,
			       struct user_namespace *user_ns)
{
	void *head = sc_netlink_begin(skb, to);

	if (!head)
		return -EMSGSIZE;
	return sc_netlink_end(skb, head,
			      sc_netlink_fill_flow(skb, flow, user_ns));
}

/* ---- Dumps ------------------------------------------------------------- */

static int sc_netlink_dump_channel_flows(struct sk_buff *skb,
					 struct netlink_callback *cb,
					 struct schannel_channel *ch)
{
	struct sc_netlink_to to = sc_netlink_dump_to(cb, SCHANNEL_CMD_FLOW_GET);
	struct user_namespace *user_ns = sk_user_ns(NETLINK_CB(cb->skb).sk);
	struct sc_netlink_dump *at = sc_netlink_dump(cb);
	struct sc_flow *flow;
	unsigned long id;
	int err = 0;

	rcu_read_lock();
	xa_for_each_start(&ch->flows, id, flow, at->flow) {
		if (sc_netlink_sees(&at->who, sc_flow_sock(flow)))
			err = sc_netlink_put_flow(skb, &to, flow, user_ns);
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

int sc_netlink_dump_flows(struct sk_buff *skb, struct netlink_callback *cb)
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
			/* the one it had come to is gone */
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

int sc_netlink_start_flows(struct netlink_callback *cb)
{
	struct nlattr *attr = genl_info_dump(cb)->attrs[SCHANNEL_A_FLOW_DOMID];
	struct sc_netlink_dump *at = sc_netlink_dump(cb);
	struct schannel_peer *peer;

	sc_netlink_who(cb->skb, &at->who);
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

/* ---- Events ------------------------------------------------------------ */

static void sc_netlink_flow_event(struct sc_flow *flow, struct net *net,
				  bool over, int err)
{
	struct sc_netlink_to to = { .cmd = SCHANNEL_CMD_FLOW_NTF };
	struct sk_buff *skb;
	int failed = -EMSGSIZE;
	void *head;
	bool done;

	skb = sc_netlink_event(net, SC_GROUP_FLOWS, GFP_KERNEL);
	if (!skb)
		return;
	head = sc_netlink_begin(skb, &to);
	if (head) {
		rcu_read_lock();
		done = sc_netlink_fill_flow(skb, flow, net->user_ns);
		rcu_read_unlock();
		done = done && !(over &&
				 nla_put_u32(skb, SCHANNEL_A_FLOW_ERROR, -err));
		failed = sc_netlink_end(skb, head, done);
	}
	sc_netlink_tell(net, SC_GROUP_FLOWS, skb, failed, GFP_KERNEL);
}

/**
 * sc_netlink_flow() - a flow is open
 * @flow:	the flow
 * @sk:		its socket
 */
void sc_netlink_flow(struct sc_flow *flow, struct sock *sk)
{
	sc_netlink_flow_event(flow, sock_net(sk), false, 0);
}

/**
 * sc_netlink_flow_over() - a flow ended
 * @flow:	the flow
 * @sk:		the socket it had
 * @err:	0, or why it did not end in order, negative
 */
void sc_netlink_flow_over(struct sc_flow *flow, struct sock *sk, int err)
{
	sc_netlink_flow_event(flow, sock_net(sk), true, err);
}
