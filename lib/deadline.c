// SPDX-License-Identifier: LGPL-2.1-or-later
#include "deadline.h"

#include <stdint.h>

struct timespec scl_deadline(int timeout_ms)
{
	struct timespec at = { 0 };

	if (timeout_ms <= 0)
		return at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += timeout_ms / 1000;
	at.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (at.tv_nsec >= 1000000000L) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000L;
	}
	return at;
}

int scl_deadline_left(const struct timespec *deadline, int timeout_ms)
{
	struct timespec now;
	int64_t left_ns;

	if (timeout_ms <= 0)
		return timeout_ms < 0 ? -1 : 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	left_ns = (deadline->tv_sec - now.tv_sec) * INT64_C(1000000000) +
		  deadline->tv_nsec - now.tv_nsec;
	/* Round up: rounding down would poll without a wait in the last millisecond. */
	return left_ns <= 0 ? 0 : (left_ns + 999999) / 1000000;
}
