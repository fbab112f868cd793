// SPDX-License-Identifier: GPL-2.0-only
/* Print throughput, or times with their percentiles, as JSON. */
#include <stdio.h>

#include "histogram.h"
#include "print.h"

static const double percents[] = { 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9 };

void print_rate(uint64_t bytes, uint64_t ns)
{
	printf("{\"value\": %.3f, \"unit\": \"MiB/s\", \"moved_bytes\": %ju}\n",
	       ns ? bytes / (1024.0 * 1024) / (ns / 1e9) : 0, bytes);
}

void print_times(const struct histogram *times)
{
	unsigned int i;

	printf("{\"value\": %.3f, \"unit\": \"us\", \"percentiles\": {\"0\": %.3f",
	       histogram_quantile(times, 0.5) / 1e3, times->min / 1e3);
	for (i = 0; i < sizeof(percents) / sizeof(*percents); i++)
		printf(", \"%g\": %.3f", percents[i],
		       histogram_quantile(times, percents[i] / 100) / 1e3);
	printf(", \"100\": %.3f}}\n", times->max / 1e3);
}
