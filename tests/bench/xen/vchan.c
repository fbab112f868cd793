// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-vchan - measure throughput and round trips over libxenvchan
 *
 *	bench-vchan server DOMID NAME RING
 *	bench-vchan client DOMID NAME stream|rtt BYTES SECONDS
 *
 * The server offers domain DOMID a ring of RING bytes in each direction, prints "listening", and
 * serves one client after the other until it is killed. The client requests a test, runs it, and
 * prints a JSON object. The receiver measures a stream, from its first read to its last. The exit
 * status is 0 after a measurement, 1 after an error, 2 for invalid arguments.
 */
#include <err.h>
#include <libxenvchan.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "histogram.h"
#include "print.h"

#define RING_MAX	(1024 * 1024)
#define BYTES_MAX	(64 * 1024 * 1024)

/* The least size of a receive buffer: a receiver does not know the sender's block size. */
#define RECEIVE_MIN	(64 * 1024)

/* The last byte of the last block; all other bytes are 0. */
#define END_MARK	1

#define TIMEOUT_S	60	/* beyond SECONDS; then SIGALRM ends a client that hangs */

enum kind { STREAM, RTT };

struct request {
	uint32_t kind;
	uint32_t bytes;
	uint64_t ns;
};

struct outcome {
	uint64_t bytes;
	uint64_t ns;
};

static void put(struct libxenvchan *vchan, const void *data, size_t size)
{
	if (libxenvchan_write(vchan, data, size) != (int)size)
		errx(1, "the peer has closed the connection");
}

static size_t get_some(struct libxenvchan *vchan, void *data, size_t size)
{
	int n = libxenvchan_read(vchan, data, size);

	if (n <= 0)
		errx(1, "the peer has closed the connection");
	return n;
}

static void get(struct libxenvchan *vchan, void *data, size_t size)
{
	char *to = data;
	size_t n;

	for (; size; to += n, size -= n)
		n = get_some(vchan, to, size);
}

/* Written once, so that no measurement includes the page faults of its first use. */
static unsigned char *buffer(size_t size)
{
	unsigned char *data = malloc(size);

	if (!data)
		err(1, NULL);
	memset(data, 0, size);
	return data;
}

/* ---- The client --------------------------------------------------------- */

/* Sends one block. Returns true if it was the last one, because the deadline has passed. */
static bool put_block(struct libxenvchan *vchan, unsigned char *block, size_t size,
		      uint64_t deadline)
{
	bool last = clock_coarse() >= deadline;

	if (last)
		block[size - 1] = END_MARK;
	put(vchan, block, size);
	return last;
}

static void send_stream(struct libxenvchan *vchan, const struct request *request)
{
	unsigned char *block = buffer(request->bytes);
	uint64_t deadline = clock_coarse() + request->ns;
	struct outcome outcome;

	while (!put_block(vchan, block, request->bytes, deadline))
		;
	get(vchan, &outcome, sizeof(outcome));
	print_rate(outcome.bytes, outcome.ns);
	free(block);
}

static void ping(struct libxenvchan *vchan, const struct request *request)
{
	static struct histogram trips;
	unsigned char *block = buffer(request->bytes);
	uint64_t deadline = clock_coarse() + request->ns;
	uint64_t start, now = clock_now();
	bool last;

	do {
		last = put_block(vchan, block, request->bytes, deadline);
		get(vchan, block, request->bytes);
		start = now;
		now = clock_now();
		histogram_add(&trips, now - start);
	} while (!last);
	print_times(&trips);
	free(block);
}

static int client(struct libxenvchan *vchan, const struct request *request)
{
	vchan->blocking = 1;
	put(vchan, request, sizeof(*request));
	if (request->kind == STREAM)
		send_stream(vchan, request);
	else
		ping(vchan, request);
	libxenvchan_close(vchan);
	return 0;
}

/* ---- The server --------------------------------------------------------- */

static void receive_stream(struct libxenvchan *vchan, size_t block_size)
{
	size_t size = block_size > RECEIVE_MIN ? block_size : RECEIVE_MIN, n;
	unsigned char *block = buffer(size);
	struct outcome outcome = { 0 };
	uint64_t first = 0;

	do {
		n = get_some(vchan, block, size);
		if (!first)
			first = clock_now();
		outcome.bytes += n;
	} while (block[n - 1] != END_MARK);
	outcome.ns = clock_now() - first;
	put(vchan, &outcome, sizeof(outcome));
	free(block);
}

static void echo(struct libxenvchan *vchan, size_t size)
{
	unsigned char *block = buffer(size);

	do {
		get(vchan, block, size);
		put(vchan, block, size);
	} while (block[size - 1] != END_MARK);
	free(block);
}

static int server(struct libxenvchan *vchan)
{
	struct request request;

	vchan->blocking = 1;
	vchan->server_persist = 1;
	setlinebuf(stdout);
	puts("listening");
	for (;;) {
		get(vchan, &request, sizeof(request));
		if (!request.bytes || request.bytes > BYTES_MAX)
			errx(1, "invalid block size from the client: %u", request.bytes);
		if (request.kind == STREAM)
			receive_stream(vchan, request.bytes);
		else
			echo(vchan, request.bytes);
	}
}

/* ---- The command line --------------------------------------------------- */

static unsigned long parse_number(const char *text, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value > max)
		errx(2, "'%s' is not a number up to %lu", text, max);
	return value;
}

static enum kind kind(const char *name)
{
	if (!strcmp(name, "stream"))
		return STREAM;
	if (!strcmp(name, "rtt"))
		return RTT;
	errx(2, "'%s' is not a test; expected: stream, rtt", name);
}

int main(int argc, char **argv)
{
	struct libxenvchan *vchan;
	struct request request;
	unsigned int domid;
	char path[128];
	size_t ring;

	if (argc == 5 && !strcmp(argv[1], "server")) {
		domid = parse_number(argv[2], DOMID_FIRST_RESERVED - 1);
		ring = parse_number(argv[4], RING_MAX);
		snprintf(path, sizeof(path), "data/%s", argv[3]);
		vchan = libxenvchan_server_init(NULL, domid, path, ring, ring);
		if (!vchan)
			err(1, "cannot offer %s", path);
		return server(vchan);
	}
	if (argc == 7 && !strcmp(argv[1], "client")) {
		request.kind = kind(argv[4]);
		request.bytes = parse_number(argv[5], BYTES_MAX);
		request.ns = strtod(argv[6], NULL) * NS_PER_S;
		if (!request.bytes)
			errx(2, "BYTES is 0");
		domid = parse_number(argv[2], DOMID_FIRST_RESERVED - 1);
		alarm(request.ns / NS_PER_S + TIMEOUT_S);
		snprintf(path, sizeof(path), "/local/domain/%u/data/%s", domid, argv[3]);
		vchan = libxenvchan_client_init(NULL, domid, path);
		if (!vchan)
			err(1, "cannot reach %s", path);
		return client(vchan, &request);
	}
	fprintf(stderr, "usage: bench-vchan server DOMID NAME RING\n"
			"       bench-vchan client DOMID NAME stream|rtt BYTES SECONDS\n");
	return 2;
}
