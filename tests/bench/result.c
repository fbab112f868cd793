// SPDX-License-Identifier: GPL-2.0-only
/* Results: the fields that README.md explains, in their order. */
#include <stdio.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "result.h"

#define MIB	(1024.0 * 1024)

static void print_head(const char *where, unsigned int round, const char *peer, const char *test,
		       unsigned int bytes, unsigned int flows)
{
	printf("{\"where\": \"%s\", \"peer\": \"%s\", \"test\": \"%s\"", where, peer, test);
	printf(", \"bytes\": %u, \"flows\": %u, \"vcpus\": %ld, \"round\": %u", bytes, flows,
	       sysconf(_SC_NPROCESSORS_ONLN), round);
}

static void print_value(double value, const char *unit)
{
	printf(", \"value\": %.3f, \"unit\": \"%s\"", value, unit);
}

static void print_percentiles(const struct histogram *took)
{
	static const char * const percent[] = { "1", "5", "10", "25", "50", "75", "90", "95",
						"99", "99.9" };
	static const double share[] = { .01, .05, .1, .25, .5, .75, .9, .95, .99, .999 };
	unsigned int i;

	printf(", \"percentiles\": {\"0\": %.3f", took->min / 1e3);
	for (i = 0; i < sizeof(share) / sizeof(*share); i++)
		printf(", \"%s\": %.3f", percent[i], histogram_quantile(took, share[i]) / 1e3);
	printf(", \"100\": %.3f}", took->max / 1e3);
}

static void print_tail(double cpu_s, uint64_t moved)
{
	printf(", \"cpu_s\": %.3f, \"moved_bytes\": %ju}\n", cpu_s, moved);
	fflush(stdout);
}

static double mib_per_s(const struct outcome *outcome)
{
	double seconds = (double)(outcome->last_ns - outcome->first_ns) / NS_PER_S;

	return seconds > 0 ? outcome->bytes / MIB / seconds : 0;
}

void result_print(const struct order *order, const struct result *result)
{
	static const char * const tests[] = { "stream", "rtt", "connect" };
	const struct request *request = &order->request;
	const struct outcome *outcome = &result->outcome;

	print_head(order->where, order->round, request->peer, tests[request->test],
		   request->bytes, request->flows);
	switch (request->test) {
	case TEST_STREAM:
		print_value(mib_per_s(outcome), "MiB/s");
		printf(", \"sent_bytes\": %ju, \"fewest_bytes\": %ju", result->sent,
		       outcome->fewest);
		break;
	case TEST_RTT:
		print_value(histogram_quantile(&result->took, .5) / 1e3, "us");
		print_percentiles(&result->took);
		break;
	case TEST_CONNECT:
		print_value(result->connections / ((double)result->took_ns / NS_PER_S), "1/s");
		print_percentiles(&result->took);
		break;
	}
	print_tail(result->cpu_s, outcome->bytes);
}

void result_print_rate(const struct rate *rate)
{
	print_head(rate->where, rate->round, rate->peer, rate->test, rate->bytes, rate->flows);
	print_value(rate->mib_per_s, "MiB/s");
	print_tail(rate->cpu_s, rate->moved);
}
