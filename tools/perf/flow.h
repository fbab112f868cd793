/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows: one connection's part in a test, on either side. */
#ifndef PERF_FLOW_H
#define PERF_FLOW_H

#include <stdbool.h>

#include "conn.h"
#include "histogram.h"
#include "wire.h"

struct flow {
	struct conn conn;
	struct request req;
	bool client;
	struct outcome own;
	struct outcome other;
	struct histogram rtt;	/* nanoseconds; the client's side only */
};

/* Run the test on a connection after the handshake. Returns -1 with conn.error set. */
int flow_run(struct flow *flow);

#endif
