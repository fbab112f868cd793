/* SPDX-License-Identifier: GPL-2.0-only */
/* Blocks: the buffers that the tests send, receive and copy. */
#ifndef BENCH_BLOCK_H
#define BENCH_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A new block, for the caller to free. It is filled, so that no measurement includes the page
 * faults of its first use.
 */
void *block_new(size_t bytes);

/* Transfer all bytes. On failure these return false with errno set; some may have moved. */
bool block_write(int fd, const void *block, size_t bytes);
bool block_read(int fd, void *block, size_t bytes);

#endif
