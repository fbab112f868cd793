// SPDX-License-Identifier: GPL-2.0-only
/* Copy: threads that each copy one block to the same destination again and again. */
#include <err.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "busy.h"
#include "clock.h"
#include "copy.h"
#include "pace.h"
#include "result.h"

#define MIB	(1024.0 * 1024)
/* Bytes copied between two readings of the clock. */
#define BATCH	(256 * 1024)
#define WINDOW	(16 << 20)

struct copier {			/* one thread */
	const struct copy_order *order;
	pthread_t thread;
	uint64_t moved;
	double mib_per_s;
	struct pace pace;
};

static pthread_barrier_t start_barrier;

void thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg, int cpu)
{
	pthread_attr_t attr;
	cpu_set_t set;

	pthread_attr_init(&attr);
	if (cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	}
	if (pthread_create(thread, &attr, run, arg))
		errx(1, "cannot create a thread on processor %d", cpu);
	pthread_attr_destroy(&attr);
}

static void *copy(void *arg)
{
	struct copier *copier = arg;
	size_t bytes = copier->order->bytes;
	unsigned int times = bytes < BATCH ? BATCH / bytes : 1;
	void *from = block_new(bytes), *to = block_new(bytes);
	uint64_t began, end, now;
	unsigned int i;

	pthread_barrier_wait(&start_barrier);
	began = clock_now();
	end = began + copier->order->ms * (NS_PER_S / 1000);
	do {
		for (i = 0; i < times; i++) {
			memcpy(to, from, bytes);
			/* The compiler must keep the copy although the result is unused. */
			__asm__ volatile("" : : "r" (to) : "memory");
		}
		copier->moved += (uint64_t)times * bytes;
		pace_add(&copier->pace, (uint64_t)times * bytes);
		now = clock_now();
	} while (now < end);
	copier->mib_per_s = copier->order->pinned ? pace_mib_per_s(&copier->pace) :
			    copier->moved / MIB / ((double)(now - began) / NS_PER_S);
	free(from);
	free(to);
	return NULL;
}

void copy_run(const struct copy_order *order)
{
	struct copier *copier = calloc(order->flows, sizeof(*copier));
	struct rate rate = {
		.where = order->where, .peer = "memcpy", .test = "copy", .round = order->round,
		.bytes = order->bytes, .flows = order->flows,
	};
	struct busy busy;
	unsigned int i;

	if (!copier)
		err(1, NULL);
	pthread_barrier_init(&start_barrier, NULL, order->flows);
	busy_begin(&busy);
	for (i = 0; i < order->flows; i++) {
		copier[i].order = order;
		copier[i].pace.window = WINDOW;
		thread_start(&copier[i].thread, copy, &copier[i], order->pinned ? (int)i : -1);
	}
	for (i = 0; i < order->flows; i++) {
		pthread_join(copier[i].thread, NULL);
		rate.mib_per_s += copier[i].mib_per_s / order->flows;
		rate.moved += copier[i].moved;
	}
	rate.cpu_s = busy_end(&busy);
	pthread_barrier_destroy(&start_barrier);
	result_print_rate(&rate);
	free(copier);
}
