/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pace: the throughput without interference from the rest of the machine.
 *
 * On a busy machine two threads seldom run at the same time, so an average would measure the
 * load of the machine. Instead the bytes are divided into windows of one size, each window is
 * timed, and the pace is the throughput of the window at the fastest tenth.
 */
#ifndef BENCH_PACE_H
#define BENCH_PACE_H

#include "clock.h"
#include "histogram.h"

struct pace {
	uint64_t window;	/* bytes of a window */
	uint64_t last_ns;
	uint64_t bytes;		/* in the current window */
	struct histogram took;	/* ns for each window */
};

static inline void pace_add(struct pace *pace, uint64_t bytes)
{
	uint64_t now;

	pace->bytes += bytes;
	if (pace->bytes < pace->window)
		return;
	now = clock_now();
	if (pace->last_ns)
		histogram_add(&pace->took, (now - pace->last_ns) * pace->window / pace->bytes);
	pace->last_ns = now;
	pace->bytes = 0;
}

/* Returns 0 if no window was completed. */
static inline double pace_mib_per_s(const struct pace *pace)
{
	double ns = histogram_quantile(&pace->took, .1);

	return ns > 0 ? pace->window / (1024.0 * 1024) / (ns / NS_PER_S) : 0;
}

#endif
