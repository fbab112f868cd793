/* SPDX-License-Identifier: GPL-2.0-only */
/* Round trips: one side sends a message, the other sends it back. */
#ifndef PERF_RTT_H
#define PERF_RTT_H

struct conn;
struct histogram;
struct outcome;
struct request;

/* Prepare a socket for the test: sets TCP_NODELAY. Needed on both sides. */
void rtt_prepare(struct conn *conn);

int rtt_ping(struct conn *conn, const struct request *req, struct outcome *out,
	     struct histogram *rtt);
int rtt_echo(struct conn *conn, const struct request *req, struct outcome *out);

#endif
