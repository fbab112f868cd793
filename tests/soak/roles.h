/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two sides. They agree over a control connection:
 *
 *	server: PORTS listeners, mortal ones, inboxes	(0: no such kind here)
 *	client: RUN seed kinds deaths
 *	... the time passes ...
 *	client: STOP datagrams for each inbox
 *	server: DONE flows and what it counted, then its ledger
 */
#ifndef ROLES_H
#define ROLES_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger.h"

struct soak_options {
	unsigned int flows;
	unsigned int seconds;
	unsigned int threads;
	unsigned int deaths;	/* processes that will be killed, on each side */
	unsigned int every;	/* seconds between two lines of progress */
	uint64_t seed;
};

/*
 * Each returns 0, or the exit status of the program if it could not do its part. What
 * the client finds wrong is reported in TAP.
 */
int run_client(const struct soak_options *options, int control);
int run_server(const struct soak_options *options, int control);

/* What the server says of itself in the end. */
struct server_account {
	unsigned int flows;	/* entries that follow */
	unsigned int others;
	unsigned int deaths;
	unsigned long long inbox[INBOXES];
	unsigned long long drops[INBOXES];
	unsigned long long silent;
	unsigned long long bytes;
	unsigned long long records;
	unsigned long long replies_held;
};

/* Compares both sides, and reports in TAP. */
void verdict(const struct soak_options *options, const struct server_account *account,
	     const struct entry *server);

#endif
