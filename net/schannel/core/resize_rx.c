// SPDX-License-Identifier: GPL-2.0-only
/*
 * Following the ring that the peer sends into. See resize.h, and resize.c for the rules.
 */
#include <linux/atomic.h>
#include <linux/rcupdate.h>

#include "channel.h"
#include "control.h"
#include "flow.h"
#include "maintain.h"
#include "peer_segment.h"
#include "resize.h"
#include "ring/message.h"

/**
 * sc_resize_followed() - sc_rx_refresh() has followed the peer to another ring
 * @flow:	the flow; the caller holds the receiver's lock
 *
 * Context: Under rcu_read_lock(), the flow is live.
 */
void sc_resize_followed(struct sc_flow *flow)
{
	struct sc_resize *resize = &flow->resize;
	void *user = rcu_dereference(flow->user);

	sc_peer_segment_put(flow->channel, resize->segment);
	resize->segment = resize->next_segment;
	resize->next_segment = NULL;
	sc_flow_post(flow);
	/* a receiver may wait for more than the new ring holds, see sc_flow_rx_half() */
	if (user)
		flow->ops->wake(user, SC_FLOW_WAKE_RECEIVER);
}

/* Try to claim the offer. The caller must then answer it, or unclaim it. */
static bool sc_resize_claim(struct sc_flow *flow)
{
	/* acquire: pairs with sc_resize_offer() */
	return cmpxchg_acquire(&flow->resize.offered, SC_OFFER_WAITS,
			       SC_OFFER_CLAIMED) == SC_OFFER_WAITS;
}

/*
 * Release the claim: to NONE if the offer was answered, to WAITS for another thread. If the
 * flow has ended meanwhile, an offer that was not answered is dropped.
 */
static void sc_resize_unclaim(struct sc_flow *flow, enum sc_resize_offer to)
{
	struct sc_resize *resize = &flow->resize;

	/* release: pairs with the next sc_resize_claim() */
	if (cmpxchg_release(&resize->offered, SC_OFFER_CLAIMED, to) !=
	    SC_OFFER_CLAIMED && to == SC_OFFER_WAITS)
		sc_peer_segment_put(flow->channel, resize->offer_segment);
}

/* With the receiver's lock, offer claimed. Returns whether the offer was accepted. */
static bool sc_resize_accept(struct sc_flow *flow)
{
	struct sc_resize *resize = &flow->resize;
	bool ready = false;

	rcu_read_lock();
	if (resize->offer_segment && sc_flow_is_live(flow) && !sc_flow_refresh_rx(flow)) {
		sc_rx_offer(&flow->rx, &resize->offer_ring);
		sc_peer_segment_put(flow->channel, resize->next_segment);
		resize->next_segment = resize->offer_segment;
		ready = true;
	}
	rcu_read_unlock();
	return ready;
}

/* Answer an offer that the caller has claimed. */
static void sc_resize_reply(struct sc_flow *flow, bool ready)
{
	struct sc_resize *resize = &flow->resize;

	if (!ready)
		sc_peer_segment_put(flow->channel, resize->offer_segment);
	resize->ready = ready;
	/* unclaim before the answer can be sent: the next offer may follow it at once */
	sc_resize_unclaim(flow, SC_OFFER_NONE);
	sc_control_post(flow, SC_FLOW_POST_ANSWER);
	sc_control_flush(flow->channel);
}

/**
 * sc_resize_try_accept() - answer the peer's offer, if there is one
 * @flow:	the flow
 *
 * If another thread holds the receiver's lock, that thread or the maintenance answers.
 *
 * Context: Process context, without the receiver's lock.
 */
void sc_resize_try_accept(struct sc_flow *flow)
{
	bool ready = false;
	void *user;
	int err;

	if (!sc_resize_claim(flow))
		return;
	user = sc_resize_user_get(flow);
	err = user ? flow->ops->rx_try(flow, user) : -ENOTCONN;
	if (!err) {
		ready = sc_resize_accept(flow);
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
 * sc_resize_follow() - at the end of a receiving call, do what the peer waits for
 * @flow:	the flow; the caller holds the receiver's lock
 *
 * Answers an offer, and follows a switch that the call did not notice. A thread that
 * receives all the time holds the lock whenever the channel's work tries it, so it has to do
 * this itself.
 */
void sc_resize_follow(struct sc_flow *flow)
{
	if (sc_resize_is_behind(flow))
		sc_resize_look_rx(flow);
	if (sc_resize_claim(flow))
		sc_resize_reply(flow, sc_resize_accept(flow));
}

/**
 * sc_resize_offer() - the peer offers another ring for what it sends
 * @flow:	an open flow
 * @at:		extent of the ring; a private copy, checked
 *
 * Context: The channel's work.
 *
 * Return: NULL, or the protocol violation for sc_channel_fail().
 */
const char *sc_resize_offer(struct sc_flow *flow,
			    const struct schannel_ring_at *at)
{
	struct schannel_ring_at ring = sc_message_replacement(at);
	struct sc_resize *resize = &flow->resize;

	/* acquire: pairs with sc_resize_unclaim() */
	if (smp_load_acquire(&resize->offered) != SC_OFFER_NONE ||
	    sc_control_is_posted(flow, SC_FLOW_POST_ANSWER))
		return "RING before the previous one was answered";
	resize->offer_segment = sc_peer_segment_get(flow->channel, &ring,
						    &resize->offer_ring);
	/* release: pairs with sc_resize_claim(), which makes the offer visible */
	smp_store_release(&resize->offered, SC_OFFER_WAITS);
	sc_resize_try_accept(flow);
	if (sc_resize_is_offered(flow))
		sc_maintain_soon(flow->channel);
	return NULL;
}

/**
 * sc_resize_look_rx() - follow the peer's switch, leave the segments that it wants back
 * @flow:	an open flow; the caller holds the receiver's lock
 */
void sc_resize_look_rx(struct sc_flow *flow)
{
	static const struct sc_ring none;
	struct sc_resize *resize = &flow->resize;

	rcu_read_lock();
	/* an invalid index is left to the receiver, which resets the flow */
	if (sc_flow_is_live(flow) && !sc_flow_refresh_rx(flow) &&
	    resize->next_segment &&
	    READ_ONCE(resize->next_segment->state) == SC_PEER_SEGMENT_LEAVING) {
		/* the peer offered it and will not switch to it any more */
		sc_rx_offer(&flow->rx, &none);
		sc_peer_segment_put(flow->channel, resize->next_segment);
		resize->next_segment = NULL;
	}
	rcu_read_unlock();
}
