/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The byte ring of one direction: the pages of its bytes, and the two halves that
 * produce and consume them.
 *
 * The producer half (struct sc_tx) is ours for a ring in our pool, the consumer
 * half (struct sc_rx) for a ring in the peer's. Each keeps private copies of
 * both indexes: its own, which it alone changes, and the other side's, which
 * it read once and checked. All computations use only the private copies.
 *
 * Nothing here sleeps, locks or touches anything but the two flow entries, so the
 * same code is compiled for the kernel and for the unit tests. Calls for one
 * half are serialised by the caller (a flow's tx or rx lock, a channel's control
 * lock); a producer and a consumer half may run at the same time.
 *
 * A ring may be replaced by another while it is in use: the producer copies what is unread
 * to the new ring, the consumer follows with its next look at the producer's index, and
 * acknowledges it. See "Replacing a ring" in the ABI; what is not in the data path of every
 * byte is in ring.c.
 *
 * The barriers are virt_*(), since the other side runs on another CPU even if this
 * kernel has only one.
 */
#ifndef _SCHANNEL_RING_H
#define _SCHANNEL_RING_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <asm/barrier.h>

#include <uapi/xen/schannel.h>

/* An event index that a ring's index does not pass for the next 2 GiB. */
#define SC_EVENT_NEVER	BIT(31)

/**
 * struct sc_ring - the pages of a ring
 * @addr:	kernel addresses of its pages
 * @size:	in bytes, a power of two
 */
struct sc_ring {
	void *const *addr;
	u32 size;
};

/**
 * struct sc_tx - the producer's half
 * @ring:	in our pool
 * @own:	our flow entry (we write its tx_* members)
 * @peer:	the peer's flow entry (we read its rx_* members)
 * @prod:	bytes produced and published
 * @cons:	bytes consumed, as last read and checked
 * @switches:	number of switches to another ring
 *
 * Readers that are not serialised with the half may read @ring.size, @prod and @cons only.
 */
struct sc_tx {
	struct sc_ring ring;
	struct schannel_flow *own;
	const struct schannel_flow *peer;
	u32 prod;
	u32 cons;
	u32 switches;
};

/**
 * struct sc_rx - the consumer's half
 * @ring:	in the peer's pool, mapped read-only
 * @own:	our flow entry (we write its rx_* members)
 * @peer:	the peer's flow entry (we read its tx_* members)
 * @cons:	bytes consumed and published
 * @prod:	bytes produced, as last read and checked
 * @switches:	the producer's count of switches, as last read and checked
 * @next:	the ring that was offered last, and that the producer has not switched to; its
 *		size is 0 if there is none
 *
 * Readers that are not serialised with the half may read @ring.size, @next.size, @cons and
 * @switches only.
 */
struct sc_rx {
	struct sc_ring ring;
	struct schannel_flow *own;
	const struct schannel_flow *peer;
	u32 cons;
	u32 prod;
	u32 switches;
	struct sc_ring next;
};

/**
 * sc_ring_run() - the longest run of bytes at contiguous addresses
 * @ring:	the ring
 * @pos:	free-running position of the first byte
 * @len:	in: bytes wanted, not 0; out: length of the run, not 0
 *
 * Return: the address of the first byte.
 */
static inline void *sc_ring_run(const struct sc_ring *ring, u32 pos, u32 *len)
{
	u32 at = pos & (ring->size - 1);
	u32 page = at >> SCHANNEL_PAGE_SHIFT;
	u32 in_page = at & (SCHANNEL_PAGE_SIZE - 1);
	u32 want = min(*len, ring->size - at);
	u32 run = SCHANNEL_PAGE_SIZE - in_page;
	void *addr = ring->addr[page] + in_page;

	while (run < want &&
	       ring->addr[page + 1] == ring->addr[page] + SCHANNEL_PAGE_SIZE) {
		run += SCHANNEL_PAGE_SIZE;
		page++;
	}
	*len = min(run, want);
	return addr;
}

/* Bytes that can be produced, by the indexes as last read. */
static inline u32 sc_tx_space(const struct sc_tx *tx)
{
	return tx->ring.size - (tx->prod - tx->cons);
}

/* Bytes that can be consumed, by the indexes as last read. */
static inline u32 sc_rx_avail(const struct sc_rx *rx)
{
	return rx->prod - rx->cons;
}

/**
 * sc_tx_refresh() - read and check the peer's consumer index
 * @tx:	the half
 *
 * Return: 0, or -EPROTO if the index went back or past the produced bytes, or if the peer
 * claims to have followed a switch that was not made.
 */
static inline int sc_tx_refresh(struct sc_tx *tx)
{
	/* acquire: overwrite bytes only after the peer has read them */
	u32 cons = virt_load_acquire(&tx->peer->rx_cons);

	if (tx->prod - cons > tx->prod - tx->cons ||
	    tx->switches - READ_ONCE(tx->peer->rx_switches) > 1)
		return -EPROTO;
	WRITE_ONCE(tx->cons, cons);
	return 0;
}

int sc_rx_follow(struct sc_rx *rx, u32 switches, u32 prod);

/**
 * sc_rx_refresh() - read and check the peer's producer index
 * @rx:	the half
 *
 * Return: 0; 1 if the peer has switched to the ring that was offered, which is @rx->ring now:
 * the caller notifies the peer; or -EPROTO if the index went back or past the ring's size, or
 * if the peer switched without an offer.
 */
static inline int sc_rx_refresh(struct sc_rx *rx)
{
	/* acquire: read the bytes only after the index that covers them */
	u32 prod = virt_load_acquire(&rx->peer->tx_prod);
	/*
	 * Read the count after the index: if @prod covers bytes produced after a
	 * switch, @switches counts that switch (pairs with sc_tx_switch() of the peer).
	 * acquire: read the new ring only after the count.
	 */
	u32 switches = virt_load_acquire(&rx->peer->tx_switches);

	if (unlikely(switches != rx->switches))
		return sc_rx_follow(rx, switches, prod);
	if (prod - rx->cons > rx->ring.size ||
	    prod - rx->cons < rx->prod - rx->cons)
		return -EPROTO;
	WRITE_ONCE(rx->prod, prod);
	return 0;
}

/**
 * sc_tx_publish() - make written bytes available to the peer
 * @tx:		the half
 * @len:	number of bytes, at most sc_tx_space()
 *
 * Return: whether the peer wants to be notified.
 */
static inline bool sc_tx_publish(struct sc_tx *tx, u32 len)
{
	u32 old = tx->prod;
	u32 new = old + len;

	WRITE_ONCE(tx->prod, new);
	/* release: the peer sees the bytes before the index that covers them */
	virt_store_release(&tx->own->tx_prod, new);
	/*
	 * Pairs with the barrier in sc_rx_arm(): either we see the event index
	 * that the peer stored before it waits, or the peer sees the bytes.
	 */
	virt_mb();
	return schannel_need_event(READ_ONCE(tx->peer->rx_event), new, old);
}

/**
 * sc_rx_publish() - return the space of consumed bytes to the peer
 * @rx:		the half
 * @len:	number of bytes, at most sc_rx_avail()
 *
 * Return: whether the peer wants to be notified.
 */
static inline bool sc_rx_publish(struct sc_rx *rx, u32 len)
{
	u32 old = rx->cons;
	u32 new = old + len;

	WRITE_ONCE(rx->cons, new);
	/* release: the peer overwrites bytes only after we have read them */
	virt_store_release(&rx->own->rx_cons, new);
	virt_mb();	/* as in sc_tx_publish(), pairs with sc_tx_arm() */
	return schannel_need_event(READ_ONCE(rx->peer->tx_event), new, old);
}

/**
 * sc_tx_arm() - ask to be notified when there is space for @want bytes
 * @tx:		the half
 * @want:	1 to the ring's size
 *
 * The caller checks the space once more before it waits. The peer never notices an event
 * index that it had passed before we stored it. So a caller without the half's lock must
 * also check that @tx->prod has not changed meanwhile, and otherwise repeat both.
 */
static inline void sc_tx_arm(struct sc_tx *tx, u32 want)
{
	WRITE_ONCE(tx->own->tx_event,
		   READ_ONCE(tx->prod) + want - READ_ONCE(tx->ring.size) - 1);
	virt_mb();	/* pairs with sc_rx_publish() of the peer */
}

/**
 * sc_rx_arm() - ask to be notified when at least @want bytes can be consumed
 * @rx:		the half
 * @want:	1 to the ring's size
 *
 * As sc_tx_arm(), with @rx->cons.
 */
static inline void sc_rx_arm(struct sc_rx *rx, u32 want)
{
	WRITE_ONCE(rx->own->rx_event, READ_ONCE(rx->cons) + want - 1);
	virt_mb();	/* pairs with sc_tx_publish() of the peer */
}

/**
 * sc_rx_arm_at() - ask to be notified when the peer has produced past @prod
 * @rx:		the half
 * @prod:	the peer's producer index, as last read
 *
 * The caller reads the index once more, and repeats this call if it has changed.
 */
static inline void sc_rx_arm_at(struct sc_rx *rx, u32 prod)
{
	WRITE_ONCE(rx->own->rx_event, prod);
	virt_mb();	/* pairs with sc_tx_publish() of the peer */
}

/* ---- Switching to another ring ----------------------------------------- */

void sc_ring_copy(const struct sc_ring *to, const struct sc_ring *from, u32 pos, u32 len);
void sc_tx_switch(struct sc_tx *tx, const struct sc_ring *to);
bool sc_tx_is_followed(const struct sc_tx *tx);
void sc_rx_offer(struct sc_rx *rx, const struct sc_ring *next);

/* The size of the larger one of the present and the offered ring. No lock is needed. */
static inline u32 sc_rx_max_size(const struct sc_rx *rx)
{
	/*
	 * acquire: if the peer has switched, the size below is the new one; pairs with
	 * sc_rx_follow()
	 */
	u32 next = virt_load_acquire(&rx->next.size);
	u32 size = READ_ONCE(rx->ring.size);

	return max(size, next);
}

/* Whether the peer has switched, or claims to have, and we have not followed yet. */
static inline bool sc_rx_is_behind(const struct sc_rx *rx)
{
	return READ_ONCE(rx->peer->tx_switches) != READ_ONCE(rx->switches);
}

/* ---- Waiting for more than half of a ring ------------------------------ */

/* The largest ring, in bytes: nobody waits for more. */
#define SC_WANT_MAX	((u32)SCHANNEL_PAGE_SIZE << SCHANNEL_RING_ORDER_MAX)

/* Does the peer wait for bytes beyond @prod, our producer's index? No lock is needed. */
static inline bool sc_tx_is_awaited(const struct sc_tx *tx, u32 prod)
{
	return READ_ONCE(tx->peer->rx_want) - prod - 1 < SC_WANT_MAX;
}

bool sc_tx_say_full(struct sc_tx *tx);
bool sc_rx_want(struct sc_rx *rx, u32 want);

/*
 * Has the peer said that no more than the @avail bytes up to its index @prod will come before
 * some are consumed? No lock is needed.
 */
static inline bool sc_rx_is_full(const struct sc_rx *rx, u32 prod, u32 avail)
{
	return READ_ONCE(rx->peer->tx_full) == prod && avail &&
	       avail >= READ_ONCE(rx->ring.size);
}

#endif /* _SCHANNEL_RING_H */
