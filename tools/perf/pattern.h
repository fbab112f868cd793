/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Patterns: what the test data consists of. The byte at a place of the stream
 * follows from the place alone, so a receiver can tell lost, doubled, swapped
 * and foreign bytes from good ones.
 */
#ifndef PERF_PATTERN_H
#define PERF_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* No byte of a pattern is this one: it marks the end of a test. */
#define PATTERN_END	0xff

#define PATTERN_GOOD	UINT64_MAX

void pattern_init(void);
void pattern_fill(unsigned char *buf, size_t len, uint64_t place);

/* Returns the place of the first wrong byte, or PATTERN_GOOD. */
uint64_t pattern_check(const unsigned char *buf, size_t len, uint64_t place);

#endif
