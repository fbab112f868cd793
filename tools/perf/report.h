/* SPDX-License-Identifier: GPL-2.0-only */
/* Reports: the sum of the flows of a test. */
#ifndef PERF_REPORT_H
#define PERF_REPORT_H

#include "histogram.h"
#include "wire.h"

struct options;

struct report {
	const struct options *opt;
	const char *host;
	struct outcome client;
	struct outcome server;
	struct histogram rtt;
};

void report_init(struct report *report);
void report_add(struct report *report, const struct outcome *client,
		const struct outcome *server, const struct histogram *rtt);
void report_print(const struct report *report);

#endif
