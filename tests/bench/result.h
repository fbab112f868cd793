/* SPDX-License-Identifier: GPL-2.0-only */
/* Results: one line of JSON for each measurement. README.md explains the fields. */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include <stdint.h>

#include "control.h"
#include "histogram.h"

struct order;

struct result {
	uint64_t sent;
	uint64_t connections;
	uint64_t took_ns;
	double cpu_s;
	struct histogram took;
	struct outcome outcome;
};

void result_print(const struct order *order, const struct result *result);

/* The throughput of a test that runs in one process: memcpy(), a ring. */
struct rate {
	const char *where;
	const char *peer;
	const char *test;
	unsigned int round;
	unsigned int bytes;
	unsigned int flows;
	double mib_per_s;
	uint64_t moved;
	double cpu_s;
};

void result_print_rate(const struct rate *rate);

#endif
