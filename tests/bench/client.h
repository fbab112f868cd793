/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "control.h"
#include "peer.h"

/* What is to be measured, and what is said about it in the result. */
struct order {
	struct request request;
	const struct peer *peer;
	struct place place;
	const char *where;
	unsigned int round;
};

/* Measure, and print one line of JSON. Errors end the program. */
void client_run(const struct order *order);

#endif
