// SPDX-License-Identifier: GPL-2.0-only
/* listen(): backlog, and what a listener is not. */
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"

static void autobind_client(void)
{
	sock_reach();
	control_meet("DONE");
}

static void autobind_server(void)
{
	int listener = sock_open(0);

	call(listen(listener, 1));
	check(sock_port(listener) >= family->first_ephemeral);
	check(sock_port(listener) <= family->last_ephemeral);
	sock_tell(listener);
	sock_accept(listener);
	control_meet("DONE");
}

static void connected_client(void)
{
	call_fails(listen(sock_reach(), 1), EINVAL);
	control_meet("DONE");
}

static void connected_server(void)
{
	call_fails(listen(sock_serve(), 1), EINVAL);
	control_meet("DONE");
}

static void not_listening(void)
{
	struct sock_pair pair = sock_pair();
	int unbound = sock_open(0), bound = sock_open(0);

	call(sock_bind(bound, here(0)));
	call_fails(accept(unbound, NULL, NULL), EINVAL);
	call_fails(accept(bound, NULL, NULL), EINVAL);
	call_fails(accept(pair.left, NULL, NULL), EINVAL);
	call_fails(accept(pair.right, NULL, NULL), EINVAL);
}

/* A listener is no connection. */
static void not_connected(void)
{
	int listener = sock_listen(1);
	char c;

	call_fails(recv(listener, &c, 1, MSG_DONTWAIT), ENOTCONN);
	check(sock_try(listener, peer(sock_port(listener))) < 0);
	check(errno == EISCONN || errno == EINVAL);
	/* and it has remained one */
	check_equal(sock_state(listener), 0);
}

/* Makes @admitted connections and finds that one more is refused. */
static void expect_backlog(union address to, int admitted)
{
	for (int i = 0; i < admitted; i++)
		sock_connect(to);
	call_fails(sock_try(sock_open(0), to), ECONNREFUSED);
}

static void backlog_client(void)
{
	union address to = sock_told();

	expect_backlog(to, 4);
	control_write("ACCEPT");
	control_expect("ACCEPTED");
	expect_backlog(to, 2);
	control_write("ACCEPT");
}

static void backlog_server(void)
{
	int listener = sock_listen_told(3);

	control_expect("ACCEPT");
	sock_accept(listener);
	sock_accept(listener);
	control_write("ACCEPTED");
	control_expect("ACCEPT");
	for (int i = 0; i < 4; i++)
		sock_accept(listener);
	check_equal(sock_state(listener), 0);
}

static void backlog_zero_client(void)
{
	expect_backlog(sock_told(), 1);
	control_meet("DONE");
}

static void backlog_zero_server(void)
{
	sock_listen_told(0);
	control_meet("DONE");
}

static void backlog_changes_client(void)
{
	union address to = sock_told();

	expect_backlog(to, 2);
	control_write("MORE");
	control_expect("CHANGED");
	expect_backlog(to, 3);
	control_write("LESS");
	control_expect("CHANGED");
	expect_backlog(to, 0);
	control_write("DONE");
}

static void backlog_changes_server(void)
{
	int listener = sock_listen_told(1);

	control_expect("MORE");
	call(listen(listener, 4));
	control_write("CHANGED");
	control_expect("LESS");
	call(listen(listener, 1));
	control_write("CHANGED");
	control_expect("DONE");
	/* those that are queued already stay */
	for (int i = 0; i < 5; i++)
		sock_accept(listener);
	check_equal(sock_state(listener), 0);
}

/* Negative means as many as there may be, as everywhere in Linux. */
static void backlog_large_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < 40; i++)
		sock_connect(to);
	control_meet("DONE");
}

static void backlog_large_server(void)
{
	int listener = sock_listen_told(-1);

	control_meet("DONE");
	for (int i = 0; i < 40; i++)
		sock_accept(listener);
}

/* A place in the backlog is free again when its client has given up. */
static void abandoned_client(void)
{
	union address to = sock_told();
	int fd = sock_connect(to);

	close(fd);
	control_write("CLOSED");
	control_expect("ACCEPTED");
	sock_connect(to);
	control_write("DONE");
}

static void abandoned_server(void)
{
	int listener = sock_listen_told(0);
	char c;
	int fd;

	control_expect("CLOSED");
	fd = sock_accept(listener);
	call_gives(recv(fd, &c, 1, 0), 0);
	control_write("ACCEPTED");
	control_expect("DONE");
	sock_accept(listener);
}

#define TCP_DROPS "TCP drops what its backlog does not admit, and tries again"

static const struct test_case cases[] = {
	{ "autobind", "an unbound socket gets a port", autobind_client,
	  autobind_server },
	{ "connected", "a connected socket cannot listen", connected_client,
	  connected_server },
	{ "not_listening", "accept() fails without listen()", not_listening },
	{ "not_connected", "a listener neither receives nor connects",
	  not_connected },
	{ "backlog", "listen(n) admits n + 1, then ECONNREFUSED",
	  backlog_client, backlog_server, TCP_DROPS },
	{ "backlog_zero", "listen(0) admits one", backlog_zero_client,
	  backlog_zero_server, TCP_DROPS },
	{ "backlog_changes", "another listen() changes the backlog",
	  backlog_changes_client, backlog_changes_server, TCP_DROPS },
	{ "backlog_large", "listen(-1) admits many", backlog_large_client,
	  backlog_large_server },
	{ "abandoned", "a client that closed can be accepted and frees its place",
	  abandoned_client, abandoned_server },
	{ }
};

TEST_GROUP(listen, cases, STREAMS);
TEST_GROUP(seqpacket_listen, cases, SEQPACKETS_LIKE_STREAMS);
