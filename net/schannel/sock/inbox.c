// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inbox: where all datagrams from a peer arrive, whatever their destination.
 *
 * The upcall delivers each datagram to its socket: an skb without data goes to the socket's
 * receive queue and says where in the ring the datagram is. The receiver copies it from
 * there to the program. The ring's space is freed in order, so once the ring is half full,
 * datagrams that a slow receiver has left at its beginning are copied aside, into their
 * skbs, and hold up no other receiver. A datagram that a socket's receive buffer has no room for is
 * dropped.
 *
 * Memory: each datagram is charged to its socket, in place or not, with what it takes when it is
 * copied aside. So it is bounded by the socket's receive buffer, by its memory cgroup, and
 * for all sockets together by net.schannel.dgram_mem_kib.
 */
#include <linux/err.h>
#include <linux/filter.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/proto_memory.h>
#include <net/sock.h>

#include "core/channel.h"
#include "core/common.h"
#include "core/flow.h"
#include "core/flow_type.h"
#include "core/memcg.h"
#include "core/peer.h"
#include "inbox.h"
#include "port.h"
#include "ring/record.h"
#include "socket.h"

/* Datagrams that one upcall delivers before it lets others run. */
#define SC_INBOX_BUDGET	64

/**
 * struct sc_inbox - a channel's inbox, the user of the flow that the peer opened for it
 * @flow:	the flow; NULL until that is made
 * @channel:	the flow's channel
 * @ref:	held by the flow, each datagram in a receive queue, and the queued work
 * @rcu:	the inbox is freed after a grace period: the upcall has no reference
 * @work:	delivers what an upcall left, or ends a flow with an invalid index; holds
 *		a reference while queued
 * @lock:	protects what follows, and both directions of the flow. Softirq
 * @next:	position of the first record that was not delivered
 * @held:	datagrams that keep space in the ring, in order
 * @broken:	the peer wrote an invalid index or record; also read without @lock
 * @gone:	the flow must not be used any more; also read without @lock
 */
struct sc_inbox {
	struct sc_flow *flow;
	struct schannel_channel *channel;
	refcount_t ref;
	struct rcu_head rcu;
	struct work_struct work;

	spinlock_t lock;	/* see above */
	u32 next;
	struct list_head held;
	bool broken;
	bool gone;
};

static void sc_inbox_put(struct sc_inbox *in)
{
	if (refcount_dec_and_test(&in->ref))
		kfree_rcu(in, rcu);
}

static void sc_inbox_kick(struct sc_inbox *in)
{
	refcount_inc(&in->ref);
	if (!queue_work(sc_wq, &in->work))
		sc_inbox_put(in);
}

/* ---- Freeing space in the ring ----------------------------------------- */

/* Free everything before the first held datagram. in->lock is held. */
static void sc_inbox_release(struct sc_inbox *in)
{
	struct sc_dgram *first = list_first_entry_or_null(&in->held,
							  struct sc_dgram, node);
	u32 end = first ? first->pos : in->next;
	struct sc_rx *rx = &in->flow->rx;

	if (in->gone || end == rx->cons)
		return;
	rcu_read_lock();
	if (sc_channel_is_up(in->channel) && sc_rx_publish(rx, end - rx->cons))
		sc_flow_post(in->flow);
	rcu_read_unlock();
}

static void sc_inbox_unhold(struct sc_inbox *in, struct sc_dgram *dg)
{
	if (list_empty(&dg->node))
		return;
	list_del_init(&dg->node);
	sc_inbox_release(in);
}

/* The copy of a small datagram; a large one is in fragments of @skb. */
static void *sc_dgram_aside(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->destructor_arg;
}

static void sc_inbox_copy(const struct sc_ring *ring, u32 pos, void *to, u32 len)
{
	u32 done, run;

	for (done = 0; done < len; done += run) {
		run = len - done;
		memcpy(to + done, sc_ring_run(ring, pos + done, &run), run);
	}
}

static bool sc_inbox_copy_pages(const struct sc_ring *ring, u32 pos,
				struct sk_buff *skb)
{
	struct skb_shared_info *info = skb_shinfo(skb);
	u32 left = skb->len;

	while (left) {
		u32 part = min_t(u32, left, PAGE_SIZE);
		struct page *page = alloc_page(GFP_ATOMIC | __GFP_NOWARN);

		if (!page)
			goto err;
		sc_inbox_copy(ring, pos, page_address(page), part);
		skb_fill_page_desc(skb, info->nr_frags, page, 0, part);
		pos += part;
		left -= part;
	}
	return true;

err:
	while (info->nr_frags)
		__free_page(skb_frag_page(&info->frags[--info->nr_frags]));
	return false;
}

static bool sc_inbox_copy_small(const struct sc_ring *ring, u32 pos,
				struct sk_buff *skb)
{
	void *to = kmalloc(skb->len, GFP_ATOMIC | __GFP_NOWARN);

	if (!to)
		return false;
	sc_inbox_copy(ring, pos, to, skb->len);
	skb_shinfo(skb)->destructor_arg = to;
	return true;
}

/*
 * Copy a datagram out of the ring, unless that was done. With @pages always into page
 * fragments, where socket filters look for data. in->lock is held, the channel is up, under
 * RCU. Returns false if there is no memory.
 */
static bool sc_inbox_copy_out(struct sc_inbox *in, struct sk_buff *skb, bool pages)
{
	const struct sc_ring *ring = &in->flow->rx.ring;
	struct sc_dgram *dg = sc_dgram(skb);
	u32 pos = dg->pos + SC_RECORD_HEADER;
	bool done;

	if (!dg->in_place)
		return true;
	if (pages || skb->len > PAGE_SIZE)
		done = sc_inbox_copy_pages(ring, pos, skb);
	else
		done = sc_inbox_copy_small(ring, pos, skb);
	dg->in_place = !done;
	return done;
}

/*
 * Copy a datagram aside, so that its space can be freed once no receiver is copying from
 * there. If there is no memory, it is lost. As sc_inbox_copy_out().
 */
static void sc_inbox_set_aside(struct sc_inbox *in, struct sk_buff *skb)
{
	struct sc_dgram *dg = sc_dgram(skb);

	if (!dg->in_place)
		return;
	dg->lost = !sc_inbox_copy_out(in, skb, false);
	if (dg->lost)
		atomic_long_inc(&in->channel->stats.dgram_no_memory);
	dg->in_place = false;
	if (!dg->pins)
		list_del_init(&dg->node);
}

static struct sk_buff *sc_dgram_skb(struct sc_dgram *dg)
{
	return container_of((void *)dg, struct sk_buff, cb);
}

/* Keep half of the ring free, however slow the receivers are. in->lock is held. */
static void sc_inbox_copy_aside(struct sc_inbox *in)
{
	struct sc_dgram *dg, *next;

	list_for_each_entry_safe(dg, next, &in->held, node) {
		if (in->next - dg->pos <= in->flow->rx.ring.size / 2)
			break;
		if (dg->in_place)
			atomic_long_inc(&in->channel->stats.dgram_copied);
		sc_inbox_set_aside(in, sc_dgram_skb(dg));
	}
	sc_inbox_release(in);
}

/* ---- Delivery ---------------------------------------------------------- */

/* The memory that a datagram of this length takes when it is copied aside. */
static u32 sc_inbox_copy_size(u32 len)
{
	return len > PAGE_SIZE ? PAGE_ALIGN(len) : kmalloc_size_roundup(len);
}

/* When datagrams take most of the memory that they may, each socket gets a small one. */
static bool sc_inbox_is_too_much(const struct sock *sk, int size)
{
	return size > PAGE_SIZE && sk_memory_allocated(sk) > sk_prot_mem_limits(sk, 0);
}

/*
 * What a socket keeps charged in advance, at most, so that not every datagram of a page or two
 * costs an access to the counters of its memory cgroup and of all datagrams.
 */
#define SC_INBOX_ADVANCE	(4 * (int)PAGE_SIZE)

/* Charge a datagram to the socket, its memory cgroup and the limit for all datagrams. */
static bool sc_inbox_charge(struct sock *sk, int size)
{
	int more = size - sk->sk_forward_alloc;

	lockdep_assert_held(&sk->sk_receive_queue.lock);
	if (more > 0 &&
	    (sc_inbox_is_too_much(sk, size) ||
	     !sc_memcg_has_room(mem_cgroup_from_sk(sk), sk_mem_pages(more)) ||
	     !__sk_mem_schedule(sk, more, SK_MEM_RECV)))
		return false;
	sk_mem_charge(sk, size);
	atomic_add(size, &sk->sk_rmem_alloc);
	return true;
}

static void sc_inbox_uncharge(struct sock *sk, int size)
{
	spin_lock_bh(&sk->sk_receive_queue.lock);
	atomic_sub(size, &sk->sk_rmem_alloc);
	sk_forward_alloc_add(sk, size);
	if (sk->sk_forward_alloc > SC_INBOX_ADVANCE)
		__sk_mem_reclaim(sk, sk->sk_forward_alloc - SC_INBOX_ADVANCE / 2);
	spin_unlock_bh(&sk->sk_receive_queue.lock);
}

/* The destructor of an skb: the socket is done with the datagram. */
static void sc_inbox_free(struct sk_buff *skb)
{
	struct sc_dgram *dg = sc_dgram(skb);
	struct sc_inbox *in = dg->inbox;

	spin_lock_bh(&in->lock);
	sc_inbox_unhold(in, dg);
	spin_unlock_bh(&in->lock);
	kfree(sc_dgram_aside(skb));
	skb_shinfo(skb)->destructor_arg = NULL;
	sc_inbox_uncharge(skb->sk, skb->truesize);
	sc_inbox_put(in);
}

/* Charge @skb to the socket and queue it. 0; -ENOMEM if it is to be dropped. */
static int sc_inbox_queue(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff_head *list = &sk->sk_receive_queue;
	bool charged;

	spin_lock(&list->lock);
	charged = sc_inbox_charge(sk, skb->truesize);
	if (charged) {
		skb->sk = sk;
		skb->destructor = sc_inbox_free;
		sock_skb_set_dropcount(sk, skb);
		__skb_queue_tail(list, skb);
	}
	spin_unlock(&list->lock);
	if (!charged)
		return -ENOMEM;
	sk->sk_data_ready(sk);
	return 0;
}

/*
 * Run an attached socket filter, which reads the data and may truncate it. 0; -ENOBUFS or
 * -ENOMEM if the datagram is to be dropped.
 */
static int sc_inbox_filter(struct sc_inbox *in, struct sock *sk,
			   struct sk_buff *skb)
{
	if (!rcu_access_pointer(sk->sk_filter))
		return 0;
	if (!sc_inbox_copy_out(in, skb, true))
		return -ENOMEM;
	list_del_init(&sc_dgram(skb)->node);
	skb->truesize += PAGE_ALIGN(skb->len) - sc_inbox_copy_size(skb->len);
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
	skb->truesize += sc_inbox_copy_size(rec->len);
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
	err = sc_inbox_filter(in, sk, skb) ?: sc_inbox_queue(sk, skb);
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
		sc_inbox_copy_aside(in);
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

/* Read a datagram that was copied aside; page faults are allowed. */
static int sc_inbox_read_aside(struct sk_buff *skb, u32 offset,
			       struct iov_iter *to, u32 len)
{
	void *copy = sc_dgram_aside(skb);

	if (sc_dgram(skb)->lost)
		return -ENOMEM;
	if (!copy)
		return skb_copy_datagram_iter(skb, offset, to, len);
	return copy_to_iter(copy + offset, len, to) < len ? -EFAULT : 0;
}

/**
 * sc_inbox_keep() - from now on the peer cannot change a datagram
 * @skb:	from a socket's receive queue
 *
 * For a datagram that a program has seen and not received. Process context.
 *
 * Return: 0 or -ENOBUFS.
 */
int sc_inbox_keep(struct sk_buff *skb)
{
	struct sc_dgram *dg = sc_dgram(skb);
	struct sc_inbox *in = dg->inbox;
	bool done;

	/* in place: the channel is up, or datagrams are copied aside before its pages go */
	rcu_read_lock();
	spin_lock_bh(&in->lock);
	done = sc_inbox_copy_out(in, skb, false);
	if (!dg->in_place && !dg->pins)
		sc_inbox_unhold(in, dg);
	spin_unlock_bh(&in->lock);
	rcu_read_unlock();
	return done ? 0 : -ENOBUFS;
}

/**
 * sc_inbox_read() - copy from a datagram to user space
 * @skb:	from a socket's receive queue
 * @offset:	where to begin
 * @to:		advanced by what was copied
 * @len:	bytes to copy, no more than the datagram has
 *
 * Process context.
 *
 * Return: 0; -EAGAIN: the caller faults in @to where it stands, rewinds it, and calls
 * again; -EFAULT if @to cannot be written; -ENOMEM if the datagram was lost.
 */
int sc_inbox_read(struct sk_buff *skb, u32 offset, struct iov_iter *to, u32 len)
{
	struct sc_dgram *dg = sc_dgram(skb);
	struct sc_inbox *in = dg->inbox;
	u32 copied;

	/* for the ring's pages, freed a grace period after datagrams were copied aside */
	rcu_read_lock();
	spin_lock_bh(&in->lock);
	if (!dg->in_place) {
		spin_unlock_bh(&in->lock);
		rcu_read_unlock();
		return sc_inbox_read_aside(skb, offset, to, len);
	}
	dg->pins++;
	spin_unlock_bh(&in->lock);
	copied = sc_flow_copy_out(&in->flow->rx.ring,
				  dg->pos + SC_RECORD_HEADER + offset, to, len);
	spin_lock_bh(&in->lock);
	if (!--dg->pins && !dg->in_place)
		sc_inbox_unhold(in, dg);
	spin_unlock_bh(&in->lock);
	rcu_read_unlock();
	return copied < len ? -EAGAIN : 0;
}

/* ---- The flow's begin and end ------------------------------------------ */

/* Copy some of the datagrams aside. in->lock is held. Returns whether there are more. */
static bool sc_inbox_set_some_aside(struct sc_inbox *in)
{
	struct sc_dgram *dg, *next;
	int budget = SC_INBOX_BUDGET;

	list_for_each_entry_safe(dg, next, &in->held, node) {
		/* it stays in the list until its receivers, few at a time, have copied it */
		if (!dg->in_place)
			continue;
		if (!budget--)
			return true;
		sc_inbox_set_aside(in, sc_dgram_skb(dg));
	}
	return false;
}

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
	while (sc_inbox_set_some_aside(in)) {
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
