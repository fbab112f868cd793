// SPDX-License-Identifier: GPL-2.0-only
/*
 * Noting that a ring is full, and saying what is waited for. resize_grow.c makes the ring grow.
 * See resize_unread.h.
 */
#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/llist.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "channel.h"
#include "common.h"
#include "flow.h"
#include "resize.h"
#include "resize_unread.h"

/* The largest buffer of either end that counts, in bytes. */
#define SC_UNREAD_MAX	((u32)SCHANNEL_PAGE_SIZE << SCHANNEL_RING_ORDER_MAX)

/**
 * sc_unread_order() - the order of the ring that holds all that may be under way
 * @flow:	an open flow
 *
 * Context: Any. Under rcu_read_lock(), the flow is live.
 *
 * Return: the order, within the limits of the flow and of the pool; 0 if nothing is promised.
 */
u8 sc_unread_order(struct sc_flow *flow)
{
	u32 room = READ_ONCE(flow->tx.peer->rx_room);
	struct sock *sk = sc_flow_sock(flow);
	u8 most = min(flow->resize.limits.room, flow->channel->pool.order_max);
	u32 own;

	if (!room || !sk)
		return 0;
	own = clamp_t(int, READ_ONCE(sk->sk_sndbuf), 0, SC_UNREAD_MAX);
	return min_t(u8, get_order(own + min(room, SC_UNREAD_MAX)), most);
}

/*
 * Has the ring less space than a sender needs? @awaited: the peer waits for more, so that any
 * space will do. Under rcu_read_lock(), the flow is live.
 */
bool sc_unread_is_full(const struct sc_flow *flow, u32 cons, bool awaited)
{
	u32 size = sc_flow_tx_size(flow);
	u32 queued = READ_ONCE(flow->tx.prod) - cons;
	u32 need = awaited ? 1 : max(size / 2, READ_ONCE(flow->resize.need));

	return size - min(queued, size) < need;
}

/* List the flow: the work looks in @delay whether the peer's index is still @cons. */
void sc_unread_list(struct sc_flow *flow, u32 cons, unsigned long since,
		    unsigned long delay)
{
	struct sc_resize *resize = &flow->resize;
	struct schannel_channel *ch = flow->channel;

	if (xchg(&resize->noted, 1) || !refcount_inc_not_zero(&flow->ref))
		return;
	resize->unread_cons = cons;
	resize->unread_since = since;
	llist_add(&resize->unread_node, &ch->unread);
	if (delay)
		queue_delayed_work(sc_wq, &ch->unread_work, delay);
	else
		mod_delayed_work(sc_wq, &ch->unread_work, 0);
}

/**
 * sc_flow_is_awaited() - does the peer wait for more than was sent?
 * @flow:	an open flow
 *
 * Then any space is worth a wake-up: the peer may not read before more was sent.
 *
 * Context: Any; under rcu_read_lock(), the flow is live.
 *
 * Return: whether it does. Never for records: a sender could not use the space.
 */
bool sc_flow_is_awaited(const struct sc_flow *flow)
{
	return (flow->type == SCHANNEL_TYPE_STREAM || flow->type == SCHANNEL_TYPE_TCP) &&
	       sc_tx_is_awaited(&flow->tx, READ_ONCE(flow->tx.prod));
}

/* Does the peer wait for more than was sent, and has not been told that no more fits? */
bool sc_unread_must_answer(const struct sc_flow *flow)
{
	return sc_flow_is_awaited(flow) &&
	       READ_ONCE(flow->tx.own->tx_full) != READ_ONCE(flow->tx.prod);
}

/**
 * sc_unread_note() - a sender, or poll(), found the ring full
 * @flow:	an open flow
 *
 * Has the ring grow if the peer does not read for a while, up to what is promised. If the peer
 * waits for more than there is, the ring grows at once, or the peer is told that it does not.
 *
 * Context: Any; no lock is needed.
 */
void sc_unread_note(struct sc_flow *flow)
{
	bool awaited;

	/* if it is set, the work looks after clearing it; pairs with sc_unread_look() */
	smp_mb();
	if (READ_ONCE(flow->resize.noted) || flow->resize.fixed)
		return;
	rcu_read_lock();
	if (sc_flow_is_live(flow)) {
		awaited = sc_unread_must_answer(flow);
		if (awaited || sc_unread_order(flow) > READ_ONCE(flow->extent.order))
			sc_unread_list(flow, READ_ONCE(flow->tx.cons), jiffies,
				       awaited ? 0 : SC_UNREAD_TIME);
	}
	rcu_read_unlock();
}

/**
 * sc_unread_event() - the peer notified us of a flow: does it wait for more than fits?
 * @flow:	an open flow
 *
 * Context: Softirq, under RCU, the channel is up.
 */
void sc_unread_event(struct sc_flow *flow)
{
	if (unlikely(sc_unread_must_answer(flow)) &&
	    sc_unread_is_full(flow, READ_ONCE(flow->tx.peer->rx_cons), true))
		sc_unread_note(flow);
}
