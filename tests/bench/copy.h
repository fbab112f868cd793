/* SPDX-License-Identifier: GPL-2.0-only */
/* Copying and nothing else: what no way from one program to another can beat. */
#ifndef BENCH_COPY_H
#define BENCH_COPY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct copy_order {
	const char *where;
	unsigned int round;
	unsigned int bytes;	/* of a block */
	unsigned int flows;	/* threads that copy at once */
	unsigned int ms;
	bool pinned;		/* each to a processor of its own; their pace, not the average */
};

/* Measure, and print one line of JSON. Errors end the program. */
void copy_run(const struct copy_order *order);

/* A thread, on that processor and no other; -1: on any. */
void thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg, int cpu);

#endif
