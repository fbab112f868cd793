/* SPDX-License-Identifier: GPL-2.0-only */
/* Busy: the CPU time that the whole machine used, in seconds. */
#ifndef BENCH_BUSY_H
#define BENCH_BUSY_H

#include <stdint.h>

struct busy {
	uint64_t began_ns;
	double idle_s;
};

void busy_begin(struct busy *busy);
/* The CPU seconds of all processors since busy_begin(). */
double busy_end(const struct busy *busy);

#endif
