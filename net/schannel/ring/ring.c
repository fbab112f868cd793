// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a consumer follows its producer to another ring. What ring.h has is on the
 * way of every byte, this is not. Serialised as all calls for a half are.
 */
#include "ring.h"

/* How much of what waits, or will, is in the old ring: less than 0 if we are past it. */
static s32 sc_rx_before_switch(const struct sc_rx *rx)
{
	return rx->switch_pos - rx->cons;
}

/**
 * sc_rx_finish_switch() - leave the old ring if nothing is in it any more
 * @rx:	the half
 *
 * Return: whether there is only one ring now, but for what was offered.
 */
bool sc_rx_finish_switch(struct sc_rx *rx)
{
	if (rx->switching && sc_rx_before_switch(rx) <= 0) {
		rx->ring.addr = rx->next.addr;
		WRITE_ONCE(rx->ring.size, rx->next.size);
		WRITE_ONCE(rx->next.size, 0);
		WRITE_ONCE(rx->switching, false);
	}
	return !rx->switching;
}

/**
 * sc_rx_follow() - see where the peer has turned, if it has
 * @rx:		the half
 * @switches:	how often it did, as just read
 * @prod:	its index, as read before that
 *
 * For sc_rx_refresh().
 *
 * Return: 0, or -EPROTO if that makes no sense; then nothing is changed.
 */
int sc_rx_follow(struct sc_rx *rx, u32 switches, u32 prod)
{
	u32 known = rx->prod - rx->cons;
	u32 switch_pos, ahead;

	/* less than the next ring holds is ahead, whatever of it is in this one */
	if (!rx->next.size || prod - rx->cons > rx->next.size ||
	    prod - rx->cons < known)
		return -EPROTO;
	if (switches == rx->switches)
		return 0;
	if (switches != rx->switches + 1 || rx->switching)
		return -EPROTO;
	switch_pos = READ_ONCE(rx->peer->tx_switch);
	ahead = switch_pos - rx->cons;
	if (ahead > sc_rx_min_size(rx) || ahead < known)
		return -EPROTO;
	WRITE_ONCE(rx->switches, switches);
	rx->switch_pos = switch_pos;
	WRITE_ONCE(rx->switching, true);
	return 0;
}

/**
 * sc_rx_offer() - the peer may turn to another ring
 * @rx:		the half: refreshed, then sc_rx_finish_switch(), and not refreshed since. So
 *		the caller knows which ring it is that is offered no more
 * @next:	the ring; of size 0: to none
 */
void sc_rx_offer(struct sc_rx *rx, const struct sc_ring *next)
{
	rx->next.addr = next->addr;
	WRITE_ONCE(rx->next.size, next->size);
}

/**
 * sc_rx_at_switch() - the ring in which some bytes are
 * @rx:		the half; while it is not @switching, that is its ring
 * @skip:	how far behind the first one that is waiting they begin
 * @len:	in: how many, of those that wait; out: how many are in that ring, not 0
 *
 * Return: the ring.
 */
const struct sc_ring *sc_rx_at_switch(struct sc_rx *rx, u32 skip, u32 *len)
{
	u32 before;

	if (sc_rx_finish_switch(rx))
		return &rx->ring;
	before = sc_rx_before_switch(rx);
	if (skip >= before)
		return &rx->next;
	*len = min(*len, before - skip);
	return &rx->ring;
}
