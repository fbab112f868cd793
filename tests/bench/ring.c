// SPDX-License-Identifier: GPL-2.0-only
/*
 * schannel-ring-bench ROUNDS MS - measure the rings' index code without the modules
 *
 * Two threads, each on its own processor, transfer blocks through one ring and never sleep; beside
 * it memcpy() of such blocks is measured. The steps for each piece are those of the modules: read
 * the remote index only when the cached one is not enough, copy each contiguous part, publish, and
 * check whether to notify.
 *
 * Prints a line of JSON for each measurement of MS milliseconds, with the round. The report skips
 * round 0. The exit status is 0 after all rounds, 1 after an error, 2 for invalid arguments.
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
/* A window is this many rings long: the bytes in the ring at its start have little weight. */
#define WINDOW	4
/* The modules copy at most this many bytes before they publish (SC_FLOW_CHUNK). */
#define PIECE	(32U << 10)

/* Both entries of a flow, on cache lines of their own as in a flow table. */
struct transfer {
	struct schannel_flow sender __attribute__((aligned(LINE)));
	struct schannel_flow receiver __attribute__((aligned(LINE)));
	struct sc_tx tx __attribute__((aligned(LINE)));
	struct sc_rx rx __attribute__((aligned(LINE)));
	void *page[PAGES] __attribute__((aligned(LINE)));
	u32 bytes;
	u32 ms;
	bool finished;		/* the producer has published its last byte */
	u64 moved;
	struct pace pace;
};

static u32 put(struct sc_tx *tx, const u8 *from, u32 len)
{
	len = min(len, PIECE);
	if (sc_tx_space(tx) < len && sc_tx_refresh(tx))
		errx(1, "invalid consumer index");
	len = min(len, sc_tx_space(tx));
	if (len) {
		ring_copy_in(&tx->ring, tx->prod, from, len);
		sc_tx_publish(tx, len);	/* the receiver requests no notification */
	}
	return len;
}

static u32 get(struct sc_rx *rx, u8 *to, u32 len)
{
	len = min(len, PIECE);
	if (sc_rx_avail(rx) < len && sc_rx_refresh(rx))
		errx(1, "invalid producer index");
	len = min(len, sc_rx_avail(rx));
	if (len) {
		ring_copy_out(&rx->ring, rx->cons, to, len);
		sc_rx_publish(rx, len);
	}
	return len;
}

static void *produce(void *arg)
{
	struct transfer *transfer = arg;
	u8 *block = block_new(transfer->bytes);
	u64 end = clock_now() + transfer->ms * (NS_PER_S / 1000);

	do {
		u32 left = transfer->bytes;

		while (left) {
			u32 n = put(&transfer->tx, block + transfer->bytes - left, left);

			if (!n)
				__builtin_ia32_pause();
			left -= n;
		}
	} while (clock_now() < end);
	__atomic_store_n(&transfer->finished, true, __ATOMIC_RELEASE);
	free(block);
	return NULL;
}

static void *consume(void *arg)
{
	struct transfer *transfer = arg;
	u8 *block = block_new(transfer->bytes);
	bool finished;
	u32 n;

	do {
		/* Before get(): if the producer has finished, get() sees all its bytes. */
		finished = __atomic_load_n(&transfer->finished, __ATOMIC_ACQUIRE);
		n = get(&transfer->rx, block, transfer->bytes);
		if (!n)
			__builtin_ia32_pause();
		transfer->moved += n;
		pace_add(&transfer->pace, n);
	} while (n || !finished);
	free(block);
	return NULL;
}

/* One thread is sender and receiver alternately: no cache line moves between cores. */
static void *produce_and_consume(void *arg)
{
	struct transfer *transfer = arg;
	u32 bytes = transfer->bytes;
	u8 *from = block_new(bytes), *to = block_new(bytes);
	u64 end = clock_now() + transfer->ms * (NS_PER_S / 1000);
	u32 done;

	do {
		for (done = 0; done < bytes;)
			done += put(&transfer->tx, from + done, bytes - done);
		for (done = 0; done < bytes;)
			done += get(&transfer->rx, to + done, bytes - done);
		transfer->moved += bytes;
		pace_add(&transfer->pace, bytes);
	} while (clock_now() < end);
	free(from);
	free(to);
	return NULL;
}

static void init_transfer(struct transfer *transfer, u8 *memory, u32 size, u32 bytes, u32 ms)
{
	u32 i;

	*transfer = (struct transfer){
		.bytes = bytes,
		.ms = ms,
		.pace.window = WINDOW * (u64)size,
		.tx = { { transfer->page, size }, &transfer->sender, &transfer->receiver, 0, 0 },
		.rx = { { transfer->page, size }, &transfer->receiver, &transfer->sender, 0, 0 },
	};
	for (i = 0; i < size >> SCHANNEL_PAGE_SHIFT; i++)
		transfer->page[i] = memory + (i << SCHANNEL_PAGE_SHIFT);
}

static void measure(const char *peer, u32 size, bool one_thread, u32 bytes, unsigned int round,
		    u32 ms)
{
	struct rate rate = {
		.where = "native", .peer = peer, .test = "stream", .round = round,
		.bytes = bytes, .flows = 1,
	};
	struct transfer *transfer = aligned_alloc(LINE, sizeof(*transfer));
	u8 *memory = block_new(size);
	pthread_t producer, consumer;
	struct busy busy;

	if (!transfer)
		err(1, NULL);
	init_transfer(transfer, memory, size, bytes, ms);
	busy_begin(&busy);
	if (one_thread) {
		thread_start(&consumer, produce_and_consume, transfer, 0);
	} else {
		thread_start(&consumer, consume, transfer, 0);
		thread_start(&producer, produce, transfer, 1);
		pthread_join(producer, NULL);
	}
	pthread_join(consumer, NULL);
	rate.mib_per_s = pace_mib_per_s(&transfer->pace);
	rate.moved = transfer->moved;
	rate.cpu_s = busy_end(&busy);
	result_print_rate(&rate);
	free(memory);
	free(transfer);
}

static void one_round(unsigned int round, u32 ms)
{
	static const struct {
		const char *peer;
		u32 size;
		bool one_thread;
	} rings[] = {
		{ "ring-64k", 64 << 10, false }, { "ring-256k", 256 << 10, false },
		{ "ring-1m", 1 << 20, false }, { "ring-4m", 4 << 20, false },
		{ "ring-1-thread", 256 << 10, true },
	};
	static const u32 bytes[] = { 1 << 10, 8 << 10, 64 << 10, 128 << 10 };
	unsigned int i, j;

	for (i = 0; i < sizeof(bytes) / sizeof(*bytes); i++) {
		for (j = 1; j <= 2; j++)
			copy_run(&(struct copy_order){ .where = "native", .round = round,
				 .bytes = bytes[i], .flows = j, .ms = ms, .pinned = true });
		for (j = 0; j < sizeof(rings) / sizeof(*rings); j++)
			measure(rings[j].peer, rings[j].size, rings[j].one_thread, bytes[i], round,
				ms);
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
		errx(1, "needs two processors");
	for (round = 0; round <= rounds; round++)
		one_round(round, ms);
	return 0;
}
