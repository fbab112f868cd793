// SPDX-License-Identifier: GPL-2.0-only
/* The counters of the network namespace, or of the channel to a peer; once or repeatedly. */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <linux/schannel_netlink.h>

#include <schannel.h>

#include "channel.h"
#include "command.h"
#include "divert.h"
#include "options.h"

static const struct field fields[] = {
	FIELD(struct schannel_stats, sockets),
	FIELD(struct schannel_stats, connects),
	FIELD(struct schannel_stats, connected),
	FIELD(struct schannel_stats, refused),
	FIELD(struct schannel_stats, unreachable),
	FIELD(struct schannel_stats, timeouts),
	FIELD(struct schannel_stats, no_memory),
	FIELD(struct schannel_stats, accepted),
	FIELD(struct schannel_stats, backlog_full),
	FIELD(struct schannel_stats, no_listener),
	FIELD(struct schannel_stats, resets),
	FIELD(struct schannel_stats, channels_up),
	FIELD(struct schannel_stats, channels_failed),
	FIELD(struct schannel_stats, orphans),
	FIELD(struct schannel_stats, orphan_memory),
	FIELD(struct schannel_stats, orphans_timed_out),
	FIELD(struct schannel_stats, orphans_over_limit),
	FIELD(struct schannel_stats, tcp_promoted),
	FIELD(struct schannel_stats, tcp_moved),
	FIELD(struct schannel_stats, tcp_back_channel),
	FIELD(struct schannel_stats, tcp_back_peer),
	FIELD(struct schannel_stats, tcp_back_admin),
	FIELD(struct schannel_stats, tcp_back_program),
	FIELD(struct schannel_stats, tcp_back_filter),
	FIELD(struct schannel_stats, tcp_back_unread),
	FIELD(struct schannel_stats, tcp_back_end),
	FIELD(struct schannel_stats, tcp_back_broken),
	FIELD(struct schannel_stats, tcp_back_bytes),
	{ }
};

/* The counters are null if schannel_inet is not loaded. */
static void add_diverted(struct json_object *record)
{
	struct schannel_divert_count *counts = NULL, *count;
	uint64_t by_verdict[__SCHANNEL_DIVERT_MAX] = { 0 };
	bool known = !schannel_divert_counts(&counts);
	char key[32];
	int i;

	if (!known && errno != EOPNOTSUPP)
		query_failed("diverted connections");
	for (count = counts; count; count = count->next)
		if (count->verdict >= 0 && count->verdict <= SCHANNEL_DIVERT_MAX)
			by_verdict[count->verdict] = count->count;
	schannel_divert_counts_free(counts);
	for (i = 0; i <= SCHANNEL_DIVERT_MAX; i++) {
		snprintf(key, sizeof(key), "divert_%s", divert_name(i));
		if (known)
			record_number(record, key, by_verdict[i]);
		else
			record_add(record, key, NULL);
	}
}

static struct json_object *read_stats(const char *peer)
{
	struct json_object *list, *record;
	struct schannel_stats *stats;

	if (peer) {
		list = channel_list(peer);
		record = json_object_get(json_object_array_get_idx(list, 0));
		json_object_put(list);
		if (!record)
			errx(EXIT_FAILED, "no channel to '%s'", peer);
		return record;
	}
	if (schannel_stats(&stats))
		query_failed("statistics");
	record = record_new();
	record_fields(record, fields, stats);
	schannel_stats_free(stats);
	add_diverted(record);
	return record;
}

/* Sizes get a rate, too: how fast they grow. */
static void add_rates(struct json_object *now, struct json_object *before, double seconds)
{
	struct json_object *rates = record_new(), *old;

	json_object_object_foreach(now, key, value) {
		old = json_object_object_get(before, key);
		if (old && json_object_is_type(value, json_type_int))
			record_real(rates, key, ((double)json_object_get_int64(value) -
						 json_object_get_int64(old)) / seconds);
	}
	record_add(now, "rates", rates);
}

static void print_text(struct json_object *record)
{
	struct json_object *rates = json_object_object_get(record, "rates"), *rate;

	json_object_object_foreach(record, key, value) {
		if (!value || value == rates)
			continue;
		rate = rates ? json_object_object_get(rates, key) : NULL;
		if (rate)
			printf("%-22s %16s %14.1f/s\n", key, json_object_get_string(value),
			       json_object_get_double(rate));
		else
			printf("%-22s %16s\n", key, json_object_get_string(value));
	}
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void pause_until(double when)
{
	struct timespec time = { .tv_sec = when };

	time.tv_nsec = (when - time.tv_sec) * 1e9;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL))
		;
}

static void repeat(const char *peer)
{
	struct json_object *before = read_stats(peer), *record;
	double from = now(), to;

	for (;;) {
		pause_until(from + options.interval);
		record = read_stats(peer);
		to = now();
		add_rates(record, before, to - from);
		if (options.json) {
			record_print(record, false);
		} else {
			print_text(record);
			putchar('\n');
		}
		fflush(stdout);
		json_object_object_del(record, "rates");
		json_object_put(before);
		before = record;
		from = to;
	}
}

void stats_command(char **arg)
{
	struct json_object *record;

	if (arg[0] && arg[1])
		usage_error();
	if (options.interval)
		repeat(arg[0]);
	record = read_stats(arg[0]);
	if (options.json)
		record_print(record, true);
	else
		print_text(record);
	json_object_put(record);
}
