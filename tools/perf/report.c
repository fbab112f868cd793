// SPDX-License-Identifier: GPL-2.0-only
/* Reports: as text, and as one JSON object. */
#include <stdio.h>

#include "clock.h"
#include "options.h"
#include "pattern.h"
#include "report.h"

#define MIB	(1024.0 * 1024)

void report_init(struct report *report)
{
	const struct outcome none = { .first_ns = UINT64_MAX, .bad = PATTERN_GOOD };

	report->client = none;
	report->server = none;
}

/* Flows overlap: the time of a test is from the first byte of any flow to the last. */
static void outcome_add(struct outcome *sum, const struct outcome *one)
{
	sum->bytes += one->bytes;
	sum->sends += one->sends;
	sum->recvs += one->recvs;
	sum->user_us += one->user_us;
	sum->sys_us += one->sys_us;
	if (one->first_ns < sum->first_ns)
		sum->first_ns = one->first_ns;
	if (one->last_ns > sum->last_ns)
		sum->last_ns = one->last_ns;
	if (one->bad < sum->bad)
		sum->bad = one->bad;
}

void report_add(struct report *report, const struct outcome *client,
		const struct outcome *server, const struct histogram *rtt)
{
	outcome_add(&report->client, client);
	outcome_add(&report->server, server);
	histogram_merge(&report->rtt, rtt);
}

static double seconds(const struct outcome *out)
{
	return (double)(out->last_ns - out->first_ns) / NS_PER_S;
}

/* If a single recv() returned all data, no time passed, and there is no rate. */
static double mib_per_s(const struct outcome *out)
{
	double s = seconds(out);

	return s > 0 ? out->bytes / MIB / s : 0;
}

static const struct outcome *receiver(const struct report *report)
{
	return report->opt->req.reverse ? &report->client : &report->server;
}

static const struct outcome *sender(const struct report *report)
{
	return report->opt->req.reverse ? &report->server : &report->client;
}

static void json_side(const char *name, const struct outcome *out)
{
	printf(", \"%s\": {\"bytes\": %ju, \"seconds\": %.6f, \"mib_per_s\": %.3f",
	       name, out->bytes, seconds(out), mib_per_s(out));
	printf(", \"cpu_user_s\": %.6f, \"cpu_sys_s\": %.6f",
	       out->user_us / 1e6, out->sys_us / 1e6);
	printf(", \"send_calls\": %ju, \"recv_calls\": %ju}", out->sends, out->recvs);
}

static void json_rtt(const struct histogram *rtt)
{
	printf(", \"round_trips\": %ju", rtt->count);
	printf(", \"rtt_us\": {\"min\": %.3f, \"avg\": %.3f, \"median\": %.3f",
	       rtt->min / 1e3, histogram_mean(rtt) / 1e3, histogram_quantile(rtt, 0.5) / 1e3);
	printf(", \"p99\": %.3f, \"max\": %.3f}",
	       histogram_quantile(rtt, 0.99) / 1e3, rtt->max / 1e3);
}

static void json_rate(const struct outcome *out)
{
	printf(", \"seconds\": %.6f, \"bytes\": %ju, \"mib_per_s\": %.3f",
	       seconds(out), out->bytes, mib_per_s(out));
}

static void print_json(const struct report *report)
{
	const struct request *req = &report->opt->req;

	printf("{\"family\": \"%s\", \"test\": \"%s\", \"size\": %u, \"flows\": %u",
	       endpoint_family_name(report->opt->family),
	       req->test == TEST_RTT ? "rtt" : "stream", req->size, req->flows);
	printf(", \"reverse\": %s, \"verify\": %s",
	       req->reverse ? "true" : "false", req->verify ? "true" : "false");
	if (req->test == TEST_RTT)
		json_rtt(&report->rtt);
	else
		json_rate(receiver(report));
	json_side("client", &report->client);
	json_side("server", &report->server);
	puts("}");
}

static void text_rate(const char *name, const struct outcome *out)
{
	printf("  %-9s %10.2f MiB in %.3f s: %.2f MiB/s\n", name, out->bytes / MIB,
	       seconds(out), mib_per_s(out));
}

static void text_cost(const char *name, const struct outcome *out)
{
	printf("  %-9s CPU %.3f s user, %.3f s system; %ju send, %ju recv\n",
	       name, out->user_us / 1e6, out->sys_us / 1e6, out->sends, out->recvs);
}

static void print_text(const struct report *report)
{
	const struct request *req = &report->opt->req;
	const struct histogram *rtt = &report->rtt;

	printf("%s %s %s %s: %u bytes a message, %u %s\n",
	       endpoint_family_name(report->opt->family),
	       req->test == TEST_RTT ? "round trips" : "stream",
	       req->reverse ? "from" : "to", report->host,
	       req->size, req->flows, req->flows == 1 ? "flow" : "flows");
	if (req->test == TEST_RTT) {
		printf("  %ju round trips in %.3f s\n", rtt->count,
		       seconds(&report->client));
		printf("  min/avg/median/p99/max %.1f/%.1f/%.1f/%.1f/%.1f us\n",
		       rtt->min / 1e3, histogram_mean(rtt) / 1e3,
		       histogram_quantile(rtt, 0.5) / 1e3, histogram_quantile(rtt, 0.99) / 1e3,
		       rtt->max / 1e3);
	} else {
		text_rate("received", receiver(report));
		text_rate("sent", sender(report));
	}
	text_cost("client", &report->client);
	text_cost("server", &report->server);
}

void report_print(const struct report *report)
{
	if (report->opt->json)
		print_json(report);
	else
		print_text(report);
}
