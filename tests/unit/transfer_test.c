// SPDX-License-Identifier: GPL-2.0-only
/*
 * A producer and a consumer thread pass a stream through one ring. A side that has nothing
 * to do arms and sleeps; only the result of sc_*_publish() wakes it. So a lost wake-up is a
 * sleep that does not end, and a byte that is read too early or overwritten too soon is a
 * wrong byte, or a race that ThreadSanitizer reports.
 */
#include <pthread.h>
#include <stdlib.h>

#include "notify.h"
#include "pair.h"
#include "random.h"
#include "tap.h"

struct transfer {
	struct pair pair;
	struct notify data;	/* wakes the consumer */
	struct notify space;	/* wakes the producer */
	u64 total;
	u32 chunk_max;
	bool greedy;		/* sleep until half a ring is there, not 1 byte */
	unsigned long armed_data;
	unsigned long armed_space;
};

/* At most half a ring on either side, or both sides could wait for each other. */
static u32 wanted(const struct transfer *t, u64 left)
{
	u32 want = t->greedy ? t->pair.tx.ring.size / 2 : 1;

	return want < left ? want : left;
}

/* Waits for some space. Returns false if the test is over. */
static bool await_space(struct transfer *t, u64 left)
{
	struct sc_tx *tx = &t->pair.tx;
	u32 want = wanted(t, left);

	if (sc_tx_space(tx))
		return true;
	if (!CHECK_EQ(sc_tx_refresh(tx), 0))
		return false;
	if (sc_tx_space(tx))
		return true;
	for (;;) {
		sc_tx_arm(tx, want);
		t->armed_space++;
		if (!CHECK_EQ(sc_tx_refresh(tx), 0))
			return false;
		if (sc_tx_space(tx) >= want)
			return true;
		if (!notify_wait(&t->space))
			return CHECK(!"woken when there is space");
	}
}

static bool await_data(struct transfer *t, u64 left)
{
	struct sc_rx *rx = &t->pair.rx;
	u32 want = wanted(t, left);

	if (sc_rx_avail(rx))
		return true;
	if (!CHECK_EQ(sc_rx_refresh(rx), 0))
		return false;
	if (sc_rx_avail(rx))
		return true;
	for (;;) {
		sc_rx_arm(rx, want);
		t->armed_data++;
		if (!CHECK_EQ(sc_rx_refresh(rx), 0))
			return false;
		if (sc_rx_avail(rx) >= want)
			return true;
		if (!notify_wait(&t->data))
			return CHECK(!"woken when there is data");
	}
}

static u32 some(struct transfer *t, struct random *random, u32 room, u64 left)
{
	u32 len = random_within(random, 1, t->chunk_max);

	if (len > room)
		len = room;
	return len < left ? len : left;
}

static void *produce(void *arg)
{
	struct transfer *t = arg;
	struct sc_tx *tx = &t->pair.tx;
	struct random random = { .state = t->total };
	u8 *bytes = malloc(t->chunk_max);
	u64 sent = 0;

	while (sent < t->total && await_space(t, t->total - sent)) {
		u32 len = some(t, &random, sc_tx_space(tx), t->total - sent);

		stream_fill(bytes, sent, len);
		ring_copy_in(&tx->ring, tx->prod, bytes, len);
		if (sc_tx_publish(tx, len))
			notify_send(&t->data);
		sent += len;
	}
	free(bytes);
	return NULL;
}

static void *consume(void *arg)
{
	struct transfer *t = arg;
	struct sc_rx *rx = &t->pair.rx;
	struct random random = { .state = ~t->total };
	u8 *bytes = malloc(t->chunk_max);
	u64 received = 0;

	while (received < t->total && await_data(t, t->total - received)) {
		u32 len = some(t, &random, sc_rx_avail(rx),
			       t->total - received);

		ring_copy_out(&rx->ring, rx->cons, bytes, len);
		if (sc_rx_publish(rx, len))
			notify_send(&t->space);
		if (!CHECK(stream_matches(bytes, received, len)))
			break;
		received += len;
	}
	free(bytes);
	return NULL;
}

static void transfer(u32 size, enum layout layout, u64 total, u32 chunk_max,
		     bool greedy)
{
	struct transfer t = {
		.total = total, .chunk_max = chunk_max, .greedy = greedy,
	};
	pthread_t producer;

	/* the indexes wrap in the middle */
	pair_init(&t.pair, size, layout, 0U - (u32)(total / 2));
	notify_init(&t.data);
	notify_init(&t.space);
	pthread_create(&producer, NULL, produce, &t);
	consume(&t);
	pthread_join(producer, NULL);

	/* no notification without arming */
	CHECK(t.data.sent <= t.armed_data);
	CHECK(t.space.sent <= t.armed_space);
	tap_note("%llu KiB, ring of %u: armed %lu + %lu, notified %lu + %lu",
		 (unsigned long long)total >> 10, size, t.armed_data,
		 t.armed_space, t.data.sent, t.space.sent);
	pair_exit(&t.pair);
}

#define KIB(n) ((n) * 1024ULL)

static void tiny_ring(void)
{
	transfer(8, LAYOUT_TOGETHER, KIB(8), 8, false);
	transfer(16, LAYOUT_TOGETHER, KIB(16), 16, true);
	transfer(64, LAYOUT_TOGETHER, KIB(64), 64, false);
}

static void one_page(void)
{
	transfer(4096, LAYOUT_TOGETHER, KIB(1024), 100, false);
	transfer(4096, LAYOUT_TOGETHER, KIB(4096), 4096, true);
}

static void scattered_pages(void)
{
	transfer(8 * 4096, LAYOUT_APART, KIB(8192), 10000, false);
	transfer(8 * 4096, LAYOUT_PAIRS, KIB(8192), 50000, true);
}

static void large_ring(void)
{
	transfer(256 * 4096, LAYOUT_TOGETHER, KIB(16384), 65536, false);
	transfer(256 * 4096, LAYOUT_REVERSE, KIB(16384), 1000000, true);
}

static const struct tap_case cases[] = {
	{ "tiny ring", tiny_ring },
	{ "one page", one_page },
	{ "scattered pages", scattered_pages },
	{ "large ring", large_ring },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
