// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-copy - how fast memory is copied, in one domain or in two at once
 *
 *	bench-copy alone BYTES SECONDS
 *	bench-copy server
 *	bench-copy client ADDRESS BYTES SECONDS
 *
 * All a domain does is to copy a block of BYTES to another place with the C library's memcpy(),
 * again and again: what a sender or a receiver could do at best if it cost nothing else. With
 * "client" this domain and the server's do it at the same time, beginning with a byte over TCP.
 * The JSON object has the slower of the two: no stream through both is faster.
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
#define PATIENCE_S	60	/* beyond what was asked for */
#define BYTES_MAX	(64 * 1024 * 1024)
/* What is copied between two looks at the clock, which may be a system call. */
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
			/* The compiler must not find out that nobody reads it. */
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
		errx(1, "the other side is gone");
}

static void put(int fd, const void *data, size_t size)
{
	if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
		errx(1, "the other side is gone");
}

static int tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
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
			errx(1, "asked for blocks of %ju bytes", request.bytes);
		put(fd, "", 1);
		outcome = copy(&request);
		put(fd, &outcome, sizeof(outcome));
		close(fd);
	}
	err(1, "accept");
}

static struct outcome both(const char *host, const struct request *request)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct outcome here, there;
	int fd = tcp();
	char go;

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		errx(2, "'%s' is not an address", host);
	if (connect(fd, (const void *)&address, sizeof(address)))
		err(1, "cannot connect to %s", host);
	put(fd, request, sizeof(*request));
	get(fd, &go, 1);
	here = copy(request);
	get(fd, &there, sizeof(there));
	return (double)here.bytes / here.ns < (double)there.bytes / there.ns ? here : there;
}

static struct request parse(char **argv)
{
	struct request request = {
		.bytes = strtoul(argv[0], NULL, 10),
		.ns = strtod(argv[1], NULL) * NS_PER_S,
	};

	alarm(request.ns / NS_PER_S + PATIENCE_S);
	if (!request.bytes || request.bytes > BYTES_MAX)
		errx(2, "'%s' is not from 1 to %u", argv[0], BYTES_MAX);
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
