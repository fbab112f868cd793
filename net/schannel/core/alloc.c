// SPDX-License-Identifier: GPL-2.0-only
/* Allocation of rings. See alloc.h. Process context. */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/mutex.h>

#include "channel.h"
#include "alloc.h"
#include "segment.h"
#include "maintain.h"

/* For how long nothing is added after the peer could not map something, in jiffies. */
#define SC_ALLOC_BACKOFF_MIN	(HZ / 10)
#define SC_ALLOC_BACKOFF_MAX	(2 * HZ)

/**
 * sc_alloc_note_answer() - the peer has answered for memory that was added
 * @ch:		the channel
 * @mapped:	whether it could map it; if not, it is short of memory, and nothing is added
 *		for a while, which doubles each time
 *
 * Context: The channel's work.
 */
void sc_alloc_note_answer(struct schannel_channel *ch, bool mapped)
{
	unsigned long wait = 0;

	if (!mapped) {
		wait = clamp(2 * ch->grow_wait, SC_ALLOC_BACKOFF_MIN, SC_ALLOC_BACKOFF_MAX);
		WRITE_ONCE(ch->grow_next, jiffies + wait);
	}
	/* release: pairs with sc_alloc_may_grow(), which needs the time that belongs to it */
	smp_store_release(&ch->grow_wait, wait);
}

/**
 * sc_alloc_may_grow() - may memory be added to a channel?
 * @ch:		the channel
 *
 * Return: false shortly after the peer could not map something.
 */
bool sc_alloc_may_grow(const struct schannel_channel *ch)
{
	/* acquire: pairs with sc_alloc_note_answer() */
	return !smp_load_acquire(&ch->grow_wait) ||
	       time_after_eq(jiffies, READ_ONCE(ch->grow_next));
}

/* Add a segment to the pool that is large enough for a ring of @order. Under grow_lock. */
static int sc_alloc_segment(struct schannel_channel *ch, u8 order)
{
	u32 nr_pages = sc_pool_segment_pages(order);
	struct sc_segment *seg;
	int err;

	lockdep_assert_held(&ch->grow_lock);
	if (READ_ONCE(ch->state) == SC_CHANNEL_DOWN)
		return -ECONNRESET;
	if (!sc_alloc_may_grow(ch) || !sc_pool_may_grow(&ch->pool, nr_pages))
		return -ENOBUFS;
	seg = sc_segment_create(ch->peer, nr_pages);
	if (IS_ERR(seg))
		return PTR_ERR(seg);
	err = sc_pool_add(&ch->pool, &seg->pool);
	if (err)
		sc_segment_destroy(ch->peer, seg);
	return err;
}

/**
 * sc_alloc_grow_pool() - add a segment to the pool
 * @ch:		the channel
 * @order:	order of a ring that the segment must hold
 *
 * Return: 0 or -errno.
 */
int sc_alloc_grow_pool(struct schannel_channel *ch, u8 order)
{
	int err;

	mutex_lock(&ch->grow_lock);
	err = sc_alloc_segment(ch, order);
	mutex_unlock(&ch->grow_lock);
	return err;
}

/**
 * sc_alloc_extent() - allocate the pages of a ring from the pool
 * @ch:		the channel, whose pool grows if necessary
 * @order:	the preferred order
 * @order_min:	the smallest order that is accepted when memory is short
 * @extent:	filled in
 *
 * Tries smaller orders when memory or the limits do not allow @order, and makes idle flows
 * shrink their rings.
 *
 * Return: 0 or -errno.
 */
int sc_alloc_extent(struct schannel_channel *ch, u8 order, u8 order_min,
		    struct sc_extent *extent)
{
	int err;

	if (!sc_pool_alloc(&ch->pool, order, extent))
		return 0;
	mutex_lock(&ch->grow_lock);
	while ((err = sc_pool_alloc(&ch->pool, order, extent))) {
		err = sc_alloc_segment(ch, order);
		if (!err)
			continue;
		sc_maintain_low_memory(ch);
		if (err == -ECONNRESET || order <= order_min)
			break;
		order--;
	}
	mutex_unlock(&ch->grow_lock);
	return err;
}

/**
 * sc_extent_ring() - the ring at an extent of our pool
 * @ch:		the channel
 * @extent:	from sc_alloc_extent() or sc_pool_alloc()
 * @ring:	filled in
 */
void sc_extent_ring(const struct schannel_channel *ch,
		    const struct sc_extent *extent, struct sc_ring *ring)
{
	const struct sc_segment *seg = sc_segment_of(ch->pool.segment[extent->segment]);

	ring->addr = seg->addr + extent->page;
	ring->size = PAGE_SIZE << extent->order;
}
