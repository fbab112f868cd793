// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-evtchn - measure round trips of an event channel, without shared memory
 *
 *	bench-evtchn server DOMID
 *	bench-evtchn client DOMID PORT SECONDS
 *
 * The result is a lower bound for the time to wake a program in another domain and to be woken by
 * it. The server prints "listening on PORT", and answers each event until it is killed. The client
 * prints a JSON object. The exit status is 0 after a measurement, 1 after an error, 2 for invalid
 * arguments.
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

/* After this time without an event, the events caused by binding are over. */
#define QUIET_MS	200

#define TIMEOUT_S	60	/* beyond SECONDS; then SIGALRM ends a client that hangs */

static void await(xenevtchn_handle *events)
{
	xenevtchn_port_or_error_t port = xenevtchn_pending(events);

	if (port < 0 || xenevtchn_unmask(events, port))
		err(1, "cannot wait for an event");
}

static void notify(xenevtchn_handle *events, evtchn_port_t port)
{
	if (xenevtchn_notify(events, port))
		err(1, "cannot send an event");
}

static int server(xenevtchn_handle *events, unsigned int domid)
{
	xenevtchn_port_or_error_t port = xenevtchn_bind_unbound_port(events, domid);

	if (port < 0)
		err(1, "cannot allocate a port for domain %u", domid);
	setlinebuf(stdout);
	printf("listening on %d\n", port);
	for (;;) {
		await(events);
		notify(events, port);
	}
}

/* Binding causes an event on either side, and the server answers the one that it gets. */
static void drain_events(xenevtchn_handle *events)
{
	struct pollfd fd = { .fd = xenevtchn_fd(events), .events = POLLIN };

	while (poll(&fd, 1, QUIET_MS) > 0)
		await(events);
}

static int client(xenevtchn_handle *events, unsigned int domid, evtchn_port_t remote,
		  double seconds)
{
	static struct histogram trips;
	xenevtchn_port_or_error_t port = xenevtchn_bind_interdomain(events, domid, remote);
	uint64_t start, now, deadline;

	if (port < 0)
		err(1, "cannot reach port %u of domain %u", remote, domid);
	alarm(seconds + TIMEOUT_S);
	drain_events(events);

	now = clock_now();
	deadline = now + seconds * NS_PER_S;
	do {
		notify(events, port);
		await(events);
		start = now;
		now = clock_now();
		histogram_add(&trips, now - start);
	} while (now < deadline);
	print_times(&trips);
	return 0;
}

int main(int argc, char **argv)
{
	xenevtchn_handle *events = xenevtchn_open(NULL, 0);

	if (!events)
		err(1, "cannot open the event channel device");
	if (argc == 3 && !strcmp(argv[1], "server"))
		return server(events, strtoul(argv[2], NULL, 10));
	if (argc == 5 && !strcmp(argv[1], "client"))
		return client(events, strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10),
			      strtod(argv[4], NULL));
	fprintf(stderr, "usage: bench-evtchn server DOMID\n"
			"       bench-evtchn client DOMID PORT SECONDS\n");
	return 2;
}
