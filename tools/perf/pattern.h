/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Patterns: the test data. The byte at a place of the stream depends on the place alone, so a
 * receiver detects lost, duplicate, swapped and foreign bytes.
 */
#ifndef PERF_PATTERN_H
#define PERF_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* The end of a test; no byte of a pattern has this value. */
#define PATTERN_END	0xff

#define PATTERN_GOOD	UINT64_MAX

void pattern_init(void);
void pattern_fill(unsigned char *buf, size_t len, uint64_t place);

/* Returns the place of the first wrong byte, or PATTERN_GOOD. */
uint64_t pattern_check(const unsigned char *buf, size_t len, uint64_t place);

#endif
