/* SPDX-License-Identifier: GPL-2.0-only */
/* Copy: memcpy() alone, the upper bound for any transport between two programs. */
#ifndef BENCH_COPY_H
#define BENCH_COPY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct copy_order {
	const char *where;
	unsigned int round;
	unsigned int bytes;	/* block size */
	unsigned int flows;	/* threads that copy at the same time */
	unsigned int ms;
	/* Bind each thread to a processor, and report the pace instead of the average. */
	bool pinned;
};

/* Measure, and print one line of JSON. An error ends the program. */
void copy_run(const struct copy_order *order);

/* Create a thread that is bound to processor cpu, or to none if cpu is -1. */
void thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg, int cpu);

#endif
