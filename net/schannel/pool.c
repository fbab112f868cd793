// SPDX-License-Identifier: GPL-2.0-only
/* The pool: carving rings from segments. See pool.h. */
#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <asm/barrier.h>

#include "pool.h"
#include "segment.h"

void sc_pool_init(struct sc_pool *pool, u32 limit)
{
	spin_lock_init(&pool->lock);
	pool->limit = limit;
}

/**
 * sc_pool_order() - how large the next ring should be
 * @pool:	the pool
 * @wish:	between which sizes
 *
 * The first rings get all a fast stream can use; the more there are, the smaller
 * the next, such that thousands fit: the sum over n rings grows with log n.
 *
 * Return: the order.
 */
u8 sc_pool_order(struct sc_pool *pool, struct sc_wish wish)
{
	u8 order;
	u32 share;

	spin_lock_bh(&pool->lock);
	share = pool->limit / (8 * (pool->rings + 1));
	spin_unlock_bh(&pool->lock);
	order = share ? clamp_t(u8, ilog2(share), wish.min, wish.max) : wish.min;
	return min_t(u8, order, SC_SEGMENT_ORDER);
}

/**
 * sc_pool_carve() - take the pages for one ring
 * @pool:	the pool
 * @order:	1 << @order pages, at most SC_SEGMENT_ORDER
 * @place:	filled in
 *
 * Return: 0, or -ENOSPC if no segment has that many pages together.
 */
int sc_pool_carve(struct sc_pool *pool, u8 order, struct sc_place *place)
{
	unsigned int nr = 1U << order;
	unsigned int i;

	spin_lock_bh(&pool->lock);
	for (i = 0; i < pool->nr_segments; i++) {
		struct sc_segment *seg = pool->segment[i];
		unsigned long at;

		if (seg->nr_pages - seg->used < nr)
			continue;
		/* aligned to its size, so that freed neighbours meet again */
		at = bitmap_find_next_zero_area(seg->map, seg->nr_pages, 0, nr,
						nr - 1);
		if (at >= seg->nr_pages)
			continue;
		bitmap_set(seg->map, at, nr);
		seg->used += nr;
		pool->used += nr;
		pool->rings++;
		place->segment = i;
		place->page = at;
		place->order = order;
		spin_unlock_bh(&pool->lock);
		return 0;
	}
	spin_unlock_bh(&pool->lock);
	return -ENOSPC;
}

/* Give a ring's pages back. Any context but hard interrupts. */
void sc_pool_release(struct sc_pool *pool, const struct sc_place *place)
{
	unsigned int nr = 1U << place->order;
	struct sc_segment *seg;

	spin_lock_bh(&pool->lock);
	seg = pool->segment[place->segment];
	bitmap_clear(seg->map, place->page, nr);
	seg->used -= nr;
	pool->used -= nr;
	pool->rings--;
	spin_unlock_bh(&pool->lock);
}

/* Would @nr_pages more stay within the limits? */
bool sc_pool_may_grow(struct sc_pool *pool, u32 nr_pages)
{
	bool may;

	spin_lock_bh(&pool->lock);
	may = pool->nr_segments < SCHANNEL_SEGMENTS_MAX &&
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
int sc_pool_add(struct sc_pool *pool, struct sc_segment *seg)
{
	int err = -ENOBUFS;

	spin_lock_bh(&pool->lock);
	if (pool->nr_segments < SCHANNEL_SEGMENTS_MAX &&
	    pool->nr_pages + seg->nr_pages <= pool->limit) {
		seg->id = pool->nr_segments;
		pool->segment[seg->id] = seg;
		pool->nr_pages += seg->nr_pages;
		/* release: the control ring reads it without the lock */
		smp_store_release(&pool->nr_segments, seg->id + 1);
		err = 0;
	}
	spin_unlock_bh(&pool->lock);
	return err;
}
