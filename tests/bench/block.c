// SPDX-License-Identifier: GPL-2.0-only
/* Blocks: allocation, and write() and read() until all bytes are transferred. */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block.h"

#define PAGE	4096

void *block_new(size_t bytes)
{
	void *block = aligned_alloc(PAGE, (bytes + PAGE - 1) / PAGE * PAGE);

	if (!block)
		err(1, "cannot allocate a block of %zu bytes", bytes);
	return memset(block, 'b', bytes);
}

bool block_write(int fd, const void *block, size_t bytes)
{
	const char *at = block;
	ssize_t n;

	for (; bytes; at += n, bytes -= n) {
		n = write(fd, at, bytes);
		if (n < 0)
			return false;
	}
	return true;
}

bool block_read(int fd, void *block, size_t bytes)
{
	char *at = block;
	ssize_t n;

	for (; bytes; at += n, bytes -= n) {
		n = read(fd, at, bytes);
		if (!n)
			errno = ECONNRESET;
		if (n <= 0)
			return false;
	}
	return true;
}
