// SPDX-License-Identifier: GPL-2.0-only
/* The ring in one thread: where bytes are, and which indexes are accepted. */
#include <stdlib.h>
#include <string.h>

#include "pair.h"
#include "random.h"
#include "tap.h"

#define SIZE_MAX_TESTED (8 * SCHANNEL_PAGE_SIZE)

/* Is the byte after the one at @pos also the next in memory? */
static bool adjoins(const struct sc_ring *ring, u32 pos)
{
	u32 at = pos & (ring->size - 1);
	u32 page = at / SCHANNEL_PAGE_SIZE;

	if (at + 1 == ring->size)
		return false;
	if ((at + 1) % SCHANNEL_PAGE_SIZE)
		return true;
	return (u8 *)ring->addr[page] + SCHANNEL_PAGE_SIZE ==
	       (u8 *)ring->addr[page + 1];
}

static void check_run(const struct sc_ring *ring, u32 pos, u32 len)
{
	u32 at = pos & (ring->size - 1);
	u8 *start = (u8 *)ring->addr[at / SCHANNEL_PAGE_SIZE] +
		    at % SCHANNEL_PAGE_SIZE;
	u32 want = 1;
	u32 run = len;

	while (want < len && adjoins(ring, pos + want - 1))
		want++;
	CHECK((u8 *)sc_ring_run(ring, pos, &run) == start);
	CHECK_EQ(run, want);
}

/* Runs around the edges of every page, with every kind of limit. */
static void check_runs(const struct sc_ring *ring)
{
	const u32 limits[] = {
		1, 2, 100, 4095, 4096, 4097, 8192, ring->size - 1, ring->size,
		ring->size + 1, 0xffffffff,
	};
	const u32 starts[] = { 0, 0x7fffffff, 0xfffff000, 0xffffffff };
	size_t i, j;
	u32 edge;
	int near;

	for (i = 0; i < ARRAY_SIZE(starts); i++)
		for (edge = 0; edge <= ring->size; edge += SCHANNEL_PAGE_SIZE)
			for (near = -1; near <= 1; near++)
				for (j = 0; j < ARRAY_SIZE(limits); j++)
					if (limits[j])
						check_run(ring, starts[i] + edge + near,
							  limits[j]);
}

static void runs_follow_the_pages(void)
{
	enum layout layout;
	u32 size;

	for (layout = 0; layout < LAYOUTS; layout++) {
		for (size = 16; size <= SIZE_MAX_TESTED; size *= 2) {
			struct pair pair;

			pair_init(&pair, size, layout, 0);
			check_runs(&pair.tx.ring);
			pair_exit(&pair);
		}
	}
}

static void one_run_when_together(void)
{
	struct pair pair;
	u32 run = 0xffffffff;

	pair_init(&pair, SIZE_MAX_TESTED, LAYOUT_TOGETHER, 0);
	CHECK(sc_ring_run(&pair.tx.ring, 5, &run) == (u8 *)pair.pages.page[0] + 5);
	CHECK_EQ(run, SIZE_MAX_TESTED - 5);
	pair_exit(&pair);
}

/* Send and receive random amounts, often until full, across all wraps. */
static void pass_bytes(u32 size, enum layout layout, u32 start)
{
	struct random random = { .state = size ^ start ^ layout };
	u64 sent = 0, received = 0;
	struct pair pair;
	u8 *bytes;
	int i;

	pair_init(&pair, size, layout, start);
	bytes = malloc(size);
	for (i = 0; i < 60 && !tap_failed(); i++) {
		u32 len = random_within(&random, 0, sc_tx_space(&pair.tx));

		if (random_below(&random, 4) == 0)
			len = sc_tx_space(&pair.tx);
		stream_fill(bytes, sent, len);
		ring_copy_in(&pair.tx.ring, pair.tx.prod, bytes, len);
		CHECK(!sc_tx_publish(&pair.tx, len));
		sent += len;
		CHECK_EQ(pair.sender->tx_prod, start + (u32)sent);
		CHECK_EQ(sc_tx_space(&pair.tx), size - (sent - received));

		CHECK_EQ(sc_rx_refresh(&pair.rx), 0);
		CHECK_EQ(sc_rx_avail(&pair.rx), sent - received);
		len = random_within(&random, 0, sc_rx_avail(&pair.rx));
		if (random_below(&random, 4) == 0)
			len = sc_rx_avail(&pair.rx);
		ring_copy_out(&pair.rx.ring, pair.rx.cons, bytes, len);
		CHECK(stream_matches(bytes, received, len));
		CHECK(!sc_rx_publish(&pair.rx, len));
		received += len;
		CHECK_EQ(pair.receiver->rx_cons, start + (u32)received);
		CHECK_EQ(sc_rx_avail(&pair.rx), sent - received);

		CHECK_EQ(sc_tx_refresh(&pair.tx), 0);
		CHECK_EQ(sc_tx_space(&pair.tx), size - (sent - received));
	}
	CHECK(sent > 5 * (u64)size);
	free(bytes);
	pair_exit(&pair);
}

static void bytes_survive_every_wrap(void)
{
	const u32 starts[] = { 0, 0x7ffffff0, 0xffffffff, 0xfffff001, 0xffffa000 };
	enum layout layout;
	u32 size;
	size_t i;

	for (layout = 0; layout < LAYOUTS; layout++)
		for (size = 16; size <= SIZE_MAX_TESTED; size *= 2)
			for (i = 0; i < ARRAY_SIZE(starts); i++)
				pass_bytes(size, layout, starts[i]);
}

static void full_and_empty_differ(void)
{
	struct pair pair;

	pair_init(&pair, 4096, LAYOUT_TOGETHER, 0xfffff800);
	CHECK_EQ(sc_tx_space(&pair.tx), 4096);
	CHECK_EQ(sc_rx_avail(&pair.rx), 0);
	sc_tx_publish(&pair.tx, 4096);
	CHECK_EQ(sc_tx_space(&pair.tx), 0);
	CHECK_EQ(sc_rx_avail(&pair.rx), 0);
	CHECK_EQ(sc_rx_refresh(&pair.rx), 0);
	CHECK_EQ(sc_rx_avail(&pair.rx), 4096);
	sc_rx_publish(&pair.rx, 4096);
	CHECK_EQ(sc_rx_avail(&pair.rx), 0);
	CHECK_EQ(sc_tx_space(&pair.tx), 0);
	CHECK_EQ(sc_tx_refresh(&pair.tx), 0);
	CHECK_EQ(sc_tx_space(&pair.tx), 4096);
	pair_exit(&pair);
}

/*
 * A valid consumer index is not below the last one, and not above the producer index.
 * Distances are counted from the last accepted one.
 */
static void try_cons(struct sc_tx *tx, struct schannel_flow *peer, u32 cons)
{
	struct sc_tx before = *tx;
	u32 moved = cons - before.cons;
	bool legal = moved <= before.prod - before.cons;
	int err;

	peer->rx_cons = cons;
	err = sc_tx_refresh(tx);
	CHECK_EQ(err, legal ? 0 : -EPROTO);
	CHECK_EQ(tx->cons, legal ? cons : before.cons);
	CHECK_EQ(tx->prod, before.prod);
	CHECK(sc_tx_space(tx) <= tx->ring.size);
	*tx = before;
}

/* A valid producer index is not below the last one, and the ring can hold the bytes. */
static void try_prod(struct sc_rx *rx, struct schannel_flow *peer, u32 prod)
{
	struct sc_rx before = *rx;
	u32 moved = prod - before.prod;
	bool legal = moved <= rx->ring.size - (before.prod - before.cons);
	int err;

	peer->tx_prod = prod;
	err = sc_rx_refresh(rx);
	CHECK_EQ(err, legal ? 0 : -EPROTO);
	CHECK_EQ(rx->prod, legal ? prod : before.prod);
	CHECK_EQ(rx->cons, before.cons);
	CHECK(sc_rx_avail(rx) <= rx->ring.size);
	*rx = before;
}

#define AROUND 40

/* Every value near a limit, and many others. */
static void try_indexes(struct pair *pair, struct random *random)
{
	u32 size = pair->tx.ring.size;
	const u32 edges[] = {
		pair->tx.cons, pair->tx.prod, pair->tx.cons + size,
		pair->tx.prod + size, pair->tx.prod - size,
		pair->tx.cons + 0x80000000, pair->tx.prod + 0x80000000, 0,
	};
	size_t i;
	int near;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		for (near = -AROUND; near <= AROUND; near++) {
			try_cons(&pair->tx, pair->receiver, edges[i] + near);
			try_prod(&pair->rx, pair->sender, edges[i] + near);
		}
	}
	for (i = 0; i < 1000; i++) {
		try_cons(&pair->tx, pair->receiver, random_u32(random));
		try_prod(&pair->rx, pair->sender, random_u32(random));
		try_cons(&pair->tx, pair->receiver,
			 pair->tx.cons + random_below(random, 2 * size));
		try_prod(&pair->rx, pair->sender,
			 pair->rx.prod + random_below(random, 2 * size));
	}
}

static void invalid_indexes_are_rejected(void)
{
	const u32 sizes[] = { 16, 4096, 32768 };
	const u32 starts[] = { 0, 1, 0x7fffffff, 0x80000000, 0xfffff800, 0xffffffff };
	struct random random = { .state = 1 };
	size_t i, j, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u32 size = sizes[i];
		const u32 filled[] = { 0, 1, 5, size / 2, size - 1, size };

		for (j = 0; j < ARRAY_SIZE(starts); j++) {
			for (k = 0; k < ARRAY_SIZE(filled); k++) {
				struct pair pair;

				pair_init(&pair, size, LAYOUT_TOGETHER, starts[j]);
				pair.tx.prod = starts[j] + filled[k];
				pair.rx.prod = starts[j] + filled[k];
				try_indexes(&pair, &random);
				pair_exit(&pair);
			}
		}
	}
}

/* The largest ring: distances of 4 MiB, an array of 1024 pages. */
static void largest_ring(void)
{
	u32 size = SCHANNEL_PAGE_SIZE << SCHANNEL_RING_ORDER_MAX;
	struct random random = { .state = 2 };
	struct pair pair;

	pass_bytes(size, LAYOUT_PAIRS, 0xffffff00);
	pair_init(&pair, size, LAYOUT_TOGETHER, 0xffffff00);
	pair.tx.prod += size / 3;
	pair.rx.prod += size / 3;
	try_indexes(&pair, &random);
	pair_exit(&pair);
}

/* What a consumer waits for counts ahead of the producer only, and the most that is waited for. */
static void waiting_for_much(void)
{
	static const u32 starts[] = { 0, 0x7fffffff, 0xfffff000, 0xffffffff };
	const u32 size = 4 * SCHANNEL_PAGE_SIZE;
	struct pair pair;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		pair_init(&pair, size, LAYOUT_TOGETHER, starts[i]);
		pair.receiver->rx_want = starts[i];
		CHECK(!sc_tx_is_awaited(&pair.tx, pair.tx.prod));
		CHECK(sc_rx_want(&pair.rx, size));
		CHECK_EQ(pair.receiver->rx_want, starts[i] + size);
		CHECK(!sc_rx_want(&pair.rx, size));
		CHECK(!sc_rx_want(&pair.rx, size - 1));
		CHECK_EQ(pair.receiver->rx_want, starts[i] + size);
		CHECK(sc_tx_is_awaited(&pair.tx, pair.tx.prod));
		CHECK(sc_tx_is_awaited(&pair.tx, pair.tx.prod + size - 1));
		CHECK(!sc_tx_is_awaited(&pair.tx, pair.tx.prod + size));
		CHECK(sc_rx_want(&pair.rx, SC_WANT_MAX));
		CHECK(!sc_rx_want(&pair.rx, 1));
		CHECK(sc_tx_is_awaited(&pair.tx, pair.tx.prod));
		/* what is behind, or too far ahead, was meant for other bytes */
		pair.receiver->rx_want = starts[i] - 1;
		CHECK(!sc_tx_is_awaited(&pair.tx, pair.tx.prod));
		CHECK(sc_rx_want(&pair.rx, size));
		pair.receiver->rx_want = starts[i] + SC_WANT_MAX + 1;
		CHECK(!sc_tx_is_awaited(&pair.tx, pair.tx.prod));
		CHECK(sc_rx_want(&pair.rx, size));
		pair_exit(&pair);
	}
}

/* "Full" counts for the index that it was said of, and for a full ring. */
static void saying_full(void)
{
	const u32 size = 4 * SCHANNEL_PAGE_SIZE;
	struct pair pair;

	pair_init(&pair, size, LAYOUT_TOGETHER, 0);
	CHECK(!sc_rx_is_full(&pair.rx, 0, 0));
	pair.tx.prod = size;
	pair.sender->tx_prod = size;
	CHECK(!sc_rx_is_full(&pair.rx, size, size));
	CHECK(sc_tx_say_full(&pair.tx));
	CHECK(!sc_tx_say_full(&pair.tx));
	CHECK(sc_rx_is_full(&pair.rx, size, size));
	CHECK(!sc_rx_is_full(&pair.rx, size, size - 1));
	CHECK(!sc_rx_is_full(&pair.rx, size + 1, size));
	pair_exit(&pair);
}

static const struct tap_case cases[] = {
	{ "runs follow the pages", runs_follow_the_pages },
	{ "one run when the pages lie together", one_run_when_together },
	{ "bytes survive every wrap", bytes_survive_every_wrap },
	{ "full and empty differ", full_and_empty_differ },
	{ "invalid indexes are rejected", invalid_indexes_are_rejected },
	{ "the largest ring", largest_ring },
	{ "waiting for more than half of a ring", waiting_for_much },
	{ "a full ring that cannot grow", saying_full },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
