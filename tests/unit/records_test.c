// SPDX-License-Identifier: GPL-2.0-only
/*
 * A producer and a consumer thread pass records through one ring, as transfer_test passes
 * bytes: a side that has nothing to do arms and sleeps, and every header and every byte is
 * checked. The producer may publish several records at once, and the consumer reads several
 * before it consumes them, as an inbox does.
 */
#include <pthread.h>
#include <stdlib.h>

#include "notify.h"
#include "pair.h"
#include "random.h"
#include "ring/record.h"
#include "tap.h"

struct transfer {
	struct pair pair;
	struct notify data;	/* wakes the consumer */
	struct notify space;	/* wakes the producer */
	u32 total;		/* records */
	u32 len_max;
	unsigned long armed_data;
	unsigned long armed_space;
};

/* Both threads derive a record from its number. */
static struct schannel_record record(const struct transfer *t, u32 nr)
{
	struct random random = { .state = nr };
	u32 len = random_within(&random, 0, t->len_max);

	switch (random_below(&random, 8)) {
	case 0:
		len = 0;
		break;
	case 1:
		len = t->len_max;
		break;
	}
	return (struct schannel_record){
		.len = len,
		.flags = random_u32(&random),
		.src_port = nr,
		.dst_port = ~nr,
	};
}

/* The position of its bytes in the test stream. */
static u64 stream_at(u32 nr)
{
	return (u64)nr * 977;
}

/* Waits for the space. Returns false if the test is over. */
static bool await_space(struct transfer *t, u32 want)
{
	struct sc_tx *tx = &t->pair.tx;

	for (;;) {
		if (sc_tx_space(tx) >= want)
			return true;
		if (!CHECK_EQ(sc_tx_refresh(tx), 0))
			return false;
		if (sc_tx_space(tx) >= want)
			return true;
		sc_tx_arm(tx, want);
		t->armed_space++;
		if (!CHECK_EQ(sc_tx_refresh(tx), 0))
			return false;
		if (sc_tx_space(tx) < want && !notify_wait(&t->space))
			return CHECK(!"woken when there is space");
		if (tap_failed())
			return false;
	}
}

static bool await_data(struct transfer *t)
{
	struct sc_rx *rx = &t->pair.rx;

	for (;;) {
		if (!CHECK_EQ(sc_rx_refresh(rx), 0))
			return false;
		if (sc_rx_avail(rx))
			return true;
		sc_rx_arm(rx, 1);
		t->armed_data++;
		if (!CHECK_EQ(sc_rx_refresh(rx), 0))
			return false;
		if (!sc_rx_avail(rx) && !notify_wait(&t->data))
			return CHECK(!"woken when there is data");
	}
}

/* The bytes first, then the header, as sc_record_send() does. */
static void write_record(const struct sc_ring *ring, u32 pos,
			 const struct schannel_record *rec, u8 *bytes)
{
	stream_fill(bytes, stream_at(rec->src_port), rec->len);
	ring_copy_in(ring, pos + SC_RECORD_HEADER, bytes, rec->len);
	sc_record_put(ring, pos, rec);
}

static void *produce(void *arg)
{
	struct transfer *t = arg;
	struct sc_tx *tx = &t->pair.tx;
	struct random random = { .state = t->total };
	u8 *bytes = malloc(t->len_max + 1);
	struct schannel_record rec;
	u32 nr = 0, ahead;

	while (nr < t->total) {
		rec = record(t, nr);
		if (!await_space(t, sc_record_size(rec.len)))
			break;
		ahead = 0;
		do {
			write_record(&tx->ring, tx->prod + ahead, &rec, bytes);
			ahead += sc_record_size(rec.len);
			rec = record(t, ++nr);
		} while (nr < t->total && random_below(&random, 3) &&
			 sc_tx_space(tx) - ahead >= sc_record_size(rec.len));
		if (sc_tx_publish(tx, ahead))
			notify_send(&t->data);
	}
	free(bytes);
	return NULL;
}

static bool read_record(struct transfer *t, u32 nr, u32 skip, u8 *bytes)
{
	struct schannel_record want = record(t, nr);
	struct sc_rx *rx = &t->pair.rx;
	struct schannel_record rec;

	if (!CHECK_EQ(sc_record_take(&rx->ring, rx->cons + skip,
				     sc_rx_avail(rx) - skip, &rec), 0))
		return false;
	if (!CHECK_EQ(rec.len, want.len) || !CHECK_EQ(rec.flags, want.flags) ||
	    !CHECK_EQ(rec.src_port, want.src_port) ||
	    !CHECK_EQ(rec.dst_port, want.dst_port))
		return false;
	ring_copy_out(&rx->ring, rx->cons + skip + SC_RECORD_HEADER, bytes,
		      rec.len);
	return CHECK(stream_matches(bytes, stream_at(nr), rec.len));
}

static void *consume(void *arg)
{
	struct transfer *t = arg;
	struct sc_rx *rx = &t->pair.rx;
	struct random random = { .state = ~(u64)t->total };
	u8 *bytes = malloc(t->len_max + 1);
	u32 nr = 0;

	while (nr < t->total && await_data(t)) {
		u32 skip = 0;

		do {
			if (!read_record(t, nr, skip, bytes))
				goto out;
			skip += sc_record_size(record(t, nr++).len);
		} while (skip < sc_rx_avail(rx) && random_below(&random, 3));
		if (sc_rx_publish(rx, skip))
			notify_send(&t->space);
	}
out:
	/* the producer must not wait for a consumer that has ended */
	if (!CHECK_EQ(nr, t->total))
		notify_send(&t->space);
	free(bytes);
	return NULL;
}

static void transfer(u32 size, enum layout layout, u32 total, u32 len_max)
{
	/* not on the stack: see README.md */
	static struct transfer t;
	pthread_t producer;

	t = (struct transfer){ .total = total, .len_max = len_max };
	/* the indexes wrap soon */
	pair_init(&t.pair, size, layout, 0U - 2 * size);
	notify_init(&t.data);
	notify_init(&t.space);
	pthread_create(&producer, NULL, produce, &t);
	consume(&t);
	pthread_join(producer, NULL);

	/* all records were consumed, over two rounds of the ring; no notification without arming */
	CHECK_EQ(t.pair.rx.cons, t.pair.tx.prod);
	CHECK(t.pair.tx.prod < 0U - 2 * size);
	CHECK(t.data.sent <= t.armed_data);
	CHECK(t.space.sent <= t.armed_space);
	tap_note("%u records, ring of %u: armed %lu + %lu, notified %lu + %lu",
		 total, size, t.armed_data, t.armed_space, t.data.sent,
		 t.space.sent);
	pair_exit(&t.pair);
}

static void tiny_ring(void)
{
	transfer(16, LAYOUT_TOGETHER, 1000, 0);
	transfer(64, LAYOUT_TOGETHER, 4000, 48);
	transfer(128, LAYOUT_TOGETHER, 8000, 20);
}

static void one_page(void)
{
	transfer(4096, LAYOUT_TOGETHER, 20000, 100);
	transfer(4096, LAYOUT_TOGETHER, 2000, 4080);
}

static void scattered_pages(void)
{
	transfer(8 * 4096, LAYOUT_APART, 4000, 2000);
	transfer(8 * 4096, LAYOUT_PAIRS, 1000, 8 * 4096 - 16);
}

static void datagrams(void)
{
	transfer(64 * 4096, LAYOUT_TOGETHER, 300, SCHANNEL_DGRAM_MAX);
	transfer(64 * 4096, LAYOUT_REVERSE, 20000, 200);
}

static const struct tap_case cases[] = {
	{ "tiny ring", tiny_ring },
	{ "one page", one_page },
	{ "scattered pages", scattered_pages },
	{ "datagrams", datagrams },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
