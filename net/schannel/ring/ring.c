// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a ring is replaced. Unlike the functions in ring.h, these are not in the data path of
 * every byte. The caller serialises the calls for one half, as it does for those in ring.h.
 */
#include <linux/atomic.h>
#include <linux/string.h>

#include "ring.h"

/**
 * sc_ring_copy() - copy bytes from a ring to the same positions in another one
 * @to:		the new ring, of ours
 * @from:	the old ring, of ours
 * @pos:	free-running position of the first byte
 * @len:	number of bytes, at most the size of either ring
 */
void sc_ring_copy(const struct sc_ring *to, const struct sc_ring *from, u32 pos, u32 len)
{
	while (len) {
		u32 run = len;
		void *src = sc_ring_run(from, pos, &run);
		void *dst = sc_ring_run(to, pos, &run);

		memcpy(dst, src, run);
		pos += run;
		len -= run;
	}
}

/**
 * sc_tx_switch() - go on in another ring
 * @tx:		the half. The peer has followed all earlier switches
 * @to:		a ring that the peer has agreed to follow to. All bytes from @tx->cons to
 *		@tx->prod were copied there, so they fit
 *
 * The caller notifies the peer.
 */
void sc_tx_switch(struct sc_tx *tx, const struct sc_ring *to)
{
	tx->ring.addr = to->addr;
	WRITE_ONCE(tx->ring.size, to->size);
	WRITE_ONCE(tx->switches, tx->switches + 1);
	/*
	 * release: the peer sees the copied bytes before the count. sc_tx_publish() stores
	 * a tx_prod beyond them with another release, so the peer sees the count before
	 * that tx_prod (pairs with sc_rx_refresh()).
	 */
	virt_store_release(&tx->own->tx_switches, tx->switches);
	virt_mb();	/* the count is visible before sc_queue_post() may skip the event */
}

/**
 * sc_tx_is_followed() - has the peer followed to the present ring?
 * @tx:	the half
 *
 * Until it has, it may read the old ring.
 *
 * Needs no lock.
 *
 * Return: whether it has.
 */
bool sc_tx_is_followed(const struct sc_tx *tx)
{
	/* acquire: overwrite the old ring only after the peer has read it */
	return virt_load_acquire(&tx->peer->rx_switches) == READ_ONCE(tx->switches);
}

/**
 * sc_rx_follow() - follow the peer to the ring that it has switched to
 * @rx:		the half
 * @switches:	the peer's count of switches, just read
 * @prod:	the peer's index, read before @switches
 *
 * Called by sc_rx_refresh(). Nothing is read from the old ring any more: tells the peer.
 *
 * Return: 1, or -EPROTO if what the peer wrote is invalid; @rx is unchanged then.
 */
int sc_rx_follow(struct sc_rx *rx, u32 switches, u32 prod)
{
	u32 avail = prod - rx->cons;

	if (switches != rx->switches + 1 || !rx->next.size ||
	    avail > rx->next.size || avail < rx->prod - rx->cons)
		return -EPROTO;
	rx->ring.addr = rx->next.addr;
	WRITE_ONCE(rx->ring.size, rx->next.size);
	virt_store_release(&rx->next.size, 0);	/* pairs with sc_rx_max_size() */
	WRITE_ONCE(rx->switches, switches);
	WRITE_ONCE(rx->prod, prod);
	/* release: the peer reuses the old ring only after we have read it */
	virt_store_release(&rx->own->rx_switches, switches);
	virt_mb();	/* the count is visible before sc_queue_post() may skip the event */
	return 1;
}

/**
 * sc_rx_offer() - set the ring to which the peer may switch
 * @rx:		the half. The caller has just called sc_rx_refresh(), so it knows which
 *		offered ring @next replaces
 * @next:	the ring; its size is 0 to withdraw the offer
 */
void sc_rx_offer(struct sc_rx *rx, const struct sc_ring *next)
{
	rx->next.addr = next->addr;
	WRITE_ONCE(rx->next.size, next->size);
}

/**
 * sc_tx_say_full() - tell the peer that the ring is full, and will not become larger
 * @tx:	the half
 *
 * Return: whether the caller has to notify the peer; false if it was told before.
 */
bool sc_tx_say_full(struct sc_tx *tx)
{
	if (READ_ONCE(tx->own->tx_full) == tx->prod)
		return false;
	/* release: a peer that sees it sees the index that it refers to */
	virt_store_release(&tx->own->tx_full, tx->prod);
	virt_mb();	/* it is visible before sc_queue_post() may skip the event */
	return true;
}

/**
 * sc_rx_want() - tell the peer that we wait for more than half of the ring
 * @rx:		the half
 * @want:	number of bytes, 1 to SC_WANT_MAX
 *
 * Needs no lock: of several waiters, the one that waits for the most counts. What an earlier
 * one waited for in vain counts until the peer has produced it; that does no harm.
 *
 * Return: whether the caller has to notify the peer; false if it was told before.
 */
bool sc_rx_want(struct sc_rx *rx, u32 want)
{
	u32 at = READ_ONCE(rx->cons) + want;
	u32 old = READ_ONCE(rx->own->rx_want);

	/* is it at least @at, and not more than the largest ring ahead? */
	while (old - at > SC_WANT_MAX - want) {
		u32 seen = cmpxchg(&rx->own->rx_want, old, at);

		if (seen == old) {
			virt_mb();	/* as in sc_tx_say_full() */
			return true;
		}
		old = seen;
	}
	return false;
}
