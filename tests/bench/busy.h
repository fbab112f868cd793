/* SPDX-License-Identifier: GPL-2.0-only */
/* Busy: CPU seconds of the whole machine. */
#ifndef BENCH_BUSY_H
#define BENCH_BUSY_H

#include <stdint.h>

struct busy {
	uint64_t began_ns;
	double idle_s;
};

void busy_begin(struct busy *busy);
/* CPU seconds since busy_begin(), of all processors. */
double busy_end(const struct busy *busy);

#endif
