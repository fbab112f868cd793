/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs cases and says how they ended, as TAP.
 *
 * Every side of every case is a process (and process group) of its own with a
 * deadline: one that hangs or crashes fails its case, and the next case runs.
 */
#ifndef RUNNER_H
#define RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "case.h"

struct runner_options {
	const char *pick;	/* comma separated, NULL is all */
	const char *skip;
	const char *group;
	const char *host;	/* of the control connection; NULL: both sides here */
	uint16_t port;
	unsigned int seconds;	/* a case may take, 0: what the case says */
};

/* Ends in a group without a name. */
extern const struct test_group test_groups[];

void runner_list(void);

/* Each returns the exit status of the program. */
int runner_loopback(const struct runner_options *options);
int runner_client(const struct runner_options *options);
int runner_server(const struct runner_options *options);

#endif
