// SPDX-License-Identifier: GPL-2.0-only
/* Records in one thread: where they are, and which headers are accepted. */
#include <stdlib.h>
#include <string.h>

/* shim_before_load() is called for each load of a header */
#define SHIM_HOSTILE

#include "pair.h"
#include "random.h"
#include "ring/record.h"
#include "tap.h"

#define RECORD_ALIGN	SCHANNEL_RECORD_ALIGN
#define SIZE_MAX_TESTED	(4 * SCHANNEL_PAGE_SIZE)

static const enum layout layouts[] = {
	LAYOUT_TOGETHER, LAYOUT_APART, LAYOUT_REVERSE, LAYOUT_PAIRS,
};

/* Positions are multiples of RECORD_ALIGN; the last ones soon wrap. */
static const u32 starts[] = { 0, 0x7ffffff0, 0xfffff000, 0xfffffff0, 0U - 5 * 4096 };

/* ---- A peer that changes a header while it is read ---------------------- */

static struct {
	struct schannel_record *at;	/* the header */
	struct schannel_record to;	/* its new content */
	unsigned int loads;		/* of its words, so far */
	unsigned int when;		/* before which load it changes */
	unsigned int of_word[4];
} peer;

void shim_before_load(const void *addr)
{
	size_t word = (const u32 *)addr - (const u32 *)peer.at;

	if (!peer.at || word >= ARRAY_SIZE(peer.of_word))
		return;
	if (peer.loads++ == peer.when)
		*peer.at = peer.to;
	peer.of_word[word]++;
}

/* ---- Sizes --------------------------------------------------------------- */

static void sizes(void)
{
	static const struct { u32 len, size; } known[] = {
		{ 0, 16 }, { 1, 32 }, { 15, 32 }, { 16, 32 }, { 17, 48 },
		{ 4079, 4096 }, { 4080, 4096 }, { 4081, 4112 },
		{ SCHANNEL_DGRAM_MAX - 1, SCHANNEL_DGRAM_MAX + 16 },
		{ SCHANNEL_DGRAM_MAX, SCHANNEL_DGRAM_MAX + 16 },
		{ SCHANNEL_DGRAM_MAX + 1, SCHANNEL_DGRAM_MAX + 32 },
	};
	size_t i;
	u32 len;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		CHECK_EQ(sc_record_size(known[i].len), known[i].size);
	for (len = 0; len < 70000 && !tap_failed(); len++) {
		u32 size = sc_record_size(len);

		CHECK_EQ(size % RECORD_ALIGN, 0);
		CHECK(size >= SC_RECORD_HEADER + len);
		CHECK(size < SC_RECORD_HEADER + len + RECORD_ALIGN);
	}
}

static void largest_fills_the_ring(void)
{
	u32 order, max;

	for (order = 0; order <= SCHANNEL_RING_ORDER_MAX; order++) {
		struct sc_ring ring = { .size = SCHANNEL_PAGE_SIZE << order };

		max = ring.size - SC_RECORD_HEADER;
		CHECK_EQ(sc_record_size(max), ring.size);
		CHECK(sc_record_size(max + 1) > ring.size);
	}
}

static void layout_is_the_abi(void)
{
	CHECK_EQ(sizeof(struct schannel_record), 16);
	CHECK_EQ(sizeof(struct schannel_record), RECORD_ALIGN);
	CHECK_EQ(SC_RECORD_HEADER, 16);
	CHECK_EQ(offsetof(struct schannel_record, len), 0);
	CHECK_EQ(offsetof(struct schannel_record, flags), 4);
	CHECK_EQ(offsetof(struct schannel_record, src_port), 8);
	CHECK_EQ(offsetof(struct schannel_record, dst_port), 12);
}

/* ---- Headers in rings ---------------------------------------------------- */

/* All fields differ, so that mixing up two of them shows. */
static struct schannel_record header(u32 len)
{
	return (struct schannel_record){
		.len = len,
		.flags = len ^ 0x11111111,
		.src_port = len ^ 0x22222222,
		.dst_port = len ^ 0x33333333,
	};
}

static void check_header(const struct schannel_record *is, u32 len)
{
	struct schannel_record want = header(len);

	CHECK_EQ(is->len, want.len);
	CHECK_EQ(is->flags, want.flags);
	CHECK_EQ(is->src_port, want.src_port);
	CHECK_EQ(is->dst_port, want.dst_port);
}

static u8 *byte_at(const struct sc_ring *ring, u32 pos)
{
	u32 run = 1;

	return sc_ring_run(ring, pos, &run);
}

static void fill(const struct sc_ring *ring, u8 byte)
{
	u32 page;

	for (page = 0; page * SCHANNEL_PAGE_SIZE < ring->size; page++)
		memset(ring->addr[page], byte, SCHANNEL_PAGE_SIZE);
}

/* The header is at its position, in one page, and no other byte has changed. */
static void put_one(const struct sc_ring *ring, u32 pos)
{
	struct schannel_record rec = header(ring->size - SC_RECORD_HEADER);
	u8 *first = byte_at(ring, pos);
	u32 i, wrong = 0;

	sc_record_put(ring, pos, &rec);
	CHECK(!memcmp(first, &rec, sizeof(rec)));
	CHECK(byte_at(ring, pos + SC_RECORD_HEADER - 1) ==
	      first + SC_RECORD_HEADER - 1);

	memset(&rec, 0, sizeof(rec));
	CHECK_EQ(sc_record_take(ring, pos, ring->size, &rec), 0);
	check_header(&rec, ring->size - SC_RECORD_HEADER);

	memset(first, 0xee, SC_RECORD_HEADER);
	for (i = 0; i < ring->size; i++)
		wrong += *byte_at(ring, i) != 0xee;
	CHECK_EQ(wrong, 0);
}

static void no_header_crosses_a_page(void)
{
	static const u32 sizes[] = { 16, 32, 4096, SIZE_MAX_TESTED };
	size_t i, j, k;
	u32 at;

	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		for (j = 0; j < ARRAY_SIZE(sizes); j++) {
			struct pair pair;

			pair_init(&pair, sizes[j], layouts[i], 0);
			fill(&pair.tx.ring, 0xee);
			/* at both ends of every page */
			for (k = 0; k < ARRAY_SIZE(starts); k++)
				for (at = 0; at <= sizes[j]; at += SCHANNEL_PAGE_SIZE) {
					put_one(&pair.tx.ring, starts[k] + at);
					put_one(&pair.tx.ring,
						starts[k] + at - RECORD_ALIGN);
				}
			pair_exit(&pair);
		}
	}
}

/* ---- Records through rings ----------------------------------------------- */

/* A length that is often at a limit. */
static u32 some_len(struct random *random, u32 max)
{
	static const u32 edges[] = { 0, 1, 15, 16, 17, 4079, 4080, 4081 };
	u32 len;

	switch (random_below(random, 4)) {
	case 0:
		len = edges[random_below(random, ARRAY_SIZE(edges))];
		return len < max ? len : max;
	case 1:
		return max - random_below(random, max < 20 ? max + 1 : 20);
	default:
		return random_within(random, 0, max);
	}
}

struct stream {
	struct random random;
	u64 at;
};

/* Write the next record of the stream, if there is space for it. */
static bool write_record(struct pair *pair, struct stream *s, u8 *bytes)
{
	struct stream before = *s;
	struct sc_tx *tx = &pair->tx;
	struct schannel_record rec;
	u32 len;

	len = some_len(&s->random, tx->ring.size - SC_RECORD_HEADER);
	if (sc_record_size(len) > sc_tx_space(tx)) {
		*s = before;
		return false;
	}
	rec = header(len);
	stream_fill(bytes, s->at, len);
	ring_copy_in(&tx->ring, tx->prod + SC_RECORD_HEADER, bytes, len);
	sc_record_put(&tx->ring, tx->prod, &rec);
	sc_tx_publish(tx, sc_record_size(len));
	s->at += len;
	return true;
}

/* Read the record that begins @skip bytes after the first. */
static bool read_record(struct pair *pair, struct stream *s, u8 *bytes, u32 *skip)
{
	struct sc_rx *rx = &pair->rx;
	struct schannel_record rec = {};
	u32 avail = sc_rx_avail(rx) - *skip;
	u32 len;

	if (!avail)
		return false;
	len = some_len(&s->random, rx->ring.size - SC_RECORD_HEADER);
	if (!CHECK_EQ(sc_record_take(&rx->ring, rx->cons + *skip, avail, &rec), 0))
		return false;
	check_header(&rec, len);
	ring_copy_out(&rx->ring, rx->cons + *skip + SC_RECORD_HEADER, bytes, len);
	CHECK(stream_matches(bytes, s->at, len));
	s->at += len;
	*skip += sc_record_size(len);
	return true;
}

/* Fill the ring, then consume some records, again and again. */
static void pass_records(u32 size, enum layout layout, u32 start)
{
	struct stream in = { .random = { .state = size ^ start ^ layout } };
	struct random random = { .state = ~in.random.state };
	struct stream out = in;
	struct pair pair;
	u8 *bytes;
	int round;

	pair_init(&pair, size, layout, start);
	bytes = malloc(size);
	for (round = 0; round < 50 && !tap_failed(); round++) {
		u32 skip = 0;

		while (write_record(&pair, &in, bytes))
			;
		CHECK_EQ(sc_rx_refresh(&pair.rx), 0);
		while (read_record(&pair, &out, bytes, &skip) &&
		       random_below(&random, 5))
			;
		CHECK(skip);
		sc_rx_publish(&pair.rx, skip);
		CHECK_EQ(sc_tx_refresh(&pair.tx), 0);
	}
	CHECK(pair.rx.cons - start > 5 * size);
	free(bytes);
	pair_exit(&pair);
}

static void records_survive_every_wrap(void)
{
	size_t i, j;
	u32 size;

	for (i = 0; i < ARRAY_SIZE(layouts); i++)
		for (size = 16; size <= SIZE_MAX_TESTED; size *= 2)
			for (j = 0; j < ARRAY_SIZE(starts); j++)
				pass_records(size, layouts[i], starts[j]);
}

static void largest_ring(void)
{
	pass_records(SCHANNEL_PAGE_SIZE << SCHANNEL_RING_ORDER_MAX, LAYOUT_PAIRS,
		     0xffffff00);
}

/* ---- Invalid headers ----------------------------------------------------- */

/* Calculated in numbers that cannot overflow. */
static bool is_within(u32 len, u32 avail)
{
	return RECORD_ALIGN + ((u64)len + 15) / 16 * 16 <= avail;
}

static void try_len(const struct sc_ring *ring, u32 pos, u32 avail, u32 len)
{
	struct schannel_record rec = header(len);
	int err;

	sc_record_put(ring, pos, &rec);
	memset(&rec, 0, sizeof(rec));
	err = sc_record_take(ring, pos, avail, &rec);
	CHECK_EQ(err, is_within(len, avail) ? 0 : -EPROTO);
	if (!err)
		check_header(&rec, len);
}

static void beyond_what_was_produced(void)
{
	static const u32 avails[] = {
		16, 32, 48, 4096 - 16, 4096, 4096 + 16, SIZE_MAX_TESTED - 16,
		SIZE_MAX_TESTED,
	};
	struct random random = { .state = 3 };
	struct pair pair;
	size_t i, j;
	int near;

	pair_init(&pair, SIZE_MAX_TESTED, LAYOUT_APART, 0);
	for (i = 0; i < ARRAY_SIZE(avails); i++) {
		for (j = 0; j < ARRAY_SIZE(starts); j++) {
			u32 avail = avails[i];
			const u32 edges[] = {
				0, avail, avail - SC_RECORD_HEADER,
				SIZE_MAX_TESTED, 0x80000000, 0U - avail,
				/* lengths whose record size overflows to a small one */
				0xffffffff, 0xfffffff0, 0xffffffe0,
			};
			size_t k;

			for (k = 0; k < ARRAY_SIZE(edges); k++)
				for (near = -40; near <= 40; near++)
					try_len(&pair.rx.ring, starts[j], avail,
						edges[k] + near);
			for (k = 0; k < 500; k++)
				try_len(&pair.rx.ring, starts[j], avail,
					random_u32(&random));
		}
	}
	pair_exit(&pair);
}

/* These are rejected before the ring is read. */
static void unaligned(void)
{
	struct schannel_record rec = header(0);
	struct pair pair;
	u32 off;

	pair_init(&pair, SIZE_MAX_TESTED, LAYOUT_APART, 0);
	sc_record_put(&pair.tx.ring, 0, &rec);
	memset(&peer, 0, sizeof(peer));
	peer.at = (struct schannel_record *)byte_at(&pair.rx.ring, 0);
	peer.when = ~0U;
	for (off = 1; off < 16; off++) {
		CHECK_EQ(sc_record_take(&pair.rx.ring, off, 4096, &rec), -EPROTO);
		CHECK_EQ(sc_record_take(&pair.rx.ring, 0U - off, 4096, &rec),
			 -EPROTO);
		CHECK_EQ(sc_record_take(&pair.rx.ring, 0, off, &rec), -EPROTO);
		CHECK_EQ(sc_record_take(&pair.rx.ring, 0, 4096 + off, &rec),
			 -EPROTO);
		/* both unaligned, so that their sum is aligned */
		CHECK_EQ(sc_record_take(&pair.rx.ring, off, 4096 - off, &rec),
			 -EPROTO);
	}
	CHECK_EQ(peer.loads, 0);
	peer.at = NULL;
	pair_exit(&pair);
}

/* ---- A header that changes while it is read -------------------------------- */

#define TAKEN_AVAIL 4096U

static void change_while_taken(const struct sc_ring *ring, u32 before, u32 after,
			       unsigned int when)
{
	struct schannel_record rec = header(before);
	int err;

	sc_record_put(ring, 0, &rec);
	memset(&peer, 0, sizeof(peer));
	peer.to = header(after);
	peer.when = when;
	peer.at = (struct schannel_record *)byte_at(ring, 0);
	memset(&rec, 0, sizeof(rec));
	err = sc_record_take(ring, 0, TAKEN_AVAIL, &rec);
	peer.at = NULL;

	/* the header returned is the one that was checked, old or new */
	CHECK_EQ(err, is_within(rec.len, TAKEN_AVAIL) ? 0 : -EPROTO);
	CHECK(rec.len == before || rec.len == after);
	CHECK_EQ(peer.of_word[0], 1);
	/* a rejected header need not be read as a whole */
	CHECK(peer.of_word[1] <= 1);
	CHECK(peer.of_word[2] <= 1);
	CHECK(peer.of_word[3] <= 1);
	if (!err)
		CHECK_EQ(peer.loads, 4);
}

static void changed_while_it_is_read(void)
{
	static const u32 lens[] = {
		0, 16, TAKEN_AVAIL - 16, TAKEN_AVAIL - 15, TAKEN_AVAIL,
		TAKEN_AVAIL + 1, 0xffffffff, 0xfffffff0,
	};
	struct pair pair;
	unsigned int when;
	size_t i, j;

	pair_init(&pair, SIZE_MAX_TESTED, LAYOUT_APART, 0);
	for (i = 0; i < ARRAY_SIZE(lens); i++)
		for (j = 0; j < ARRAY_SIZE(lens); j++)
			for (when = 0; when < 8; when++)
				change_while_taken(&pair.rx.ring, lens[i],
						   lens[j], when);
	pair_exit(&pair);
}

static const struct tap_case cases[] = {
	{ "sizes", sizes },
	{ "the largest one fills the ring", largest_fills_the_ring },
	{ "the layout is the ABI", layout_is_the_abi },
	{ "no header crosses a page", no_header_crosses_a_page },
	{ "records survive every wrap", records_survive_every_wrap },
	{ "the largest ring", largest_ring },
	{ "beyond what was produced", beyond_what_was_produced },
	{ "unaligned", unaligned },
	{ "changed while it is read", changed_while_it_is_read },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
