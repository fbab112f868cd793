// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-evtchn - round trips of an event channel, with nothing in shared memory
 *
 *	bench-evtchn server DOMID
 *	bench-evtchn client DOMID PORT SECONDS
 *
 * What it takes at least to wake a program in another domain and to be woken by it. The server
 * says "listening on PORT", and answers events until it is killed. The client prints a JSON object.
 */
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenevtchn.h>

#include "clock.h"
#include "histogram.h"
#include "print.h"

/* An event that is late by so much belongs to nobody. */
#define STALE_MS	200

#define PATIENCE_S	60	/* beyond what was asked for: an event is lost */

static void await(xenevtchn_handle *events)
{
	xenevtchn_port_or_error_t port = xenevtchn_pending(events);

	if (port < 0 || xenevtchn_unmask(events, port))
		err(1, "waiting for an event");
}

static void notify(xenevtchn_handle *events, evtchn_port_t port)
{
	if (xenevtchn_notify(events, port))
		err(1, "notify");
}

static int server(xenevtchn_handle *events, unsigned int domid)
{
	xenevtchn_port_or_error_t port = xenevtchn_bind_unbound_port(events, domid);

	if (port < 0)
		err(1, "no port for domain %u", domid);
	setlinebuf(stdout);
	printf("listening on %d\n", port);
	for (;;) {
		await(events);
		notify(events, port);
	}
}

/* To be bound is an event, too, for either side, and the server answers its own. */
static void settle(xenevtchn_handle *events)
{
	struct pollfd fd = { .fd = xenevtchn_fd(events), .events = POLLIN };

	while (poll(&fd, 1, STALE_MS) > 0)
		await(events);
}

static int client(xenevtchn_handle *events, unsigned int domid, evtchn_port_t remote,
		  double seconds)
{
	static struct histogram trips;
	xenevtchn_port_or_error_t port = xenevtchn_bind_interdomain(events, domid, remote);
	uint64_t then, now, deadline;

	if (port < 0)
		err(1, "cannot reach port %u of domain %u", remote, domid);
	alarm(seconds + PATIENCE_S);
	settle(events);

	now = clock_now();
	deadline = now + seconds * NS_PER_S;
	do {
		notify(events, port);
		await(events);
		then = now;
		now = clock_now();
		histogram_add(&trips, now - then);
	} while (now < deadline);
	print_times(&trips);
	return 0;
}

int main(int argc, char **argv)
{
	xenevtchn_handle *events = xenevtchn_open(NULL, 0);

	if (!events)
		err(1, "no event channels here");
	if (argc == 3 && !strcmp(argv[1], "server"))
		return server(events, strtoul(argv[2], NULL, 10));
	if (argc == 5 && !strcmp(argv[1], "client"))
		return client(events, strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10),
			      strtod(argv[4], NULL));
	fprintf(stderr, "usage: bench-evtchn server DOMID\n"
			"       bench-evtchn client DOMID PORT SECONDS\n");
	return 2;
}
