// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a consumer follows its producer to another ring. Unlike the functions in ring.h,
 * these are not in the data path of every byte. The caller serialises the calls for one
 * half, as it does for those in ring.h.
 */
#include "ring.h"

/* Bytes from our index to the switch position; negative if we have passed it. */
static s32 sc_rx_before_switch(const struct sc_rx *rx)
{
	return rx->switch_pos - rx->cons;
}

/**
 * sc_rx_finish_switch() - leave the old ring if all of its bytes are consumed
 * @rx:	the half
 *
 * Return: whether bytes are in one ring only; another may have been offered.
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
 * sc_rx_follow() - note the position at which the peer switched, if it has
 * @rx:		the half
 * @switches:	the peer's count of switches, just read
 * @prod:	the peer's index, read before @switches
 *
 * Called by sc_rx_refresh().
 *
 * Return: 0, or -EPROTO if what the peer wrote is invalid; @rx is unchanged then.
 */
int sc_rx_follow(struct sc_rx *rx, u32 switches, u32 prod)
{
	u32 known = rx->prod - rx->cons;
	u32 switch_pos, ahead;

	/* the bytes of both rings together fit in the next ring */
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
 * sc_rx_offer() - set the ring to which the peer may switch
 * @rx:		the half. The caller has called sc_rx_refresh() and then
 *		sc_rx_finish_switch(), and has not refreshed since, so it knows which
 *		offered ring @next replaces.
 * @next:	the ring; its size is 0 to withdraw the offer
 */
void sc_rx_offer(struct sc_rx *rx, const struct sc_ring *next)
{
	rx->next.addr = next->addr;
	WRITE_ONCE(rx->next.size, next->size);
}

/**
 * sc_rx_at_switch() - find the ring that holds given bytes
 * @rx:		the half; while it is not @switching, that is @rx->ring
 * @skip:	offset of the bytes from the first unread byte
 * @len:	in: number of bytes, all of them produced; out: how many of them that ring
 *		holds, not 0
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
