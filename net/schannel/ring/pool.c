// SPDX-License-Identifier: GPL-2.0-only
/* The pool: allocates rings from segments. See pool.h. */
#include <linux/bitmap.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>

#include "dir.h"
#include "pool.h"

/* Part of the pool's limit that rings which grow leave to the rings of new flows. */
#define SC_POOL_KEEP	16

/**
 * sc_pool_init() - initialise a pool without segments
 * @pool:	the pool, zeroed
 * @limit:	largest number of pages that it may have
 */
void sc_pool_init(struct sc_pool *pool, u32 limit)
{
	spin_lock_init(&pool->lock);
	pool->limit = limit;
	pool->segments_max = SCHANNEL_SEGMENTS_MAX;
	pool->order_max = SCHANNEL_RING_ORDER_MAX;
	pool->flows_limit = SCHANNEL_FLOWS_MAX - 1;
	pool->stuck = SC_ORDER_NONE;
	pool->stuck_before = SC_ORDER_NONE;
}

/**
 * sc_pool_set_terms() - keep the pool within what the peer accepts
 * @pool:	the pool, without segments yet
 * @terms:	what the channel may use, at most the limits of this version
 */
void sc_pool_set_terms(struct sc_pool *pool, const struct sc_terms *terms)
{
	spin_lock_bh(&pool->lock);
	pool->limit = min(pool->limit, terms->pool_pages);
	pool->segments_max = terms->segments;
	pool->order_max = terms->ring_order;
	pool->flows_limit = terms->table_pages * SCHANNEL_FLOWS_PER_PAGE - 1;
	spin_unlock_bh(&pool->lock);
}

/**
 * sc_pool_order() - the initial size of the next ring
 * @pool:	the pool
 * @limits:	the limits of its size
 *
 * The more rings the pool has, the smaller the next one, so that thousands fit: the sum
 * of the initial sizes of n rings grows with log n.
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
	return min(order, pool->order_max);
}

static u8 sc_pool_stuck(const struct sc_pool *pool)
{
	return min(pool->stuck, pool->stuck_before);
}

/* May the user of @share, if the ring counts for one, have @nr pages more? Under the lock. */
static bool sc_pool_share_allows(const struct sc_pool *pool,
				 const struct sc_share *share, u32 nr)
{
	return !share || sc_share_allows(share->pages, nr, pool->used, pool->limit);
}

/*
 * The order of the largest ring that one flow may have: see sc_pool_larger(). Under the lock.
 */
static u8 sc_pool_most(const struct sc_pool *pool, u8 max)
{
	u32 free = pool->limit - pool->used;
	u32 keep = pool->limit / SC_POOL_KEEP;
	u32 pages;

	pages = (pool->limit - pool->small) / (pool->rings - pool->small + 1);
	pages = min(pages, free > keep ? (free - keep) / 4 : 0);
	return min_t(u8, max, pages ? ilog2(pages) : 0);
}

/**
 * sc_pool_larger() - the new size of a ring that is too small
 * @pool:	the pool
 * @share:	of the ring's user, or NULL
 * @order:	its order now
 * @max:	its largest order
 *
 * A ring may have an equal share of the pages that single-page rings leave. It may take
 * at most a quarter of the unallocated pages, so that the first ring to grow leaves pages
 * for others, and none of the last pages, so that many that grow do not take the place of
 * new flows. While a smaller ring is stuck, this ring does not grow.
 *
 * A ring that its user's share keeps from growing is not stuck: rings of other users must
 * not shrink for it.
 *
 * Return: the new order; @order if the ring shall not grow.
 */
u8 sc_pool_larger(struct sc_pool *pool, const struct sc_share *share, u8 order,
		  u8 max)
{
	u8 most, larger = order;

	max = min(max, pool->order_max);
	if (order >= max)
		return order;
	spin_lock_bh(&pool->lock);
	most = sc_pool_most(pool, max);
	if (order >= most)
		pool->stuck = min(pool->stuck, order);
	else if (order <= sc_pool_stuck(pool))
		larger = min_t(u8, order + 2, most);
	while (larger > order && !sc_pool_share_allows(pool, share, 1U << larger))
		larger--;
	spin_unlock_bh(&pool->lock);
	return larger;
}

/**
 * sc_pool_room() - the new size of a full ring that the peer does not read
 * @pool:	the pool
 * @share:	of the ring's user, or NULL
 * @order:	its order now
 * @max:	the order that holds all that may be under way
 *
 * It may take as much as a ring that is too small, but at once, and whether or not another
 * ring is stuck: programs may wait for each other until it has grown.
 *
 * Return: the new order; @order if the ring shall not grow.
 */
u8 sc_pool_room(struct sc_pool *pool, const struct sc_share *share, u8 order, u8 max)
{
	u8 most;

	spin_lock_bh(&pool->lock);
	most = sc_pool_most(pool, min(max, pool->order_max));
	while (most > order && !sc_pool_share_allows(pool, share, 1U << most))
		most--;
	spin_unlock_bh(&pool->lock);
	return max(most, order);
}

/**
 * sc_pool_smaller() - the new size of a busy ring when another ring is stuck
 * @pool:	the pool
 * @order:	its order now
 *
 * Of equally busy flows, those with larger rings get a higher throughput. So a ring that is
 * more than twice as large as a stuck one is halved, to free pages for the stuck one.
 *
 * Return: the new order; @order if the ring shall not shrink.
 */
u8 sc_pool_smaller(struct sc_pool *pool, u8 order)
{
	bool shares;

	spin_lock_bh(&pool->lock);
	shares = order > sc_pool_stuck(pool) + 1;
	spin_unlock_bh(&pool->lock);
	return order - shares;
}

/**
 * sc_pool_note_starved() - note that a ring could not grow for lack of memory
 * @pool:	the pool
 * @order:	the ring's order
 */
void sc_pool_note_starved(struct sc_pool *pool, u8 order)
{
	spin_lock_bh(&pool->lock);
	pool->stuck = min(pool->stuck, order);
	spin_unlock_bh(&pool->lock);
}

/**
 * sc_pool_segment_pages() - the size of the segments that rings of a size lie in
 * @order:	the rings' order
 *
 * Return: the number of pages.
 */
u32 sc_pool_segment_pages(u8 order)
{
	return max_t(u32, 1U << order, SC_SEGMENT_PAGES);
}

/*
 * Allocate a ring's pages, and count them in @share. @most: the pages of the largest segment that
 * may be used. Under the lock. 0 or -ENOSPC.
 */
static int sc_pool_take_pages(struct sc_pool *pool, struct sc_share *share, u8 order,
			      u32 most, struct sc_extent *extent)
{
	unsigned int nr = 1U << order;
	unsigned int i;

	for (i = 0; i < pool->nr_segments; i++) {
		struct sc_pool_segment *seg = pool->segment[i];
		unsigned long at;

		if (!seg || seg->state > SC_SEGMENT_MAPPED ||
		    seg->nr_pages > most || seg->nr_pages - seg->used < nr)
			continue;
		/* aligned to its size, so that freed neighbours form a larger free extent */
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
		extent->share = share;
		if (share)
			share->pages += nr;
		return 0;
	}
	return -ENOSPC;
}

/**
 * sc_pool_alloc() - allocate the pages of one ring
 * @pool:	the pool
 * @share:	of the user that the pages count for, or NULL
 * @order:	1 << @order pages, at most the pool's @order_max
 * @extent:	receives the pages' position
 *
 * Return: 0; -EDQUOT if the user's share does not allow it; -ENOSPC if no segment has that
 * many contiguous free pages.
 */
int sc_pool_alloc(struct sc_pool *pool, struct sc_share *share, u8 order,
		  struct sc_extent *extent)
{
	int err = -EDQUOT;

	spin_lock_bh(&pool->lock);
	/* a small ring must not keep a segment for large ones from being deleted */
	if (sc_pool_share_allows(pool, share, 1U << order))
		err = sc_pool_take_pages(pool, share, order,
					 sc_pool_segment_pages(order), extent);
	spin_unlock_bh(&pool->lock);
	return err;
}

/**
 * sc_pool_alloc_anywhere() - allocate the pages of one ring when the pool cannot grow
 * @pool:	the pool
 * @share:	as for sc_pool_alloc()
 * @order:	as for sc_pool_alloc()
 * @extent:	as for sc_pool_alloc()
 *
 * Also in segments for larger rings. Otherwise a user who fills half of the pool with large
 * rings and half with small ones, in turn, could keep it full of segments with nothing in them.
 *
 * Return: as sc_pool_alloc().
 */
int sc_pool_alloc_anywhere(struct sc_pool *pool, struct sc_share *share, u8 order,
			   struct sc_extent *extent)
{
	int err = -EDQUOT;

	spin_lock_bh(&pool->lock);
	if (sc_pool_share_allows(pool, share, 1U << order))
		err = sc_pool_take_pages(pool, share, order, ~0U, extent);
	spin_unlock_bh(&pool->lock);
	return err;
}

/**
 * sc_pool_alloc_smaller() - allocate a ring that replaces a larger one
 * @pool:	the pool
 * @from:	the larger ring, which is freed soon
 * @order:	as for sc_pool_alloc()
 * @extent:	as for sc_pool_alloc()
 *
 * A user who has more than a full share, since others came, must be able to give some back.
 *
 * Return: 0 or -ENOSPC.
 */
int sc_pool_alloc_smaller(struct sc_pool *pool, const struct sc_extent *from, u8 order,
			  struct sc_extent *extent)
{
	int err;

	spin_lock_bh(&pool->lock);
	err = sc_pool_take_pages(pool, from->share, order, sc_pool_segment_pages(order),
				 extent);
	spin_unlock_bh(&pool->lock);
	return err;
}

/**
 * sc_pool_free() - free a ring's pages
 * @pool:	the pool
 * @extent:	from sc_pool_alloc()
 *
 * Does nothing after sc_pool_take() has taken the segment. Any context but hard
 * interrupts.
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
		if (extent->share)
			extent->share->pages -= nr;
	}
	spin_unlock_bh(&pool->lock);
}

/**
 * sc_pool_add_flow() - count a new flow of the channel
 * @pool:	the channel's pool
 * @share:	of the user that the flow counts for, or NULL
 *
 * Return: 0, or -EDQUOT if the user's share does not allow it.
 */
int sc_pool_add_flow(struct sc_pool *pool, struct sc_share *share)
{
	bool allowed;

	spin_lock_bh(&pool->lock);
	allowed = !share || sc_share_allows(share->flows, 1, pool->flows,
					    pool->flows_limit);
	if (allowed) {
		pool->flows++;
		if (share)
			share->flows++;
	}
	spin_unlock_bh(&pool->lock);
	return allowed ? 0 : -EDQUOT;
}

/**
 * sc_pool_remove_flow() - a flow of the channel is gone
 * @pool:	the channel's pool
 * @share:	as for sc_pool_add_flow()
 *
 * Any context but hard interrupts.
 */
void sc_pool_remove_flow(struct sc_pool *pool, struct sc_share *share)
{
	spin_lock_bh(&pool->lock);
	pool->flows--;
	if (share)
		share->flows--;
	spin_unlock_bh(&pool->lock);
}

static unsigned int sc_pool_free_id(const struct sc_pool *pool)
{
	unsigned int id = 0;

	while (id < pool->nr_segments && pool->segment[id])
		id++;
	return id;
}

/**
 * sc_pool_may_grow() - whether one more segment stays within the limits
 * @pool:	the pool
 * @nr_pages:	the segment's pages
 *
 * Return: whether sc_pool_add() would add such a segment now.
 */
bool sc_pool_may_grow(struct sc_pool *pool, u32 nr_pages)
{
	bool may;

	spin_lock_bh(&pool->lock);
	may = sc_pool_free_id(pool) < pool->segments_max &&
	      pool->nr_pages + nr_pages <= pool->limit;
	spin_unlock_bh(&pool->lock);
	return may;
}

/**
 * sc_pool_add() - add a segment
 * @pool:	the pool
 * @seg:	the segment, whose pages are shared already; gets its number here
 *
 * Return: 0, or -ENOBUFS if a concurrent caller used up the limit.
 */
int sc_pool_add(struct sc_pool *pool, struct sc_pool_segment *seg)
{
	int err = -ENOBUFS;
	unsigned int id;

	spin_lock_bh(&pool->lock);
	id = sc_pool_free_id(pool);
	if (id < pool->segments_max &&
	    pool->nr_pages + seg->nr_pages <= pool->limit) {
		seg->id = id;
		seg->state = SC_SEGMENT_NEW;
		pool->segment[id] = seg;
		if (id == pool->nr_segments)
			pool->nr_segments++;
		pool->nr_pages += seg->nr_pages;
		WRITE_ONCE(pool->unannounced, pool->unannounced + 1);
		err = 0;
	}
	spin_unlock_bh(&pool->lock);
	return err;
}

/**
 * sc_pool_announce() - the next segment whose state the peer has to be told
 * @pool:	the pool
 * @deleted:	set to whether to send SEGMENT_DEL, or SEGMENT_ADD otherwise
 *
 * Return: the segment, which the caller announces now, or NULL if the peer knows all.
 */
struct sc_pool_segment *sc_pool_announce(struct sc_pool *pool, bool *deleted)
{
	struct sc_pool_segment *seg = NULL;
	unsigned int i;

	/* a caller that changes @unannounced calls this function after it has */
	if (!READ_ONCE(pool->unannounced))
		return NULL;
	spin_lock_bh(&pool->lock);
	for (i = 0; i < pool->nr_segments; i++) {
		seg = pool->segment[i];
		if (seg && (seg->state == SC_SEGMENT_NEW ||
			    seg->state == SC_SEGMENT_RETIRED))
			break;
		seg = NULL;
	}
	if (seg) {
		*deleted = seg->state == SC_SEGMENT_RETIRED;
		seg->state++;
		WRITE_ONCE(pool->unannounced, pool->unannounced - 1);
	}
	spin_unlock_bh(&pool->lock);
	return seg;
}

/**
 * sc_pool_answered() - the peer has answered SEGMENT_ADD
 * @pool:	the pool
 * @id:		the segment's number from the peer, less than SCHANNEL_SEGMENTS_MAX
 * @mapped:	whether the peer has mapped the segment; if not, no more rings are allocated in
 *		it, and sc_pool_retire_idle() retires it once it has none
 *
 * Return: false if the segment does not wait for an answer.
 */
bool sc_pool_answered(struct sc_pool *pool, u16 id, bool mapped)
{
	struct sc_pool_segment *seg;
	bool waits;

	spin_lock_bh(&pool->lock);
	seg = pool->segment[id];
	waits = seg && seg->state == SC_SEGMENT_ANNOUNCED;
	if (waits)
		seg->state = mapped ? SC_SEGMENT_MAPPED : SC_SEGMENT_UNMAPPED;
	spin_unlock_bh(&pool->lock);
	return waits;
}

/**
 * sc_pool_retire_idle() - retire segments without rings
 * @pool:	the pool
 *
 * Called periodically. Retires a segment that has no rings in this call and had none in
 * the previous one, or that has none and that the peer could not map. Forgets stuck rings
 * that were last noted before the previous call.
 *
 * Return: whether the next call may retire a segment.
 */
bool sc_pool_retire_idle(struct sc_pool *pool)
{
	bool more = false;
	unsigned int i;

	spin_lock_bh(&pool->lock);
	pool->stuck_before = pool->stuck;
	pool->stuck = SC_ORDER_NONE;
	for (i = 0; i < pool->nr_segments; i++) {
		struct sc_pool_segment *seg = pool->segment[i];

		if (!seg || seg->used || seg->state > SC_SEGMENT_UNMAPPED)
			continue;
		if (seg->state == SC_SEGMENT_UNMAPPED ||
		    (seg->idle && seg->state == SC_SEGMENT_MAPPED)) {
			seg->state = SC_SEGMENT_RETIRED;
			WRITE_ONCE(pool->unannounced, pool->unannounced + 1);
			continue;
		}
		seg->idle = true;
		more = true;
	}
	spin_unlock_bh(&pool->lock);
	return more;
}

/**
 * sc_pool_gone() - remove a segment that the peer has unmapped
 * @pool:	the pool
 * @id:		the segment's number from the peer, less than SCHANNEL_SEGMENTS_MAX
 *
 * Return: the segment, which the caller destroys, or NULL if no SEGMENT_DEL was sent for it.
 */
struct sc_pool_segment *sc_pool_gone(struct sc_pool *pool, u16 id)
{
	struct sc_pool_segment *seg;

	spin_lock_bh(&pool->lock);
	seg = pool->segment[id];
	if (seg && seg->state == SC_SEGMENT_DELETED) {
		pool->segment[id] = NULL;
		pool->nr_pages -= seg->nr_pages;
	} else {
		seg = NULL;
	}
	spin_unlock_bh(&pool->lock);
	return seg;
}

/**
 * sc_pool_take() - remove a segment of a channel that has ended
 * @pool:	the pool; no segment is added any more
 *
 * Return: a segment, which may have rings and which the caller destroys; NULL if the pool
 * has none left.
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
