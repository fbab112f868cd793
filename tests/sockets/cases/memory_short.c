// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory is short while a channel comes up, or where memory of the peer is mapped: connect()
 * says ENOBUFS, and when there is memory again, it works again.
 */
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../failslab.h"
#include "../group.h"
#include "../sock.h"

/* A channel of our own, which is not up yet. */
static void leave(void)
{
	call(unshare(CLONE_NEWNET));
}

static union address reach(int listener)
{
	union address address = address_of(listener);

	family->loop(&address);
	return address;
}

static void expect_working(int listener, int fd)
{
	int peer = sock_accept(listener);
	char c;

	call_gives(send(fd, "x", 1, 0), 1);
	call_gives(recv(peer, &c, 1, 0), 1);
	call_gives(send(peer, "y", 1, 0), 1);
	call_gives(recv(fd, &c, 1, 0), 1);
	close(peer);
	close(fd);
}

/* Connects as soon as that is possible again. A case that takes too long is ended. */
static int connect_again(int listener)
{
	int fd = sock_open(0);

	while (sock_try(fd, reach(listener))) {
		check_equal(errno, ENOBUFS);
		close(fd);
		usleep(10000);
		fd = sock_open(0);
	}
	return fd;
}

/* The next connect() makes another attempt, and does not get the error of this one. */
static void coming_up(void)
{
	static const char * const functions[] = {
		"schannel_channel_create", "sc_page_share", "schannel_channel_attach",
	};
	int listener, fd;

	for (int i = 0; i < 12; i++) {
		leave();
		listener = sock_listen(1);
		fd = sock_open(0);
		failslab_start(functions[i % 3]);
		call_fails(sock_try(fd, reach(listener)), ENOBUFS);
		failslab_stop();
		if (i % 2) {
			close(fd);
			fd = sock_open(0);
		}
		call(sock_try(fd, reach(listener)));
		expect_working(listener, fd);
		close(listener);
	}
}

/* The acceptor cannot map the segment that the opener's ring is in. */
static void segment(void)
{
	int listener, fd;

	leave();
	listener = sock_listen(1);
	fd = sock_open(0);
	failslab_start("sc_peer_segment_announced");
	call_fails(sock_try(fd, reach(listener)), ENOBUFS);
	/* nothing is added at once */
	for (int i = 0; i < 3; i++)
		call_fails(sock_try(sock_open(0), reach(listener)), ENOBUFS);
	failslab_stop();
	close(fd);
	for (int i = 0; i < 20; i++)
		expect_working(listener, connect_again(listener));
}

/* More flows than one page of the table has: the acceptor cannot map the second page. */
#define FLOWS	40

static void table(void)
{
	static int client[FLOWS], server[FLOWS];
	int listener, fd, n = 0;

	leave();
	listener = sock_listen(1);
	/* the first page, and a connection to it */
	client[n] = sock_connect(reach(listener));
	server[n++] = sock_accept(listener);
	failslab_start("sc_flow_table_announced");
	for (;;) {
		fd = sock_open(0);
		if (sock_try(fd, reach(listener)))
			break;
		check(n < FLOWS - 1);
		client[n] = fd;
		server[n++] = sock_accept(listener);
	}
	check_equal(errno, ENOBUFS);
	failslab_stop();
	close(fd);
	while (n < FLOWS) {
		client[n] = connect_again(listener);
		server[n++] = sock_accept(listener);
	}
	for (int i = 0; i < n; i++) {
		char c;

		call_gives(send(client[i], "x", 1, 0), 1);
		call_gives(recv(server[i], &c, 1, 0), 1);
	}
}

static const struct test_case cases[] = {
	{ "coming_up", "a channel that finds no memory to come up", coming_up, NULL,
	  .seconds = 30 },
	{ "segment", "a segment that cannot be mapped", segment, NULL, .seconds = 20 },
	{ "table", "a page of the flow table that cannot be mapped", table, NULL,
	  .seconds = 20 },
	{ 0 }
};

TEST_GROUP(memory_short, cases, STREAMS, .schannel_only = "TCP has no channels");
