/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stream whose every byte follows from a seed and its position, so that a
 * reader notices one that is lost, doubled, moved or changed, and says where.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stddef.h>
#include <stdint.h>

struct pattern {
	uint64_t seed;
	uint64_t position;	/* of the next byte */
};

/* Both move the position on by @length. */
void pattern_fill(struct pattern *pattern, void *buffer, size_t length);
/* The number of bytes that are right; less than @length at the first wrong one. */
size_t pattern_match(struct pattern *pattern, const void *buffer, size_t length);

/* For cases: a wrong byte fails the case. */
void pattern_check(struct pattern *pattern, const void *buffer, size_t length);

/* Blocking, all of it, in calls of at most @piece bytes. */
void pattern_send(struct pattern *pattern, int fd, size_t length, size_t piece);
void pattern_recv(struct pattern *pattern, int fd, size_t length, size_t piece);
/* Receives up to the end of the stream; returns the number of bytes. */
uint64_t pattern_recv_to_end(struct pattern *pattern, int fd);

#endif
