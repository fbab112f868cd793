// SPDX-License-Identifier: GPL-2.0-only
/*
 * Incoming connections: an established connection is put into the queue of an ordinary TCP
 * listener, made as TCP makes one from the third packet of a handshake.
 */
#include <linux/err.h>
#include <net/inet6_hashtables.h>
#include <net/inet_common.h>
#include <net/inet_hashtables.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/tcp.h>
#include <net/transp_v6.h>

#include "core/channel.h"
#include "core/flow.h"
#include "cgroup.h"
#include "sock.h"
#include "reason.h"
#include "sock/sockopt.h"
#include "core/stats.h"

/**
 * struct scinet_call - an incoming connection
 * @ch:		the channel
 * @msg:	the peer's OPEN
 * @net:	the channel's namespace; holds a reference
 * @from:	the source address, IPv6 or v4-mapped
 * @to:		the destination address, IPv6 or v4-mapped
 * @sport:	the source port, host byte order
 * @dport:	the destination port, host byte order
 * @v4:		the addresses are v4-mapped
 */
struct scinet_call {
	struct schannel_channel *ch;
	const struct schannel_msg *msg;
	struct net *net;
	struct in6_addr from;
	struct in6_addr to;
	u16 sport;
	u16 dport;
	bool v4;
};

/* ---- Checks of source and destination ---------------------------------- */

/* A loopback or link-local address, which other machines cannot use. */
static bool scinet_is_inner(const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		return ipv4_is_loopback(addr->s6_addr32[3]);
	return ipv6_addr_type(addr) & (IPV6_ADDR_LOOPBACK |
				       IPV6_ADDR_LINKLOCAL);
}

/* Check the addresses in the OPEN. 0, or the reason for refusing it. */
static int scinet_call_check(const struct scinet_call *call)
{
	const struct schannel_peer *peer = call->ch->peer;
	bool self = peer->domid == SC_DOMID_SELF;

	if (call->msg->open.src_port > U16_MAX ||
	    call->msg->open.dst_port > U16_MAX)
		return SCHANNEL_REASON_SOURCE;
	/* both addresses must be of the same family */
	if (call->v4 != ipv6_addr_v4mapped(&call->from))
		return SCHANNEL_REASON_SOURCE;
	if (self ? !scinet_reason_is_local(call->net, &call->from) :
		   !sc_peer_has_address(peer, &call->from))
		return SCHANNEL_REASON_SOURCE;
	/* another machine must not reach listeners on a loopback or link-local address */
	if (!scinet_reason_is_local(call->net, &call->to) ||
	    (!self && scinet_is_inner(&call->to)))
		return SCHANNEL_REASON_NO_LISTENER;
	return 0;
}

/* The device on which packets from @from would arrive, for SO_BINDTODEVICE. 0: no route. */
static int scinet_call_dev(const struct scinet_call *call)
{
	struct dst_entry *dst;
	int dev;

	if (call->v4) {
		struct rtable *rt;

		rt = ip_route_output(call->net, call->from.s6_addr32[3],
				     call->to.s6_addr32[3], 0, 0,
				     RT_SCOPE_UNIVERSE);
		if (IS_ERR(rt))
			return 0;
		dst = &rt->dst;
	} else {
		struct flowi6 fl6 = { .daddr = call->from, .saddr = call->to };

		dst = ip6_route_output(call->net, NULL, &fl6);
	}
	dev = dst->error ? 0 : dst->dev->ifindex;
	dst_release(dst);
	return dev;
}

/* The SYN that TCP would have received, with the header fields that TCP and BPF programs read. */
static struct sk_buff *scinet_call_syn(const struct scinet_call *call)
{
	unsigned int ip_len = call->v4 ? sizeof(struct iphdr) :
					 sizeof(struct ipv6hdr);
	struct tcphdr *tcp;
	struct sk_buff *skb;

	skb = alloc_skb(MAX_HEADER + ip_len + sizeof(*tcp), GFP_KERNEL);
	if (!skb)
		return NULL;
	skb_reserve(skb, MAX_HEADER);
	skb_reset_network_header(skb);
	if (call->v4) {
		struct iphdr *ip = skb_put_zero(skb, ip_len);

		ip->version = 4;
		ip->ihl = ip_len / 4;
		ip->tot_len = htons(ip_len + sizeof(*tcp));
		ip->ttl = IPDEFTTL;
		ip->protocol = IPPROTO_TCP;
		ip->saddr = call->from.s6_addr32[3];
		ip->daddr = call->to.s6_addr32[3];
		skb->protocol = htons(ETH_P_IP);
	} else {
		struct ipv6hdr *ip = skb_put_zero(skb, ip_len);

		ip->version = 6;
		ip->payload_len = htons(sizeof(*tcp));
		ip->hop_limit = IPDEFTTL;
		ip->nexthdr = IPPROTO_TCP;
		ip->saddr = call->from;
		ip->daddr = call->to;
		skb->protocol = htons(ETH_P_IPV6);
	}
	skb_set_transport_header(skb, ip_len);
	tcp = skb_put_zero(skb, sizeof(*tcp));
	tcp->source = htons(call->sport);
	tcp->dest = htons(call->dport);
	tcp->doff = sizeof(*tcp) / 4;
	tcp->syn = 1;
	tcp->window = htons(U16_MAX);
	__skb_pull(skb, ip_len);
	return skb;
}

/* The listener for the destination, with a reference, or NULL. */
static struct sock *scinet_find_listener(const struct scinet_call *call,
					 struct sk_buff *syn, int dev)
{
	struct inet_hashinfo *hashinfo =
		call->net->ipv4.tcp_death_row.hashinfo;
	struct sock *lsk;

	rcu_read_lock();
	if (call->v4)
		lsk = __inet_lookup_listener(call->net, hashinfo, syn,
					     sizeof(struct tcphdr),
					     call->from.s6_addr32[3],
					     htons(call->sport),
					     call->to.s6_addr32[3],
					     call->dport, dev, 0);
	else
		lsk = inet6_lookup_listener(call->net, hashinfo, syn,
					    sizeof(struct tcphdr), &call->from,
					    htons(call->sport), &call->to,
					    call->dport, dev, 0);
	if (lsk && !refcount_inc_not_zero(&lsk->sk_refcnt))
		lsk = NULL;
	rcu_read_unlock();
	return lsk;
}

/*
 * 0, or the reason for refusing the connection. A listener whose connections cannot be diverted is
 * handled as one that is not attached, since the peer's other listeners may differ.
 */
static int scinet_listener_check(const struct sock *lsk)
{
	if (lsk->sk_prot != scinet_plain(lsk) || sk_is_mptcp(lsk) ||
	    scinet_is_claimed(lsk) || !scinet_cgroup_attached(lsk))
		return SCHANNEL_REASON_NOT_ATTACHED;
	return sk_acceptq_is_full(lsk) ? SCHANNEL_REASON_BACKLOG : 0;
}

/* ---- The new socket ---------------------------------------------------- */

/* TCP's state of a handshake. inet_reqsk_alloc() does not clear it, so set every field. */
static struct request_sock *scinet_request(const struct scinet_call *call,
					   struct sock *lsk)
{
	struct request_sock_ops *ops = call->v4 ? tcp_prot.rsk_prot :
						  tcpv6_prot.rsk_prot;
	struct request_sock *req = inet_reqsk_alloc(ops, lsk, false);
	struct inet_request_sock *ireq;
	struct tcp_request_sock *treq;

	if (!req)
		return NULL;
	ireq = inet_rsk(req);
	treq = tcp_rsk(req);
	memset((char *)treq + sizeof(*ireq), 0, sizeof(*treq) - sizeof(*ireq));
	refcount_set(&req->rsk_refcnt, 1);
	req->mss = TCP_MSS_DEFAULT;
	req->ts_recent = 0;
	req->secid = 0;
	req->peer_secid = 0;
	req->rsk_rcv_wnd = U16_MAX;
	req->rsk_window_clamp = U16_MAX;

	ireq->snd_wscale = 0;
	ireq->rcv_wscale = 0;
	ireq->tstamp_ok = 0;
	ireq->sack_ok = 0;
	ireq->wscale_ok = 0;
	ireq->ecn_ok = 0;
	ireq->acked = 0;
	ireq->no_srccheck = 0;
	ireq->smc_ok = 0;
#if IS_ENABLED(CONFIG_IPV6)
	ireq->ipv6_opt = NULL;
#endif
	ireq->ir_mark = READ_ONCE(lsk->sk_mark);
	ireq->ir_iif = READ_ONCE(lsk->sk_bound_dev_if);
	ireq->ir_num = call->dport;
	ireq->ir_rmt_port = htons(call->sport);
	if (call->v4) {
		sk_rcv_saddr_set(req_to_sk(req), call->to.s6_addr32[3]);
		sk_daddr_set(req_to_sk(req), call->from.s6_addr32[3]);
	} else {
		ireq->ir_v6_loc_addr = call->to;
		ireq->ir_v6_rmt_addr = call->from;
	}
	treq->rcv_isn = get_random_u32();
	treq->snt_isn = get_random_u32();
	treq->rcv_nxt = treq->rcv_isn + 1;
	treq->txhash = net_tx_rndhash();
	return req;
}

/*
 * Have the listener make a socket in TCP_SYN_RECV, with its own reference and one for the
 * caller. It is removed from TCP's table at once: its insertion has shown that no TCP connection
 * has the same addresses and ports. NULL if one has, without memory, or without a route to the
 * source.
 */
static struct sock *scinet_make_child(struct sock *lsk, struct sk_buff *syn,
				      struct request_sock *req)
{
	struct sock *child;
	bool own = false;

	local_bh_disable();
	rcu_read_lock();
	child = inet_csk(lsk)->icsk_af_ops->syn_recv_sock(lsk, syn, req, NULL,
							  NULL, &own, NULL);
	if (child) {
		__acquire(&child->sk_lock.slock);	/* syn_recv_sock() returns it locked */
		child->sk_prot->unhash(child);
		bh_unlock_sock(child);
	}
	rcu_read_unlock();
	local_bh_enable();
	return child;
}

/* Why scinet_make_child() failed: the listener may be closed, or its queue full, by now. */
static int scinet_no_child(const struct sock *lsk)
{
	if (sk_unhashed(lsk))
		return SCHANNEL_REASON_NO_LISTENER;
	if (sk_acceptq_is_full(lsk))
		return SCHANNEL_REASON_BACKLOG;
	return SCHANNEL_REASON_NO_MEMORY;
}

/* Destroy a child that no other thread can find. */
static void scinet_drop_child(struct sock *child)
{
	local_bh_disable();
	bh_lock_sock(child);
	sock_set_flag(child, SOCK_DEAD);
	this_cpu_inc(*child->sk_prot->orphan_count);
	tcp_done(child);
	bh_unlock_sock(child);
	local_bh_enable();
	sock_put(child);
}

/* Divert the child and answer the peer. 0, or the reason for refusing the connection. */
static int scinet_join_child(const struct scinet_call *call, struct sock *lsk,
			     struct sock *child)
{
	struct scinet_sock *is = scinet_alloc(GFP_KERNEL);
	struct sc_flow *flow;

	if (!is)
		return SCHANNEL_REASON_NO_MEMORY;
	scinet_init(is, child);
	scinet_tuple_of(&is->tuple, child);
	if (!scinet_tuple_add(&is->tuple)) {
		scinet_put(is);
		return SCHANNEL_REASON_BACKLOG;	/* the peer may retry once the other is closed */
	}
	if (!scinet_divert(is)) {
		scinet_tuple_del(&is->tuple);
		scinet_put(is);
		return SCHANNEL_REASON_NOT_ATTACHED;
	}
	/* from here on scinet_ulp_release() cleans up when the socket is destroyed */
	flow = sc_flow_accept(call->ch, call->msg, scinet_ids(child),
			      sc_sockopt_tx_limits(child), &scinet_flow_ops, is, lsk);
	if (IS_ERR(flow))
		return SCHANNEL_REASON_NO_MEMORY;
	rcu_assign_pointer(is->conn.flow, flow);
	return 0;
}

/*
 * Put the child into the listener's queue. If the listener was closed meanwhile,
 * inet_csk_reqsk_queue_add() destroys the child. Takes only the child's spinlock, not
 * lock_sock(): the close of a listener warns if a queued child is owned.
 */
static void scinet_queue_child(struct sock *lsk, struct request_sock *req,
			       struct sock *child)
{
	bool queued;

	local_bh_disable();
	bh_lock_sock(child);
	scinet_accepted(child);
	queued = inet_csk_reqsk_queue_add(lsk, req, child);
	bh_unlock_sock(child);
	if (queued)
		lsk->sk_data_ready(lsk);
	else
		reqsk_put(req);
	local_bh_enable();
	sock_put(child);
}

static int scinet_accept(const struct scinet_call *call, struct sock *lsk,
			 struct sk_buff *syn)
{
	struct request_sock *req = scinet_request(call, lsk);
	struct sock *child;
	int reason;

	if (!req)
		return SCHANNEL_REASON_NO_MEMORY;
	reason = SCHANNEL_REASON_DENIED;
	if (security_inet_conn_request(lsk, syn, req))
		goto err_req;
	child = scinet_make_child(lsk, syn, req);
	if (!child) {
		reason = scinet_no_child(lsk);
		goto err_req;
	}
	reason = scinet_join_child(call, lsk, child);
	if (reason)
		goto err_child;
	scinet_queue_child(lsk, req, child);
	return 0;

err_child:
	scinet_drop_child(child);
err_req:
	reqsk_put(req);
	return reason;
}

/* ---- The peer's OPEN --------------------------------------------------- */

static int scinet_take_call(const struct scinet_call *call)
{
	int dev = scinet_call_dev(call);
	struct sk_buff *syn;
	struct sock *lsk;
	int reason;

	if (!dev)
		return SCHANNEL_REASON_NO_LISTENER;
	syn = scinet_call_syn(call);
	if (!syn)
		return SCHANNEL_REASON_NO_MEMORY;
	lsk = scinet_find_listener(call, syn, dev);
	if (lsk) {
		reason = scinet_listener_check(lsk);
		if (!reason)
			reason = scinet_accept(call, lsk, syn);
		sock_put(lsk);
	} else {
		reason = SCHANNEL_REASON_NO_LISTENER;
	}
	kfree_skb(syn);
	return reason;
}

/**
 * scinet_incoming() - the peer opens a flow for a TCP connection
 * @ch:		the channel
 * @msg:	the peer's OPEN, after sc_message_check()
 *
 * Context: the channel's work.
 * Return: 0, or the enum schannel_reason for refusing the connection.
 */
int scinet_incoming(struct schannel_channel *ch, const struct schannel_msg *msg)
{
	struct scinet_call call = {
		.ch = ch,
		.msg = msg,
		.sport = msg->open.src_port,
		.dport = msg->open.dst_port,
	};
	int reason;

	call.net = sc_peer_hold_net(ch->peer, ch);
	if (!call.net)
		return SCHANNEL_REASON_NO_LISTENER;
	memcpy(&call.from, msg->open.src_addr, sizeof(call.from));
	memcpy(&call.to, msg->open.dst_addr, sizeof(call.to));
	call.v4 = ipv6_addr_v4mapped(&call.to);
	reason = scinet_call_check(&call);
	if (!reason)
		reason = scinet_take_call(&call);
	sc_stats_incoming(call.net, reason);
	put_net(call.net);
	return reason;
}
