/* SPDX-License-Identifier: GPL-2.0-only */
/* Clocks: measure intervals, not the time of day. */
#ifndef PERF_CLOCK_H
#define PERF_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S	1000000000ULL

static inline uint64_t clock_read(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static inline uint64_t clock_now(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

/*
 * For the check before every message whether the time is over: accurate to a tick, but never a
 * system call. The exact clock is one on some Xen guests.
 */
static inline uint64_t clock_coarse(void)
{
	return clock_read(CLOCK_MONOTONIC_COARSE);
}

#endif
