// SPDX-License-Identifier: GPL-2.0-only
/* The pool: extents are free before, aligned, inside their segment, and counted. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <linux/bitmap.h>

#include "ring/dir.h"
#include "ring/pool.h"
#include "random.h"
#include "tap.h"

#define MIB_PAGES (1024U * 1024 / SCHANNEL_PAGE_SIZE)

static struct sc_pool_segment *segment_create(u16 nr_pages)
{
	struct sc_pool_segment *seg = calloc(1, sizeof(*seg));

	seg->nr_pages = nr_pages;
	seg->map = calloc(BITS_TO_LONGS(nr_pages), sizeof(long));
	return seg;
}

static void segment_destroy(struct sc_pool_segment *seg)
{
	free(seg->map);
	free(seg);
}

static struct sc_pool *pool_create(u32 limit)
{
	struct sc_pool *pool = calloc(1, sizeof(*pool));

	sc_pool_init(pool, limit);
	return pool;
}

static void pool_destroy(struct sc_pool *pool)
{
	struct sc_pool_segment *segment;

	while ((segment = sc_pool_take(pool)))
		segment_destroy(segment);
	free(pool);
}

/* Another thread may use up the limit between the two calls. */
static bool pool_grow(struct sc_pool *pool)
{
	struct sc_pool_segment *segment;
	int err;

	if (!sc_pool_may_grow(pool, SC_SEGMENT_PAGES))
		return false;
	segment = segment_create(SC_SEGMENT_PAGES);
	err = sc_pool_add(pool, segment);
	if (!err)
		return true;
	CHECK_EQ(err, -ENOBUFS);
	segment_destroy(segment);
	return false;
}

/* Which ring owns each page; 0 is none. */
struct model {
	u32 segments;
	u32 nr_pages[8];
	u32 owner[8][SC_SEGMENT_PAGES];
	u32 used;
	u32 rings;
};

static bool model_free(const struct model *model, u32 segment, u32 page, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++)
		if (model->owner[segment][page + i])
			return false;
	return true;
}

static bool model_has_room(const struct model *model, u32 nr)
{
	u32 segment, page;

	for (segment = 0; segment < model->segments; segment++)
		for (page = 0; page + nr <= model->nr_pages[segment]; page += nr)
			if (model_free(model, segment, page, nr))
				return true;
	return false;
}

static void model_own(struct model *model, const struct sc_extent *extent,
		      u32 owner)
{
	u32 nr = 1U << extent->order;
	u32 i;

	for (i = 0; i < nr; i++)
		model->owner[extent->segment][extent->page + i] = owner;
	model->used += owner ? nr : -nr;
	model->rings += owner ? 1 : -1;
}

static void model_compare(const struct model *model, const struct sc_pool *pool)
{
	u32 segment, page, used = 0;

	CHECK_EQ(pool->rings, model->rings);
	CHECK_EQ(pool->used, model->used);
	for (segment = 0; segment < model->segments; segment++) {
		const struct sc_pool_segment *seg = pool->segment[segment];
		u32 seg_used = 0;

		for (page = 0; page < seg->nr_pages; page++) {
			bool owned = model->owner[segment][page];

			CHECK_EQ(test_bit(page, seg->map), owned);
			seg_used += owned;
		}
		CHECK_EQ(seg->used, seg_used);
		used += seg_used;
	}
	CHECK_EQ(pool->used, used);
}

/* Allocate once, and compare with what the model says is possible. */
static bool alloc_one(struct sc_pool *pool, struct model *model, u8 order,
		      struct sc_extent *extent, u32 owner)
{
	u32 nr = 1U << order;
	int err = sc_pool_alloc(pool, NULL, order, extent);

	CHECK_EQ(err, model_has_room(model, nr) ? 0 : -ENOSPC);
	if (err)
		return false;
	if (!CHECK(extent->segment < model->segments) ||
	    !CHECK(extent->page + nr <= model->nr_pages[extent->segment]))
		return false;
	CHECK_EQ(extent->order, order);
	CHECK_EQ(extent->page % nr, 0);
	CHECK(model_free(model, extent->segment, extent->page, nr));
	model_own(model, extent, owner);
	return true;
}

#define PLACES 300

static void alloc_and_free(void)
{
	static const u16 sizes[] = { 256, 256, 100, 1, 255, 64, 37, 128 };
	struct random random = { .state = 9 };
	struct sc_pool *pool = pool_create(8 * SC_SEGMENT_PAGES);
	static struct model model;
	struct sc_extent extent[PLACES];
	bool taken[PLACES] = { false };
	u32 refused = 0;
	u32 i, n;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct sc_pool_segment *seg = segment_create(sizes[i]);

		CHECK_EQ(sc_pool_add(pool, seg), 0);
		CHECK_EQ(seg->id, i);
		model.nr_pages[model.segments++] = sizes[i];
	}
	for (n = 0; n < 30000 && !tap_failed(); n++) {
		u8 order = random_below(&random, SC_SEGMENT_ORDER + 2);

		i = random_below(&random, PLACES);
		if (taken[i]) {
			sc_pool_free(pool, &extent[i]);
			model_own(&model, &extent[i], 0);
			taken[i] = false;
		} else {
			taken[i] = alloc_one(pool, &model, order, &extent[i], i + 1);
			refused += !taken[i];
		}
		if (n % 100 == 0)
			model_compare(&model, pool);
	}
	CHECK(refused > 0);
	for (i = 0; i < PLACES; i++) {
		if (taken[i]) {
			sc_pool_free(pool, &extent[i]);
			model_own(&model, &extent[i], 0);
		}
	}
	model_compare(&model, pool);
	CHECK_EQ(pool->used, 0);
	CHECK_EQ(pool->rings, 0);

	/* freed neighbours are one area again */
	CHECK(alloc_one(pool, &model, SC_SEGMENT_ORDER, &extent[0], 1));
	CHECK(alloc_one(pool, &model, SC_SEGMENT_ORDER, &extent[1], 2));
	CHECK(!alloc_one(pool, &model, SC_SEGMENT_ORDER, &extent[2], 3));
	pool_destroy(pool);
}

static void exhausted_to_the_last_page(void)
{
	struct sc_pool *pool = pool_create(2 * SC_SEGMENT_PAGES);
	struct sc_extent extent, last;
	u32 i;

	CHECK_EQ(sc_pool_alloc(pool, NULL, 0, &extent), -ENOSPC);
	while (pool_grow(pool))
		;
	CHECK_EQ(pool->nr_segments, 2);
	for (i = 0; i < 2 * SC_SEGMENT_PAGES; i++)
		CHECK_EQ(sc_pool_alloc(pool, NULL, 0, &last), 0);
	CHECK_EQ(sc_pool_alloc(pool, NULL, 0, &extent), -ENOSPC);
	CHECK_EQ(pool->used, 2 * SC_SEGMENT_PAGES);
	sc_pool_free(pool, &last);
	CHECK_EQ(sc_pool_alloc(pool, NULL, 1, &extent), -ENOSPC);
	CHECK_EQ(sc_pool_alloc(pool, NULL, 0, &extent), 0);
	CHECK_EQ(extent.segment, last.segment);
	CHECK_EQ(extent.page, last.page);
	pool_destroy(pool);
}

static void limits_hold(void)
{
	struct sc_pool *pool = pool_create(3 * SC_SEGMENT_PAGES - 1);
	struct sc_pool_segment *seg = segment_create(SC_SEGMENT_PAGES);
	u32 i;

	CHECK(pool_grow(pool));
	CHECK(pool_grow(pool));
	CHECK(!sc_pool_may_grow(pool, SC_SEGMENT_PAGES));
	CHECK(sc_pool_may_grow(pool, SC_SEGMENT_PAGES - 1));
	CHECK_EQ(sc_pool_add(pool, seg), -ENOBUFS);
	CHECK_EQ(pool->nr_segments, 2);
	CHECK_EQ(pool->nr_pages, 2 * SC_SEGMENT_PAGES);
	pool_destroy(pool);

	/* the number of segments is limited, too */
	pool = pool_create(0xffffffff);
	for (i = 0; i < SCHANNEL_SEGMENTS_MAX; i++)
		CHECK_EQ(sc_pool_add(pool, segment_create(1)), 0);
	CHECK(!sc_pool_may_grow(pool, 1));
	CHECK_EQ(sc_pool_add(pool, seg), -ENOBUFS);
	CHECK_EQ(pool->nr_segments, SCHANNEL_SEGMENTS_MAX);
	pool_destroy(pool);
	segment_destroy(seg);
}

/* No particular size. */
static const struct sc_size_limits any = { .min = 0, .max = SCHANNEL_RING_ORDER_MAX };

/* With any number of rings. */
static void sizes_are_available(void)
{
	static const u32 rings[] = { 0, 10, 1000000 };
	struct sc_pool *pool = pool_create(32 * MIB_PAGES);
	struct sc_size_limits limits = { 0 };
	u32 i;

	for (i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
		pool->rings = rings[i];
		for (limits.min = 0; limits.min <= SCHANNEL_RING_ORDER_MAX; limits.min++) {
			for (limits.max = limits.min; limits.max <= SCHANNEL_RING_ORDER_MAX;
			     limits.max++) {
				u8 order = sc_pool_order(pool, limits);

				CHECK(order >= limits.min);
				CHECK(order <= limits.max);
			}
		}
	}
	/* no order is suggested that no segment can hold */
	limits.min = SCHANNEL_RING_ORDER_MAX + 1;
	limits.max = SCHANNEL_RING_ORDER_MAX + 1;
	CHECK_EQ(sc_pool_order(pool, limits), SCHANNEL_RING_ORDER_MAX);
	pool_destroy(pool);
}

/* More rings never make the next one larger, a larger pool never makes it smaller. */
static void order_is_monotonic(void)
{
	u32 limit, rings;

	for (rings = 0; rings < 5000; rings++) {
		u8 smaller_pool = 0;

		for (limit = 16; limit <= 1 << 20; limit *= 4) {
			struct sc_pool *pool = pool_create(limit);
			u8 order;

			pool->rings = rings;
			order = sc_pool_order(pool, any);
			CHECK(order <= SC_RING_START_ORDER);
			CHECK(order >= smaller_pool);
			smaller_pool = order;
			pool->rings = rings + 1;
			CHECK(sc_pool_order(pool, any) <= order);
			pool_destroy(pool);
		}
	}
}

/* Each ring gets the size that was suggested, not a smaller one. */
static void rings_fit(u32 limit, u32 rings)
{
	struct sc_pool *pool = pool_create(limit);
	u32 i;

	for (i = 0; i < rings; i++) {
		u8 order = sc_pool_order(pool, any);
		struct sc_extent extent;

		while (sc_pool_alloc(pool, NULL, order, &extent))
			if (!CHECK(pool_grow(pool)))
				goto out;
	}
	CHECK_EQ(pool->rings, rings);
	CHECK(pool->nr_pages <= limit);
out:
	if (pool->rings != rings)
		tap_note("only %u rings in %u pages", pool->rings, limit);
	pool_destroy(pool);
}

static void thousands_fit(void)
{
	rings_fit(32 * MIB_PAGES, 2000);
	rings_fit(128 * MIB_PAGES, 8000);
	rings_fit(1 * MIB_PAGES, 60);
}

/* While there are few rings, all of them begin at the same size. */
static void first_rings_are_alike(void)
{
	struct sc_pool *pool = pool_create(32 * MIB_PAGES);

	CHECK_EQ(sc_pool_order(pool, any), SC_RING_START_ORDER);
	pool->rings = 32;
	CHECK_EQ(sc_pool_order(pool, any), SC_RING_START_ORDER);
	pool->rings = 2000;
	CHECK_EQ(sc_pool_order(pool, any), 0);
	pool_destroy(pool);
}

/* A ring grows step by step up to its limit, and never beyond its share. */
static void growing(void)
{
	struct sc_pool *pool = pool_create(32 * MIB_PAGES);
	u32 rings;
	u8 order, max;

	for (max = 0; max <= SCHANNEL_RING_ORDER_MAX; max++) {
		u8 at = 0, steps = 0;

		while ((order = sc_pool_larger(pool, NULL, at, max)) != at) {
			CHECK(order > at && order <= max);
			at = order;
			steps++;
		}
		CHECK_EQ(at, max);
		CHECK(steps <= 5);
	}
	CHECK_EQ(sc_pool_larger(pool, NULL, SCHANNEL_RING_ORDER_MAX,
				SCHANNEL_RING_ORDER_MAX + 1),
		 SCHANNEL_RING_ORDER_MAX);
	for (rings = 1; rings < 100000; rings = rings * 3 / 2 + 1) {
		pool->rings = rings;
		for (order = 0; order <= SCHANNEL_RING_ORDER_MAX; order++) {
			u8 to = sc_pool_larger(pool, NULL, order, SCHANNEL_RING_ORDER_MAX);

			CHECK(to >= order);
			if (to > order)
				CHECK(rings << to <= pool->limit);
		}
	}
	pool->rings = 0;
	pool_destroy(pool);
}

/* Beside any number of idle rings a busy one gets what it needs, but never all. */
static void growing_beside_idle(void)
{
	struct sc_pool *pool = pool_create(64 * MIB_PAGES);
	u8 order, to;

	pool->rings = 10000;
	pool->small = 10000;
	pool->used = 10000;
	order = 0;
	while ((to = sc_pool_larger(pool, NULL, order, SCHANNEL_RING_ORDER_MAX)) != order)
		order = to;
	CHECK_EQ(order, SCHANNEL_RING_ORDER_MAX);
	for (pool->used = 0; pool->used <= pool->limit; pool->used++) {
		to = sc_pool_larger(pool, NULL, 0, SCHANNEL_RING_ORDER_MAX);
		if (!to)
			continue;
		CHECK(4U << to <= pool->limit - pool->used);
		/* what is left is for the rings of new flows */
		CHECK(pool->used + (1U << to) <= pool->limit - pool->limit / 16);
	}
	pool->rings = 0;
	pool->small = 0;
	pool->used = 0;
	pool_destroy(pool);
}

/* What a full ring gets at once that is not read: as much, but at once, and never all. */
static void growing_unread(void)
{
	struct sc_pool *pool = pool_create(64 * MIB_PAGES);
	struct sc_share share = { .pages = 0 };
	u32 keep = pool->limit / 16;
	u8 to;

	CHECK_EQ(sc_pool_room(pool, NULL, 0, 7), 7);
	CHECK_EQ(sc_pool_room(pool, NULL, 4, 7), 7);
	CHECK_EQ(sc_pool_room(pool, NULL, 8, 7), 8);
	pool->order_max = 6;
	CHECK_EQ(sc_pool_room(pool, NULL, 4, 7), 6);
	pool->order_max = SCHANNEL_RING_ORDER_MAX;
	/* the user's share */
	share.pages = pool->limit / 2 - 64;
	pool->used = share.pages;
	CHECK_EQ(sc_pool_room(pool, &share, 4, 7), 6);
	share.pages = pool->limit / 2;
	pool->used = share.pages;
	CHECK_EQ(sc_pool_room(pool, &share, 4, 7), 4);
	CHECK_EQ(sc_pool_room(pool, NULL, 4, 7), 7);
	/* a ring that is stuck does not keep it from growing */
	sc_pool_note_starved(pool, 0);
	sc_pool_retire_idle(pool);
	sc_pool_note_starved(pool, 0);
	CHECK_EQ(sc_pool_room(pool, NULL, 4, 7), 7);
	for (pool->used = 0; pool->used <= pool->limit; pool->used++) {
		to = sc_pool_room(pool, NULL, 0, 7);
		CHECK(!to || pool->used + (1U << to) <= pool->limit - keep);
	}
	pool->used = 0;
	pool_destroy(pool);
}

/*
 * No ring grows beyond the size that another one could not get, and much larger ones
 * shrink, as long as that is recent.
 */
static void evening_out(void)
{
	struct sc_pool *pool = pool_create(MIB_PAGES);
	const u8 max = SCHANNEL_RING_ORDER_MAX;
	int i;

	CHECK_EQ(sc_pool_larger(pool, NULL, 4, 4), 4);
	CHECK_EQ(sc_pool_smaller(pool, max), max);	/* none is starved yet */
	pool->used = MIB_PAGES - 7;
	CHECK_EQ(sc_pool_larger(pool, NULL, 2, max), 2);
	CHECK_EQ(sc_pool_larger(pool, NULL, 5, max), 5);
	pool->used = 0;
	for (i = 0; i < 2; i++) {
		CHECK_EQ(sc_pool_larger(pool, NULL, 3, max), 3);
		CHECK_EQ(sc_pool_larger(pool, NULL, 2, max), 4);
		CHECK_EQ(sc_pool_larger(pool, NULL, 0, max), 2);
		CHECK_EQ(sc_pool_smaller(pool, max), max - 1);
		CHECK_EQ(sc_pool_smaller(pool, 4), 3);
		CHECK_EQ(sc_pool_smaller(pool, 3), 3);
		CHECK_EQ(sc_pool_smaller(pool, 0), 0);
		sc_pool_retire_idle(pool);
	}
	CHECK_EQ(sc_pool_larger(pool, NULL, 3, max), 5);
	CHECK_EQ(sc_pool_smaller(pool, max), max);
	sc_pool_note_starved(pool, 0);
	sc_pool_note_starved(pool, 3);
	CHECK_EQ(sc_pool_smaller(pool, 2), 1);
	pool_destroy(pool);
}

/* A large ring has a segment of its own, without small rings. */
static void large_rings(void)
{
	struct sc_pool *pool = pool_create(64 * MIB_PAGES);
	struct sc_extent large, small;
	u8 order;

	for (order = SC_SEGMENT_ORDER + 1; order <= SCHANNEL_RING_ORDER_MAX; order++) {
		struct sc_pool_segment *segment = segment_create(sc_pool_segment_pages(order));

		CHECK_EQ(segment->nr_pages, 1U << order);
		CHECK_EQ(sc_pool_add(pool, segment), 0);
		CHECK_EQ(sc_pool_alloc(pool, NULL, 0, &small), -ENOSPC);
		CHECK_EQ(sc_pool_alloc(pool, NULL, SC_SEGMENT_ORDER, &small), -ENOSPC);
		CHECK_EQ(sc_pool_alloc(pool, NULL, order, &large), 0);
		CHECK_EQ(large.segment, segment->id);
		CHECK_EQ(sc_pool_alloc(pool, NULL, order, &small), -ENOSPC);
		sc_pool_free(pool, &large);
	}
	for (order = 0; order <= SC_SEGMENT_ORDER; order++)
		CHECK_EQ(sc_pool_segment_pages(order), SC_SEGMENT_PAGES);
	CHECK(pool_grow(pool));
	CHECK_EQ(sc_pool_alloc(pool, NULL, 0, &small), 0);
	CHECK_EQ(pool->small, 1);
	sc_pool_free(pool, &small);
	CHECK_EQ(pool->small, 0);
	pool_destroy(pool);
}

static void tell(struct sc_pool *pool, const struct sc_pool_segment *seg, u8 state)
{
	bool goes = state != SC_SEGMENT_DELETED;

	CHECK(sc_pool_announce(pool, &goes) == seg);
	CHECK_EQ(seg->state, state);
	CHECK_EQ(goes, state == SC_SEGMENT_DELETED);
}

/* A segment is announced, idle, deleted, and gone; its number is used again. */
static void segments_come_and_go(void)
{
	struct sc_pool *pool = pool_create(3 * SC_SEGMENT_PAGES);
	struct sc_pool_segment *seg[3], *again;
	struct sc_extent extent;
	bool goes;
	u32 i;

	CHECK(!sc_pool_announce(pool, &goes));
	for (i = 0; i < 3; i++) {
		CHECK(pool_grow(pool));
		seg[i] = pool->segment[i];
	}
	CHECK(!pool_grow(pool));
	/* a segment that was not announced cannot be deleted */
	CHECK(sc_pool_retire_idle(pool));
	CHECK(sc_pool_retire_idle(pool));
	for (i = 0; i < 3; i++)
		tell(pool, seg[i], SC_SEGMENT_ANNOUNCED);
	CHECK(!sc_pool_announce(pool, &goes));
	/* nor one that the peer has not answered yet */
	CHECK(sc_pool_retire_idle(pool));
	CHECK(!sc_pool_announce(pool, &goes));
	for (i = 0; i < 3; i++) {
		CHECK(sc_pool_answered(pool, i, true));
		CHECK(!sc_pool_answered(pool, i, true));
		CHECK_EQ(seg[i]->state, SC_SEGMENT_MAPPED);
	}
	CHECK(!sc_pool_answered(pool, 3, true));
	CHECK(!sc_pool_gone(pool, 0));
	CHECK(!sc_pool_gone(pool, SCHANNEL_SEGMENTS_MAX - 1));

	/* one is in use, one was until a moment ago */
	CHECK_EQ(sc_pool_alloc(pool, NULL, SC_SEGMENT_ORDER, &extent), 0);
	CHECK_EQ(extent.segment, 0);
	CHECK_EQ(sc_pool_alloc(pool, NULL, 0, &extent), 0);
	CHECK_EQ(extent.segment, 1);
	sc_pool_free(pool, &extent);
	CHECK(sc_pool_retire_idle(pool));
	tell(pool, seg[2], SC_SEGMENT_DELETED);
	CHECK(!sc_pool_announce(pool, &goes));
	CHECK(!sc_pool_retire_idle(pool));
	CHECK_EQ(pool->nr_pages, 3 * SC_SEGMENT_PAGES);

	/* nothing is allocated from segments that are being deleted, or are gone */
	CHECK_EQ(sc_pool_alloc(pool, NULL, 0, &extent), -ENOSPC);
	CHECK(!sc_pool_gone(pool, 0));
	CHECK(!sc_pool_gone(pool, 1));
	tell(pool, seg[1], SC_SEGMENT_DELETED);
	CHECK_EQ(sc_pool_alloc(pool, NULL, 0, &extent), -ENOSPC);
	CHECK(sc_pool_gone(pool, 1) == seg[1]);
	CHECK(!sc_pool_gone(pool, 1));
	CHECK_EQ(pool->nr_pages, 2 * SC_SEGMENT_PAGES);
	segment_destroy(seg[1]);

	CHECK(pool_grow(pool));
	CHECK(!pool_grow(pool));
	again = pool->segment[1];
	CHECK_EQ(again->id, 1);
	CHECK_EQ(sc_pool_alloc(pool, NULL, 0, &extent), 0);
	CHECK_EQ(extent.segment, 1);
	tell(pool, again, SC_SEGMENT_ANNOUNCED);
	CHECK(sc_pool_gone(pool, 2) == seg[2]);
	segment_destroy(seg[2]);
	CHECK_EQ(pool->nr_segments, 3);
	CHECK_EQ(sc_pool_alloc(pool, NULL, SC_SEGMENT_ORDER, &extent), -ENOSPC);
	CHECK(pool_grow(pool));
	pool_destroy(pool);
}

/* The peer cannot map a segment: it gets no more rings, and goes when it has none. */
static void segment_is_not_mapped(void)
{
	struct sc_pool *pool = pool_create(2 * SC_SEGMENT_PAGES);
	struct sc_extent early, late;
	struct sc_pool_segment *seg;
	bool goes;

	CHECK(pool_grow(pool));
	seg = pool->segment[0];
	CHECK(!sc_pool_answered(pool, 0, false));
	tell(pool, seg, SC_SEGMENT_ANNOUNCED);
	/* a ring is allocated before the answer comes */
	CHECK_EQ(sc_pool_alloc(pool, NULL, 0, &early), 0);
	CHECK(sc_pool_answered(pool, 0, false));
	CHECK(!sc_pool_answered(pool, 0, true));
	CHECK_EQ(seg->state, SC_SEGMENT_UNMAPPED);
	CHECK_EQ(sc_pool_alloc(pool, NULL, 0, &late), -ENOSPC);
	CHECK(!sc_pool_retire_idle(pool));
	CHECK(!sc_pool_announce(pool, &goes));

	/* it counts until it is gone; another segment is another matter */
	CHECK(pool_grow(pool));
	CHECK(!pool_grow(pool));
	CHECK_EQ(sc_pool_alloc(pool, NULL, 0, &late), 0);
	CHECK_EQ(late.segment, 1);
	tell(pool, pool->segment[1], SC_SEGMENT_ANNOUNCED);

	/* it goes as soon as it is empty */
	sc_pool_free(pool, &early);
	sc_pool_retire_idle(pool);
	tell(pool, seg, SC_SEGMENT_DELETED);
	CHECK(sc_pool_gone(pool, 0) == seg);
	segment_destroy(seg);
	CHECK(pool_grow(pool));
	pool_destroy(pool);
}

/* The pool stays within what the peer accepts. */
static void peer_accepts_little(void)
{
	const struct sc_terms terms = {
		.segments = 2, .pool_pages = 3 * SC_SEGMENT_PAGES, .ring_order = 5,
	};
	const struct sc_size_limits limits = { .min = 8, .max = 10 };
	struct sc_pool *pool = pool_create(64 * MIB_PAGES);
	struct sc_pool_segment *seg;

	sc_pool_set_terms(pool, &terms);
	CHECK_EQ(pool->limit, 3 * SC_SEGMENT_PAGES);
	CHECK_EQ(sc_pool_order(pool, limits), 5);
	CHECK_EQ(sc_pool_larger(pool, NULL, 5, 10), 5);
	CHECK_EQ(sc_pool_larger(pool, NULL, 4, 10), 5);
	CHECK(pool_grow(pool));
	CHECK(pool_grow(pool));
	/* two segments, though there are pages for three */
	CHECK(!sc_pool_may_grow(pool, 1));
	pool_destroy(pool);

	pool = pool_create(2 * SC_SEGMENT_PAGES);
	sc_pool_set_terms(pool, &terms);
	CHECK_EQ(pool->limit, 2 * SC_SEGMENT_PAGES);
	pool_destroy(pool);

	/* add() checks the number of segments, too */
	pool = pool_create(64 * MIB_PAGES);
	sc_pool_set_terms(pool, &terms);
	CHECK(pool_grow(pool));
	CHECK(pool_grow(pool));
	seg = segment_create(1);
	CHECK_EQ(sc_pool_add(pool, seg), -ENOBUFS);
	segment_destroy(seg);
	pool_destroy(pool);
}

/* Two threads allocate and free; marks in the pages show an overlap. */
struct contender {
	struct sc_pool *pool;
	u64 seed;
	u32 (*page)[SC_SEGMENT_PAGES];
};

static void mark(struct contender *me, const struct sc_extent *extent, u32 was,
		 u32 is)
{
	u32 i;

	for (i = 0; i < 1U << extent->order; i++) {
		u32 *page = &me->page[extent->segment][extent->page + i];

		CHECK_EQ(*page, was);
		*page = is;
	}
}

static void *contend(void *arg)
{
	struct contender *me = arg;
	struct random random = { .state = me->seed };
	struct sc_extent extent[8];
	bool taken[8] = { false };
	u32 i, n;

	for (n = 0; n < 20000; n++) {
		i = random_below(&random, 8);
		if (taken[i]) {
			mark(me, &extent[i], me->seed, 0);
			sc_pool_free(me->pool, &extent[i]);
			taken[i] = false;
		} else if (!sc_pool_alloc(me->pool, NULL, random_below(&random, 6),
					  &extent[i])) {
			mark(me, &extent[i], 0, me->seed);
			taken[i] = true;
		} else {
			pool_grow(me->pool);
		}
	}
	for (i = 0; i < 8; i++) {
		if (taken[i]) {
			mark(me, &extent[i], me->seed, 0);
			sc_pool_free(me->pool, &extent[i]);
		}
	}
	return NULL;
}

static void two_threads(void)
{
	static u32 page[2][SC_SEGMENT_PAGES];
	struct sc_pool *pool = pool_create(2 * SC_SEGMENT_PAGES);
	struct contender one = { .pool = pool, .seed = 1, .page = page };
	struct contender two = { .pool = pool, .seed = 2, .page = page };
	pthread_t thread;

	pool_grow(pool);
	pthread_create(&thread, NULL, contend, &one);
	contend(&two);
	pthread_join(thread, NULL);
	CHECK_EQ(pool->used, 0);
	CHECK_EQ(pool->rings, 0);
	pool_destroy(pool);
}

/* A ring that is left when the channel ends may be freed, even twice. */
static void taken_away(void)
{
	struct sc_pool *pool = pool_create(8 * SC_SEGMENT_PAGES);
	struct sc_pool_segment *segment;
	struct sc_extent extent;
	int i;

	CHECK(pool_grow(pool) && pool_grow(pool));
	CHECK_EQ(sc_pool_alloc(pool, NULL, 3, &extent), 0);
	for (i = 0; i < 2; i++) {
		segment = sc_pool_take(pool);
		if (CHECK(segment))
			segment_destroy(segment);
	}
	CHECK(!sc_pool_take(pool));
	sc_pool_free(pool, &extent);
	sc_pool_free(pool, &extent);
	CHECK_EQ(sc_pool_alloc(pool, NULL, 0, &extent), -ENOSPC);
	pool_destroy(pool);
}

static const struct tap_case cases[] = {
	{ "allocate and free as the model", alloc_and_free },
	{ "exhausted to the last page", exhausted_to_the_last_page },
	{ "limits hold", limits_hold },
	{ "suggested sizes are available", sizes_are_available },
	{ "the order is monotonic", order_is_monotonic },
	{ "thousands of rings fit", thousands_fit },
	{ "the first rings are alike", first_rings_are_alike },
	{ "growing", growing },
	{ "growing beside idle ones", growing_beside_idle },
	{ "a full ring that is not read", growing_unread },
	{ "large rings shrink for starved ones", evening_out },
	{ "large rings", large_rings },
	{ "a segment that the peer cannot map", segment_is_not_mapped },
	{ "a peer that accepts little", peer_accepts_little },
	{ "segments come and go", segments_come_and_go },
	{ "taken away", taken_away },
	{ "two threads", two_threads },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
