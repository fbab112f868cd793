// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring switch in every interleaving: whatever the producer does before a look of the
 * consumer's or between its two loads, no byte is lost, wrong or read from a ring that the
 * producer may use again, and no look finds an invalid index. The old ring is freed as soon
 * as the producer may do so, for AddressSanitizer.
 */
#define SHIM_HOSTILE

#include <stdlib.h>
#include <string.h>

#include "pair.h"
#include "tap.h"

#define OPS		5	/* what the producer does in one run */
#define LOOKS		4	/* looks of the consumer in one run */
#define POINTS		(2 * LOOKS)	/* before each load of each look */
#define SMALL		16U
#define LARGE		64U

enum op {
	FILL,		/* produce as much as fits */
	GROW,		/* switch to a large ring */
	SHRINK,		/* switch to a small one */
	KINDS,
};

static struct run {
	struct pair pair;
	struct pages old;	/* the ring before, or the one that is offered */
	bool leaving;
	u64 sent;
	enum op op[OPS];
	int at[OPS];		/* the point before which each is done, ascending */
	int next;		/* the op that is due next */
	int point;
	u32 switches;
} run;

static void fill(void)
{
	struct sc_tx *tx = &run.pair.tx;
	u8 bytes[LARGE];
	u32 len;

	CHECK_EQ(sc_tx_refresh(tx), 0);
	len = sc_tx_space(tx);
	stream_fill(bytes, run.sent, len);
	ring_copy_in(&tx->ring, tx->prod, bytes, len);
	sc_tx_publish(tx, len);
	run.sent += len;
}

/* Switch to the ring that was offered, if one was, and if the unread bytes fit. */
static void replace(void)
{
	struct sc_tx *tx = &run.pair.tx;
	u32 size = run.pair.rx.next.size;
	struct pages pages = run.old;
	struct sc_ring to = { .addr = pages.page, .size = size };

	if (run.leaving || !size)
		return;
	CHECK_EQ(sc_tx_refresh(tx), 0);
	if (tx->prod - tx->cons > size)
		return;
	sc_ring_copy(&to, &tx->ring, tx->cons, tx->prod - tx->cons);
	sc_tx_switch(tx, &to);
	run.old = run.pair.pages;
	run.pair.pages = pages;
	run.leaving = true;
	run.switches++;
}

static void reached_point(void)
{
	while (run.next < OPS && run.at[run.next] == run.point) {
		switch (run.op[run.next++]) {
		case FILL:
			fill();
			break;
		default:
			replace();
		}
	}
	run.point++;
}

/* Called by the shim's READ_ONCE() and virt_load_acquire(). */
void shim_before_load(const void *addr)
{
	const struct schannel_flow *peer = run.pair.sender;

	if (peer && (addr == &peer->tx_prod || addr == &peer->tx_switches))
		reached_point();
}

/* Offer a ring for the next op that switches. */
static void offer(void)
{
	struct sc_ring to;
	int i;

	if (run.leaving && sc_tx_is_followed(&run.pair.tx)) {
		ring_free(&run.old);
		run.leaving = false;
	}
	if (run.leaving || run.pair.rx.next.size)
		return;
	for (i = run.next; i < OPS && run.op[i] == FILL; i++)
		;
	if (i == OPS)
		return;
	to = ring_create(&run.old, run.op[i] == GROW ? LARGE : SMALL, LAYOUT_TOGETHER);
	sc_rx_offer(&run.pair.rx, &to);
}

static void consume(u64 *received, u32 len)
{
	struct sc_rx *rx = &run.pair.rx;
	u8 bytes[LARGE];

	len = min(len, sc_rx_avail(rx));
	ring_copy_out(&rx->ring, rx->cons, bytes, len);
	CHECK(stream_matches(bytes, *received, len));
	sc_rx_publish(rx, len);
	*received += len;
}

static void run_one(u32 start)
{
	static const u32 pieces[LOOKS] = { 3, 0, 20, LARGE };
	u64 received = 0;
	int look;

	pair_init(&run.pair, SMALL, LAYOUT_TOGETHER, start);
	run.leaving = false;
	run.sent = 0;
	run.next = 0;
	run.point = 0;
	for (look = 0; look < LOOKS; look++) {
		offer();
		CHECK(sc_rx_refresh(&run.pair.rx) >= 0);
		consume(&received, pieces[look]);
	}
	/* the rest: the last ops may have come between the two last loads */
	CHECK(sc_rx_refresh(&run.pair.rx) >= 0);
	consume(&received, LARGE);
	CHECK_EQ(received, run.sent);
	CHECK(sc_tx_is_followed(&run.pair.tx));
	if (run.leaving || run.pair.rx.next.size)
		ring_free(&run.old);
	pair_exit(&run.pair);
	memset(&run.pair, 0, sizeof(run.pair));
}

/* All places of the ops from @i on, ascending. */
static u32 place(int i, int from)
{
	u32 runs = 0;
	int at;

	if (i == OPS) {
		run_one(0xfffffff0);
		return 1;
	}
	for (at = from; at < POINTS && !tap_failed(); at++) {
		run.at[i] = at;
		runs += place(i + 1, at);
	}
	return runs;
}

static u32 choose(int i)
{
	u32 runs = 0;
	int kind;

	if (i == OPS)
		return place(0, 0);
	for (kind = 0; kind < KINDS; kind++) {
		run.op[i] = kind;
		runs += choose(i + 1);
	}
	return runs;
}

static void every_interleaving(void)
{
	u32 runs = choose(0);

	CHECK(run.switches > 1000);
	tap_note("%u runs, %u switches", runs, run.switches);
}

static const struct tap_case cases[] = {
	{ "producer and consumer in every interleaving", every_interleaving },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
