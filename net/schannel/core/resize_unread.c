// SPDX-License-Identifier: GPL-2.0-only
/*
 * Growing a full ring that the peer does not read. See resize.h.
 *
 * Two programs that both send before they receive need a place for what they send, so a sender
 * may have as much under way as its SO_SNDBUF and the peer's SO_RCVBUF promise together, whether
 * or not the peer reads. A ring that is read does not need that much: larger rings cost memory,
 * and copies when they are replaced. So the ring grows only when it is full and the peer's
 * index has not moved for SC_UNREAD_TIME, or when the peer says that it waits for more (rx_want).
 * In the latter case the peer is told if the ring cannot grow.
 *
 * Whoever finds the ring full lists the flow (sc_unread_note()). One delayed work per channel
 * looks at the listed flows only, and takes at most a fifth of the time.
 */
#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/llist.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "alloc.h"
#include "channel.h"
#include "common.h"
#include "flow.h"
#include "maintain.h"
#include "owner.h"
#include "resize.h"

/*
 * How long the peer must have read nothing before the ring grows, in jiffies. A receiver that is
 * about to read waits a few milliseconds for a processor, and must not be taken for one that
 * does not read; programs that wait for each other do not notice ten.
 */
#define SC_UNREAD_TIME	DIV_ROUND_UP(HZ, 100)

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
static bool sc_unread_is_full(const struct sc_flow *flow, u32 cons, bool awaited)
{
	u32 size = sc_flow_tx_size(flow);
	u32 queued = READ_ONCE(flow->tx.prod) - cons;
	u32 need = awaited ? 1 : max(size / 2, READ_ONCE(flow->resize.need));

	return size - min(queued, size) < need;
}

/* List the flow: the work looks in @delay whether the peer's index is still @cons. */
static void sc_unread_list(struct sc_flow *flow, u32 cons, unsigned long since,
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

/* Does the peer wait for more than was sent, and has not been told that no more fits? */
static bool sc_unread_must_answer(const struct sc_flow *flow)
{
	return sc_flow_is_awaited(flow) &&
	       READ_ONCE(flow->tx.own->tx_full) != READ_ONCE(flow->tx.prod);
}

/**
 * sc_unread_promise() - tell the peer how much may wait for us in its ring
 * @flow:	an open flow
 * @room:	SO_RCVBUF, in bytes
 *
 * Context: Any but hard interrupts.
 */
void sc_unread_promise(struct sc_flow *flow, u32 room)
{
	struct schannel_flow *own = flow->rx.own;

	rcu_read_lock();
	if (sc_flow_is_live(flow) && READ_ONCE(own->rx_room) != room) {
		WRITE_ONCE(own->rx_room, room);
		virt_mb();	/* it is visible before sc_queue_post() may skip the event */
		/* acquire: pairs with sc_flow_join() */
		if (smp_load_acquire(&flow->accepted))
			sc_flow_post(flow);
	}
	rcu_read_unlock();
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

/* What came of growing a ring. */
enum sc_unread {
	SC_UNREAD_DONE,		/* the rest follows without sc_unread_work() */
	SC_UNREAD_AGAIN,	/* to be tried again */
	SC_UNREAD_NEVER,	/* the ring cannot grow */
};

/* Offer a ring of @order, or the largest that there is memory for. */
static enum sc_unread sc_unread_offer(struct sc_flow *flow, u8 order)
{
	struct schannel_channel *ch = flow->channel;
	struct sc_resize *resize = &flow->resize;
	int err;

	order = sc_pool_room(&ch->pool, sc_owner_share(flow->owner), flow->extent.order, order);
	if (order <= flow->extent.order)
		return SC_UNREAD_NEVER;
	err = sc_alloc_ring(flow, order, &resize->to);
	if (!err) {
		resize->unread = true;
		sc_resize_offer_to(flow);
		return SC_UNREAD_DONE;
	}
	if (err != -ENOSPC)
		return SC_UNREAD_NEVER;
	if (sc_maintain_grow(ch, order))
		return SC_UNREAD_AGAIN;
	sc_pool_note_starved(&ch->pool, flow->extent.order);
	return SC_UNREAD_NEVER;
}

/* The peer does not read. With the sender's lock. */
static enum sc_unread sc_unread_grow(struct sc_flow *flow)
{
	struct sc_resize *resize = &flow->resize;
	u8 order = 0;

	switch (sc_resize_state(resize)) {
	case SC_RESIZE_STARVED:
	case SC_RESIZE_OFFERED:
		return SC_UNREAD_DONE;	/* sc_resize_answer() notes the flow again */
	case SC_RESIZE_READY:
		sc_resize_use(flow);
		return SC_UNREAD_AGAIN;	/* if it is still full */
	case SC_RESIZE_REFUSED:
	case SC_RESIZE_NONE:
		break;
	}
	rcu_read_lock();
	if (sc_flow_is_live(flow) && !(flow->tx.own->tx_flags & SCHANNEL_TX_FIN))
		order = sc_unread_order(flow);
	rcu_read_unlock();
	if (order <= flow->extent.order || !sc_resize_may_grow(flow))
		return SC_UNREAD_NEVER;
	/* sc_resize_free_old() notes the flow again, when the peer has left the old ring */
	if (resize->leaving)
		return SC_UNREAD_DONE;
	return sc_unread_offer(flow, order);
}

/* The ring cannot grow: tell the peer, if it waits for more. With the sender's lock. */
static void sc_unread_refuse(struct sc_flow *flow)
{
	rcu_read_lock();
	if (sc_flow_is_live(flow) && sc_flow_is_awaited(flow) && sc_tx_say_full(&flow->tx))
		sc_flow_post(flow);
	rcu_read_unlock();
}

/* The same with trylock(tx_lock). */
static enum sc_unread sc_unread_try(struct sc_flow *flow)
{
	enum sc_unread result = SC_UNREAD_DONE;
	void *user = sc_resize_user_get(flow);
	int err;

	if (!user)
		return SC_UNREAD_DONE;
	err = flow->ops->tx_try(flow, user);
	if (!err) {
		result = sc_unread_grow(flow);
		if (result == SC_UNREAD_NEVER)
			sc_unread_refuse(flow);
		flow->ops->tx_end(user);
	} else if (err == -EBUSY) {
		result = SC_UNREAD_AGAIN;
	}
	sc_flow_user_put(flow, user);
	return result;
}

/* Look at a flow that was listed. */
static void sc_unread_look(struct sc_flow *flow)
{
	struct sc_resize *resize = &flow->resize;
	unsigned long since = resize->unread_since;
	u32 noted = resize->unread_cons;
	enum sc_unread result = SC_UNREAD_AGAIN;
	bool full = false, awaited = false;
	u32 cons = noted;

	/* from now on it may be listed again; pairs with sc_unread_note() */
	xchg(&resize->noted, 0);
	rcu_read_lock();
	if (sc_flow_is_live(flow)) {
		/* only compared, so it needs no check */
		cons = READ_ONCE(flow->tx.peer->rx_cons);
		awaited = sc_unread_must_answer(flow);
		full = sc_unread_is_full(flow, cons, awaited);
	}
	rcu_read_unlock();
	if (!full)
		return;
	if (cons != noted)
		since = jiffies;
	if (awaited || time_after_eq(jiffies, since + SC_UNREAD_TIME))
		result = sc_unread_try(flow);
	if (result != SC_UNREAD_AGAIN)
		return;
	rcu_read_lock();
	if (sc_flow_is_live(flow))
		sc_unread_list(flow, cons, since, awaited ? 1 : SC_UNREAD_TIME);
	rcu_read_unlock();
}

void sc_unread_work(struct work_struct *work)
{
	struct schannel_channel *ch =
		container_of(work, struct schannel_channel, unread_work.work);
	struct llist_node *list = llist_del_all(&ch->unread);
	unsigned long start = jiffies, took;
	struct sc_flow *flow, *next;

	llist_for_each_entry_safe(flow, next, list, resize.unread_node) {
		sc_unread_look(flow);
		sc_flow_put(flow);
		cond_resched();
	}
	took = jiffies - start;
	if (took && !llist_empty(&ch->unread))
		mod_delayed_work(sc_wq, &ch->unread_work, 4 * took);
}

/* The channel is down and its work has ended: forget the list. */
void sc_unread_forget(struct schannel_channel *ch)
{
	struct llist_node *list = llist_del_all(&ch->unread);
	struct sc_flow *flow, *next;

	llist_for_each_entry_safe(flow, next, list, resize.unread_node)
		sc_flow_put(flow);
}
