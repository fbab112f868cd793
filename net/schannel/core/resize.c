// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moving a flow's rings. See resize.h.
 *
 * Our ring is resized under the sender's lock, the peer's is followed under the
 * receiver's. Both belong to the flow's user (ops->tx_try and rx_try), so a flow whose
 * user has no such locks is never resized. Works only try the locks: a lock's holder is
 * sending or receiving and looks at the resize itself, or else the channel's
 * maintenance tries again.
 *
 * The ring grows when it is found full again and again though the peer reads, and
 * becomes as small as it may when nothing is sent for a while. Neither holds up anybody:
 * the bytes go through the old ring until the peer is ready for the new one. Nor does
 * growing let anybody send before the peer has read: a full ring is full.
 */
#include <linux/jiffies.h>
#include <linux/rcupdate.h>

#include "channel.h"
#include "control.h"
#include "flow.h"
#include "resize.h"
#include "peer_segment.h"
#include "alloc.h"
#include "sysctl.h"
#include "maintain.h"

/* Full so many times, and never at rest in between: it is too small. */
#define SC_RESIZE_FULL_EVENTS		4

/* Nothing sent for so many looks at it: it rests. */
#define SC_RESIZE_IDLE_LOOKS		2

/* A record waits so long for the memory of a ring that holds it, in jiffies. */
#define SC_RESIZE_STARVED_MAX	(5 * HZ)

/* At first only those with larger rings make room, after so long also its equals. */
#define SC_RESIZE_STARVED_POLITE		(HZ / 4)

/* A peer that refuses so many rings in a row will not take one. */
#define SC_RESIZE_REFUSALS	3

/* The user, with a reference, if the flow has one whose rings can be resized; or NULL. */
static void *sc_resize_user_get(struct sc_flow *flow)
{
	return flow->ops->tx_try ? sc_flow_user_get(flow) : NULL;
}

/* ---- Who sends --------------------------------------------------------- */

static void sc_resize_to(struct sc_flow *flow, enum sc_resize_state state)
{
	/* release: what belongs to the state is there; pairs with sc_resize_state() */
	smp_store_release(&flow->resize.state, state);
}

static enum sc_resize_state sc_resize_state(const struct sc_flow *flow)
{
	/* acquire: pairs with sc_resize_to() */
	return smp_load_acquire(&flow->resize.state);
}

/* Was a record refused a moment ago? What is older means nothing. */
static bool sc_resize_is_refused(const struct sc_flow *flow)
{
	return sc_resize_state(flow) == SC_RESIZE_REFUSED &&
	       time_before(jiffies, flow->resize.starved_since + 2 * SC_RESIZE_STARVED_MAX);
}

/* The largest ring there may be, in bytes. */
u32 sc_resize_most(const struct sc_flow *flow)
{
	u8 most = min_t(u8, flow->resize.limits.max, SCHANNEL_RING_ORDER_MAX);

	return PAGE_SIZE << max(most, READ_ONCE(flow->extent.order));
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
	sc_resize_to(flow, SC_RESIZE_OFFERED);
	sc_control_post(flow, SC_FLOW_POST_RING);
	sc_control_flush(flow->channel);
	sc_maintain_flow(flow);
}

static bool sc_resize_is_larger(const struct sc_flow *flow)
{
	return flow->resize.to.order > flow->extent.order;
}

/* Nothing was made of what was offered. */
static void sc_resize_drop(struct sc_flow *flow)
{
	sc_pool_free(&flow->channel->pool, &flow->resize.to);
	sc_resize_to(flow, SC_RESIZE_NONE);
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
	sc_resize_to(flow, SC_RESIZE_NONE);
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

	switch (sc_resize_state(flow)) {
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
	sc_resize_to(flow, SC_RESIZE_STARVED);
	sc_maintain_flow(flow);
	sc_maintain_soon(flow->channel);
}

/**
 * sc_resize_fit() - the ring is too small for a record
 * @flow:	an open flow, whose tx side the caller serialises
 * @size:	of the record in the ring, no more than sc_resize_most()
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
	switch (sc_resize_state(flow)) {
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
		sc_resize_to(flow, SC_RESIZE_NONE);
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
 * sc_resize_can_proceed() - is it time to try a record again that does not fit?
 * @flow:	a flow
 * @empty:	nothing is in its ring
 *
 * No lock needed.
 */
bool sc_resize_can_proceed(const struct sc_flow *flow, bool empty)
{
	switch (sc_resize_state(flow)) {
	case SC_RESIZE_REFUSED:
	case SC_RESIZE_READY:
		return true;
	case SC_RESIZE_STARVED:
	case SC_RESIZE_OFFERED:
		return false;
	default:
		return empty || !READ_ONCE(flow->resize.leaving);
	}
}

/**
 * sc_resize_answer() - the peer answers an offer
 * @flow:	the flow
 * @ready:	what it says
 *
 * For the channel's work.
 *
 * Return: NULL, or what is wrong with that.
 */
const char *sc_resize_answer(struct sc_flow *flow, bool ready)
{
	struct sc_resize *resize = &flow->resize;
	void *user;

	if (sc_resize_state(flow) != SC_RESIZE_OFFERED)
		return "answer to what was not asked";
	if (ready) {
		resize->refusals = 0;
		sc_resize_to(flow, SC_RESIZE_READY);
	} else {
		resize->refusals++;
		sc_pool_free(&flow->channel->pool, &resize->to);
		sc_resize_to(flow, SC_RESIZE_NONE);
	}
	user = sc_resize_user_get(flow);
	if (!user)
		return NULL;
	if (!flow->ops->tx_try(flow, user)) {
		if (sc_resize_state(flow) == SC_RESIZE_READY &&
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

/* ---- Who receives ------------------------------------------------------ */

/* Once the old ring was left, its segment is not in use any more. */
static void sc_resize_switched(struct sc_flow *flow)
{
	struct sc_resize *resize = &flow->resize;

	if (!resize->next_segment || flow->rx.next.size)
		return;
	sc_peer_segment_put(flow->channel, resize->segment);
	resize->segment = resize->next_segment;
	resize->next_segment = NULL;
}

/* sc_rx_at_switch(), for who receives. Under RCU, the channel is up. */
const struct sc_ring *sc_resize_rx_at_switch(struct sc_flow *flow, u32 skip, u32 *len)
{
	const struct sc_ring *ring = sc_rx_at_switch(&flow->rx, skip, len);

	sc_resize_switched(flow);
	return ring;
}

/* A reader that waits for more than half of the ring to come must hear of this. */
static void sc_resize_wake_receiver(struct sc_flow *flow, void *user)
{
	struct sc_rx *rx = &flow->rx;

	/* with sc_rx_arm(): we see what it waits for, or it sees the next ring */
	virt_mb();
	if (rx->own->rx_event - rx->cons >= sc_rx_least(rx) / 2)
		flow->ops->wake(user, SC_FLOW_WAKE_RECEIVER);
}

/* Is there an offer to be answered? */
bool sc_resize_is_offered(const struct sc_flow *flow)
{
	int offered = READ_ONCE(flow->resize.offered);

	return offered == SC_OFFER_WAITS || offered == SC_OFFER_CLAIMED;
}

/* Whether it is the caller who has to answer, or to let somebody else do so. */
static bool sc_resize_claim(struct sc_flow *flow)
{
	/* acquire: pairs with sc_resize_offer() */
	return cmpxchg_acquire(&flow->resize.offered, SC_OFFER_WAITS,
			       SC_OFFER_CLAIMED) == SC_OFFER_WAITS;
}

/* The offer is not the caller's any more: NONE, or WAITS for somebody else. */
static void sc_resize_unclaim(struct sc_flow *flow, enum sc_resize_offer to)
{
	struct sc_resize *resize = &flow->resize;

	/* release: pairs with the next one who claims it */
	if (cmpxchg_release(&resize->offered, SC_OFFER_CLAIMED, to) !=
	    SC_OFFER_CLAIMED && to == SC_OFFER_WAITS)
		sc_peer_segment_put(flow->channel, resize->offer_segment);
}

/* With the receiver's lock, claimed. Whether the offer was taken. */
static bool sc_resize_accept(struct sc_flow *flow, void *user)
{
	struct sc_resize *resize = &flow->resize;
	bool ready = false;

	rcu_read_lock();
	if (resize->offer_segment && sc_channel_is_up(flow->channel) &&
	    !sc_rx_refresh(&flow->rx) && sc_rx_finish_switch(&flow->rx)) {
		sc_resize_switched(flow);
		sc_rx_offer(&flow->rx, &resize->offer_ring);
		sc_peer_segment_put(flow->channel, resize->next_segment);
		resize->next_segment = resize->offer_segment;
		sc_resize_wake_receiver(flow, user);
		ready = true;
	}
	rcu_read_unlock();
	return ready;
}

/* Claimed. */
static void sc_resize_reply(struct sc_flow *flow, bool ready)
{
	struct sc_resize *resize = &flow->resize;

	if (!ready)
		sc_peer_segment_put(flow->channel, resize->offer_segment);
	resize->ready = ready;
	/* before the answer can be sent: after that the next offer may come */
	sc_resize_unclaim(flow, SC_OFFER_NONE);
	sc_control_post(flow, SC_FLOW_POST_ANSWER);
	sc_control_flush(flow->channel);
}

/* Answer what was offered, if who receives lets us. */
static void sc_resize_try_accept(struct sc_flow *flow)
{
	bool ready = false;
	void *user;
	int err;

	if (!sc_resize_claim(flow))
		return;
	user = sc_resize_user_get(flow);
	err = user ? flow->ops->rx_try(flow, user) : -ENOTCONN;
	if (!err) {
		ready = sc_resize_accept(flow, user);
		flow->ops->rx_end(user);
	}
	if (err == -EBUSY) {
		sc_resize_unclaim(flow, SC_OFFER_WAITS);
		sc_maintain_flow(flow);
	} else {
		sc_resize_reply(flow, ready);
	}
	if (user)
		sc_flow_user_put(flow, user);
}

/**
 * sc_resize_follow() - answer what was offered
 * @flow:	the flow of a user whose receiver's lock the caller holds
 *
 * Who receives all the time leaves nobody else the time to do it.
 */
void sc_resize_follow(struct sc_flow *flow)
{
	void *user;

	if (!sc_resize_claim(flow))
		return;
	user = sc_resize_user_get(flow);
	sc_resize_reply(flow, user && sc_resize_accept(flow, user));
	if (user)
		sc_flow_user_put(flow, user);
}

/**
 * sc_resize_offer() - the peer offers another ring for what it sends
 * @flow:	the flow, which is open
 * @at:		where the ring is; private memory, checked
 *
 * For the channel's work.
 *
 * Return: NULL, or what is wrong with that.
 */
const char *sc_resize_offer(struct sc_flow *flow,
			  const struct schannel_ring_at *at)
{
	struct sc_resize *resize = &flow->resize;

	/* acquire: pairs with sc_resize_unclaim() */
	if (smp_load_acquire(&resize->offered) != SC_OFFER_NONE ||
	    sc_control_is_posted(flow, SC_FLOW_POST_ANSWER))
		return "ring offered before the last one was answered";
	resize->offer_segment = sc_peer_segment_get(flow->channel, at,
						  &resize->offer_ring);
	/* release: whoever claims it sees all of it */
	smp_store_release(&resize->offered, SC_OFFER_WAITS);
	sc_resize_try_accept(flow);
	if (sc_resize_is_offered(flow))
		sc_maintain_soon(flow->channel);
	return NULL;
}

/* ---- Tending ----------------------------------------------------------- */

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
		sc_resize_to(flow, SC_RESIZE_REFUSED);
		flow->ops->wake(user, SC_FLOW_WAKE_SENDER);
	} else {
		sc_maintain_grow(ch, order);
		if (time_before(jiffies, resize->starved_since + SC_RESIZE_STARVED_POLITE))
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
static void sc_resize_maintain_tx(struct sc_flow *flow, void *user, bool is_time,
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
	if (sc_resize_state(flow) == SC_RESIZE_STARVED)
		sc_resize_maintain_starved(flow, user, usable);
	if (!usable)
		return;
	rests = sc_resize_note_idle(flow, is_time, low_memory);
	if (sc_resize_state(flow) == SC_RESIZE_READY) {
		if (!sc_resize_is_larger(flow))
			sc_resize_switch(flow);
		else if (resize->idle_looks >= SC_RESIZE_IDLE_LOOKS)
			sc_resize_drop(flow);
	} else if (sc_resize_state(flow) == SC_RESIZE_REFUSED && !sc_resize_is_refused(flow)) {
		sc_resize_to(flow, SC_RESIZE_NONE);
	}
	if (!sc_resize_free_old(flow) || sc_resize_state(flow) != SC_RESIZE_NONE)
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

/* With the receiver's lock: leave what the peer wants back. */
static void sc_resize_maintain_rx(struct sc_flow *flow)
{
	static const struct sc_ring none;
	struct sc_resize *resize = &flow->resize;

	rcu_read_lock();
	if (sc_channel_is_up(flow->channel) && !sc_rx_refresh(&flow->rx) &&
	    sc_rx_finish_switch(&flow->rx)) {
		sc_resize_switched(flow);
		if (resize->next_segment &&
		    READ_ONCE(resize->next_segment->state) ==
		    SC_PEER_SEGMENT_LEAVING) {
			/* it was offered and is not going to be turned to */
			sc_rx_offer(&flow->rx, &none);
			sc_peer_segment_put(flow->channel, resize->next_segment);
			resize->next_segment = NULL;
		}
	}
	rcu_read_unlock();
}

/**
 * sc_resize_maintain() - look after a flow's rings
 * @flow:	the flow
 * @is_time:	some time has passed since the last look
 * @low_memory:	memory is short
 *
 * Process context, for the channel's tending.
 */
void sc_resize_maintain(struct sc_flow *flow, bool is_time, bool low_memory)
{
	void *user;

	sc_resize_try_accept(flow);
	user = sc_resize_user_get(flow);
	if (!user)
		return;
	if (!flow->ops->tx_try(flow, user)) {
		sc_resize_maintain_tx(flow, user, is_time, low_memory);
		flow->ops->tx_end(user);
	}
	if (atomic_read(&flow->channel->peer_leaving) &&
	    !flow->ops->rx_try(flow, user)) {
		sc_resize_maintain_rx(flow);
		flow->ops->rx_end(user);
	}
	sc_flow_user_put(flow, user);
}

/* Is there somebody who should not have to wait for the next look? */
bool sc_resize_waits(const struct sc_flow *flow)
{
	return sc_resize_is_offered(flow) || sc_resize_state(flow) == SC_RESIZE_STARVED;
}

/* Is there nothing to look after? */
bool sc_resize_is_idle(const struct sc_flow *flow)
{
	const struct sc_resize *resize = &flow->resize;
	enum sc_resize_state state = sc_resize_state(flow);

	if (sc_resize_is_offered(flow))
		return false;
	/* without a user it is neither sent nor received, only read by the peer */
	if (!rcu_access_pointer(flow->user))
		return true;
	return (state == SC_RESIZE_NONE || state == SC_RESIZE_REFUSED) &&
	       !READ_ONCE(resize->leaving) &&
	       READ_ONCE(flow->extent.order) <= resize->limits.min;
}

/* Neither side uses the flow any more. */
void sc_resize_end(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;
	struct sc_resize *resize = &flow->resize;

	sc_pool_free(&ch->pool, &flow->extent);
	if (resize->leaving)
		sc_pool_free(&ch->pool, &resize->from);
	if (resize->state == SC_RESIZE_OFFERED || resize->state == SC_RESIZE_READY)
		sc_pool_free(&ch->pool, &resize->to);
	sc_peer_segment_put(ch, resize->segment);
	sc_peer_segment_put(ch, resize->next_segment);
	/* acquire: pairs with sc_resize_offer() */
	if (xchg_acquire(&resize->offered, SC_OFFER_OVER) == SC_OFFER_WAITS)
		sc_peer_segment_put(ch, resize->offer_segment);
	sc_maintain_later(ch);
}
