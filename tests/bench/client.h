/* SPDX-License-Identifier: GPL-2.0-only */
/* The client: it opens the flows, sends, and prints the result. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "control.h"
#include "peer.h"

/* The measurement to make, and its labels in the result. */
struct order {
	struct request request;
	const struct peer *peer;
	struct server_addr server;
	const char *where;	/* label: the environment */
	unsigned int round;	/* label */
};

/* Measure, and print one line of JSON. An error ends the program. */
void client_run(const struct order *order);

#endif
