/* SPDX-License-Identifier: GPL-2.0-only */
/* Blocks: what is sent, received and copied. */
#ifndef BENCH_BLOCK_H
#define BENCH_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

/* Filled, so that its pages are there before anything is measured. Free it. */
void *block_new(size_t bytes);

/* All of it; what is read may be less, see errno when these return false. */
bool block_write(int fd, const void *block, size_t bytes);
bool block_read(int fd, void *block, size_t bytes);

#endif
