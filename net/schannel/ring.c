// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a consumer follows its producer to another ring. What ring.h has is on the
 * way of every byte, this is not. Serialised as all calls for a half are.
 */
#include "ring.h"

/* How much of what waits, or will, is in the old ring: less than 0 if we are past it. */
static s32 sc_rx_before_turn(const struct sc_rx *rx)
{
	return rx->turn - rx->cons;
}

/**
 * sc_rx_settle() - leave the old ring if nothing is in it any more
 * @rx:	the half
 *
 * Return: whether there is only one ring now, but for what was offered.
 */
bool sc_rx_settle(struct sc_rx *rx)
{
	if (rx->turning && sc_rx_before_turn(rx) <= 0) {
		rx->ring.addr = rx->next.addr;
		WRITE_ONCE(rx->ring.size, rx->next.size);
		WRITE_ONCE(rx->next.size, 0);
		WRITE_ONCE(rx->turning, false);
	}
	return !rx->turning;
}

/**
 * sc_rx_follow() - see where the peer has turned, if it has
 * @rx:		the half
 * @turns:	how often it did, as just read
 * @prod:	its index, as read before that
 *
 * For sc_rx_refresh().
 *
 * Return: 0, or -EPROTO if that makes no sense; then nothing is changed.
 */
int sc_rx_follow(struct sc_rx *rx, u32 turns, u32 prod)
{
	u32 known = rx->prod - rx->cons;
	u32 turn, ahead;

	/* less than the next ring holds is ahead, whatever of it is in this one */
	if (!rx->next.size || prod - rx->cons > rx->next.size ||
	    prod - rx->cons < known)
		return -EPROTO;
	if (turns == rx->turns)
		return 0;
	if (turns != rx->turns + 1 || rx->turning)
		return -EPROTO;
	turn = READ_ONCE(rx->peer->tx_turn);
	ahead = turn - rx->cons;
	if (ahead > sc_rx_least(rx) || ahead < known)
		return -EPROTO;
	WRITE_ONCE(rx->turns, turns);
	rx->turn = turn;
	WRITE_ONCE(rx->turning, true);
	return 0;
}

/**
 * sc_rx_offer() - the peer may turn to another ring
 * @rx:		the half: refreshed, then sc_rx_settle(), and not refreshed since. So
 *		the caller knows which ring it is that is offered no more
 * @next:	the ring; of size 0: to none
 */
void sc_rx_offer(struct sc_rx *rx, const struct sc_ring *next)
{
	rx->next.addr = next->addr;
	WRITE_ONCE(rx->next.size, next->size);
}

/**
 * sc_rx_at_turn() - the ring in which some bytes are
 * @rx:		the half; while it is not @turning, that is its ring
 * @skip:	how far behind the first one that is waiting they begin
 * @len:	in: how many, of those that wait; out: how many are in that ring, not 0
 *
 * Return: the ring.
 */
const struct sc_ring *sc_rx_at_turn(struct sc_rx *rx, u32 skip, u32 *len)
{
	u32 before;

	if (sc_rx_settle(rx))
		return &rx->ring;
	before = sc_rx_before_turn(rx);
	if (skip >= before)
		return &rx->next;
	*len = min(*len, before - skip);
	return &rx->ring;
}
