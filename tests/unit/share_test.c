// SPDX-License-Identifier: GPL-2.0-only
/* Shares: no user takes all of a channel, and each one finds something. */
#include <errno.h>
#include <stdlib.h>

#include <linux/bitmap.h>

#include "ring/pool.h"
#include "tap.h"

#define SEGMENTS	64
#define LIMIT		(SEGMENTS * SC_SEGMENT_PAGES)
#define USERS		20

/* A pool of full size, whose pages are all free. */
static struct sc_pool *pool_create(void)
{
	struct sc_pool *pool = calloc(1, sizeof(*pool));

	sc_pool_init(pool, LIMIT);
	for (u32 i = 0; i < SEGMENTS; i++) {
		struct sc_pool_segment *segment = calloc(1, sizeof(*segment));

		segment->nr_pages = SC_SEGMENT_PAGES;
		segment->map = calloc(BITS_TO_LONGS(SC_SEGMENT_PAGES), sizeof(long));
		CHECK_EQ(sc_pool_add(pool, segment), 0);
	}
	return pool;
}

static void pool_destroy(struct sc_pool *pool)
{
	struct sc_pool_segment *segment;

	while ((segment = sc_pool_take(pool))) {
		free(segment->map);
		free(segment);
	}
	free(pool);
}

/* All rings of an order that a user gets. */
static u32 take_all(struct sc_pool *pool, struct sc_share *share, u8 order)
{
	u32 before = share->pages;
	struct sc_extent extent;
	u32 rings = 0;

	while (!sc_pool_alloc(pool, share, order, &extent)) {
		CHECK(extent.share == share);
		rings++;
	}
	CHECK_EQ(share->pages - before, rings << order);
	return rings;
}

/* Half for the first, half of the rest for the second, and so on. */
static void half_of_what_others_leave(void)
{
	struct sc_pool *pool = pool_create();
	struct sc_share share[USERS] = {};
	u32 left = LIMIT;

	for (u32 i = 0; i < 10; i++) {
		CHECK_EQ(take_all(pool, &share[i], 0), left / 2);
		left -= left / 2;
	}
	CHECK_EQ(pool->used, LIMIT - left);
	/* who has little gets a 1024th of the limit as long as there is so much */
	CHECK_EQ(left, LIMIT / 1024);
	CHECK_EQ(take_all(pool, &share[10], 0), LIMIT / 1024);
	CHECK_EQ(take_all(pool, &share[11], 0), 0);
	pool_destroy(pool);
}

/* A ring that would go beyond the share is refused, whatever its size; a smaller one is not. */
static void refused_at_the_share(void)
{
	struct sc_pool *pool = pool_create();
	struct sc_share share = {}, other = {};
	struct sc_extent extent;

	CHECK_EQ(take_all(pool, &share, 8), SEGMENTS / 2);
	CHECK_EQ(sc_pool_alloc(pool, &share, 0, &extent), -EDQUOT);
	CHECK_EQ(sc_pool_alloc(pool, &other, 0, &extent), 0);
	/* what the first one has is more than half of what is left now, and stays */
	CHECK_EQ(share.pages, LIMIT / 2);
	sc_pool_free(pool, &extent);
	CHECK_EQ(other.pages, 0);
	/* a ring without a user takes all that there is */
	while (!sc_pool_alloc(pool, NULL, 8, &extent))
		CHECK(!extent.share);
	CHECK_EQ(pool->used, LIMIT);
	CHECK_EQ(sc_pool_alloc(pool, &other, 0, &extent), -ENOSPC);
	pool_destroy(pool);
}

/* What a user gives back can be had again, by the same user or another. */
static void given_back(void)
{
	struct sc_pool *pool = pool_create();
	struct sc_share share = {}, other = {};
	struct sc_extent extent;

	CHECK_EQ(sc_pool_alloc(pool, &share, 3, &extent), 0);
	take_all(pool, &share, 0);
	CHECK_EQ(share.pages, LIMIT / 2);
	sc_pool_free(pool, &extent);
	CHECK_EQ(share.pages, LIMIT / 2 - 8);
	CHECK_EQ(sc_pool_alloc(pool, &share, 3, &extent), 0);
	CHECK_EQ(sc_pool_alloc(pool, &share, 0, &extent), -EDQUOT);
	CHECK_EQ(take_all(pool, &other, 0), LIMIT / 4);
	pool_destroy(pool);
}

/* A ring shrinks even if its user has more than a full share meanwhile. */
static void shrinking(void)
{
	struct sc_pool *pool = pool_create();
	struct sc_share share = {}, other = {};
	struct sc_extent large, small;

	CHECK_EQ(sc_pool_alloc(pool, &share, 8, &large), 0);
	take_all(pool, &share, 8);
	take_all(pool, &other, 8);
	CHECK_EQ(sc_pool_alloc(pool, &share, 0, &small), -EDQUOT);
	CHECK_EQ(sc_pool_alloc_smaller(pool, &large, 0, &small), 0);
	CHECK_EQ(share.pages, LIMIT / 2 + 1);
	sc_pool_free(pool, &large);
	CHECK_EQ(share.pages, LIMIT / 2 - SC_SEGMENT_PAGES + 1);
	sc_pool_free(pool, &small);
	pool_destroy(pool);
}

/* The pages of a segment for large rings are not lost for a user who wants a small one. */
static void anywhere(void)
{
	struct sc_pool *pool = calloc(1, sizeof(*pool));
	struct sc_pool_segment *segment = calloc(1, sizeof(*segment));
	struct sc_share share = {};
	struct sc_extent extent;

	sc_pool_init(pool, 4 * SC_SEGMENT_PAGES);
	segment->nr_pages = 4 * SC_SEGMENT_PAGES;
	segment->map = calloc(BITS_TO_LONGS(segment->nr_pages), sizeof(long));
	CHECK_EQ(sc_pool_add(pool, segment), 0);
	CHECK_EQ(sc_pool_alloc(pool, &share, 0, &extent), -ENOSPC);
	CHECK_EQ(sc_pool_alloc_anywhere(pool, &share, 0, &extent), 0);
	CHECK_EQ(share.pages, 1);
	CHECK_EQ(sc_pool_alloc_anywhere(pool, &share, 9, &extent), -EDQUOT);
	CHECK_EQ(sc_pool_alloc_anywhere(pool, &share, 8, &extent), 0);
	CHECK_EQ(share.pages, 1 + SC_SEGMENT_PAGES);
	pool_destroy(pool);
}

/* A ring grows within its user's share; at the share it shrinks no ring of others. */
static void growing(void)
{
	struct sc_pool *pool = pool_create();
	struct sc_share share = {}, other = {};
	const u8 max = SCHANNEL_RING_ORDER_MAX;
	struct sc_extent extent;

	CHECK_EQ(sc_pool_larger(pool, &share, 4, max), 6);
	take_all(pool, &share, 8);
	CHECK_EQ(sc_pool_larger(pool, &share, 4, max), 4);
	CHECK_EQ(sc_pool_smaller(pool, max), max);
	CHECK_EQ(sc_pool_larger(pool, &other, 4, max), 6);
	CHECK_EQ(sc_pool_larger(pool, NULL, 4, max), 6);
	/* the larger of two steps, if the smaller one fits */
	pool->used -= 40;
	share.pages -= 40;
	CHECK_EQ(sc_pool_larger(pool, &share, 4, max), 5);
	pool->used += 40;
	share.pages += 40;
	CHECK_EQ(sc_pool_alloc(pool, &other, 4, &extent), 0);
	pool_destroy(pool);
}

static void flows(void)
{
	struct sc_pool *pool = pool_create();
	struct sc_share share = {}, other = {};
	u32 nr = 0;

	CHECK_EQ(pool->flows_limit, SCHANNEL_FLOWS_MAX - 1);
	while (!sc_pool_add_flow(pool, &share))
		nr++;
	CHECK_EQ(nr, pool->flows_limit / 2);
	CHECK_EQ(share.flows, nr);
	CHECK_EQ(sc_pool_add_flow(pool, &share), -EDQUOT);
	CHECK_EQ(sc_pool_add_flow(pool, NULL), 0);
	CHECK_EQ(sc_pool_add_flow(pool, &other), 0);
	CHECK_EQ(pool->flows, nr + 2);
	sc_pool_remove_flow(pool, &share);
	sc_pool_remove_flow(pool, &other);
	sc_pool_remove_flow(pool, NULL);
	CHECK_EQ(pool->flows, nr - 1);
	CHECK_EQ(share.flows, nr - 1);
	CHECK_EQ(other.flows, 0);
	CHECK_EQ(sc_pool_add_flow(pool, &share), 0);
	CHECK_EQ(sc_pool_add_flow(pool, &share), -EDQUOT);
	pool_destroy(pool);
}

static const struct tap_case cases[] = {
	{ "half of what others leave", half_of_what_others_leave },
	{ "refused at the share", refused_at_the_share },
	{ "given back", given_back },
	{ "growing", growing },
	{ "shrinking", shrinking },
	{ "anywhere", anywhere },
	{ "flows", flows },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
