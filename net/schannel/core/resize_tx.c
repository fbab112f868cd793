// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resizing the ring that we send into. See resize.h, and resize.c for the rules.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "alloc.h"
#include "channel.h"
#include "control.h"
#include "flow.h"
#include "maintain.h"
#include "owner.h"
#include "resize.h"
#include "sysctl.h"
#include "namespace.h"

/* Ring-full events without an idle period in between before the ring grows. */
#define SC_RESIZE_FULL_EVENTS	4

/* Maintenance intervals in which nothing was sent before the ring counts as idle. */
#define SC_RESIZE_IDLE_LOOKS	2

/* Limit for the time that a record waits for a ring large enough for it, in jiffies. */
#define SC_RESIZE_STARVED_MAX	(5 * HZ)

/*
 * For this time, in jiffies, only flows with larger rings than the record needs yield memory
 * to it; afterwards also flows with rings of the same size.
 */
#define SC_RESIZE_STARVED_EQUALS	(HZ / 4)

/*
 * Refused offers in a row after which no larger ring is offered, until the flow was idle or
 * a record has failed with ENOBUFS.
 */
#define SC_RESIZE_REFUSALS	3

/* Was a record refused recently? An older refusal does not count any more. */
static bool sc_resize_is_refused(const struct sc_flow *flow)
{
	return sc_resize_state(&flow->resize) == SC_RESIZE_REFUSED &&
	       time_before(jiffies, flow->resize.starved_since + 2 * SC_RESIZE_STARVED_MAX);
}

static bool sc_resize_is_larger(const struct sc_flow *flow)
{
	return flow->resize.to.order > flow->extent.order;
}

/* Bytes that are copied to another ring before the caller may reschedule. */
#define SC_RESIZE_CHUNK		(64U << 10)

/* Wake the senders: one may wait for what only now can be done. With the sender's lock. */
static void sc_resize_wake_sender(struct sc_flow *flow)
{
	void *user;

	rcu_read_lock();
	user = rcu_dereference(flow->user);
	if (user)
		flow->ops->wake(user, SC_FLOW_WAKE_SENDER);
	rcu_read_unlock();
}

/*
 * Free the old ring if the peer has followed to the new one. Returns whether there is no old
 * ring now. With the sender's lock.
 */
bool sc_resize_free_old(struct sc_flow *flow)
{
	struct sc_resize *resize = &flow->resize;
	bool followed;

	if (!resize->leaving)
		return true;
	rcu_read_lock();
	followed = sc_flow_is_live(flow) && sc_tx_is_followed(&flow->tx);
	rcu_read_unlock();
	if (!followed)
		return false;
	sc_alloc_free(flow, &resize->from);
	WRITE_ONCE(resize->leaving, false);
	/* a record waits to have a larger ring offered, see sc_resize_fit() */
	if (unlikely(resize->need > flow->tx.ring.size)) {
		WRITE_ONCE(resize->need, 0);
		sc_resize_wake_sender(flow);
	}
	/* it may be full, and could not grow meanwhile */
	sc_unread_note(flow);
	sc_maintain_later(flow->channel);
	return true;
}

/* Offer the ring that was allocated at @to. With the sender's lock. */
void sc_resize_offer_to(struct sc_flow *flow)
{
	/* the flow is not idle: the sender may have waited for this ring */
	flow->resize.idle_looks = 0;
	sc_resize_set_state(&flow->resize, SC_RESIZE_OFFERED);
	sc_control_post(flow, SC_FLOW_POST_RING);
	sc_control_flush(flow->channel);
	sc_maintain_flow(flow);
}

/* Free the ring that was offered without switching to it. */
static void sc_resize_drop(struct sc_flow *flow)
{
	sc_alloc_free(flow, &flow->resize.to);
	flow->resize.unread = false;
	sc_resize_set_state(&flow->resize, SC_RESIZE_NONE);
	sc_maintain_later(flow->channel);
}

/*
 * Copy what the peer has not read to another ring of ours. Returns false if the flow is dead,
 * or the bytes do not fit.
 */
static bool sc_resize_copy(struct sc_flow *flow, const struct sc_ring *to)
{
	struct sc_tx *tx = &flow->tx;
	u32 pos = tx->cons;
	bool live = true;

	while (live && tx->prod != pos) {
		u32 len = min(tx->prod - pos, SC_RESIZE_CHUNK);

		rcu_read_lock();
		live = sc_flow_is_live(flow);
		if (live)
			sc_ring_copy(to, &tx->ring, pos, len);
		rcu_read_unlock();
		pos += len;
		cond_resched();
	}
	return live;
}

/* The ring is at @to now. Its order is also read without the sender's lock. */
static void sc_resize_set_extent(struct sc_flow *flow, const struct sc_extent *to)
{
	flow->extent.segment = to->segment;
	flow->extent.page = to->page;
	WRITE_ONCE(flow->extent.order, to->order);
	flow->extent.share = to->share;
}

/*
 * In state READY: switch to the ring that was offered, unless it is smaller and the bytes that
 * the peer has not read do not fit. Returns whether the ring was switched.
 */
static bool sc_resize_switch(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;
	struct sc_resize *resize = &flow->resize;
	struct sc_tx *tx = &flow->tx;
	bool usable = false, fits = false;
	struct sc_ring ring;

	rcu_read_lock();
	if (sc_flow_is_live(flow)) {
		sc_extent_ring(ch, &resize->to, &ring);
		usable = true;
		fits = !sc_tx_refresh(tx) && tx->prod - tx->cons <= ring.size;
	}
	rcu_read_unlock();
	if (fits && sc_resize_copy(flow, &ring)) {
		rcu_read_lock();
		usable = sc_flow_is_live(flow);
		if (usable) {
			/* before the peer can follow: see sc_resize_event() */
			resize->from = flow->extent;
			WRITE_ONCE(resize->leaving, true);
			sc_tx_switch(tx, &ring);
			sc_flow_post(flow);
		}
		rcu_read_unlock();
	} else {
		fits = false;
	}
	if (!usable)
		sc_resize_drop(flow);
	if (!usable || !fits)
		return false;
	sc_resize_set_extent(flow, &resize->to);
	resize->fulls = 0;
	resize->unread = false;
	sc_resize_set_state(&flow->resize, SC_RESIZE_NONE);
	sc_maintain_flow(flow);
	return true;
}

/* Count a ring-full event. Returns whether the ring has been full too often. */
static bool sc_resize_is_too_small(struct sc_flow *flow)
{
	struct sc_resize *resize = &flow->resize;
	u32 prod = flow->tx.prod;

	/* it counts only if the peer has read since the last one */
	if (prod - resize->full_prod < flow->tx.ring.size / 2)
		return false;
	resize->full_prod = prod;
	/* forget events before an idle period: where many flows are busy, each runs rarely */
	if (time_after(jiffies, resize->full_last + sc_sysctl_idle()))
		resize->fulls = 0;
	resize->full_last = jiffies;
	return ++resize->fulls >= SC_RESIZE_FULL_EVENTS;
}

/* State READY, and a full ring that the peer does not read. With the sender's lock. */
void sc_resize_use(struct sc_flow *flow)
{
	if (!sc_resize_is_larger(flow))
		sc_resize_drop(flow);
	else if (sc_resize_switch(flow))
		sc_resize_wake_sender(flow);
}

/* May another ring be offered? With the sender's lock. */
bool sc_resize_may_grow(const struct sc_flow *flow)
{
	return flow->resize.refusals < SC_RESIZE_REFUSALS &&
	       !sc_maintain_is_starved(flow->channel);
}

/* Switch to a ring that is ready, or grow the ring of a busy flow. As sc_resize_full(). */
static bool sc_resize_busy(struct sc_flow *flow)
{
	struct sc_resize *resize = &flow->resize;
	struct schannel_channel *ch = flow->channel;
	bool too_small;
	u8 order;
	int err;

	switch (sc_resize_state(&flow->resize)) {
	case SC_RESIZE_READY:
		return sc_resize_switch(flow);
	case SC_RESIZE_STARVED:
	case SC_RESIZE_OFFERED:
		return false;
	case SC_RESIZE_REFUSED:
	case SC_RESIZE_NONE:
		break;
	}
	sc_resize_free_old(flow);
	too_small = sc_resize_is_too_small(flow) || flow->extent.order < resize->wanted;
	if (!too_small || resize->leaving || !sc_resize_may_grow(flow))
		return false;
	order = sc_pool_larger(&ch->pool, sc_owner_share(flow->owner),
			       flow->extent.order, resize->limits.max);
	if (order == flow->extent.order)
		return false;
	/* do not wait for memory here: have the pool grow for the next ring-full event */
	err = sc_alloc_ring(flow, order, &resize->to);
	if (!err)
		sc_resize_offer_to(flow);
	else if (err == -ENOSPC && !sc_maintain_grow(ch, order))
		sc_pool_note_starved(&ch->pool, flow->extent.order);
	return false;
}

/**
 * sc_resize_full() - the sender found the ring full
 * @flow:	an open flow; the caller holds the sender's lock
 *
 * Switches to a ring that is ready, or starts to grow the ring if it is full too often. Has the
 * ring grow later if the peer does not read.
 *
 * Context: Process context.
 *
 * Return: whether there may be space now.
 */
bool sc_resize_full(struct sc_flow *flow)
{
	/* one that was taken away has given back its rings, see sc_resize_end() */
	if (!sc_flow_is_live(flow))
		return false;
	if (sc_resize_busy(flow))
		return true;
	sc_unread_note(flow);
	return false;
}
EXPORT_SYMBOL_NS_GPL(sc_resize_full, SC_NS_SOCK);

/* There is no memory for a ring of @order: have the maintenance find some. */
static void sc_resize_note_starved(struct sc_flow *flow, u8 order)
{
	struct sc_resize *resize = &flow->resize;

	resize->to.order = order;
	resize->starved_since = jiffies;
	sc_resize_set_state(&flow->resize, SC_RESIZE_STARVED);
	sc_maintain_flow(flow);
	sc_maintain_soon(flow->channel);
}

/**
 * sc_resize_fit() - grow the ring for a record that is too large for it
 * @flow:	an open flow; the caller holds the sender's lock
 * @size:	the size of the record in the ring, no more than sc_resize_max()
 *
 * Never sleeps for the memory itself. If other flows have it, the flow becomes STARVED, and
 * its record waits up to SC_RESIZE_STARVED_MAX while they yield.
 *
 * Context: Process context.
 *
 * Return: 0 if the record fits now; -EAGAIN if it has to wait, with sc_flow_await_space();
 * -ENOBUFS if there is no memory or the peer refuses larger rings; otherwise as
 * sc_flow_send().
 */
int sc_resize_fit(struct sc_flow *flow, u32 size)
{
	struct sc_resize *resize = &flow->resize;
	u8 order = get_order(size);
	bool refused = sc_resize_is_refused(flow);
	int err = 0;

	rcu_read_lock();
	if (!sc_flow_is_live(flow))
		err = sc_flow_dead_error(flow, -EPIPE);
	else if (READ_ONCE(flow->tx.peer->rx_flags) & SCHANNEL_RX_SHUT)
		err = -EPIPE;
	else if (sc_tx_refresh(&flow->tx))
		err = sc_flow_broken(flow);
	rcu_read_unlock();
	if (err)
		return err;
	switch (sc_resize_state(&flow->resize)) {
	case SC_RESIZE_READY:
		if (!sc_resize_is_larger(flow))
			sc_resize_drop(flow);
		else if (sc_resize_switch(flow) && size <= flow->tx.ring.size)
			return 0;
		break;
	case SC_RESIZE_STARVED:
	case SC_RESIZE_OFFERED:
		return -EAGAIN;
	case SC_RESIZE_REFUSED:
		sc_resize_set_state(&flow->resize, SC_RESIZE_NONE);
		break;
	case SC_RESIZE_NONE:
		break;
	}
	if (!sc_resize_free_old(flow)) {
		WRITE_ONCE(resize->need, size);
		return -EAGAIN;
	}
	if (resize->refusals >= SC_RESIZE_REFUSALS) {
		resize->refusals = 0;
		return -ENOBUFS;
	}
	/* while another record waits for memory, this one must not overtake it */
	if (!refused && sc_maintain_is_starved(flow->channel))
		err = -ENOBUFS;
	else
		err = sc_alloc_extent(flow, order, order, &resize->to);
	if (err == -ECONNRESET)
		return err;
	if (err && refused)
		return -ENOBUFS;
	if (err)
		sc_resize_note_starved(flow, order);
	else
		sc_resize_offer_to(flow);
	return -EAGAIN;
}

/**
 * sc_resize_answer() - the peer has answered an offer
 * @flow:	the flow
 * @ready:	whether the peer can follow to the ring that was offered
 *
 * Context: The channel's work.
 *
 * Return: NULL, or the protocol violation for sc_channel_fail().
 */
const char *sc_resize_answer(struct sc_flow *flow, bool ready)
{
	struct sc_resize *resize = &flow->resize;
	void *user;

	if (sc_resize_state(&flow->resize) != SC_RESIZE_OFFERED)
		return "RING_ANSWER without a pending RING";
	if (ready) {
		resize->refusals = 0;
		sc_resize_set_state(&flow->resize, SC_RESIZE_READY);
	} else {
		resize->refusals++;
		sc_alloc_free(flow, &resize->to);
		sc_resize_set_state(&flow->resize, SC_RESIZE_NONE);
	}
	user = sc_resize_user_get(flow);
	if (!user) {
		/* a closed flow that shrinks */
		sc_resize_ask(flow);
		return NULL;
	}
	if (!flow->ops->tx_try(flow, user)) {
		/* a sender that polls does not send before there is space */
		if (sc_resize_state(&flow->resize) == SC_RESIZE_READY &&
		    (!sc_resize_is_larger(flow) || resize->unread))
			sc_resize_switch(flow);
		flow->ops->tx_end(user);
	}
	/*
	 * Otherwise the next send switches, or sc_unread_work(). A record may wait for the
	 * larger ring; answers are rare enough to wake every sender.
	 */
	flow->ops->wake(user, SC_FLOW_WAKE_SENDER);
	sc_unread_note(flow);
	sc_flow_user_put(flow, user);
	return NULL;
}

/**
 * sc_resize_look_tx() - go on with resizing our ring
 * @flow:	an open flow; the caller holds the sender's lock
 *
 * Context: The channel's work and its maintenance.
 */
void sc_resize_look_tx(struct sc_flow *flow)
{
	sc_resize_free_old(flow);
}

/**
 * sc_resize_shrink() - the next step to the smallest ring that holds what the peer has not read
 * @flow:	a flow that is closed here; the caller has its sender's half
 *
 * Context: The channel's work.
 *
 * Return: whether another step may follow, now or later; false if the ring cannot become smaller.
 */
bool sc_resize_shrink(struct sc_flow *flow)
{
	struct sc_resize *resize = &flow->resize;
	struct sc_tx *tx = &flow->tx;
	u8 need, order;
	bool usable;

	rcu_read_lock();
	usable = sc_flow_is_live(flow) && !sc_tx_refresh(tx);
	rcu_read_unlock();
	if (!usable)
		return false;
	switch (sc_resize_state(resize)) {
	case SC_RESIZE_OFFERED:
		return true;
	case SC_RESIZE_READY:
		/* if it does not fit yet, it will later: nothing is sent any more */
		if (sc_resize_is_larger(flow))
			sc_resize_drop(flow);
		else if (!sc_resize_switch(flow))
			return true;
		break;
	case SC_RESIZE_STARVED:
	case SC_RESIZE_REFUSED:
		sc_resize_set_state(resize, SC_RESIZE_NONE);
		break;
	case SC_RESIZE_NONE:
		break;
	}
	if (!sc_resize_free_old(flow))
		return true;
	if (!flow->extent.order || resize->refusals >= SC_RESIZE_REFUSALS)
		return false;
	need = get_order(max(tx->prod - tx->cons, 1));
	for (order = need; order < flow->extent.order; order++) {
		if (!sc_alloc_smaller(flow, order, &resize->to)) {
			sc_resize_offer_to(flow);
			return true;
		}
	}
	/* the pool may be full of rings like this one */
	if (need < flow->extent.order)
		sc_maintain_grow(flow->channel, need);
	return true;
}

/* ---- Maintenance ------------------------------------------------------- */

/* Update the idle count. Returns whether the ring should shrink because the flow is idle. */
static bool sc_resize_note_idle(struct sc_flow *flow, bool is_time, bool low_memory)
{
	struct sc_resize *resize = &flow->resize;
	struct sc_tx *tx = &flow->tx;

	if (tx->prod != resize->idle_prod || tx->prod != tx->cons) {
		resize->idle_prod = tx->prod;
		resize->idle_looks = 0;
		return false;
	}
	resize->idle_looks += is_time;
	return low_memory || resize->idle_looks >= SC_RESIZE_IDLE_LOOKS;
}

/*
 * A record waits for memory: offer a ring if there is some, give up after
 * SC_RESIZE_STARVED_MAX, or else have other flows yield. With the sender's lock.
 */
static void sc_resize_maintain_starved(struct sc_flow *flow, void *user, bool usable)
{
	struct schannel_channel *ch = flow->channel;
	struct sc_resize *resize = &flow->resize;
	u8 order = resize->to.order;
	int err = usable ? sc_alloc_ring(flow, order, &resize->to) : -ECONNRESET;

	if (!err) {
		sc_resize_offer_to(flow);
	} else if (!usable ||
		   time_after(jiffies, resize->starved_since + SC_RESIZE_STARVED_MAX)) {
		sc_resize_set_state(&flow->resize, SC_RESIZE_REFUSED);
		flow->ops->wake(user, SC_FLOW_WAKE_SENDER);
	} else if (err == -ENOSPC) {
		sc_maintain_grow(ch, order);
		if (time_before(jiffies,
				resize->starved_since + SC_RESIZE_STARVED_EQUALS))
			order++;
		sc_maintain_starved(ch, order);
	}
}

/* The order to which the ring of a busy flow should shrink. */
static u8 sc_resize_smaller(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;
	u8 order = flow->extent.order;

	if (order < ch->yield_order)
		return sc_pool_smaller(&ch->pool, order);
	/*
	 * It yields: half of a larger ring, or all of an equal one. Halves of several equal
	 * rings would not be contiguous and so hold no large ring.
	 */
	return order > ch->yield_order ? order - 1 : 0;
}

/**
 * sc_resize_maintain_tx() - maintain the ring that this side sends into
 * @flow:	an open flow; the caller holds the sender's lock
 * @user:	the flow's user, with a reference
 * @is_time:	whether a maintenance interval has passed
 * @low_memory:	whether idle flows shall shrink at once
 *
 * Context: The channel's maintenance.
 */
void sc_resize_maintain_tx(struct sc_flow *flow, void *user, bool is_time,
			   bool low_memory)
{
	struct sc_resize *resize = &flow->resize;
	struct schannel_channel *ch = flow->channel;
	bool usable, idle;
	u8 order;

	rcu_read_lock();
	/* leave an invalid index to the sender, which resets the flow */
	usable = sc_flow_is_live(flow) && !sc_tx_refresh(&flow->tx) &&
		 !(flow->tx.own->tx_flags & SCHANNEL_TX_FIN);
	rcu_read_unlock();
	if (sc_resize_state(&flow->resize) == SC_RESIZE_STARVED)
		sc_resize_maintain_starved(flow, user, usable);
	if (!usable)
		return;
	idle = sc_resize_note_idle(flow, is_time, low_memory);
	if (sc_resize_state(&flow->resize) == SC_RESIZE_READY) {
		if (!sc_resize_is_larger(flow))
			sc_resize_switch(flow);
		else if (resize->idle_looks >= SC_RESIZE_IDLE_LOOKS)
			sc_resize_drop(flow);
	} else if (sc_resize_state(&flow->resize) == SC_RESIZE_REFUSED &&
		   !sc_resize_is_refused(flow)) {
		sc_resize_set_state(&flow->resize, SC_RESIZE_NONE);
	}
	if (!sc_resize_free_old(flow) ||
	    sc_resize_state(&flow->resize) != SC_RESIZE_NONE)
		return;
	if (idle)
		resize->refusals = 0;
	order = idle ? resize->limits.min :
		       max(sc_resize_smaller(flow), resize->limits.min);
	if (order >= flow->extent.order || flow->tx.prod - flow->tx.cons > PAGE_SIZE << order)
		return;
	/* without memory for a ring of this order, a smaller one frees even more */
	while (sc_alloc_smaller(flow, order, &resize->to)) {
		if (order == resize->limits.min) {
			/* the pool may be full of rings like this one */
			sc_maintain_grow(ch, order);
			return;
		}
		order--;
	}
	if (flow->extent.order >= ch->yield_order)
		sc_maintain_yielded(ch);
	sc_resize_offer_to(flow);
}
