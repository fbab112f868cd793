// SPDX-License-Identifier: GPL-2.0-only
#include "hold.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "blocked.h"
#include "case.h"
#include "family.h"
#include "pattern.h"

#define PIECE		65536
#define FLOWING		1048576
#define PATTERN_SEED	0x5c4a11e1

/* The first byte of a connection tells the server what the client will do. */
enum hold_kind {
	HOLD_SEND = 's',
	HOLD_RECV = 'r',
	HOLD_SEND_STALLED = 'S',
	HOLD_RECV_STALLED = 'R',
};

static struct case_report unused_report;

static int broken(const char *what)
{
	printf("%s: %s\n", what, errno_name(errno));
	return 2;
}

static void say_blocked(void *arg)
{
	(void)arg;
	printf("blocked\n");
}

/* Moves bytes until the connection ends; the exit status of the program. */
static int flow(int fd, bool sends)
{
	static unsigned char buffer[PIECE];
	struct pattern pattern = { .seed = PATTERN_SEED };
	int64_t last = now_ms();
	bool flowing = false;
	ssize_t n;

	for (;;) {
		struct pattern next = pattern;

		if (sends) {
			pattern_fill(&next, buffer, sizeof(buffer));
			n = send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL);
		} else {
			n = recv(fd, buffer, sizeof(buffer), 0);
		}
		if (n <= 0)
			break;
		last = now_ms();
		if (sends) {
			pattern.position += n;
		} else if (pattern_match(&pattern, buffer, n) < (size_t)n) {
			printf("wrong byte at or after %llu\n",
			       (unsigned long long)pattern.position);
			return 1;
		}
		if (!flowing && pattern.position >= FLOWING) {
			flowing = true;
			printf("flowing\n");
		}
	}
	printf("ended errno=%s after %llu bytes, %lld ms after the last\n",
	       n ? errno_name(errno) : "0",
	       (unsigned long long)pattern.position,
	       (long long)(now_ms() - last));
	return 0;
}

int hold(const struct hold_options *options)
{
	union address to = peer(options->port);
	bool sends;
	char kind;
	int fd;

	setlinebuf(stdout);
	case_report = &unused_report;
	if (!options->direction || !options->port ||
	    (strcmp(options->direction, "send") &&
	     strcmp(options->direction, "recv"))) {
		fprintf(stderr, "--port P and --direction send|recv are needed\n");
		return 2;
	}
	sends = !strcmp(options->direction, "send");
	if (options->stall)
		kind = sends ? HOLD_SEND_STALLED : HOLD_RECV_STALLED;
	else
		kind = sends ? HOLD_SEND : HOLD_RECV;

	fd = socket(family->number, SOCK_STREAM, 0);
	if (fd < 0)
		return broken("socket");
	if (connect(fd, &to.any, family->length))
		return broken("connect");
	if (send(fd, &kind, 1, MSG_NOSIGNAL) != 1)
		return broken("send");
	/* the server does not read: the first sleep lasts */
	if (options->stall)
		when_blocked(sends ? SYS_sendto : SYS_recvfrom, say_blocked, NULL);
	return flow(fd, sends);
}

static int serve_one(int fd)
{
	char kind;

	if (recv(fd, &kind, 1, 0) != 1)
		return broken("recv");
	switch (kind) {
	case HOLD_SEND:
		return flow(fd, false);
	case HOLD_RECV:
		return flow(fd, true);
	default:
		pause();
		return 0;
	}
}

int serve_hold(const struct hold_options *options)
{
	union address at_address = here(options->port);
	int listener;

	setlinebuf(stdout);
	case_report = &unused_report;
	signal(SIGCHLD, SIG_IGN);
	listener = socket(family->number, SOCK_STREAM, 0);
	if (listener < 0)
		return broken("socket");
	if (bind(listener, &at_address.any, family->length))
		return broken("bind");
	if (listen(listener, 64))
		return broken("listen");
	printf("listening\n");
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			return broken("accept");
		printf("accepted\n");
		fflush(stdout);
		switch (fork()) {
		case -1:
			return broken("fork");
		case 0:
			close(listener);
			exit(serve_one(fd));
		}
		close(fd);
	}
}
