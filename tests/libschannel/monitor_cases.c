// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "cases.h"
#include "schannel.h"

#define PATIENCE_MS	10000

/* The next event of this type about this connection, or NULL. */
static const struct schannel_event *await(struct schannel_monitor *monitor,
					  enum schannel_event_type type,
					  const struct connection *conn)
{
	const struct schannel_event *event;

	while (!schannel_monitor_next(monitor, &event, PATIENCE_MS)) {
		CHECK_EQ(!!event->peer + !!event->channel + !!event->flow, 1);
		if (event->type == type && event->flow &&
		    event->flow->local_port == conn->client_port &&
		    event->flow->peer_port == conn->port)
			return event;
	}
	return NULL;
}

static void flows(void)
{
	const struct schannel_event *event;
	struct schannel_monitor *monitor;
	struct connection conn;
	struct pollfd polled = { .events = POLLIN };

	if (!CHECK(!schannel_monitor_open(SCHANNEL_MONITOR_FLOWS, &monitor)))
		return;
	polled.fd = schannel_monitor_fd(monitor);
	if (connection_begin(&conn, SOCK_STREAM)) {
		CHECK_EQ(poll(&polled, 1, PATIENCE_MS), 1);
		event = await(monitor, SCHANNEL_EVENT_FLOW_OPENED, &conn);
		if (CHECK(event)) {
			CHECK_EQ(event->flow->domid, SC_DOMID_SELF);
			CHECK_EQ(event->flow->type, SOCK_STREAM);
			CHECK(event->flow->opened);
		}
	}
	connection_end(&conn);
	event = await(monitor, SCHANNEL_EVENT_FLOW_ENDED, &conn);
	CHECK(event && event->flow->error == 0);
	schannel_monitor_close(monitor);
}

static void nothing(void)
{
	const struct schannel_event *event;
	struct schannel_monitor *monitor;

	if (!CHECK(!schannel_monitor_open(SCHANNEL_MONITOR_PEERS, &monitor)))
		return;
	while (!schannel_monitor_next(monitor, &event, 0))
		;
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(schannel_monitor_next(monitor, &event, 50), -1);
	CHECK_EQ(errno, EAGAIN);
	schannel_monitor_close(monitor);
	schannel_monitor_close(NULL);
}

/* A monitor that reads too late gets an error, and then continues. */
static void lost(void)
{
	const struct schannel_event *event;
	struct schannel_monitor *monitor;
	struct connection conn;
	int least = 1, i;

	if (!CHECK(!schannel_monitor_open(SCHANNEL_MONITOR_FLOWS, &monitor)))
		return;
	setsockopt(schannel_monitor_fd(monitor), SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	for (i = 0; i < 20; i++) {
		connection_begin(&conn, SOCK_STREAM);
		connection_end(&conn);
	}
	while (!schannel_monitor_next(monitor, &event, 0))
		;
	CHECK_EQ(errno, ENOBUFS);
	while (!schannel_monitor_next(monitor, &event, 0))
		;
	CHECK_EQ(errno, EAGAIN);
	if (connection_begin(&conn, SOCK_STREAM))
		CHECK(await(monitor, SCHANNEL_EVENT_FLOW_OPENED, &conn));
	connection_end(&conn);
	schannel_monitor_close(monitor);
}

static void open_unprivileged(void)
{
	struct schannel_monitor *monitor;

	CHECK_EQ(schannel_monitor_open(SCHANNEL_MONITOR_FLOWS, &monitor), -1);
	CHECK_EQ(errno, EPERM);
	if (CHECK(!schannel_monitor_open(SCHANNEL_MONITOR_PEERS, &monitor)))
		schannel_monitor_close(monitor);
}

static void errors(void)
{
	struct schannel_monitor *monitor;

	CHECK_EQ(schannel_monitor_open(0, &monitor), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(schannel_monitor_open(4, &monitor), -1);
	CHECK_EQ(errno, EINVAL);
	elsewhere(open_unprivileged, true);
}

static const struct tap_case cases[] = {
	{ "monitor: flows that begin and end", flows },
	{ "monitor: no events", nothing },
	{ "monitor: lost events", lost },
	{ "monitor: invalid requests", errors },
};

TABLE(monitor);
