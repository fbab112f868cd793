// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resizing the ring that we send into. See resize.h, and resize.c for the rules.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>

#include "alloc.h"
#include "channel.h"
#include "control.h"
#include "flow.h"
#include "maintain.h"
#include "resize.h"
#include "sysctl.h"

/* Full so many times, and never at rest in between: it is too small. */
#define SC_RESIZE_FULL_EVENTS		4

/* Nothing sent for so many looks at it: it rests. */
#define SC_RESIZE_IDLE_LOOKS		2

/* A record waits so long for the memory of a ring that holds it, in jiffies. */
#define SC_RESIZE_STARVED_MAX	(5 * HZ)

/* At first only those with larger rings make room, after so long also its equals. */
#define SC_RESIZE_STARVED_EQUALS		(HZ / 4)

/* A peer that refuses so many rings in a row will not take one. */
#define SC_RESIZE_REFUSALS	3

/* Was a record refused a moment ago? What is older means nothing. */
static bool sc_resize_is_refused(const struct sc_flow *flow)
{
	return sc_resize_state(&flow->resize) == SC_RESIZE_REFUSED &&
	       time_before(jiffies, flow->resize.starved_since + 2 * SC_RESIZE_STARVED_MAX);
}

static bool sc_resize_is_larger(const struct sc_flow *flow)
{
	return flow->resize.to.order > flow->extent.order;
}

/* Give the ring before this one back, if the peer is done with it. */
static bool sc_resize_free_old(struct sc_flow *flow)
{
	struct sc_resize *resize = &flow->resize;

	if (!resize->leaving)
		return true;
	if (!sc_tx_switched(&flow->tx))
		return false;
	sc_pool_free(&flow->channel->pool, &resize->from);
	WRITE_ONCE(resize->leaving, false);
	sc_maintain_later(flow->channel);
	return true;
}

/* Offer the ring that was carved. */
static void sc_resize_offer_to(struct sc_flow *flow)
{
	/* who has waited for it may take his time to send */
	flow->resize.idle_looks = 0;
	sc_resize_set_state(&flow->resize, SC_RESIZE_OFFERED);
	sc_control_post(flow, SC_FLOW_POST_RING);
	sc_control_flush(flow->channel);
	sc_maintain_flow(flow);
}

/* Nothing was made of what was offered. */
static void sc_resize_drop(struct sc_flow *flow)
{
	sc_pool_free(&flow->channel->pool, &flow->resize.to);
	sc_resize_set_state(&flow->resize, SC_RESIZE_NONE);
	sc_maintain_later(flow->channel);
}

/*
 * It is READY: go on in the ring that was offered, unless that is a smaller one and what
 * waits for the peer does not fit. Returns whether it did.
 */
static bool sc_resize_switch(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;
	struct sc_resize *resize = &flow->resize;
	struct sc_tx *tx = &flow->tx;
	struct sc_ring ring;
	bool gone = true, fits = false;

	rcu_read_lock();
	if (sc_channel_is_up(ch) && !(tx->own->tx_flags & SCHANNEL_TX_FIN)) {
		sc_extent_ring(ch, &resize->to, &ring);
		gone = false;
		fits = sc_resize_is_larger(flow) ||
		       (!sc_tx_refresh(tx) && tx->prod - tx->cons <= ring.size);
		if (fits)
			sc_tx_switch(tx, &ring);
	}
	rcu_read_unlock();
	if (gone)
		sc_resize_drop(flow);
	if (!fits)
		return false;
	resize->from = flow->extent;
	flow->extent = resize->to;
	resize->leaving = true;
	resize->fulls = 0;
	sc_resize_set_state(&flow->resize, SC_RESIZE_NONE);
	sc_maintain_later(ch);
	return true;
}

/* Found full once more: is that too often? */
static bool sc_resize_is_too_small(struct sc_flow *flow)
{
	struct sc_resize *resize = &flow->resize;
	u32 prod = flow->tx.prod;

	/* again means: after the peer has read */
	if (prod - resize->full_prod < flow->tx.ring.size / 2)
		return false;
	resize->full_prod = prod;
	/* where many are busy, each has its turn now and then only */
	if (time_after(jiffies, resize->full_last + sc_sysctl_idle()))
		resize->fulls = 0;
	resize->full_last = jiffies;
	return ++resize->fulls >= SC_RESIZE_FULL_EVENTS;
}

/**
 * sc_resize_full() - there was no space to send into
 * @flow:	an open flow, whose tx side the caller serialises
 *
 * Process context.
 *
 * Return: whether there may be now.
 */
bool sc_resize_full(struct sc_flow *flow)
{
	struct sc_resize *resize = &flow->resize;
	struct schannel_channel *ch = flow->channel;
	u8 order;

	switch (sc_resize_state(&flow->resize)) {
	case SC_RESIZE_READY:
		if (flow->tx.prod == resize->full_prod)
			return false;	/* nothing was read since */
		return sc_resize_switch(flow);
	case SC_RESIZE_STARVED:
	case SC_RESIZE_OFFERED:
		return false;
	case SC_RESIZE_REFUSED:
	case SC_RESIZE_NONE:
		break;
	}
	if (!sc_resize_is_too_small(flow) || !sc_resize_free_old(flow) ||
	    sc_maintain_is_starved(ch))
		return false;
	order = sc_pool_larger(&ch->pool, flow->extent.order, resize->limits.max);
	if (order == flow->extent.order || resize->refusals >= SC_RESIZE_REFUSALS)
		return false;
	/* rather than wait for memory here, have some ready for the next time */
	if (!sc_pool_alloc(&ch->pool, order, &resize->to))
		sc_resize_offer_to(flow);
	else if (!sc_maintain_grow(ch, order))
		sc_pool_note_starved(&ch->pool, flow->extent.order);
	return false;
}

/* There is no memory for a ring of @order: have tending find some. */
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
 * sc_resize_fit() - the ring is too small for a record
 * @flow:	an open flow, whose tx side the caller serialises
 * @size:	of the record in the ring, no more than sc_resize_max()
 *
 * Process context. Memory that others have is waited for, SC_RESIZE_STARVED_MAX at most.
 *
 * Return: 0 if it fits now; -EAGAIN: sc_flow_await_space() knows when to try again;
 * -ENOBUFS; otherwise as sc_flow_send().
 */
int sc_resize_fit(struct sc_flow *flow, u32 size)
{
	struct sc_resize *resize = &flow->resize;
	u8 order = get_order(size);
	bool denied = sc_resize_is_refused(flow);
	int err = 0;

	rcu_read_lock();
	if (!sc_channel_is_up(flow->channel))
		err = -ECONNRESET;
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
	if (!sc_resize_free_old(flow))
		return -EAGAIN;
	if (resize->refusals >= SC_RESIZE_REFUSALS) {
		resize->refusals = 0;
		return -ENOBUFS;
	}
	/* who made room for others gets in line behind them */
	if (!denied && sc_maintain_is_starved(flow->channel))
		err = -ENOBUFS;
	else
		err = sc_alloc_extent(flow->channel, order, order, &resize->to);
	if (err == -ECONNRESET)
		return err;
	if (err && denied)
		return -ENOBUFS;
	if (err)
		sc_resize_note_starved(flow, order);
	else
		sc_resize_offer_to(flow);
	return -EAGAIN;
}

/**
 * sc_resize_answer() - the peer answers an offer
 * @flow:	the flow
 * @ready:	what it says
 *
 * For the channel's work.
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
		sc_pool_free(&flow->channel->pool, &resize->to);
		sc_resize_set_state(&flow->resize, SC_RESIZE_NONE);
	}
	user = sc_resize_user_get(flow);
	if (!user)
		return NULL;
	if (!flow->ops->tx_try(flow, user)) {
		if (sc_resize_state(&flow->resize) == SC_RESIZE_READY &&
		    !sc_resize_is_larger(flow))
			sc_resize_switch(flow);
		flow->ops->tx_end(user);
	}
	/*
	 * Otherwise the next send switches. A record may wait for the larger ring;
	 * answers are rare enough to wake every sender.
	 */
	flow->ops->wake(user, SC_FLOW_WAKE_SENDER);
	sc_flow_user_put(flow, user);
	return NULL;
}

/* ---- Maintenance ------------------------------------------------------- */

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

/* A record waits for memory. With the sender's lock. */
static void sc_resize_maintain_starved(struct sc_flow *flow, void *user, bool usable)
{
	struct schannel_channel *ch = flow->channel;
	struct sc_resize *resize = &flow->resize;
	u8 order = resize->to.order;

	if (usable && !sc_pool_alloc(&ch->pool, order, &resize->to)) {
		sc_resize_offer_to(flow);
	} else if (!usable || time_after(jiffies, resize->starved_since + SC_RESIZE_STARVED_MAX)) {
		sc_resize_set_state(&flow->resize, SC_RESIZE_REFUSED);
		flow->ops->wake(user, SC_FLOW_WAKE_SENDER);
	} else {
		sc_maintain_grow(ch, order);
		if (time_before(jiffies, resize->starved_since + SC_RESIZE_STARVED_EQUALS))
			order++;
		sc_maintain_starved(ch, order);
	}
}

/* What the ring of who goes on sending should become, in orders. */
static u8 sc_resize_smaller(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;
	u8 order = flow->extent.order;

	if (order < ch->yield_order)
		return sc_pool_smaller(&ch->pool, order);
	/* of what is left of several nobody could make one */
	return order > ch->yield_order ? order - 1 : 0;
}

/* With the sender's lock. */
void sc_resize_maintain_tx(struct sc_flow *flow, void *user, bool is_time,
				  bool low_memory)
{
	struct sc_resize *resize = &flow->resize;
	struct schannel_channel *ch = flow->channel;
	bool usable, rests;
	u8 order;

	rcu_read_lock();
	/* nonsense there is for who sends to find */
	usable = sc_channel_is_up(ch) && !sc_tx_refresh(&flow->tx) &&
		 !(flow->tx.own->tx_flags & SCHANNEL_TX_FIN);
	rcu_read_unlock();
	if (sc_resize_state(&flow->resize) == SC_RESIZE_STARVED)
		sc_resize_maintain_starved(flow, user, usable);
	if (!usable)
		return;
	rests = sc_resize_note_idle(flow, is_time, low_memory);
	if (sc_resize_state(&flow->resize) == SC_RESIZE_READY) {
		if (!sc_resize_is_larger(flow))
			sc_resize_switch(flow);
		else if (resize->idle_looks >= SC_RESIZE_IDLE_LOOKS)
			sc_resize_drop(flow);
	} else if (sc_resize_state(&flow->resize) == SC_RESIZE_REFUSED && !sc_resize_is_refused(flow)) {
		sc_resize_set_state(&flow->resize, SC_RESIZE_NONE);
	}
	if (!sc_resize_free_old(flow) || sc_resize_state(&flow->resize) != SC_RESIZE_NONE)
		return;
	if (rests)
		resize->refusals = 0;
	order = rests ? resize->limits.min : max(sc_resize_smaller(flow), resize->limits.min);
	if (order >= flow->extent.order)
		return;
	/* if there is no memory for so much, something smaller leaves more to others */
	while (sc_pool_alloc(&ch->pool, order, &resize->to)) {
		if (order == resize->limits.min) {
			/* rings like this one may fill all there is */
			sc_maintain_grow(ch, order);
			return;
		}
		order--;
	}
	if (flow->extent.order >= ch->yield_order)
		sc_maintain_yielded(ch);
	sc_resize_offer_to(flow);
}
