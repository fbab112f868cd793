// SPDX-License-Identifier: LGPL-2.1-or-later
/* Events. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <linux/schannel_netlink.h>

#include "deadline.h"
#include "monitor.h"
#include "object.h"

#define BUFFER_SIZE	32768

/* The receive buffer that the library asks for, in bytes; the kernel may grant less. */
#define RECEIVE_BUFFER	1048576

/**
 * struct schannel_monitor - a socket that has joined multicast groups
 * @socket:	the netlink socket; its receive buffer may overflow
 * @event:	the last event that was returned, with the objects that it points to
 * @nlh:	the next message in @buffer
 * @left:	number of bytes from @nlh on
 */
struct schannel_monitor {
	struct mnl_socket *socket;
	struct schannel_event event;
	const struct nlmsghdr *nlh;
	int left;
	char buffer[BUFFER_SIZE] __attribute__((aligned(MNL_ALIGNTO)));
};

void scl_event_clear(struct schannel_event *event)
{
	/* Each object is a list of one, which the monitor owns. */
	schannel_peers_free((struct schannel_peer *)event->peer);
	schannel_channels_free((struct schannel_channel *)event->channel);
	schannel_flows_free((struct schannel_flow *)event->flow);
	*event = (struct schannel_event){ 0 };
}

static int peer_event(const struct nlmsghdr *nlh, struct schannel_event *event)
{
	struct scl_peer *self = scl_peer_of(nlh);

	if (!self)
		return -1;
	event->type = self->gone ? SCHANNEL_EVENT_PEER_GONE : SCHANNEL_EVENT_PEER;
	event->peer = &self->peer;
	return 1;
}

static int channel_event(const struct nlmsghdr *nlh, struct schannel_event *event)
{
	event->channel = scl_channel_of(nlh);
	if (!event->channel)
		return -1;
	event->type = event->channel->up ? SCHANNEL_EVENT_CHANNEL_UP :
					   SCHANNEL_EVENT_CHANNEL_DOWN;
	return 1;
}

static int flow_event(const struct nlmsghdr *nlh, struct schannel_event *event)
{
	struct scl_flow *self = scl_flow_of(nlh);

	if (!self)
		return -1;
	event->type = self->ended ? SCHANNEL_EVENT_FLOW_ENDED : SCHANNEL_EVENT_FLOW_OPENED;
	event->flow = &self->flow;
	return 1;
}

int scl_event_of(const struct nlmsghdr *nlh, struct schannel_event *event)
{
	switch (scl_genl_cmd(nlh)) {
	case SCHANNEL_CMD_PEER_NTF:
		return peer_event(nlh, event);
	case SCHANNEL_CMD_CHANNEL_NTF:
		return channel_event(nlh, event);
	case SCHANNEL_CMD_FLOW_NTF:
		return flow_event(nlh, event);
	}
	return 0;
}

static int start(struct mnl_socket *socket, unsigned int what)
{
	static const struct {
		unsigned int what;
		const char *name;
	} groups[] = {
		{ SCHANNEL_MONITOR_PEERS, SCHANNEL_MCGRP_PEERS },
		{ SCHANNEL_MONITOR_FLOWS, SCHANNEL_MCGRP_FLOWS },
	};
	uint32_t numbers[SCL_COUNT(groups)] = { 0 };
	int size = RECEIVE_BUFFER;
	size_t i;

	setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (i = 0; i < SCL_COUNT(groups); i++) {
		if (what & groups[i].what) {
			numbers[i] = scl_genl_group(socket, groups[i].name);
			if (!numbers[i])
				return -1;
		}
	}
	/* Join after the last request: its reply handling would drop events. */
	for (i = 0; i < SCL_COUNT(groups); i++) {
		if (numbers[i] && mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP,
							&numbers[i], sizeof(numbers[i])))
			return -1;
	}
	return 0;
}

int schannel_monitor_open(unsigned int what, struct schannel_monitor **monitor)
{
	struct schannel_monitor *self;
	int error;

	if (!what || what & ~(SCHANNEL_MONITOR_PEERS | SCHANNEL_MONITOR_FLOWS)) {
		errno = EINVAL;
		return -1;
	}
	self = calloc(1, sizeof(*self));
	if (!self)
		return -1;
	self->socket = scl_netlink_open(NETLINK_GENERIC);
	if (!self->socket || start(self->socket, what)) {
		error = errno;
		schannel_monitor_close(self);
		errno = error;
		return -1;
	}
	*monitor = self;
	return 0;
}

int schannel_monitor_fd(const struct schannel_monitor *monitor)
{
	return mnl_socket_get_fd(monitor->socket);
}

/* Parse the received messages up to the next event. 1: an event; 0: none is left; or -1. */
static int next_received(struct schannel_monitor *self)
{
	int ret = 0;

	while (!ret && scl_message_ok(self->nlh, self->left)) {
		ret = scl_event_of(self->nlh, &self->event);
		self->nlh = mnl_nlmsg_next(self->nlh, &self->left);
	}
	return ret;
}

static int receive(struct schannel_monitor *self, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = schannel_monitor_fd(self), .events = POLLIN };
	int ready = poll(&poll_fd, 1, timeout_ms);
	ssize_t got;

	if (ready < 0)
		return -1;
	if (!ready) {
		errno = EAGAIN;
		return -1;
	}
	got = mnl_socket_recvfrom(self->socket, self->buffer, sizeof(self->buffer));
	if (got < 0)
		return -1;
	self->nlh = (const struct nlmsghdr *)self->buffer;
	self->left = got;
	return 0;
}

int schannel_monitor_next(struct schannel_monitor *monitor,
			  const struct schannel_event **event, int timeout_ms)
{
	const struct timespec deadline = scl_deadline(timeout_ms);
	int ret;

	scl_event_clear(&monitor->event);
	while (!(ret = next_received(monitor))) {
		if (receive(monitor, scl_deadline_left(&deadline, timeout_ms)))
			return -1;
	}
	if (ret < 0)
		return -1;
	*event = &monitor->event;
	return 0;
}

void schannel_monitor_close(struct schannel_monitor *monitor)
{
	if (!monitor)
		return;
	scl_event_clear(&monitor->event);
	if (monitor->socket)
		mnl_socket_close(monitor->socket);
	free(monitor);
}
