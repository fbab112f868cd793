// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer that posts useless events in a loop: they cost little, and delay others by little.
 */
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../control.h"
#include "../group.h"
#include "../sock.h"
#include "../tamper.h"

/* Connections that the peer's events may be for. */
#define CONNECTIONS	50
#define ROUND_TRIPS	20

static void round_trips(int fd, int nr)
{
	char byte = 'x';

	while (nr--) {
		call_gives(send(fd, &byte, 1, 0), 1);
		call_gives(recv(fd, &byte, 1, 0), 1);
	}
}

static void check_cost(struct tamper_storm_result did)
{
	if (did.rounds < 50)
		fail("only %u rounds in a second", did.rounds);
	/* a poll for each notification would be at least as many as rounds */
	if (did.polls > did.rounds / 2)
		fail("%u notifications for nothing caused %u polls", did.rounds, did.polls);
	if (did.events > did.rounds)
		fail("%u notifications for nothing caused %u events", did.rounds, did.events);
}

static void storm(enum tamper_storm how)
{
	int idle[CONNECTIONS], fd;
	union address to;
	pid_t pid;

	tamper_start();
	to = sock_told();
	fd = sock_connect(to);
	for (int i = 0; i < CONNECTIONS; i++)
		idle[i] = sock_connect(to);
	control_meet("CONNECTED");
	round_trips(fd, ROUND_TRIPS);
	check_cost(tamper_storm(how));

	/* connections go on meanwhile, and after that */
	pid = call(fork());
	if (!pid) {
		tamper_storm(how);
		_exit(0);
	}
	round_trips(fd, ROUND_TRIPS);
	call_gives(waitpid(pid, NULL, 0), pid);
	round_trips(fd, ROUND_TRIPS);
	for (int i = 0; i < CONNECTIONS; i++)
		round_trips(idle[i], 1);
	control_meet("DONE");
}

static void entries_client(void)
{
	storm(TAMPER_ENTRIES);
}

static void overflows_client(void)
{
	storm(TAMPER_OVERFLOWS);
}

static void echo(int fd, int nr)
{
	char byte;

	while (nr--) {
		call_gives(recv(fd, &byte, 1, 0), 1);
		call_gives(send(fd, &byte, 1, 0), 1);
	}
}

static void echo_server(void)
{
	int idle[CONNECTIONS], listener, fd;

	tamper_start();
	listener = sock_listen_told(CONNECTIONS);
	fd = sock_accept(listener);
	for (int i = 0; i < CONNECTIONS; i++)
		idle[i] = sock_accept(listener);
	control_meet("CONNECTED");
	echo(fd, 3 * ROUND_TRIPS);
	for (int i = 0; i < CONNECTIONS; i++)
		echo(idle[i], 1);
	control_meet("DONE");
}

#define RING_ONLY .schannel_only = "TCP has no event queues", .not_unix = "it has no event queues"

static const struct test_case streams[] = {
	{ "entries", "entries for a flow not in use", entries_client, echo_server, RING_ONLY },
	{ "overflows", "overflows of the queue", overflows_client, echo_server, RING_ONLY },
	{}
};

TEST_GROUP(flood, streams, STREAMS);
