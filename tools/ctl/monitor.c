// SPDX-License-Identifier: GPL-2.0-only
/* Events, one per line, until the output is closed. */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <schannel.h>

#include "channel.h"
#include "choice.h"
#include "command.h"
#include "flow.h"
#include "options.h"
#include "peer.h"

static const char *text_of(struct json_object *record, const char *key)
{
	return json_object_get_string(json_object_object_get(record, key));
}

static void print_text(const char *name, struct json_object *what, const struct timespec *at)
{
	bool flow = what && json_object_object_get(what, "local"), opened;
	char time[16];
	struct tm tm;

	strftime(time, sizeof(time), "%T", localtime_r(&at->tv_sec, &tm));
	printf("%s.%03ld %-12s", time, at->tv_nsec / 1000000, name);
	if (flow) {
		opened = json_object_get_boolean(json_object_object_get(what, "opened"));
		printf(" %s %s %s %s", text_of(what, "type"), text_of(what, "local"),
		       opened ? "->" : "<-", text_of(what, "peer"));
	} else if (what) {
		printf(" %s", text_of(what, "peer"));
	}
	if (what && json_object_object_get(what, "error"))
		printf(" (%s)", text_of(what, "error"));
	putchar('\n');
}

/* kind is the kind of object that the event is about, and the name of the JSON member. */
static void print_event(const char *name, const char *kind, struct json_object *what)
{
	struct json_object *line;
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	if (options.json) {
		line = record_new();
		record_real(line, "time", at.tv_sec + at.tv_nsec / 1e9);
		record_text(line, "event", name);
		if (what)
			record_add(line, kind, json_object_get(what));
		record_print(line, false);
		json_object_put(line);
	} else {
		print_text(name, what, &at);
	}
	if (fflush(stdout))
		err(EXIT_FAILED, "cannot write");
	json_object_put(what);
}

static void flow_event(const char *name, const struct schannel_flow *flow, bool ended)
{
	struct json_object *what = flow_record(flow);

	if (ended)
		record_text(what, "error", flow->error ? strerrorname_np(flow->error) : NULL);
	print_event(name, "flow", what);
}

static void handle(const struct schannel_event *event)
{
	switch (event->type) {
	case SCHANNEL_EVENT_PEER:
		peer_forget();
		print_event("peer", "peer", peer_record(event->peer));
		break;
	case SCHANNEL_EVENT_PEER_GONE:
		print_event("peer-gone", "peer", peer_record(event->peer));
		peer_forget();
		break;
	case SCHANNEL_EVENT_CHANNEL_UP:
		print_event("channel-up", "channel", channel_record(event->channel));
		break;
	case SCHANNEL_EVENT_CHANNEL_DOWN:
		print_event("channel-down", "channel", channel_record(event->channel));
		break;
	case SCHANNEL_EVENT_FLOW_OPENED:
		flow_event("flow-opened", event->flow, false);
		break;
	case SCHANNEL_EVENT_FLOW_ENDED:
		flow_event("flow-ended", event->flow, true);
		break;
	}
}

static struct schannel_monitor *open_monitor(char **arg)
{
	static const struct choice kinds[] = {
		{ "peers", SCHANNEL_MONITOR_PEERS },
		{ "flows", SCHANNEL_MONITOR_FLOWS },
		{ }
	};
	struct schannel_monitor *monitor;
	unsigned int what = 0;

	for (; *arg; arg++)
		what |= choice_get(kinds, "kind of event", *arg);
	if (!schannel_monitor_open(what ? what : SCHANNEL_MONITOR_PEERS | SCHANNEL_MONITOR_FLOWS,
				   &monitor))
		return monitor;
	if (errno == EPERM && !what) {
		warnx("not permitted to monitor flows (CAP_NET_ADMIN): monitoring peers only");
		if (!schannel_monitor_open(SCHANNEL_MONITOR_PEERS, &monitor))
			return monitor;
	}
	query_failed("events");
}

void monitor_command(char **arg)
{
	struct schannel_monitor *monitor = open_monitor(arg);
	const struct schannel_event *event;

	for (;;) {
		if (!schannel_monitor_next(monitor, &event, -1))
			handle(event);
		else if (errno == ENOBUFS)
			print_event("lost", NULL, NULL);
		else if (errno != EINTR && errno != EAGAIN)
			query_failed("events");
	}
}
