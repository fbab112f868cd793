/* SPDX-License-Identifier: GPL-2.0-only */
/* How often something may happen: so many at once, and one more each second. */
#ifndef SCHANNELD_BUDGET_H
#define SCHANNELD_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct budget {
	unsigned int left;
	int64_t since;		/* ms; when it last grew */
};

/* Returns whether there was something left. */
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
