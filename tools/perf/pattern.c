// SPDX-License-Identifier: GPL-2.0-only
/* Patterns: a table of random bytes, repeated. */
#include <string.h>

#include "pattern.h"

/*
 * A prime, so that data that is displaced by whole pages, rings or powers of two
 * never matches.
 */
#define PERIOD	65521

static unsigned char table[PERIOD];

void pattern_init(void)
{
	uint32_t x = 2463534242;
	unsigned int i;

	for (i = 0; i < PERIOD; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		table[i] = (x >> 8) % PATTERN_END;
	}
}

/* How many of len bytes are contiguous in the table from this place on. */
static size_t run_at(uint64_t place, size_t len, size_t *index)
{
	*index = place % PERIOD;
	return len < PERIOD - *index ? len : PERIOD - *index;
}

void pattern_fill(unsigned char *buf, size_t len, uint64_t place)
{
	size_t index, n;

	for (; len; len -= n, buf += n, place += n) {
		n = run_at(place, len, &index);
		memcpy(buf, table + index, n);
	}
}

uint64_t pattern_check(const unsigned char *buf, size_t len, uint64_t place)
{
	size_t index, n, i;

	for (; len; len -= n, buf += n, place += n) {
		n = run_at(place, len, &index);
		if (!memcmp(buf, table + index, n))
			continue;
		for (i = 0; buf[i] == table[index + i]; i++)
			;
		return place + i;
	}
	return PATTERN_GOOD;
}
