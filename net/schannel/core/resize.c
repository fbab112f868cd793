// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of a resize, as the data path, the maintenance and the end of the flow need it.
 * resize_tx.c resizes our ring, resize_rx.c follows the peer's, resize_look.c does both in the
 * channel's works. See resize.h.
 *
 * Our ring is resized under the sender's lock, the peer's is followed under the
 * receiver's. Both belong to the flow's user (ops->tx_try and rx_try), so a flow whose
 * user has no such locks is never resized. Works only try the locks: the lock holder is
 * sending or receiving and handles the resize itself, or the work tries again.
 *
 * A flow that its user has closed shrinks once more, to what the peer has not read
 * (@close_waits). The channel's work does that, see resize_look.c.
 *
 * The ring grows when it is found full repeatedly although the peer reads, and shrinks to
 * its minimum when nothing is sent for a while. Neither delays the sender or the receiver:
 * bytes go through the old ring until the peer is ready for the new one.
 *
 * Some steps are due when the peer has done something, whether or not a program calls: to
 * follow its switch, and to free our old ring once it has followed ours. The upcall must not
 * do them, so it asks the channel's work (sc_resize_ask()); in the next tick, unless
 * somebody waits for it, since a program that is sending or receiving is faster, and it costs
 * nothing there.
 */
#include <linux/atomic.h>
#include <linux/llist.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>

#include "alloc.h"
#include "channel.h"
#include "common.h"
#include "flow.h"
#include "maintain.h"
#include "peer_segment.h"
#include "resize.h"

/*
 * As sc_flow_user_get(), but NULL also for a user without the locks that resizing needs.
 */
void *sc_resize_user_get(struct sc_flow *flow)
{
	/* not by @ops: after the user is gone, the module that has them may be gone, too */
	return flow->resize.fixed ? NULL : sc_flow_user_get(flow);
}

/* The size limit of our ring, in bytes. */
u32 sc_resize_max(struct sc_flow *flow)
{
	const struct sc_size_limits *limits = &flow->resize.limits;
	u8 order = min(limits->max, flow->channel->pool.order_max);

	/* a record may be as large as what may be under way */
	if (unlikely(limits->max < limits->room)) {
		rcu_read_lock();
		if (sc_flow_is_live(flow))
			order = max(order, sc_unread_order(flow));
		rcu_read_unlock();
	}
	return PAGE_SIZE << max(order, READ_ONCE(flow->extent.order));
}

/**
 * sc_resize_can_proceed() - should the sender retry a record that is too large for the ring?
 * @flow:	a flow
 *
 * Needs no lock.
 *
 * Return: whether sc_resize_fit() would do something other than to wait.
 */
bool sc_resize_can_proceed(const struct sc_flow *flow)
{
	switch (sc_resize_state(&flow->resize)) {
	case SC_RESIZE_REFUSED:
	case SC_RESIZE_READY:
		return true;
	case SC_RESIZE_STARVED:
	case SC_RESIZE_OFFERED:
		return false;
	default:
		return !READ_ONCE(flow->resize.leaving);
	}
}

/*
 * Has the peer switched to a ring that it offered, so that we have to follow? Any lock, or none.
 * Not if the flow is dead: the peer's entry may not be mapped any more.
 */
bool sc_resize_is_behind(const struct sc_flow *flow)
{
	bool behind;

	if (likely(!READ_ONCE(flow->rx.next.size)))
		return false;
	rcu_read_lock();
	behind = sc_flow_is_live(flow) && sc_rx_is_behind(&flow->rx);
	rcu_read_unlock();
	return behind;
}

/* May the old ring be freed, because the peer has followed to the new one? As above. */
bool sc_resize_is_followed(const struct sc_flow *flow)
{
	bool followed;

	if (likely(!READ_ONCE(flow->resize.leaving)))
		return false;
	rcu_read_lock();
	followed = sc_flow_is_live(flow) && sc_tx_is_followed(&flow->tx);
	rcu_read_unlock();
	return followed;
}

/* Is there an offer of the peer that was not answered yet? */
bool sc_resize_is_offered(const struct sc_flow *flow)
{
	int offered = READ_ONCE(flow->resize.offered);

	return offered == SC_OFFER_WAITS || offered == SC_OFFER_CLAIMED;
}

/* Does the peer or a record wait, so that maintenance must run before its interval ends? */
bool sc_resize_is_urgent(const struct sc_flow *flow)
{
	if (sc_resize_is_offered(flow) || !rcu_access_pointer(flow->user))
		return sc_resize_is_offered(flow);
	return sc_resize_state(&flow->resize) == SC_RESIZE_STARVED;
}

/* Do the rings of the flow need no maintenance? */
bool sc_resize_is_idle(const struct sc_flow *flow)
{
	const struct sc_resize *resize = &flow->resize;
	enum sc_resize_state state = sc_resize_state(&flow->resize);

	if (sc_resize_is_offered(flow))
		return false;
	/* a flow without a user neither sends nor receives; the peer may still read */
	if (!rcu_access_pointer(flow->user))
		return !READ_ONCE(flow->close_waits);
	return (state == SC_RESIZE_NONE || state == SC_RESIZE_REFUSED) &&
	       !READ_ONCE(resize->leaving) &&
	       READ_ONCE(flow->extent.order) <= resize->limits.min;
}

/*
 * Is the ring, now or soon, larger than it need be for what the peer has not read? With the
 * sender's lock.
 */
bool sc_resize_can_shrink(const struct sc_flow *flow)
{
	const struct sc_resize *resize = &flow->resize;

	return !resize->fixed && sc_flow_is_joined(flow) && sc_flow_is_live(flow) &&
	       (flow->extent.order || resize->leaving);
}

/* Free what resizing holds: neither side uses the flow any more. */
void sc_resize_end(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;
	struct sc_resize *resize = &flow->resize;

	sc_alloc_free(flow, &flow->extent);
	if (resize->leaving)
		sc_alloc_free(flow, &resize->from);
	if (resize->state == SC_RESIZE_OFFERED || resize->state == SC_RESIZE_READY)
		sc_alloc_free(flow, &resize->to);
	sc_peer_segment_put(ch, resize->segment);
	sc_peer_segment_put(ch, resize->next_segment);
	if (flow->entry_segment)
		sc_peer_segment_put(ch, flow->entry_segment);
	/* acquire: pairs with sc_resize_offer() */
	if (xchg_acquire(&resize->offered, SC_OFFER_OVER) == SC_OFFER_WAITS)
		sc_peer_segment_put(ch, resize->offer_segment);
	sc_maintain_later(ch);
}

/* ---- What the upcall leaves to the channel's work ----------------------- */

/* List the flow in @looks. Returns false if it is there already. */
static bool sc_resize_list(struct sc_flow *flow)
{
	/* if it is set, the work looks after clearing it; pairs with sc_resize_look_all() */
	if (xchg(&flow->resize.asked, 1) || !refcount_inc_not_zero(&flow->ref))
		return false;
	llist_add(&flow->resize.look_node, &flow->channel->looks);
	return true;
}

/**
 * sc_resize_ask() - have the channel's work look at the rings of a flow
 * @flow:	an open flow
 *
 * Context: Any. Under RCU, the flow is live.
 */
void sc_resize_ask(struct sc_flow *flow)
{
	sc_resize_list(flow);
	queue_work(sc_wq, &flow->channel->work);
}

/**
 * sc_resize_ask_later() - the same in the next tick
 * @flow:	an open flow
 *
 * For what the program does itself, if it sends or receives meanwhile.
 *
 * Context: As sc_resize_ask(), or the channel's work.
 */
void sc_resize_ask_later(struct sc_flow *flow)
{
	if (sc_resize_list(flow))
		queue_delayed_work(sc_wq, &flow->channel->look_work, 1);
}

/**
 * sc_resize_event() - the peer notified us of a flow: has it changed a ring?
 * @flow:	a flow that is open
 *
 * Context: Softirq, under RCU, the channel is up.
 */
void sc_resize_event(struct sc_flow *flow)
{
	bool followed = sc_resize_is_followed(flow);

	/* a record waits until the old ring is freed, and another can be offered */
	if (unlikely(followed && READ_ONCE(flow->resize.need) > sc_flow_tx_size(flow)))
		sc_resize_ask(flow);
	else if (unlikely(followed || sc_resize_is_behind(flow)))
		sc_resize_ask_later(flow);
	sc_unread_event(flow);
}
