/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The protocol between two schannel-perf, apart from the test data.
 *
 *	client -> server   request   which test to run on this connection
 *	server -> client   answer    yes, or the reason why not
 *	client -> server   go        all flows of the test are connected
 *	        ...                  the test itself
 *	consumer -> producer, then producer -> consumer: outcome
 *
 * The consumer of the data sends its outcome first, so nothing follows the last byte of a
 * stream, and a recv() never returns data and outcome together. A file ends with the digests
 * instead, in the same order.
 */
#ifndef PERF_WIRE_H
#define PERF_WIRE_H

#include <stdbool.h>
#include <stdint.h>

struct conn;

#define WIRE_SIZE_MAX	(64U << 20)
#define WIRE_MS_MAX	(24 * 3600 * 1000U)
#define WIRE_FLOWS_MAX	1000

enum test {
	TEST_STREAM = 1,
	TEST_RTT,
	TEST_FILE,
};

struct request {
	enum test test;
	bool reverse;		/* stream: the server sends */
	bool verify;
	uint32_t size;		/* bytes per send */
	uint32_t ms;		/* how long to go on */
	uint32_t flows;		/* connections of this test in all */
	uint64_t length;	/* bytes of a file */
};

/* The results of one side: of one flow, or of all flows of a test. */
struct outcome {
	uint64_t bytes;
	uint64_t first_ns;	/* clock_now() of that side, at the first ... */
	uint64_t last_ns;	/* ... and the last byte */
	uint64_t sends;
	uint64_t recvs;
	uint64_t user_us;
	uint64_t sys_us;
	uint64_t bad;		/* place of the first wrong byte, or PATTERN_GOOD */
};

int wire_ask(struct conn *conn, const struct request *req);
int wire_go(struct conn *conn);

/* files: this server receives files only; otherwise it runs tests only. */
int wire_answer(struct conn *conn, struct request *req, bool files);
int wire_await_go(struct conn *conn);

int wire_send_outcome(struct conn *conn, const struct outcome *out);
int wire_recv_outcome(struct conn *conn, struct outcome *out);

#endif
