/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pace: how fast something goes while nothing else is in its way.
 *
 * On a busy machine two threads seldom both run, and an average says how busy it is.
 * So the time that each window of so many bytes takes is noted, and the pace is that of
 * the fastest tenth.
 */
#ifndef BENCH_PACE_H
#define BENCH_PACE_H

#include "clock.h"
#include "histogram.h"

struct pace {
	uint64_t window;	/* bytes */
	uint64_t last_ns;
	uint64_t bytes;
	struct histogram took;	/* ns, of windows */
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

/* 0 if it was never fast enough to tell. */
static inline double pace_mib_per_s(const struct pace *pace)
{
	double ns = histogram_quantile(&pace->took, .1);

	return ns > 0 ? pace->window / (1024.0 * 1024) / (ns / NS_PER_S) : 0;
}

#endif
