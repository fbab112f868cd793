/* SPDX-License-Identifier: GPL-2.0-only */
/* The options of the command line, for all commands. */
#ifndef PERF_OPTIONS_H
#define PERF_OPTIONS_H

#include <stdbool.h>

#include "endpoint.h"
#include "wire.h"

struct options {
	enum perf_family family;
	unsigned int port;
	unsigned int timeout_s;
	const char *bind;	/* NULL: every local address */
	bool once;
	bool json;
	struct request req;
};

#endif
