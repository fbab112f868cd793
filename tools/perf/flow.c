// SPDX-License-Identifier: GPL-2.0-only
/* Flows: run the test, measure CPU time and calls, exchange the results. */
#include <sys/resource.h>

#include "flow.h"
#include "pattern.h"
#include "rtt.h"
#include "stream.h"

static uint64_t elapsed_us(const struct timeval *from, const struct timeval *to)
{
	return (to->tv_sec - from->tv_sec) * 1000000LL + to->tv_usec - from->tv_usec;
}

static int flow_test(struct flow *flow, bool producer)
{
	if (flow->req.test == TEST_RTT)
		return producer ?
			rtt_ping(&flow->conn, &flow->req, &flow->own, &flow->rtt) :
			rtt_echo(&flow->conn, &flow->req, &flow->own);
	return producer ?
		stream_send(&flow->conn, &flow->req, &flow->own) :
		stream_receive(&flow->conn, &flow->req, &flow->own);
}

int flow_run(struct flow *flow)
{
	const bool producer = flow->client != flow->req.reverse;
	struct rusage before, after;

	flow->own = (struct outcome){ .bad = PATTERN_GOOD };
	if (flow->req.test == TEST_RTT)
		rtt_prepare(&flow->conn);

	/* The handshake took place before all flows were connected: do not count it. */
	if (flow->client ? wire_go(&flow->conn) : wire_await_go(&flow->conn))
		return -1;

	flow->conn.sends = 0;
	flow->conn.recvs = 0;
	getrusage(RUSAGE_THREAD, &before);
	if (flow_test(flow, producer))
		return -1;
	getrusage(RUSAGE_THREAD, &after);

	flow->own.sends = flow->conn.sends;
	flow->own.recvs = flow->conn.recvs;
	flow->own.user_us = elapsed_us(&before.ru_utime, &after.ru_utime);
	flow->own.sys_us = elapsed_us(&before.ru_stime, &after.ru_stime);

	if (producer)
		return wire_recv_outcome(&flow->conn, &flow->other) ||
		       wire_send_outcome(&flow->conn, &flow->own) ? -1 : 0;
	return wire_send_outcome(&flow->conn, &flow->own) ||
	       wire_recv_outcome(&flow->conn, &flow->other) ? -1 : 0;
}
