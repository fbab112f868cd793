// SPDX-License-Identifier: GPL-2.0-only
/*
 * How far a resize is: what the data path and the flow's end need to know of it.
 * resize_tx.c resizes our ring, resize_rx.c follows the peer's. See resize.h.
 *
 * Our ring is resized under the sender's lock, the peer's is followed under the
 * receiver's. Both belong to the flow's user (ops->tx_try and rx_try), so a flow whose
 * user has no such locks is never resized. Works only try the locks: a lock's holder is
 * sending or receiving and looks at the resize itself, or else the channel's
 * maintenance tries again.
 *
 * The ring grows when it is found full again and again though the peer reads, and
 * becomes as small as it may when nothing is sent for a while. Neither delays anybody:
 * bytes go through the old ring until the peer is ready for the new one. Nor does
 * growing let a sender send before the peer has read: a full ring is full.
 */
#include <linux/atomic.h>
#include <linux/rcupdate.h>

#include "channel.h"
#include "flow.h"
#include "maintain.h"
#include "peer_segment.h"
#include "resize.h"

/* The user, with a reference, if the flow has one whose rings can be resized; or NULL. */
void *sc_resize_user_get(struct sc_flow *flow)
{
	return flow->ops->tx_try ? sc_flow_user_get(flow) : NULL;
}

/* The largest ring there may be, in bytes. */
u32 sc_resize_max(const struct sc_flow *flow)
{
	u8 most = min_t(u8, flow->resize.limits.max, SCHANNEL_RING_ORDER_MAX);

	return PAGE_SIZE << max(most, READ_ONCE(flow->extent.order));
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
	switch (sc_resize_state(&flow->resize)) {
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

/* Once the old ring was left, its segment is not in use any more. */
void sc_resize_switched(struct sc_flow *flow)
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

/* Is there an offer to be answered? */
bool sc_resize_is_offered(const struct sc_flow *flow)
{
	int offered = READ_ONCE(flow->resize.offered);

	return offered == SC_OFFER_WAITS || offered == SC_OFFER_CLAIMED;
}

/* Is there somebody who should not have to wait for the next look? */
bool sc_resize_is_urgent(const struct sc_flow *flow)
{
	return sc_resize_is_offered(flow) || sc_resize_state(&flow->resize) == SC_RESIZE_STARVED;
}

/* Is there nothing to look after? */
bool sc_resize_is_idle(const struct sc_flow *flow)
{
	const struct sc_resize *resize = &flow->resize;
	enum sc_resize_state state = sc_resize_state(&flow->resize);

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
