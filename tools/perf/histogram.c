// SPDX-License-Identifier: GPL-2.0-only
/* Histograms whose bucket width grows with the value. */
#include "histogram.h"

/*
 * Below 2 * SUB the value is its own index. Above, shifting it until it lies
 * in [SUB, 2 * SUB) gives its place inside its power of two.
 */
static unsigned int bucket_of(uint64_t value)
{
	unsigned int shift = 0;

	if (value >= 2 * HISTOGRAM_SUB)
		shift = 63 - __builtin_clzll(value) - HISTOGRAM_SUB_BITS;
	return shift * HISTOGRAM_SUB + (value >> shift);
}

/* The middle of the range of a bucket. */
static double bucket_value(unsigned int index)
{
	unsigned int shift = index < 2 * HISTOGRAM_SUB ? 0 : index / HISTOGRAM_SUB - 1;
	uint64_t low = (uint64_t)(index - shift * HISTOGRAM_SUB) << shift;

	return low + ((1ULL << shift) - 1) / 2.0;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	if (!h->count || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->count++;
	h->sum += value;
	h->bucket[bucket_of(value)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	unsigned int i;

	if (!from->count)
		return;
	if (!into->count || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->count += from->count;
	into->sum += from->sum;
	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

double histogram_mean(const struct histogram *h)
{
	return h->count ? (double)h->sum / h->count : 0;
}

/* The quantile q. */
double histogram_quantile(const struct histogram *h, double q)
{
	uint64_t rank = q * h->count, seen = 0;
	unsigned int i;
	double value;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen > rank)
			break;
	}
	if (i == HISTOGRAM_BUCKETS)
		return h->max;

	/* The middle of a bucket may lie outside of the range of the values. */
	value = bucket_value(i);
	if (value < h->min)
		return h->min;
	return value > h->max ? h->max : value;
}
