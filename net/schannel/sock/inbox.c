// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inbox: where all datagrams from a peer arrive, whatever their destination.
 *
 * The upcall delivers each datagram to its socket: an skb without data goes to the socket's
 * receive queue and says where in the ring the datagram is, see held.h. A datagram that a
 * socket's receive buffer has no room for is dropped.
 */
#include <linux/err.h>
#include <linux/filter.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "core/channel.h"
#include "core/common.h"
#include "core/flow.h"
#include "core/flow_type.h"
#include "core/peer.h"
#include "held.h"
#include "inbox.h"
#include "port.h"
#include "ring/record.h"
#include "socket.h"

/* Datagrams that one upcall delivers before it lets others run. */
#define SC_INBOX_BUDGET	64

static void sc_inbox_kick(struct sc_inbox *in)
{
	refcount_inc(&in->ref);
	if (!queue_work(sc_wq, &in->work))
		sc_inbox_put(in);
}

/* ---- Delivery ---------------------------------------------------------- */

/*
 * Run an attached socket filter, which reads the data and may truncate it. 0; -ENOBUFS or
 * -ENOMEM if the datagram is to be dropped.
 */
static int sc_inbox_filter(struct sc_inbox *in, struct sock *sk,
			   struct sk_buff *skb)
{
	if (!rcu_access_pointer(sk->sk_filter))
		return 0;
	if (!sc_held_copy_out(in, skb, true))
		return -ENOMEM;
	list_del_init(&sc_dgram(skb)->node);
	skb->truesize += PAGE_ALIGN(skb->len) - sc_held_copy_size(skb->len);
	return sk_filter(sk, skb) ? -ENOBUFS : 0;
}

/*
 * Queue the record at in->next for @sk, if that has room. 0; -ENOBUFS if the socket does not take
 * it, -ENOMEM if memory is short. in->lock is held.
 */
static int sc_inbox_give(struct sc_inbox *in, struct sock *sk,
			 const struct schannel_record *rec)
{
	struct sc_dgram *dg;
	struct sk_buff *skb;
	int err;

	BUILD_BUG_ON(sizeof(*dg) > SOCK_SKB_CB_OFFSET);

	/* first: a datagram that is dropped shall cost little */
	if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN ||
	    atomic_read(&sk->sk_rmem_alloc) >= READ_ONCE(sk->sk_rcvbuf))
		return -ENOBUFS;
	skb = alloc_skb(0, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return -ENOMEM;
	/* alloc_skb() does not initialise it */
	skb_shinfo(skb)->destructor_arg = NULL;
	/* the right length from the beginning, wherever the bytes are */
	skb->len = rec->len;
	skb->data_len = rec->len;
	skb->truesize += sc_held_copy_size(rec->len);
	if (sock_flag(sk, SOCK_RCVTSTAMP))
		__net_timestamp(skb);

	dg = sc_dgram(skb);
	memset(dg, 0, sizeof(*dg));
	refcount_inc(&in->ref);
	dg->inbox = in;
	dg->pos = in->next;
	dg->domid = in->channel->peer->domid;
	dg->port = rec->src_port;
	dg->in_place = true;
	list_add_tail(&dg->node, &in->held);
	err = sc_inbox_filter(in, sk, skb) ?: sc_held_queue(sk, skb);
	if (!err)
		return 0;

	list_del_init(&dg->node);
	sc_inbox_put(in);
	kfree_skb(skb);
	return err;
}

/* Notify the sender that the port is not bound, if there is space. in->lock is held. */
static void sc_inbox_no_port(struct sc_inbox *in,
			     const struct schannel_record *rec)
{
	const struct schannel_record notice = {
		.flags = SCHANNEL_RECORD_NO_PORT,
		.src_port = rec->src_port,
		.dst_port = rec->dst_port,
	};
	struct sc_tx *tx = &in->flow->tx;

	if (sc_tx_space(tx) < sc_record_size(0)) {
		if (sc_tx_refresh(tx))
			WRITE_ONCE(in->broken, true);
		if (in->broken || sc_tx_space(tx) < sc_record_size(0))
			return;
	}
	sc_record_put(&tx->ring, tx->prod, &notice);
	if (sc_tx_publish(tx, sc_record_size(0)))
		sc_flow_post(in->flow);
}

/* A connected socket receives datagrams of its peer only. */
static bool sc_inbox_wanted(const struct sc_inbox *in, const struct sock *sk,
			    const struct schannel_record *rec)
{
	const struct sc_sock *ssk = sc_sk(sk);

	/* acquire: pairs with sc_dgram_connect() */
	return smp_load_acquire(&sk->sk_state) != TCP_ESTABLISHED ||
	       (READ_ONCE(ssk->peer_domid) == in->channel->peer->domid &&
		READ_ONCE(ssk->peer_port) == rec->src_port);
}

/* Deliver the record at in->next. Under RCU, in->lock is held. */
static void sc_inbox_deliver(struct sc_inbox *in, const struct net *net,
			     const struct schannel_record *rec)
{
	struct sc_channel_stats *stats = &in->channel->stats;
	bool loopback = in->channel->peer->domid == SC_DOMID_SELF;
	struct sock *sk;
	int err;

	if (!net)
		return;		/* the peer was moved: the channel ends */
	sk = sc_port_dgram(net, rec->dst_port, loopback);
	if (!sk || !sc_inbox_wanted(in, sk, rec)) {
		atomic_long_inc(&stats->dgram_no_port);
		sc_inbox_no_port(in, rec);
		return;
	}
	err = sc_inbox_give(in, sk, rec);
	if (!err) {
		atomic_long_inc(&stats->dgram_received);
		atomic_long_add(rec->len, &stats->dgram_rx_bytes);
	} else {
		atomic_inc(&sk->sk_drops);
		atomic_long_inc(err == -ENOMEM ? &stats->dgram_no_memory :
						 &stats->dgram_dropped);
	}
}

/*
 * Deliver the records that are there. Under RCU, in->lock is held, the channel is up.
 * Returns the rest of the budget; negative if there is more to do.
 */
static int sc_inbox_drain(struct sc_inbox *in)
{
	const struct net *net = sc_peer_net(in->channel->peer, in->channel);
	struct sc_rx *rx = &in->flow->rx;
	int budget = SC_INBOX_BUDGET;
	struct schannel_record rec;

	while (!in->broken && budget--) {
		if (rx->prod == in->next && sc_rx_refresh(rx))
			break;
		if (rx->prod == in->next) {
			sc_rx_arm_at(rx, in->next);
			if (sc_rx_refresh(rx))
				break;
			if (rx->prod == in->next)
				return budget;
		}
		if (sc_record_take(&rx->ring, in->next, rx->prod - in->next,
				   &rec) ||
		    rec.len > SCHANNEL_DGRAM_MAX || !rec.src_port ||
		    !rec.dst_port)
			break;
		sc_inbox_deliver(in, net, &rec);
		in->next += sc_record_size(rec.len);
		/* after each record: the sender may be waiting for space */
		sc_held_copy_aside(in);
	}
	if (budget >= 0)
		WRITE_ONCE(in->broken, true);
	return -1;
}

/* Returns how many datagrams were looked at. */
static unsigned int sc_inbox_run(struct sc_inbox *in)
{
	int left = SC_INBOX_BUDGET;

	rcu_read_lock();
	spin_lock_bh(&in->lock);
	if (in->flow && !in->gone && !in->broken &&
	    sc_channel_is_up(in->channel))
		left = sc_inbox_drain(in);
	/* under the lock: not gone, so the flow still holds its reference */
	if (left < 0)
		sc_inbox_kick(in);
	spin_unlock_bh(&in->lock);
	rcu_read_unlock();
	return max(SC_INBOX_BUDGET - left, 1);
}

/* ---- The flow's begin and end ------------------------------------------ */

/*
 * Stop using the flow; received datagrams are kept for their receivers. False if that was
 * done before. The ring's pages are still mapped.
 */
static bool sc_inbox_stop(struct sc_inbox *in)
{
	bool first;

	spin_lock_bh(&in->lock);
	first = !in->gone;
	WRITE_ONCE(in->gone, true);
	/* the peer decides how many there are: softirqs and receivers run in between */
	while (sc_held_copy_some_aside(in)) {
		spin_unlock_bh(&in->lock);
		spin_lock_bh(&in->lock);
	}
	spin_unlock_bh(&in->lock);
	return first;
}

static void sc_inbox_finish(struct sc_inbox *in, struct sc_flow *flow,
			    enum schannel_reason reason)
{
	clear_bit(SC_CHANNEL_INBOX, &in->channel->flags);
	sc_flow_close(flow, reason);
	sc_inbox_put(in);
}

/* Stop an inbox with an invalid index. A channel that goes down ends it by itself. */
static bool sc_inbox_stop_broken(struct sc_inbox *in)
{
	bool first = false;

	rcu_read_lock();
	/* not gone: flow and channel stay until this ends */
	if (READ_ONCE(in->broken) && !READ_ONCE(in->gone) &&
	    sc_channel_is_up(in->channel)) {
		sc_flow_broken(in->flow);
		first = sc_inbox_stop(in);
	}
	rcu_read_unlock();
	return first;
}

static void sc_inbox_work(struct work_struct *work)
{
	struct sc_inbox *in = container_of(work, struct sc_inbox, work);

	sc_inbox_run(in);
	if (sc_inbox_stop_broken(in))
		sc_inbox_finish(in, in->flow, SCHANNEL_REASON_PROTOCOL);
	sc_inbox_put(in);
}

static unsigned int sc_inbox_event(struct sc_flow *flow, void *user)
{
	return sc_inbox_run(user);
}

static void sc_inbox_opened(struct sc_flow *flow, void *user)
{
}

/* In the channel's work, or while it goes down: its pages are still mapped. */
static void sc_inbox_ended(struct sc_flow *flow, void *user, int err)
{
	struct sc_inbox *in = user;

	if (sc_inbox_stop(in))
		sc_inbox_finish(in, flow, SCHANNEL_REASON_RESET);
}

static bool sc_inbox_get(void *user)
{
	struct sc_inbox *in = user;

	return refcount_inc_not_zero(&in->ref);
}

static void sc_inbox_user_put(void *user)
{
	sc_inbox_put(user);
}

static const struct sc_flow_ops sc_inbox_flow_ops = {
	.event	= sc_inbox_event,
	.opened	= sc_inbox_opened,
	.ended	= sc_inbox_ended,
	.get	= sc_inbox_get,
	.put	= sc_inbox_user_put,
};

/* As incoming() of struct sc_flow_type: the peer opens a flow for its datagrams. */
static int sc_inbox_incoming(struct schannel_channel *ch, const struct schannel_msg *msg)
{
	/* one page, for notices of unbound ports */
	static const struct sc_size_limits limits;
	struct sc_inbox *in;
	struct sc_flow *flow;

	if (test_and_set_bit(SC_CHANNEL_INBOX, &ch->flags))
		return SCHANNEL_REASON_BACKLOG;
	in = kzalloc(sizeof(*in), GFP_KERNEL);
	if (!in)
		goto err_flag;
	refcount_set(&in->ref, 2);	/* the flow's, and this function's */
	spin_lock_init(&in->lock);
	INIT_LIST_HEAD(&in->held);
	INIT_WORK(&in->work, sc_inbox_work);
	in->channel = ch;
	flow = sc_flow_accept(ch, msg, SC_IDS_NONE, limits, &sc_inbox_flow_ops, in,
			      NULL);
	if (IS_ERR(flow))
		goto err_inbox;
	/* the channel may have ended it already */
	spin_lock_bh(&in->lock);
	if (!in->gone)
		in->flow = flow;
	spin_unlock_bh(&in->lock);
	/* for events that came before in->flow was set */
	sc_inbox_run(in);
	sc_inbox_put(in);
	return 0;

err_inbox:
	kfree(in);
err_flag:
	clear_bit(SC_CHANNEL_INBOX, &ch->flags);
	return SCHANNEL_REASON_NO_MEMORY;
}

static const struct sc_flow_type sc_inbox_type = {
	.incoming = sc_inbox_incoming,
};

/* Datagrams are received from now on. Process context. 0 or -errno. */
int __init sc_inbox_init(void)
{
	return sc_flow_type_register(SCHANNEL_TYPE_DGRAM, &sc_inbox_type);
}

void sc_inbox_exit(void)
{
	sc_flow_type_unregister(SCHANNEL_TYPE_DGRAM);
}
