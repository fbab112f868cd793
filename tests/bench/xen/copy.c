// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-copy - measure memcpy() in one domain, or in two at the same time
 *
 *	bench-copy alone BYTES SECONDS
 *	bench-copy server
 *	bench-copy client ADDRESS BYTES SECONDS
 *
 * A domain copies a block of BYTES to the same destination with the C library's memcpy() again and
 * again: the upper bound for a sender or a receiver. With "client" this domain and the server's
 * copy at the same time; a byte over TCP starts them. The JSON object has the slower of the two,
 * because no stream through both domains is faster. The exit status is 0 after a measurement, 1
 * after an error, 2 for invalid arguments.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "print.h"

#define PORT		7411
#define TIMEOUT_S	60	/* beyond SECONDS; then SIGALRM ends a client that hangs */
#define BYTES_MAX	(64 * 1024 * 1024)
/* Bytes copied between two readings of the clock, which may be a system call. */
#define BATCH		(256 * 1024)

struct request {
	uint64_t bytes;
	uint64_t ns;
};

struct outcome {
	uint64_t bytes;
	uint64_t ns;
};

static struct outcome copy(const struct request *request)
{
	unsigned char *from = malloc(2 * request->bytes), *to = from + request->bytes;
	const size_t times = request->bytes < BATCH ? BATCH / request->bytes : 1;
	struct outcome outcome = { 0 };
	uint64_t start;
	size_t i;

	if (!from)
		err(1, NULL);
	memset(from, 1, 2 * request->bytes);
	start = clock_now();
	do {
		for (i = 0; i < times; i++) {
			memcpy(to, from, request->bytes);
			/* The compiler must keep the copy although the result is unused. */
			__asm__ volatile("" : : "r" (to) : "memory");
		}
		outcome.bytes += times * request->bytes;
		outcome.ns = clock_now() - start;
	} while (outcome.ns < request->ns);
	free(from);
	return outcome;
}

static void get(int fd, void *data, size_t size)
{
	if (recv(fd, data, size, MSG_WAITALL) != (ssize_t)size)
		errx(1, "the peer has closed the connection");
}

static void put(int fd, const void *data, size_t size)
{
	if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
		errx(1, "the peer has closed the connection");
}

static int tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "cannot open a socket");
	return fd;
}

static int server(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd, listener = tcp();
	struct request request;
	struct outcome outcome;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(listener, (const void *)&address, sizeof(address)) || listen(listener, 1))
		err(1, "cannot listen");
	setlinebuf(stdout);
	puts("listening");
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		get(fd, &request, sizeof(request));
		if (!request.bytes || request.bytes > BYTES_MAX)
			errx(1, "invalid block size from the client: %ju", request.bytes);
		put(fd, "", 1);
		outcome = copy(&request);
		put(fd, &outcome, sizeof(outcome));
		close(fd);
	}
	err(1, "cannot accept");
}

static struct outcome both(const char *host, const struct request *request)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct outcome ours, theirs;
	int fd = tcp();
	char start;

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		errx(2, "'%s' is not an IPv4 address", host);
	if (connect(fd, (const void *)&address, sizeof(address)))
		err(1, "cannot connect to %s", host);
	put(fd, request, sizeof(*request));
	get(fd, &start, 1);
	ours = copy(request);
	get(fd, &theirs, sizeof(theirs));
	return (double)ours.bytes / ours.ns < (double)theirs.bytes / theirs.ns ? ours : theirs;
}

static struct request parse(char **argv)
{
	struct request request = {
		.bytes = strtoul(argv[0], NULL, 10),
		.ns = strtod(argv[1], NULL) * NS_PER_S,
	};

	alarm(request.ns / NS_PER_S + TIMEOUT_S);
	if (!request.bytes || request.bytes > BYTES_MAX)
		errx(2, "'%s' is not a number from 1 to %u", argv[0], BYTES_MAX);
	return request;
}

int main(int argc, char **argv)
{
	struct request request;
	struct outcome outcome;

	if (argc == 2 && !strcmp(argv[1], "server"))
		return server();
	if (argc == 4 && !strcmp(argv[1], "alone")) {
		request = parse(argv + 2);
		outcome = copy(&request);
	} else if (argc == 5 && !strcmp(argv[1], "client")) {
		request = parse(argv + 3);
		outcome = both(argv[2], &request);
	} else {
		fprintf(stderr, "usage: bench-copy alone BYTES SECONDS\n"
				"       bench-copy server\n"
				"       bench-copy client ADDRESS BYTES SECONDS\n");
		return 2;
	}
	print_rate(outcome.bytes, outcome.ns);
	return 0;
}
