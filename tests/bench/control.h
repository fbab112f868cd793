/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control: what the two sides say to each other, on a TCP connection which is idle
 * while anything is measured.
 *
 *	client -> server   request   what is to be measured
 *	server -> client   ready     there is something to connect to
 *	        ...                  the test itself
 *	client -> server   done      no more will be sent
 *	server -> client   outcome   what arrived
 *
 * Both sides are this very program, so structs cross as they are. Errors end it.
 */
#ifndef BENCH_CONTROL_H
#define BENCH_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum test {
	TEST_STREAM,
	TEST_RTT,
	TEST_CONNECT,
};

struct request {
	char peer[24];
	enum test test;
	uint32_t bytes;		/* of a block */
	uint32_t flows;
	uint32_t ms;		/* how long */
};

/* What arrived in one flow, or in all. */
struct outcome {
	uint64_t bytes;
	uint64_t first_ns;	/* of the server's clock: when the first came ... */
	uint64_t last_ns;	/* ... and the last */
	uint64_t fewest;	/* bytes of the flow that got least */
};

int control_listen(void);
int control_accept(int listener);
int control_connect(const char *ip);

void control_send(int fd, const void *message, size_t length);
/* False if the other side has gone. */
bool control_receive(int fd, void *message, size_t length);

void control_send_word(int fd);
bool control_receive_word(int fd);

#endif
