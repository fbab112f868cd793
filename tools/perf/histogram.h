/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Histograms of durations, in constant space, independent of the length of a test.
 * Minimum, mean and maximum are exact; percentiles are within 1/128.
 */
#ifndef PERF_HISTOGRAM_H
#define PERF_HISTOGRAM_H

#include <stdint.h>

/*
 * Values below 2 * SUB have a bucket each; above, each power of two is
 * divided into SUB buckets.
 */
#define HISTOGRAM_SUB		64
#define HISTOGRAM_SUB_BITS	6	/* its logarithm */
#define HISTOGRAM_BUCKETS	((64 - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB)

struct histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t min;
	uint64_t max;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);
double histogram_mean(const struct histogram *h);
double histogram_quantile(const struct histogram *h, double q);

#endif
