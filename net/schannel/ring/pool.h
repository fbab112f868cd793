/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel's own pool: its segments, and the rings that are allocated from their pages.
 * Only the book-keeping; core/segment.h allocates the pages.
 */
#ifndef _SCHANNEL_POOL_H
#define _SCHANNEL_POOL_H

#include <linux/bits.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <uapi/xen/schannel.h>
#include "share.h"

struct sc_terms;

/* The size of a segment, in pages. A larger ring has a segment of its own. */
#define SC_SEGMENT_ORDER	8U
#define SC_SEGMENT_PAGES	BIT(SC_SEGMENT_ORDER)

/* The largest initial size of a ring, whatever its limits: 64 KiB. */
#define SC_RING_START_ORDER	((u8)4)

/* In an OPEN: the opener requests no particular ring size. */
#define SC_ORDER_ANY		0xffU

/* Larger than any ring. */
#define SC_ORDER_NONE		((u8)0xff)

/**
 * struct sc_size_limits - the limits of a ring's size, as orders of pages
 * @min:	smallest order, at the start and later
 * @max:	largest order, at the start and later
 * @fallback:	the order that is accepted when memory is short, at most @min
 * @room:	largest order of a ring that the peer does not read, may be above @max
 */
struct sc_size_limits {
	u8 min;
	u8 max;
	u8 fallback;
	u8 room;
};

/**
 * struct sc_extent - the pages of a ring in a pool
 * @segment:	the segment's number
 * @page:	first page within the segment
 * @order:	the ring has 1 << @order pages
 * @share:	of the user that the pages count for, NULL if they count for none
 */
struct sc_extent {
	u16 segment;
	u16 page;
	u8 order;
	struct sc_share *share;
};

/* The life of a segment, in this order, as far as the peer has been told. */
enum sc_segment_state {
	SC_SEGMENT_NEW,		/* not yet announced */
	SC_SEGMENT_ANNOUNCED,	/* announced, the peer has not answered yet */
	SC_SEGMENT_MAPPED,	/* the peer has mapped it */
	SC_SEGMENT_UNMAPPED,	/* the peer could not map it: no more rings in it */
	SC_SEGMENT_RETIRED,	/* to be deleted, SEGMENT_DEL is not sent yet */
	SC_SEGMENT_DELETED,	/* SEGMENT_DEL is sent, SEGMENT_GONE has not come yet */
};

/**
 * struct sc_pool_segment - the pool's part of a segment
 * @id:		the segment's number
 * @nr_pages:	number of its pages
 * @used:	number of pages that are in rings
 * @state:	enum sc_segment_state
 * @idle:	it had no rings at the last sc_pool_retire_idle()
 * @map:	one bit for each page: whether the page is in a ring
 *
 * The pool's lock protects @used, @state, @idle and @map.
 */
struct sc_pool_segment {
	u16 id;
	u16 nr_pages;
	u16 used;
	u8 state;
	bool idle;
	unsigned long *map;
};

/**
 * struct sc_pool - the pool
 * @lock:	protects all members
 * @segment:	the segments by number, NULL where a number is free
 * @nr_segments: one more than the highest number that was ever in use
 * @unannounced: number of segments whose state the peer has not been told yet
 * @nr_pages:	number of pages in all segments
 * @used:	number of pages that are in rings
 * @rings:	number of rings
 * @small:	number of rings that have a single page
 * @flows:	number of flows
 * @flows_limit: largest number of flows that the channel may have
 * @limit:	largest number of pages that the pool may have
 * @segments_max: largest number of segments
 * @order_max:	order of the largest ring that the peer can read
 * @stuck:	order of the smallest ring that should have grown and could not, since the
 *		last sc_pool_retire_idle(); SC_ORDER_NONE if none
 * @stuck_before: the same for the interval before that call
 */
struct sc_pool {
	spinlock_t lock;	/* protects all members */
	struct sc_pool_segment *segment[SCHANNEL_SEGMENTS_MAX];
	unsigned int nr_segments;
	unsigned int unannounced;
	u32 nr_pages;
	u32 used;
	u32 rings;
	u32 small;
	u32 flows;
	u32 flows_limit;
	u32 limit;
	u32 segments_max;
	u8 order_max;
	u8 stuck;
	u8 stuck_before;
};

void sc_pool_init(struct sc_pool *pool, u32 limit);
void sc_pool_set_terms(struct sc_pool *pool, const struct sc_terms *terms);
u32 sc_pool_segment_pages(u8 order);
u8 sc_pool_order(struct sc_pool *pool, struct sc_size_limits limits);
u8 sc_pool_larger(struct sc_pool *pool, const struct sc_share *share, u8 order,
		  u8 max);
u8 sc_pool_room(struct sc_pool *pool, const struct sc_share *share, u8 order, u8 max);
u8 sc_pool_smaller(struct sc_pool *pool, u8 order);
void sc_pool_note_starved(struct sc_pool *pool, u8 order);
int sc_pool_alloc(struct sc_pool *pool, struct sc_share *share, u8 order,
		  struct sc_extent *extent);
int sc_pool_alloc_anywhere(struct sc_pool *pool, struct sc_share *share, u8 order,
			   struct sc_extent *extent);
int sc_pool_alloc_smaller(struct sc_pool *pool, const struct sc_extent *from, u8 order,
			  struct sc_extent *extent);
void sc_pool_free(struct sc_pool *pool, const struct sc_extent *extent);
int sc_pool_add_flow(struct sc_pool *pool, struct sc_share *share);
void sc_pool_remove_flow(struct sc_pool *pool, struct sc_share *share);
int sc_pool_add(struct sc_pool *pool, struct sc_pool_segment *seg);
bool sc_pool_may_grow(struct sc_pool *pool, u32 nr_pages);
struct sc_pool_segment *sc_pool_announce(struct sc_pool *pool, bool *deleted);
bool sc_pool_answered(struct sc_pool *pool, u16 id, bool mapped);
bool sc_pool_retire_idle(struct sc_pool *pool);
struct sc_pool_segment *sc_pool_gone(struct sc_pool *pool, u16 id);
struct sc_pool_segment *sc_pool_take(struct sc_pool *pool);

#endif /* _SCHANNEL_POOL_H */
