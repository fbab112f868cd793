// SPDX-License-Identifier: GPL-2.0-only
/* listen(): backlog, and what a listener is not. */
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../setting.h"
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

/* Makes @admitted connections; returns one more, which waits for a place in the backlog. */
static int fill_backlog(union address to, int admitted)
{
	int late = sock_open(SOCK_NONBLOCK);

	for (int i = 0; i < admitted; i++)
		sock_connect(to);
	call_fails(sock_try(late, to), EINPROGRESS);
	/* long enough for several attempts */
	call_gives(poll(&(struct pollfd){ .fd = late, .events = POLLOUT }, 1, 200), 0);
	return late;
}

static void expect_admitted(int late)
{
	check_equal(sock_await(late, POLLOUT) & (POLLOUT | POLLERR), POLLOUT);
	check_equal(sock_error(late), 0);
}

static void backlog_client(void)
{
	union address to = sock_told();
	int late = fill_backlog(to, 4);

	control_write("ACCEPT");
	control_expect("ACCEPTED");
	expect_admitted(late);
	late = fill_backlog(to, 1);
	control_write("ACCEPT");
	expect_admitted(late);
	control_meet("DONE");
}

static void backlog_server(void)
{
	int listener = sock_listen_told(3);

	control_expect("ACCEPT");
	sock_accept(listener);
	sock_accept(listener);
	control_write("ACCEPTED");
	control_expect("ACCEPT");
	for (int i = 0; i < 5; i++)
		sock_accept(listener);
	check_equal(sock_state(listener), 0);
	control_meet("DONE");
}

static void backlog_zero_client(void)
{
	/* a connect() that is given up takes no place */
	close(fill_backlog(sock_told(), 1));
	control_meet("FULL");
	control_meet("DONE");
}

static void backlog_zero_server(void)
{
	int listener = sock_listen_told(0);

	control_meet("FULL");
	sock_accept(listener);
	check_equal(sock_state(listener), 0);
	control_meet("DONE");
}

static void backlog_changes_client(void)
{
	union address to = sock_told();
	int late = fill_backlog(to, 2);

	control_write("MORE");
	control_expect("CHANGED");
	expect_admitted(late);
	late = fill_backlog(to, 2);
	control_write("LESS");
	control_expect("CHANGED");
	call_gives(poll(&(struct pollfd){ .fd = late, .events = POLLOUT }, 1, 200), 0);
	control_write("ACCEPT");
	expect_admitted(late);
	control_meet("DONE");
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
	control_expect("ACCEPT");
	/* those that are queued already stay; then the one that waits */
	for (int i = 0; i < 6; i++)
		sock_accept(listener);
	check_equal(sock_state(listener), 0);
	control_meet("DONE");
}

/* A backlog that stays full ends in the error of a listener that does not answer. */
static void backlog_timeout_client(void)
{
	long before = setting_read("connect_timeout_ms");
	union address to = sock_told();

	sock_connect(to);
	call(setting_write("connect_timeout_ms", 300));
	call_fails(sock_try(sock_open(0), to), ETIMEDOUT);
	call(setting_write("connect_timeout_ms", before));
	control_meet("DONE");
}

static void backlog_timeout_server(void)
{
	sock_listen_told(0);
	control_meet("DONE");
}

/* More connects at once than the backlog admits: each succeeds in the end. */
#define BURST		60

static void backlog_burst_client(void)
{
	union address to = sock_told();
	int fd[BURST];

	for (int i = 0; i < BURST; i++) {
		fd[i] = sock_open(SOCK_NONBLOCK);
		check(sock_try(fd[i], to) == 0 || errno == EINPROGRESS);
	}
	for (int i = 0; i < BURST; i++) {
		expect_admitted(fd[i]);
		call_gives(send(fd[i], "x", 1, 0), 1);
	}
	control_meet("DONE");
}

static void backlog_burst_server(void)
{
	int listener = sock_listen_told(3);
	int fd[BURST];

	/* in the order in which they got in, which is not that of the client */
	for (int i = 0; i < BURST; i++)
		fd[i] = sock_accept(listener);
	for (int i = 0; i < BURST; i++)
		call_gives(recv(fd[i], &(char){ 0 }, 1, 0), 1);
	control_meet("DONE");
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
	{ "backlog", "listen(n) admits n + 1, the next one waits",
	  backlog_client, backlog_server, TCP_DROPS },
	{ "backlog_zero", "listen(0) admits one", backlog_zero_client,
	  backlog_zero_server, TCP_DROPS },
	{ "backlog_changes", "another listen() changes the backlog",
	  backlog_changes_client, backlog_changes_server, TCP_DROPS },
	{ "backlog_timeout", "a connect() does not wait for a full backlog for ever",
	  backlog_timeout_client, backlog_timeout_server,
	  .schannel_only = "net.schannel.connect_timeout_ms" },
	{ "backlog_burst", "more connects at once than the backlog admits",
	  backlog_burst_client, backlog_burst_server, .seconds = 30,
	  .not_inet = TCP_DROPS },
	{ "backlog_large", "listen(-1) admits many", backlog_large_client,
	  backlog_large_server },
	{ "abandoned", "a client that closed can be accepted and frees its place",
	  abandoned_client, abandoned_server },
	{ }
};

TEST_GROUP(listen, cases, STREAMS);
TEST_GROUP(seqpacket_listen, cases, SEQPACKETS_LIKE_STREAMS);
