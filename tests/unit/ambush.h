/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fuzzer's peer changes shared memory at the worst moment: between two loads by the
 * code under test.
 */
#ifndef AMBUSH_H
#define AMBUSH_H

#include <stdint.h>
#include <string.h>

#include <linux/types.h>

#define AMBUSHES	4

struct ambush {
	bool set;
	u16 loads;		/* of the peer's memory until then */
	u32 value;
};

static inline void ambush_set(struct ambush ambush[AMBUSHES], u16 loads,
			      u32 value)
{
	int i;

	for (i = 0; i < AMBUSHES; i++) {
		if (!ambush[i].set) {
			ambush[i] = (struct ambush){ true, loads % 16, value };
			return;
		}
	}
}

/* The code under test is about to load a word of the peer's memory. */
static inline void ambush_spring(struct ambush ambush[AMBUSHES],
				 const void *addr)
{
	int i;

	for (i = 0; i < AMBUSHES; i++) {
		if (!ambush[i].set || ambush[i].loads--)
			continue;
		ambush[i].set = false;
		memcpy((void *)(uintptr_t)addr, &ambush[i].value, sizeof(u32));
	}
}

static inline bool is_inside(const void *addr, const void *start, size_t size)
{
	return (uintptr_t)addr - (uintptr_t)start < size;
}

#endif
