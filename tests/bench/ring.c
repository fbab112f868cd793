// SPDX-License-Identifier: GPL-2.0-only
/*
 * schannel-ring-bench ROUNDS MS - the rings' index code by itself
 *
 * Two threads, each on a processor of its own, pass blocks through one ring and
 * never sleep, beside memcpy() of such blocks. What the modules do for each piece of
 * a stream is done here as well: look at the other side's index only when it must be,
 * copy run by run, publish, ask whether to notify.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "block.h"
#include "busy.h"
#include "clock.h"
#include "copy.h"
#include "pace.h"
#include "pair.h"
#include "result.h"
#include "ring/ring.h"

#define PAGES	BIT(SCHANNEL_RING_ORDER_MAX)
#define LINE	64
/* Rings in a window: the bytes that lay there already when it began do not count for much. */
#define WINDOW	4
/* As much as the modules copy before they publish (SC_FLOW_CHUNK). */
#define PIECE	(32U << 10)

/* Both sides' entries, as they are in a flow table, whose pages are aligned. */
struct passage {
	struct schannel_flow sender __attribute__((aligned(LINE)));
	struct schannel_flow receiver __attribute__((aligned(LINE)));
	struct sc_tx tx __attribute__((aligned(LINE)));
	struct sc_rx rx __attribute__((aligned(LINE)));
	void *page[PAGES] __attribute__((aligned(LINE)));
	u32 bytes;
	u32 ms;
	bool over;
	u64 moved;
	struct pace pace;
};

static u32 put(struct sc_tx *tx, const u8 *from, u32 len)
{
	len = min(len, PIECE);
	if (sc_tx_space(tx) < len && sc_tx_refresh(tx))
		errx(1, "the consumer's index makes no sense");
	len = min(len, sc_tx_space(tx));
	if (len) {
		ring_copy_in(&tx->ring, tx->prod, from, len);
		sc_tx_publish(tx, len);	/* nobody asks to be notified */
	}
	return len;
}

static u32 get(struct sc_rx *rx, u8 *to, u32 len)
{
	len = min(len, PIECE);
	if (sc_rx_avail(rx) < len && sc_rx_refresh(rx))
		errx(1, "the producer's index makes no sense");
	len = min(len, sc_rx_avail(rx));
	if (len) {
		ring_copy_out(&rx->ring, rx->cons, to, len);
		sc_rx_publish(rx, len);
	}
	return len;
}

static void *produce(void *arg)
{
	struct passage *passage = arg;
	u8 *block = block_new(passage->bytes);
	u64 end = clock_now() + passage->ms * (NS_PER_S / 1000);

	do {
		u32 left = passage->bytes;

		while (left) {
			u32 n = put(&passage->tx, block + passage->bytes - left, left);

			if (!n)
				__builtin_ia32_pause();
			left -= n;
		}
	} while (clock_now() < end);
	__atomic_store_n(&passage->over, true, __ATOMIC_RELEASE);
	free(block);
	return NULL;
}

static void *consume(void *arg)
{
	struct passage *passage = arg;
	u8 *block = block_new(passage->bytes);
	bool over;
	u32 n;

	do {
		/* before looking: what was produced until then is there */
		over = __atomic_load_n(&passage->over, __ATOMIC_ACQUIRE);
		n = get(&passage->rx, block, passage->bytes);
		if (!n)
			__builtin_ia32_pause();
		passage->moved += n;
		pace_add(&passage->pace, n);
	} while (n || !over);
	free(block);
	return NULL;
}

/* One thread on both sides, in turn: no core waits for another, or for another's cache. */
static void *take_turns(void *arg)
{
	struct passage *passage = arg;
	u32 bytes = passage->bytes;
	u8 *from = block_new(bytes), *to = block_new(bytes);
	u64 end = clock_now() + passage->ms * (NS_PER_S / 1000);
	u32 done;

	do {
		for (done = 0; done < bytes;)
			done += put(&passage->tx, from + done, bytes - done);
		for (done = 0; done < bytes;)
			done += get(&passage->rx, to + done, bytes - done);
		passage->moved += bytes;
		pace_add(&passage->pace, bytes);
	} while (clock_now() < end);
	free(from);
	free(to);
	return NULL;
}

static void lay_out(struct passage *passage, u8 *memory, u32 size, u32 bytes, u32 ms)
{
	u32 i;

	*passage = (struct passage){
		.bytes = bytes,
		.ms = ms,
		.pace.window = WINDOW * (u64)size,
		.tx = { { passage->page, size }, &passage->sender, &passage->receiver, 0, 0 },
		.rx = { { passage->page, size }, &passage->receiver, &passage->sender, 0, 0 },
	};
	for (i = 0; i < size >> SCHANNEL_PAGE_SHIFT; i++)
		passage->page[i] = memory + (i << SCHANNEL_PAGE_SHIFT);
}

static void pass(const char *peer, u32 size, bool turns, u32 bytes, unsigned int round, u32 ms)
{
	struct rate rate = {
		.where = "native", .peer = peer, .test = "stream", .round = round,
		.bytes = bytes, .flows = 1,
	};
	struct passage *passage = aligned_alloc(LINE, sizeof(*passage));
	u8 *memory = block_new(size);
	pthread_t producer, consumer;
	struct busy busy;

	if (!passage)
		err(1, NULL);
	lay_out(passage, memory, size, bytes, ms);
	busy_begin(&busy);
	if (turns) {
		thread_start(&consumer, take_turns, passage, 0);
	} else {
		thread_start(&consumer, consume, passage, 0);
		thread_start(&producer, produce, passage, 1);
		pthread_join(producer, NULL);
	}
	pthread_join(consumer, NULL);
	rate.mib_per_s = pace_mib_per_s(&passage->pace);
	rate.moved = passage->moved;
	rate.cpu_s = busy_end(&busy);
	result_print_rate(&rate);
	free(memory);
	free(passage);
}

static void one_round(unsigned int round, u32 ms)
{
	static const struct {
		const char *peer;
		u32 size;
		bool turns;
	} rings[] = {
		{ "ring-64k", 64 << 10, false }, { "ring-256k", 256 << 10, false },
		{ "ring-1m", 1 << 20, false }, { "ring-4m", 4 << 20, false },
		{ "ring-turns", 256 << 10, true },
	};
	static const u32 bytes[] = { 1 << 10, 8 << 10, 64 << 10, 128 << 10 };
	unsigned int i, j;

	for (i = 0; i < sizeof(bytes) / sizeof(*bytes); i++) {
		for (j = 1; j <= 2; j++)
			copy_run(&(struct copy_order){ .where = "native", .round = round,
				 .bytes = bytes[i], .flows = j, .ms = ms, .pinned = true });
		for (j = 0; j < sizeof(rings) / sizeof(*rings); j++)
			pass(rings[j].peer, rings[j].size, rings[j].turns, bytes[i], round, ms);
	}
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long ms = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	unsigned int round;

	if (!rounds || !ms)
		errx(2, "usage: schannel-ring-bench ROUNDS MS");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		errx(1, "one processor is too few");
	for (round = 0; round <= rounds; round++)
		one_round(round, ms);
	return 0;
}
