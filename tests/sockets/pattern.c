// SPDX-License-Identifier: GPL-2.0-only
#include "pattern.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "case.h"

/* Eight bytes of the stream at once; byte i of it is at 8 * index + i. */
static uint64_t pattern_word(uint64_t seed, uint64_t index)
{
	uint64_t x = (index + 1) * 0x9e3779b97f4a7c15 + seed;

	return (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9;
}

void pattern_fill(struct pattern *pattern, void *buffer, size_t length)
{
	unsigned char *to = buffer;

	while (length) {
		uint64_t word = pattern_word(pattern->seed, pattern->position / 8);
		size_t skipped = pattern->position % 8;
		size_t n = 8 - skipped;

		if (n > length)
			n = length;
		memcpy(to, (unsigned char *)&word + skipped, n);
		to += n;
		length -= n;
		pattern->position += n;
	}
}

size_t pattern_match(struct pattern *pattern, const void *buffer, size_t length)
{
	const unsigned char *from = buffer;
	size_t done = 0;

	while (done < length) {
		uint64_t word = pattern_word(pattern->seed, pattern->position / 8);
		const unsigned char *want = (unsigned char *)&word;
		size_t skipped = pattern->position % 8;
		size_t n = 8 - skipped;

		if (n > length - done)
			n = length - done;
		if (memcmp(from + done, want + skipped, n)) {
			while (from[done] == want[skipped++])
				done++;
			return done;
		}
		done += n;
		pattern->position += n;
	}
	return done;
}

void pattern_check(struct pattern *pattern, const void *buffer, size_t length)
{
	uint64_t start = pattern->position;
	size_t right = pattern_match(pattern, buffer, length);

	if (right < length)
		fail("byte %llu of the stream is wrong",
		     (unsigned long long)(start + right));
}

void pattern_send(struct pattern *pattern, int fd, size_t length, size_t piece)
{
	unsigned char *buffer = malloc(piece);

	check(buffer);
	while (length) {
		size_t n = length < piece ? length : piece;

		pattern_fill(pattern, buffer, n);
		/* A blocking send gives less than all only when interrupted. */
		call_gives(send(fd, buffer, n, MSG_NOSIGNAL), n);
		length -= n;
	}
	free(buffer);
}

void pattern_recv(struct pattern *pattern, int fd, size_t length, size_t piece)
{
	unsigned char *buffer = malloc(piece);

	check(buffer);
	while (length) {
		ssize_t n = call(recv(fd, buffer, length < piece ? length : piece, 0));

		if (!n)
			fail("the stream ended, %zu bytes are missing", length);
		pattern_check(pattern, buffer, n);
		length -= n;
	}
	free(buffer);
}

uint64_t pattern_recv_to_end(struct pattern *pattern, int fd)
{
	static const size_t piece = 65536;
	unsigned char *buffer = malloc(piece);
	uint64_t total = 0;
	ssize_t n;

	check(buffer);
	while ((n = call(recv(fd, buffer, piece, 0))) > 0) {
		pattern_check(pattern, buffer, n);
		total += n;
	}
	free(buffer);
	return total;
}
