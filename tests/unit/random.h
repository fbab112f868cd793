/* SPDX-License-Identifier: GPL-2.0-only */
/* Pseudorandom numbers, the same in every run: a Weyl sequence and a mixer. */
#ifndef RANDOM_H
#define RANDOM_H

#include <linux/types.h>

struct random {
	u64 state;
};

static inline u32 random_u32(struct random *random)
{
	u64 x = random->state += 0x9e3779b97f4a7c15;

	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93;
	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93;
	return x >> 32;
}

/* 0 to @limit - 1; @limit is not 0. */
static inline u32 random_below(struct random *random, u32 limit)
{
	return (u64)random_u32(random) * limit >> 32;
}

/* @from to @to, both included. */
static inline u32 random_within(struct random *random, u32 from, u32 to)
{
	return from + random_below(random, to - from + 1);
}

#endif
