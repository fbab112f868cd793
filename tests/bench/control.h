/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control: the messages between client and server that are not part of the test. They use a TCP
 * connection of their own, which is idle during the measurement.
 *
 *	client -> server   request     the measurement to make
 *	server -> client   ready       the server listens
 *	server -> client   connected   all flows are connected (not in the test "connect")
 *	        ...                    the test itself
 *	client -> server   done        the client has stopped sending
 *	server -> client   outcome     what the server received
 *
 * Both sides are the same binary, so structs are sent without conversion. An error ends the
 * program.
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
	uint32_t bytes;		/* block size */
	uint32_t flows;
	uint32_t ms;		/* duration */
};

/* What the server received in one flow, or in all flows. */
struct outcome {
	uint64_t bytes;
	uint64_t first_ns;	/* time of the first arrival, by the server's clock */
	uint64_t last_ns;	/* time of the last arrival */
	uint64_t fewest;	/* bytes of the flow that received the fewest */
};

int control_listen(void);
int control_accept(int listener);
int control_connect(const char *ip);

void control_send(int fd, const void *message, size_t length);
/* Returns false if the peer has closed the connection. */
bool control_receive(int fd, void *message, size_t length);

/* "ready", "connected" or "done": send it; wait for it, false as above. */
void control_signal(int fd);
bool control_wait(int fd);

#endif
