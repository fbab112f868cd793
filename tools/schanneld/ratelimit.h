/* SPDX-License-Identifier: GPL-2.0-only */
/* A rate limit (token bucket): a burst of a given size, and one more event each second. */
#ifndef SCHANNELD_RATELIMIT_H
#define SCHANNELD_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct ratelimit {
	unsigned int left;	/* events that may still happen now */
	int64_t since;		/* when left last grew, in ms */
};

/* Returns whether the event is within the limit. */
static inline bool ratelimit_allow(struct ratelimit *limit, unsigned int most, int64_t now)
{
	int64_t grown = (now - limit->since) / 1000;

	if (grown > 0) {
		limit->left = grown < most - limit->left ? limit->left + grown : most;
		limit->since += grown * 1000;
	}
	if (!limit->left)
		return false;
	limit->left--;
	return true;
}

#endif
