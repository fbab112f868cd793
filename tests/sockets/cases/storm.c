// SPDX-License-Identifier: GPL-2.0-only
/*
 * Both sides have more connects under way, all of which the other refuses, than the
 * control ring holds messages.
 */
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../control.h"
#include "../group.h"
#include "../sock.h"

#define CONNECTS	500
/* no socket is bound to it */
#define CLOSED_PORT	20047

/* Starts all connects before it looks at the first answer. */
static void refused_by_the_other(void)
{
	static int fd[CONNECTS];
	static bool refused[CONNECTS];

	for (int i = 0; i < CONNECTS; i++) {
		fd[i] = sock_open(SOCK_NONBLOCK);
		check(sock_try(fd[i], peer(CLOSED_PORT)));
		refused[i] = errno == ECONNREFUSED;
		check(refused[i] || errno == EINPROGRESS);
	}
	for (int i = 0; i < CONNECTS; i++) {
		if (!refused[i]) {
			sock_await(fd[i], POLLERR);
			check_equal(sock_error(fd[i]), ECONNREFUSED);
		}
		close(fd[i]);
	}
}

static void refused_client(void)
{
	int fd;

	control_meet("READY");
	refused_by_the_other();
	control_meet("REFUSED");
	/* and the channel is as good as ever */
	fd = sock_reach();
	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("DONE");
}

static void refused_server(void)
{
	int fd;

	control_meet("READY");
	refused_by_the_other();
	control_meet("REFUSED");
	fd = sock_serve();
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "refused", "500 connects of each side at the same time, to a closed port",
	  refused_client, refused_server, .schannel_only = "a control ring is filled" },
	{ }
};

TEST_GROUP(storm, cases);
