// SPDX-License-Identifier: GPL-2.0-only
/*
 * A flow switches to another ring while bytes pass through it. The old ring is freed as
 * soon as the producer may do so: AddressSanitizer then reports a late read of it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "notify.h"
#include "pair.h"
#include "random.h"
#include "tap.h"

/* The ring in use, the one before it, and the one that is offered. */
struct switcher {
	struct pair pair;
	struct pages old;
	struct pages next;
	struct sc_ring offer;
	bool leaving;
	u32 switches_done;
};

static void switcher_init(struct switcher *m, u32 size, u32 start)
{
	memset(m, 0, sizeof(*m));
	pair_init(&m->pair, size, LAYOUT_TOGETHER, start);
}

static void switcher_exit(struct switcher *m)
{
	if (m->leaving)
		ring_free(&m->old);
	if (m->offer.size)
		ring_free(&m->next);
	pair_exit(&m->pair);
}

/* The consumer has followed: may the next ring be offered? */
static bool has_left(struct switcher *m)
{
	if (!m->leaving)
		return true;
	if (!sc_tx_is_followed(&m->pair.tx))
		return false;
	ring_free(&m->old);
	m->leaving = false;
	return true;
}

static void make_offer(struct switcher *m, u32 size, enum layout layout)
{
	/* an earlier offer that the producer has not switched to */
	if (m->offer.size)
		ring_free(&m->next);
	m->offer = ring_create(&m->next, size, layout);
}

/* As the flow that answers the offer does it. */
static int take_offer(struct switcher *m, const struct sc_ring *ring)
{
	struct sc_rx *rx = &m->pair.rx;

	if (sc_rx_refresh(rx) < 0)
		return -EPROTO;
	sc_rx_offer(rx, ring);
	return 0;
}

static bool fits(const struct switcher *m)
{
	const struct sc_tx *tx = &m->pair.tx;

	return tx->prod - tx->cons <= m->offer.size;
}

static void switch_ring(struct switcher *m)
{
	struct sc_tx *tx = &m->pair.tx;

	sc_ring_copy(&m->offer, &tx->ring, tx->cons, tx->prod - tx->cons);
	sc_tx_switch(tx, &m->offer);
	m->old = m->pair.pages;
	m->pair.pages = m->next;
	m->leaving = true;
	m->offer.size = 0;
	m->switches_done++;
}

/* ---- One thread, in every order ---------------------------------------- */

static u32 send_some(struct switcher *m, struct random *random, u64 at, u8 *bytes)
{
	struct sc_tx *tx = &m->pair.tx;
	u32 len;

	CHECK_EQ(sc_tx_refresh(tx), 0);
	len = random_within(random, 0, sc_tx_space(tx));
	if (random_below(random, 3) == 0)
		len = sc_tx_space(tx);
	stream_fill(bytes, at, len);
	ring_copy_in(&tx->ring, tx->prod, bytes, len);
	sc_tx_publish(tx, len);
	return len;
}

static void expect_bytes(struct switcher *m, u32 skip, u8 *bytes, u32 len, u64 at)
{
	const struct sc_rx *rx = &m->pair.rx;

	ring_copy_out(&rx->ring, rx->cons + skip, bytes, len);
	CHECK(stream_matches(bytes, at + skip, len));
}

static u32 receive_some(struct switcher *m, struct random *random, u64 at,
			u8 *bytes, u64 sent)
{
	struct sc_rx *rx = &m->pair.rx;
	u32 len, skip;

	if (random_below(random, 4)) {
		CHECK(sc_rx_refresh(rx) >= 0);
		CHECK_EQ(sc_rx_avail(rx), sent - at);
	}
	skip = random_within(random, 0, sc_rx_avail(rx));
	expect_bytes(m, skip, bytes, sc_rx_avail(rx) - skip, at);
	len = random_within(random, 0, sc_rx_avail(rx));
	if (random_below(random, 3) == 0)
		len = sc_rx_avail(rx);
	expect_bytes(m, 0, bytes, len, at);
	sc_rx_publish(rx, len);
	return len;
}

/* The peer answers at once, or only after it has followed an earlier switch. */
static void move_some(struct switcher *m, struct random *random, u32 most)
{
	u32 size = 16U << random_below(random, 12);

	if (m->offer.size && random_below(random, 2) && fits(m)) {
		switch_ring(m);
		return;
	}
	if (!has_left(m) || size > most)
		return;
	make_offer(m, size, random_below(random, LAYOUTS));
	CHECK_EQ(take_offer(m, &m->offer), 0);
}

static void pass_and_switch(u32 start, u64 seed)
{
	const u32 most = 8 * SCHANNEL_PAGE_SIZE;
	struct random random = { .state = seed };
	u8 *bytes = malloc(most);
	u64 sent = 0, received = 0;
	struct switcher m;
	int i;

	switcher_init(&m, 4096, start);
	for (i = 0; i < 500 && !tap_failed(); i++) {
		switch (random_below(&random, 3)) {
		case 0:
			sent += send_some(&m, &random, sent, bytes);
			break;
		case 1:
			received += receive_some(&m, &random, received, bytes,
						 sent);
			break;
		default:
			move_some(&m, &random, most);
		}
	}
	CHECK(m.switches_done > 5);
	switcher_exit(&m);
	free(bytes);
}

static void any_order(void)
{
	static const u32 starts[] = { 0, 0x7fffff00, 0xfffff000, 0xffffffff };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(starts); i++)
		for (j = 0; j < 4; j++)
			pass_and_switch(starts[i], 1 + j);
}

/* An idle, empty ring can be left each time. */
static void idle(void)
{
	struct switcher m;
	int i;

	switcher_init(&m, 65536, 0xfffffff0);
	for (i = 0; i < 10; i++) {
		if (!CHECK(has_left(&m)))
			break;
		make_offer(&m, i % 2 ? 65536 : 4096, LAYOUT_TOGETHER);
		CHECK_EQ(take_offer(&m, &m.offer), 0);
		switch_ring(&m);
		CHECK(sc_rx_is_behind(&m.pair.rx));
		CHECK_EQ(sc_rx_max_size(&m.pair.rx), 65536);
		CHECK_EQ(sc_rx_refresh(&m.pair.rx), 1);
		CHECK(!sc_rx_is_behind(&m.pair.rx));
	}
	CHECK_EQ(m.pair.rx.switches, i);
	CHECK_EQ(m.pair.rx.ring.size, m.pair.tx.ring.size);
	CHECK(m.pair.rx.ring.addr == m.pair.tx.ring.addr);
	switcher_exit(&m);
}

/*
 * A ring that is full grows again and again while nobody reads a byte, and a ring with unread
 * bytes shrinks to what they need.
 */
static void unread(void)
{
	const u32 most = 64 * SCHANNEL_PAGE_SIZE;
	u8 *bytes = malloc(most);
	struct switcher m;
	u32 size, len;

	switcher_init(&m, 16, 0xfffff123);
	stream_fill(bytes, 0, most);
	for (size = 16; size <= most; size *= 2) {
		if (size > 16) {
			if (!CHECK(has_left(&m)))
				break;
			make_offer(&m, size, LAYOUT_REVERSE);
			CHECK_EQ(take_offer(&m, &m.offer), 0);
			switch_ring(&m);
			/* the consumer reads in the old ring until it looks */
			expect_bytes(&m, 0, bytes, sc_rx_avail(&m.pair.rx), 0);
			CHECK(!sc_tx_is_followed(&m.pair.tx));
			CHECK_EQ(sc_rx_refresh(&m.pair.rx), 1);
			CHECK(sc_tx_is_followed(&m.pair.tx));
		}
		len = sc_tx_space(&m.pair.tx);
		stream_fill(bytes, m.pair.tx.prod - 0xfffff123, len);
		ring_copy_in(&m.pair.tx.ring, m.pair.tx.prod, bytes, len);
		sc_tx_publish(&m.pair.tx, len);
		CHECK_EQ(sc_rx_refresh(&m.pair.rx), 0);
		CHECK_EQ(sc_rx_avail(&m.pair.rx), size);
		expect_bytes(&m, 0, bytes, size, 0);
	}
	sc_rx_publish(&m.pair.rx, most - 100);
	CHECK_EQ(sc_tx_refresh(&m.pair.tx), 0);
	CHECK(has_left(&m));
	make_offer(&m, 64, LAYOUT_TOGETHER);
	CHECK(!fits(&m));
	make_offer(&m, 128, LAYOUT_TOGETHER);
	CHECK(fits(&m));
	CHECK_EQ(take_offer(&m, &m.offer), 0);
	switch_ring(&m);
	CHECK_EQ(sc_rx_refresh(&m.pair.rx), 1);
	CHECK_EQ(sc_rx_avail(&m.pair.rx), 100);
	expect_bytes(&m, 0, bytes, 100, most - 100);
	switcher_exit(&m);
	free(bytes);
}

/* ---- A peer that does what it must not ------------------------------------ */

static void try_switch(struct pair *pair, u32 switches, u32 prod)
{
	struct schannel_flow *own = pair->receiver;
	struct sc_rx *rx = &pair->rx;
	struct sc_rx before = *rx;
	bool moves = switches != rx->switches;
	u32 most = moves ? rx->next.size : rx->ring.size;
	bool legal = (!moves || (switches == rx->switches + 1 && most)) &&
		     prod - rx->cons <= most &&
		     prod - rx->cons >= rx->prod - rx->cons;

	own->rx_switches = rx->switches;
	pair->sender->tx_switches = switches;
	pair->sender->tx_prod = prod;
	CHECK_EQ(sc_rx_refresh(rx), legal ? moves : -EPROTO);
	CHECK_EQ(rx->prod, legal ? prod : before.prod);
	CHECK_EQ(rx->cons, before.cons);
	CHECK_EQ(own->rx_switches, legal ? switches : before.switches);
	CHECK_EQ(rx->switches, own->rx_switches);
	CHECK_EQ(rx->ring.size, legal ? most : before.ring.size);
	CHECK_EQ(rx->next.size, legal && moves ? 0 : before.next.size);
	*rx = before;
}

static void try_switches(u32 size, u32 next, u32 start, u32 waiting)
{
	static const u32 counts[] = { 7, 8, 9, 6, 0, 0x80000007, 0xffffffff };
	u32 edge[] = { 0, waiting, size, next, 0x80000000, -size, -next };
	struct pair pair;
	size_t i, j;
	int near;

	pair_init(&pair, size, LAYOUT_TOGETHER, start);
	pair.rx.switches = 7;
	pair.rx.prod = start + waiting;
	pair.rx.next = (struct sc_ring){ .addr = pair.pages.page, .size = next };
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		for (j = 0; j < ARRAY_SIZE(edge); j++)
			for (near = -2; near <= 2; near++)
				try_switch(&pair, counts[i], start + edge[j] + near);
	pair_exit(&pair);
}

static void invalid_switches_are_rejected(void)
{
	static const u32 sizes[] = { 0, 16, 4096, 65536 };
	static const u32 starts[] = { 0, 0x7fffffff, 0xfffffff0 };
	size_t i, j, k;

	for (i = 1; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < ARRAY_SIZE(sizes); j++) {
			for (k = 0; k < ARRAY_SIZE(starts); k++) {
				try_switches(sizes[i], sizes[j], starts[k], 0);
				try_switches(sizes[i], sizes[j], starts[k], 10);
				try_switches(sizes[i], sizes[j], starts[k],
					     sizes[i]);
			}
		}
	}
}

/* A second switch without a second offer. */
static void second_switch(void)
{
	struct switcher m;

	switcher_init(&m, 4096, 0);
	sc_tx_publish(&m.pair.tx, 10);
	make_offer(&m, 8192, LAYOUT_TOGETHER);
	CHECK_EQ(take_offer(&m, &m.offer), 0);
	switch_ring(&m);
	m.pair.sender->tx_switches++;
	CHECK_EQ(sc_rx_refresh(&m.pair.rx), -EPROTO);
	m.pair.sender->tx_switches--;
	CHECK_EQ(sc_rx_refresh(&m.pair.rx), 1);
	m.pair.sender->tx_switches++;
	CHECK_EQ(sc_rx_refresh(&m.pair.rx), -EPROTO);
	switcher_exit(&m);
}

/* A consumer that has followed switches which were not made. */
static void invalid_follower(void)
{
	static const u32 counts[] = { 0, 1, 2, 0x7fffffff, 0xffffffff };
	struct pair pair;
	size_t i;
	int ahead;

	pair_init(&pair, 4096, LAYOUT_TOGETHER, 5);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		for (ahead = -5; ahead <= 5; ahead++) {
			pair.tx.switches = counts[i];
			pair.receiver->rx_switches = counts[i] + ahead;
			CHECK_EQ(sc_tx_refresh(&pair.tx),
				 ahead == 0 || ahead == -1 ? 0 : -EPROTO);
			CHECK_EQ(sc_tx_is_followed(&pair.tx), !ahead);
		}
	}
	pair_exit(&pair);
}

/* ---- Two threads ------------------------------------------------------- */

enum { NO_OFFER, OFFERED, ANSWERED };

struct transfer {
	struct switcher m;
	struct notify data;	/* wakes the consumer */
	struct notify space;	/* wakes the producer */
	u64 total;
	u32 chunk_max;
	u32 offer;		/* state of m.offer */
	struct sc_ring message;	/* the offer, as the consumer received it */
};

/* The part of the control ring and of the channel's work. */
static void answer(struct transfer *t)
{
	if (virt_load_acquire(&t->offer) != OFFERED)
		return;
	CHECK_EQ(take_offer(&t->m, &t->message), 0);
	virt_store_release(&t->offer, ANSWERED);
	notify_send(&t->space);
}

static void resize(struct transfer *t, struct random *random)
{
	struct switcher *m = &t->m;

	switch (virt_load_acquire(&t->offer)) {
	case NO_OFFER:
		if (!has_left(m))
			break;
		make_offer(m, 64U << random_below(random, 12), LAYOUT_PAIRS);
		t->message = m->offer;
		virt_store_release(&t->offer, OFFERED);
		notify_send(&t->data);
		break;
	case ANSWERED:
		/* from now on this happens at any time */
		if (random_below(random, 3) == 0 && fits(m)) {
			switch_ring(m);
			virt_store_release(&t->offer, NO_OFFER);
		}
		break;
	}
}

static bool await_space(struct transfer *t)
{
	struct sc_tx *tx = &t->m.pair.tx;

	while (!sc_tx_space(tx)) {
		if (!CHECK_EQ(sc_tx_refresh(tx), 0))
			return false;
		if (sc_tx_space(tx))
			break;
		if (virt_load_acquire(&t->offer) == ANSWERED && fits(&t->m)) {
			switch_ring(&t->m);
			virt_store_release(&t->offer, NO_OFFER);
			continue;
		}
		sc_tx_arm(tx, 1);
		if (!CHECK_EQ(sc_tx_refresh(tx), 0))
			return false;
		if (!sc_tx_space(tx) && !notify_wait(&t->space))
			return CHECK(!"woken when there is space");
	}
	return true;
}

static void *produce(void *arg)
{
	struct transfer *t = arg;
	struct sc_tx *tx = &t->m.pair.tx;
	struct random random = { .state = t->total };
	u8 *bytes = malloc(t->chunk_max);
	u64 sent = 0;

	while (sent < t->total && await_space(t)) {
		u32 len = random_within(&random, 1, t->chunk_max);

		resize(t, &random);
		len = min(len, sc_tx_space(tx));
		if (len > t->total - sent)
			len = t->total - sent;
		stream_fill(bytes, sent, len);
		ring_copy_in(&tx->ring, tx->prod, bytes, len);
		if (sc_tx_publish(tx, len))
			notify_send(&t->data);
		sent += len;
	}
	free(bytes);
	return NULL;
}

/* The switch of a full ring is followed, and the producer told, though nothing is read. */
static int look(struct transfer *t)
{
	int err = sc_rx_refresh(&t->m.pair.rx);

	if (err > 0)
		notify_send(&t->space);
	return err;
}

static bool await_data(struct transfer *t)
{
	struct sc_rx *rx = &t->m.pair.rx;

	for (;;) {
		answer(t);
		if (!CHECK(look(t) >= 0))
			return false;
		if (sc_rx_avail(rx))
			return true;
		sc_rx_arm(rx, 1);
		if (!CHECK(look(t) >= 0))
			return false;
		if (sc_rx_avail(rx))
			return true;
		if (!notify_wait(&t->data))
			return CHECK(!"woken when there is data");
	}
}

static void *consume(void *arg)
{
	struct transfer *t = arg;
	struct sc_rx *rx = &t->m.pair.rx;
	struct random random = { .state = ~t->total };
	u8 *bytes = malloc(t->chunk_max);
	u64 received = 0;

	while (received < t->total && await_data(t)) {
		u32 len = random_within(&random, 1, t->chunk_max);

		len = min(len, sc_rx_avail(rx));
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

/* Returns the number of switches, which depends on the scheduler. */
static u32 transfer(u64 total, u32 chunk_max)
{
	static struct transfer t;
	pthread_t producer;

	memset(&t, 0, sizeof(t));
	t.total = total;
	t.chunk_max = chunk_max;
	switcher_init(&t.m, 4096, 0U - (u32)(total / 2));
	notify_init(&t.data);
	notify_init(&t.space);
	pthread_create(&producer, NULL, produce, &t);
	consume(&t);
	pthread_join(producer, NULL);
	switcher_exit(&t.m);
	return t.m.switches_done;
}

#define SWITCHES	10
#define TRIES	100

static void transfers(u64 total, u32 chunk_max)
{
	u32 switches_done = 0, n = 0;

	while (switches_done < SWITCHES && n < TRIES && !tap_failed()) {
		switches_done += transfer(total, chunk_max);
		n++;
	}
	CHECK(switches_done >= SWITCHES);
	tap_note("%u times %llu KiB, %u switches", n, (unsigned long long)total >> 10,
		 switches_done);
}

static void small_pieces(void)
{
	transfers(1 << 20, 300);
}

static void large_pieces(void)
{
	transfers(8 << 20, 100000);
}

static const struct tap_case cases[] = {
	{ "bytes survive switches in any order", any_order },
	{ "idle", idle },
	{ "unread bytes come along", unread },
	{ "invalid switches are rejected", invalid_switches_are_rejected },
	{ "a second switch", second_switch },
	{ "invalid acknowledgements are rejected", invalid_follower },
	{ "two threads, small pieces", small_pieces },
	{ "two threads, large pieces", large_pieces },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
