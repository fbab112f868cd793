/* SPDX-License-Identifier: GPL-2.0-only */
/* Streams: one side sends for a given time, the other receives. */
#ifndef PERF_STREAM_H
#define PERF_STREAM_H

struct conn;
struct outcome;
struct request;

int stream_send(struct conn *conn, const struct request *req, struct outcome *out);
int stream_receive(struct conn *conn, const struct request *req, struct outcome *out);

#endif
