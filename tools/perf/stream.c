// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams: only the last byte of the last block is PATTERN_END, and the sender sends nothing
 * after it. So the receiver checks only the last byte that each recv() returned.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "conn.h"
#include "pattern.h"
#include "stream.h"
#include "wire.h"

/*
 * The receiver does not know the size of the sent blocks, and receives many small ones at once,
 * as real servers do.
 */
#define RECEIVE_MIN	(64 * 1024)

int stream_send(struct conn *conn, const struct request *req, struct outcome *out)
{
	unsigned char *buf = malloc(req->size);
	uint64_t deadline;
	int ret = 0;
	bool last;

	if (!buf)
		return conn_fail(conn, "no memory for %u bytes", req->size);
	pattern_fill(buf, req->size, 0);

	out->first_ns = clock_now();
	deadline = clock_coarse() + req->ms * (NS_PER_S / 1000);
	do {
		last = clock_coarse() >= deadline;
		if (req->verify)
			pattern_fill(buf, req->size, out->bytes);
		if (last)
			buf[req->size - 1] = PATTERN_END;
		ret = conn_send(conn, buf, req->size);
		if (ret)
			break;
		out->bytes += req->size;
	} while (!last);
	out->last_ns = clock_now();

	free(buf);
	return ret;
}

int stream_receive(struct conn *conn, const struct request *req, struct outcome *out)
{
	size_t room = req->size > RECEIVE_MIN ? req->size : RECEIVE_MIN;
	unsigned char *buf = malloc(room);
	bool last = false;
	ssize_t n = 0;

	if (!buf)
		return conn_fail(conn, "no memory for %zu bytes", room);
	memset(buf, 0, room);	/* page faults happen before the clock starts */

	while (!last) {
		n = conn_recv_some(conn, buf, room);
		if (n < 0)
			break;
		if (!out->bytes)
			out->first_ns = clock_now();
		last = buf[n - 1] == PATTERN_END;
		if (req->verify && out->bad == PATTERN_GOOD)
			out->bad = pattern_check(buf, n - last, out->bytes);
		out->bytes += n;
	}
	out->last_ns = clock_now();

	free(buf);
	return n < 0 ? -1 : 0;
}
