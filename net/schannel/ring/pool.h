/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel's own pool: segments, and which of their pages belong to a ring.
 * Only the book-keeping; segment.h makes the pages.
 */
#ifndef _SCHANNEL_POOL_H
#define _SCHANNEL_POOL_H

#include <linux/bits.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <uapi/xen/schannel.h>

/* Segments are this large, in pages; a ring that is larger has one of its own. */
#define SC_SEGMENT_ORDER	8U
#define SC_SEGMENT_PAGES	BIT(SC_SEGMENT_ORDER)

/* A ring begins no larger than this, whatever it may become: 64 KiB. */
#define SC_RING_START_ORDER	((u8)4)

/* In an OPEN: no wish for a particular ring size. */
#define SC_ORDER_ANY		0xffU

/* Larger than any ring. */
#define SC_ORDER_NONE		((u8)0xff)

/**
 * struct sc_size_limits - how large a ring is to be, in orders of pages
 * @min, @max:	it begins and stays between these
 * @fallback: the order that is accepted when memory is short, at most @min
 */
struct sc_size_limits {
	u8 min;
	u8 max;
	u8 fallback;
};

/**
 * struct sc_extent - where in a pool a ring is
 * @segment:	the segment's number
 * @page:	first page in it
 * @order:	1 << order pages
 */
struct sc_extent {
	u16 segment;
	u16 page;
	u8 order;
};

/* What the peer knows of a segment of ours, in the order in which it learns it. */
enum sc_segment_state {
	SC_SEGMENT_NEW,		/* not yet announced */
	SC_SEGMENT_THERE,	/* announced */
	SC_SEGMENT_LEAVING,	/* not yet asked to unmap it */
	SC_SEGMENT_LEFT,	/* asked; has not yet answered */
};

/**
 * struct sc_pool_segment - what the pool knows of a segment
 * @id:		its number
 * @nr_pages:	its pages
 * @used:	pages in rings
 * @state:	enum sc_segment_state
 * @idle:	it had no rings when sc_pool_idle() looked last
 * @map:	a bit for each page: whether that is in a ring
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
 * @lock:	protects all of it
 * @segment:	by number, NULL where there is none
 * @nr_segments: beyond the last there ever was
 * @unannounced:	segments that the peer has to be told something about
 * @nr_pages:	pages in all segments
 * @used:	pages in rings
 * @rings:	rings there are
 * @small:	of these, such as have a single page
 * @limit:	most pages the pool may have
 * @stuck, @stuck_before: the smallest ring that was to become larger and could not, as an
 *		order: since the last sc_pool_idle(), and between it and the one
 *		before; SC_ORDER_NONE
 */
struct sc_pool {
	spinlock_t lock;	/* all of it */
	struct sc_pool_segment *segment[SCHANNEL_SEGMENTS_MAX];
	unsigned int nr_segments;
	unsigned int unannounced;
	u32 nr_pages;
	u32 used;
	u32 rings;
	u32 small;
	u32 limit;
	u8 stuck;
	u8 stuck_before;
};

void sc_pool_init(struct sc_pool *pool, u32 limit);
u32 sc_pool_segment_pages(u8 order);
u8 sc_pool_order(struct sc_pool *pool, struct sc_size_limits limits);
u8 sc_pool_larger(struct sc_pool *pool, u8 order, u8 max);
u8 sc_pool_smaller(struct sc_pool *pool, u8 order);
void sc_pool_note_starved(struct sc_pool *pool, u8 order);
int sc_pool_alloc(struct sc_pool *pool, u8 order, struct sc_extent *extent);
void sc_pool_free(struct sc_pool *pool, const struct sc_extent *extent);
int sc_pool_add(struct sc_pool *pool, struct sc_pool_segment *seg);
bool sc_pool_may_grow(struct sc_pool *pool, u32 nr_pages);
struct sc_pool_segment *sc_pool_announce(struct sc_pool *pool, bool *goes);
bool sc_pool_idle(struct sc_pool *pool);
struct sc_pool_segment *sc_pool_gone(struct sc_pool *pool, u16 id);
struct sc_pool_segment *sc_pool_take(struct sc_pool *pool);

#endif /* _SCHANNEL_POOL_H */
