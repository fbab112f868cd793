/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs cases, and reports in TAP how they ended. */
#ifndef RUNNER_H
#define RUNNER_H

#include "group.h"
#include "session.h"

struct runner_options {
	struct selection selection;
	struct session_address session;
	unsigned int seconds;	/* a case may take, 0: what the case says */
};

void runner_list(void);

/* Each returns the exit status of the program. */
int runner_loopback(const struct runner_options *options);
int runner_client(const struct runner_options *options);
int runner_server(const struct runner_options *options);

#endif
