// SPDX-License-Identifier: GPL-2.0-only
/* Round trips: the last message is the one that ends in PATTERN_END. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "conn.h"
#include "histogram.h"
#include "pattern.h"
#include "rtt.h"
#include "wire.h"

void rtt_prepare(struct conn *conn)
{
	const int on = 1;

	/* AF_SCHANNEL does not have the option, and does not need it. */
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static uint64_t first_difference(const unsigned char *a, const unsigned char *b, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (a[i] != b[i])
			return i;
	return PATTERN_GOOD;
}

int rtt_ping(struct conn *conn, const struct request *req, struct outcome *out,
	     struct histogram *rtt)
{
	unsigned char *buf = malloc(2UL * req->size), *echo = buf + req->size;
	uint64_t deadline, now, then, bad;
	int ret = 0;
	bool last;

	if (!buf)
		return conn_fail(conn, "no memory for 2 * %u bytes", req->size);
	pattern_fill(buf, req->size, 0);
	memset(echo, 0, req->size);

	now = clock_now();
	out->first_ns = now;
	deadline = clock_coarse() + req->ms * (NS_PER_S / 1000);
	do {
		last = clock_coarse() >= deadline;
		if (req->verify)
			pattern_fill(buf, req->size, out->bytes);
		if (last)
			buf[req->size - 1] = PATTERN_END;
		ret = conn_send(conn, buf, req->size) || conn_recv(conn, echo, req->size);
		if (ret)
			break;

		/* The end of this round trip is also the start of the next one. */
		then = now;
		now = clock_now();
		histogram_add(rtt, now - then);
		if (req->verify && out->bad == PATTERN_GOOD) {
			bad = first_difference(buf, echo, req->size);
			if (bad != PATTERN_GOOD)
				out->bad = out->bytes + bad;
		}
		out->bytes += req->size;
	} while (!last);
	out->last_ns = now;

	free(buf);
	return ret ? -1 : 0;
}

int rtt_echo(struct conn *conn, const struct request *req, struct outcome *out)
{
	unsigned char *buf = malloc(req->size);
	bool last = false;
	int ret = 0;

	if (!buf)
		return conn_fail(conn, "no memory for %u bytes", req->size);
	memset(buf, 0, req->size);

	out->first_ns = clock_now();
	while (!last) {
		ret = conn_recv(conn, buf, req->size);
		if (ret)
			break;
		last = buf[req->size - 1] == PATTERN_END;
		ret = conn_send(conn, buf, req->size);
		if (ret)
			break;
		out->bytes += req->size;
	}
	out->last_ns = clock_now();

	free(buf);
	return ret;
}
