/* SPDX-License-Identifier: GPL-2.0-only */
/* A rate limit (token bucket): a burst of a given size, and one more event each second. */
#ifndef SCHANNELD_BUDGET_H
#define SCHANNELD_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct budget {
	unsigned int left;	/* events that may still happen now */
	int64_t since;		/* when left last grew, in ms */
};

/* Returns whether the event is within the limit. */
static inline bool budget_take(struct budget *budget, unsigned int most, int64_t now)
{
	int64_t grown = (now - budget->since) / 1000;

	if (grown > 0) {
		budget->left = grown < most - budget->left ? budget->left + grown : most;
		budget->since += grown * 1000;
	}
	if (!budget->left)
		return false;
	budget->left--;
	return true;
}

#endif
