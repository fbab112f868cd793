/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Both ends of one direction: a ring, the producer's and the consumer's flow
 * entries, and their private state. Each piece is allocated in its exact size, so that
 * AddressSanitizer reports every access outside of it.
 */
#ifndef PAIR_H
#define PAIR_H

#include "ring/ring.h"

/* How the pages of a ring lie in memory. */
enum layout {
	LAYOUT_TOGETHER,	/* one after the other */
	LAYOUT_APART,		/* no two adjoin */
	LAYOUT_REVERSE,		/* adjoining, but the wrong way round */
	LAYOUT_PAIRS,		/* two by two, the pairs in reverse order */
	LAYOUTS,
};

/* The pages of a ring. */
struct pages {
	void **page;
	void **block;			/* the allocations that hold them */
	u32 blocks;
};

struct pair {
	struct schannel_flow *sender;	/* the producer's entry */
	struct schannel_flow *receiver;	/* the consumer's entry */
	struct sc_tx tx;
	struct sc_rx rx;
	struct pages pages;
};

/* A ring for both sides, each byte of it undefined. */
struct sc_ring ring_create(struct pages *pages, u32 size, enum layout layout);
void ring_free(struct pages *pages);

/* An empty ring with all indexes at @start; neither side is armed. */
void pair_init(struct pair *pair, u32 size, enum layout layout, u32 start);
void pair_exit(struct pair *pair);

/* Copy into and out of a ring, run by run. */
void ring_copy_in(const struct sc_ring *ring, u32 pos, const u8 *from, u32 len);
void ring_copy_out(const struct sc_ring *ring, u32 pos, u8 *to, u32 len);

/* The byte at a position of the test stream. */
static inline u8 stream_byte(u64 at)
{
	return (u32)(at * 0x9e3779b1U) >> 24;
}

static inline void stream_fill(u8 *to, u64 at, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		to[i] = stream_byte(at + i);
}

static inline bool stream_matches(const u8 *bytes, u64 at, u32 len)
{
	u32 i;
	u8 wrong = 0;

	for (i = 0; i < len; i++)
		wrong |= bytes[i] ^ stream_byte(at + i);
	return !wrong;
}

#endif
