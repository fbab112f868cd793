// SPDX-License-Identifier: GPL-2.0-only
/* The pool: carving rings from segments. See pool.h. */
#include <linux/bitmap.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>

#include "pool.h"

void sc_pool_init(struct sc_pool *pool, u32 limit)
{
	spin_lock_init(&pool->lock);
	pool->limit = limit;
	pool->stuck = SC_ORDER_NONE;
	pool->stuck_before = SC_ORDER_NONE;
}

/**
 * sc_pool_order() - how large the next ring should be at first
 * @pool:	the pool
 * @limits:	between which sizes
 *
 * The more there are, the smaller the next, such that thousands fit: the sum over
 * n rings grows with log n.
 *
 * Return: the order.
 */
u8 sc_pool_order(struct sc_pool *pool, struct sc_size_limits limits)
{
	u8 order;
	u32 share;

	spin_lock_bh(&pool->lock);
	share = pool->limit / (8 * (pool->rings + 1));
	spin_unlock_bh(&pool->lock);
	order = share ? min_t(u8, ilog2(share), SC_RING_START_ORDER) : 0;
	order = clamp_t(u8, order, limits.min, limits.max);
	return min_t(u8, order, SCHANNEL_RING_ORDER_MAX);
}

static u8 sc_pool_stuck(const struct sc_pool *pool)
{
	return min(pool->stuck, pool->stuck_before);
}

/**
 * sc_pool_larger() - what a ring that is too small should become
 * @pool:	the pool
 * @order:	what it is
 * @max:	what it may be at most
 *
 * Rings that are as small as there are take no part in sharing the rest. Who comes
 * early finds much to take, so some of what is free is always left to others; and as
 * long as one is stuck that is smaller, this one stays as it is.
 *
 * Return: the order, @order if it is to stay as it is.
 */
u8 sc_pool_larger(struct sc_pool *pool, u8 order, u8 max)
{
	u8 most, larger = order;
	u32 share;

	max = min_t(u8, max, SCHANNEL_RING_ORDER_MAX);
	if (order >= max)
		return order;
	spin_lock_bh(&pool->lock);
	share = (pool->limit - pool->small) / (pool->rings - pool->small + 1);
	share = min(share, (pool->limit - pool->used) / 4);
	most = min_t(u8, max, share ? ilog2(share) : 0);
	if (order >= most)
		pool->stuck = min(pool->stuck, order);
	else if (order <= sc_pool_stuck(pool))
		larger = min_t(u8, order + 2, most);
	spin_unlock_bh(&pool->lock);
	return larger;
}

/**
 * sc_pool_smaller() - what a ring that is in use should become
 * @pool:	the pool
 * @order:	what it is
 *
 * Of flows that are equally busy those with larger rings get more done. So who has much
 * more than one that is stuck makes room for it.
 *
 * Return: the order, @order if it is to stay as it is.
 */
u8 sc_pool_smaller(struct sc_pool *pool, u8 order)
{
	bool shares;

	spin_lock_bh(&pool->lock);
	shares = order > sc_pool_stuck(pool) + 1;
	spin_unlock_bh(&pool->lock);
	return order - shares;
}

/* A ring of that order should be larger, but there is no memory. */
void sc_pool_note_starved(struct sc_pool *pool, u8 order)
{
	spin_lock_bh(&pool->lock);
	pool->stuck = min(pool->stuck, order);
	spin_unlock_bh(&pool->lock);
}

/* How many pages a segment has in which there are rings of this size. */
u32 sc_pool_segment_pages(u8 order)
{
	return max_t(u32, 1U << order, SC_SEGMENT_PAGES);
}

/**
 * sc_pool_alloc() - take the pages for one ring
 * @pool:	the pool
 * @order:	1 << @order pages, at most SCHANNEL_RING_ORDER_MAX
 * @extent:	filled in
 *
 * Return: 0, or -ENOSPC if no segment has that many pages together.
 */
int sc_pool_alloc(struct sc_pool *pool, u8 order, struct sc_extent *extent)
{
	unsigned int nr = 1U << order;
	unsigned int i;

	spin_lock_bh(&pool->lock);
	for (i = 0; i < pool->nr_segments; i++) {
		struct sc_pool_segment *seg = pool->segment[i];
		unsigned long at;

		/* a small ring would keep a large one's segment from going */
		if (!seg || seg->state > SC_SEGMENT_THERE ||
		    seg->nr_pages > sc_pool_segment_pages(order) ||
		    seg->nr_pages - seg->used < nr)
			continue;
		/* aligned to its size, so that freed neighbours meet again */
		at = bitmap_find_next_zero_area(seg->map, seg->nr_pages, 0, nr,
						nr - 1);
		if (at >= seg->nr_pages)
			continue;
		bitmap_set(seg->map, at, nr);
		seg->used += nr;
		seg->idle = false;
		pool->used += nr;
		pool->rings++;
		pool->small += !order;
		extent->segment = i;
		extent->page = at;
		extent->order = order;
		spin_unlock_bh(&pool->lock);
		return 0;
	}
	spin_unlock_bh(&pool->lock);
	return -ENOSPC;
}

/*
 * Give a ring's pages back. Any context but hard interrupts. Who is late, after
 * sc_pool_take(), finds nothing to give them back to.
 */
void sc_pool_free(struct sc_pool *pool, const struct sc_extent *extent)
{
	unsigned int nr = 1U << extent->order;
	struct sc_pool_segment *seg;

	spin_lock_bh(&pool->lock);
	seg = pool->segment[extent->segment];
	if (seg) {
		bitmap_clear(seg->map, extent->page, nr);
		seg->used -= nr;
		pool->used -= nr;
		pool->rings--;
		pool->small -= !extent->order;
	}
	spin_unlock_bh(&pool->lock);
}

static unsigned int sc_pool_free_id(const struct sc_pool *pool)
{
	unsigned int id = 0;

	while (id < pool->nr_segments && pool->segment[id])
		id++;
	return id;
}

/* Would @nr_pages more stay within the limits? */
bool sc_pool_may_grow(struct sc_pool *pool, u32 nr_pages)
{
	bool may;

	spin_lock_bh(&pool->lock);
	may = sc_pool_free_id(pool) < SCHANNEL_SEGMENTS_MAX &&
	      pool->nr_pages + nr_pages <= pool->limit;
	spin_unlock_bh(&pool->lock);
	return may;
}

/**
 * sc_pool_add() - the pool has one more segment
 * @pool:	the pool
 * @seg:	shared already; gets its number here
 *
 * Return: 0, or -ENOBUFS if a concurrent caller used up the limit.
 */
int sc_pool_add(struct sc_pool *pool, struct sc_pool_segment *seg)
{
	int err = -ENOBUFS;
	unsigned int id;

	spin_lock_bh(&pool->lock);
	id = sc_pool_free_id(pool);
	if (id < SCHANNEL_SEGMENTS_MAX &&
	    pool->nr_pages + seg->nr_pages <= pool->limit) {
		seg->id = id;
		seg->state = SC_SEGMENT_NEW;
		pool->segment[id] = seg;
		if (id == pool->nr_segments)
			pool->nr_segments++;
		pool->nr_pages += seg->nr_pages;
		pool->unannounced++;
		err = 0;
	}
	spin_unlock_bh(&pool->lock);
	return err;
}

/**
 * sc_pool_announce() - something that the peer has to be told about a segment
 * @pool:	the pool
 * @goes:	whether that is that it shall go, and not that it is there
 *
 * Return: the segment, which it is going to be told of now, or NULL.
 */
struct sc_pool_segment *sc_pool_announce(struct sc_pool *pool, bool *goes)
{
	struct sc_pool_segment *seg = NULL;
	unsigned int i;

	/* who changed it, and wants it to be seen, calls this later on */
	if (!READ_ONCE(pool->unannounced))
		return NULL;
	spin_lock_bh(&pool->lock);
	for (i = 0; i < pool->nr_segments; i++) {
		seg = pool->segment[i];
		if (seg && (seg->state == SC_SEGMENT_NEW ||
			    seg->state == SC_SEGMENT_LEAVING))
			break;
		seg = NULL;
	}
	if (seg) {
		*goes = seg->state == SC_SEGMENT_LEAVING;
		seg->state++;
		pool->unannounced--;
	}
	spin_unlock_bh(&pool->lock);
	return seg;
}

/**
 * sc_pool_idle() - let segments go that nobody uses
 * @pool:	the pool
 *
 * Called now and then: a segment without rings at this time and the previous goes; and
 * who has not been stuck since the previous is not any more.
 *
 * Return: whether there are such as may go next time.
 */
bool sc_pool_idle(struct sc_pool *pool)
{
	bool more = false;
	unsigned int i;

	spin_lock_bh(&pool->lock);
	pool->stuck_before = pool->stuck;
	pool->stuck = SC_ORDER_NONE;
	for (i = 0; i < pool->nr_segments; i++) {
		struct sc_pool_segment *seg = pool->segment[i];

		if (!seg || seg->used || seg->state > SC_SEGMENT_THERE)
			continue;
		if (seg->idle && seg->state == SC_SEGMENT_THERE) {
			seg->state = SC_SEGMENT_LEAVING;
			pool->unannounced++;
			continue;
		}
		seg->idle = true;
		more = true;
	}
	spin_unlock_bh(&pool->lock);
	return more;
}

/**
 * sc_pool_gone() - the peer has let go of a segment
 * @pool:	the pool
 * @id:		the segment's number, as the peer gave it
 *
 * Return: the segment, now the caller's to destroy, or NULL if it was not asked for.
 */
struct sc_pool_segment *sc_pool_gone(struct sc_pool *pool, u16 id)
{
	struct sc_pool_segment *seg;

	spin_lock_bh(&pool->lock);
	seg = pool->segment[id];
	if (seg && seg->state == SC_SEGMENT_LEFT) {
		pool->segment[id] = NULL;
		pool->nr_pages -= seg->nr_pages;
	} else {
		seg = NULL;
	}
	spin_unlock_bh(&pool->lock);
	return seg;
}

/**
 * sc_pool_take() - the channel is gone: take its segments, one by one
 * @pool:	the pool, which nobody adds to any more
 *
 * Return: one, whatever is in it, now the caller's to destroy; NULL: it was the last.
 */
struct sc_pool_segment *sc_pool_take(struct sc_pool *pool)
{
	struct sc_pool_segment *seg = NULL;

	spin_lock_bh(&pool->lock);
	while (!seg && pool->nr_segments) {
		pool->nr_segments--;
		seg = pool->segment[pool->nr_segments];
		pool->segment[pool->nr_segments] = NULL;
	}
	spin_unlock_bh(&pool->lock);
	return seg;
}
