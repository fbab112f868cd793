// SPDX-License-Identifier: GPL-2.0-only
/* connect(): reachable and unreachable addresses, blocking and nonblocking. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"

/* A port of the peer without a listener: the peer binds it, so that it stays unused. */
static void closed_port_server(void)
{
	int fd = sock_open(0);

	call(sock_bind(fd, here(0)));
	sock_tell(fd);
	control_expect("LISTEN");
	call(listen(fd, 1));
	control_write("LISTENING");
	close(sock_accept(fd));
}

/* After a refusal the same socket may try again. */
static void refused_client(void)
{
	union address to = sock_told();
	int fd = sock_open(0);

	call_fails(sock_try(fd, to), ECONNREFUSED);
	call_fails(sock_try(fd, to), ECONNREFUSED);
	check_equal(sock_error(fd), 0);
	control_write("LISTEN");
	control_expect("LISTENING");
	call(sock_try(fd, to));
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
}

static void unreachable(void)
{
	int fd = sock_open(0);

	call_fails(sock_try(fd, nowhere(1024)), EHOSTUNREACH);
	check_equal(sock_error(fd), 0);
	sock_set_nonblocking(fd, true);
	call_fails(sock_try(fd, nowhere(1024)), EHOSTUNREACH);
}

static void not_a_peer(void)
{
	union address to = peer(1024);
	int fd = sock_open(0);

	to.sc.sc_domid = SC_DOMID_ANY;
	call_fails(sock_try(fd, to), EINVAL);
	/* no domain has such numbers: Xen's special ones, and beyond 16 bits */
	to.sc.sc_domid = 0x7ff4;
	call_fails(sock_try(fd, to), EHOSTUNREACH);
	to.sc.sc_domid = 0x10000;
	call_fails(sock_try(fd, to), EHOSTUNREACH);
	to.sc.sc_domid = 0x17ff0;
	call_fails(sock_try(fd, to), EHOSTUNREACH);
	to.sc.sc_domid = 0xfffffffe;
	call_fails(sock_try(fd, to), EHOSTUNREACH);
}

static void port_zero(void)
{
	call_fails(sock_try(sock_open(0), peer(0)), EINVAL);
}

static void bad_address_client(void)
{
	union address to = sock_told(), bad = to;
	int fd = sock_open(0);

	call_fails(connect(fd, &to.any, 0), EINVAL);
	call_fails(connect(fd, &to.any, family->shortest - 1), EINVAL);
	bad.any.sa_family = AF_UNIX;
	call_fails(sock_try(fd, bad), EAFNOSUPPORT);
	call_fails(connect(fd, (struct sockaddr *)8, family->length), EFAULT);
	call(sock_try(fd, to));
}

static void reserved_fields_client(void)
{
	union address to = sock_told(), bad = to;
	int fd = sock_open(0);

	bad.sc.sc_flags = 0x8000;
	call_fails(sock_try(fd, bad), EOPNOTSUPP);
	bad = to;
	bad.sc.sc_zero = 1;
	call_fails(sock_try(fd, bad), EOPNOTSUPP);
	call(sock_try(fd, to));
}

static void accept_one_server(void)
{
	sock_serve();
}

static void twice_client(void)
{
	union address to = sock_told();
	int fd = sock_connect(to);

	call_fails(sock_try(fd, to), EISCONN);
	sock_set_nonblocking(fd, true);
	call_fails(sock_try(fd, to), EISCONN);
	control_meet("DONE");
}

static void twice_server(void)
{
	union address to = here(1024);
	int fd = sock_serve();

	call_fails(sock_try(fd, to), EISCONN);
	control_meet("DONE");
}

/* Starts a nonblocking connect; true when it has not ended yet. */
static bool start_connect(int fd, union address to)
{
	if (!sock_try(fd, to))
		return false;
	check_equal(errno, EINPROGRESS);
	return true;
}

static void nonblocking_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < 30; i++) {
		int fd = sock_open(SOCK_NONBLOCK);

		if (start_connect(fd, to)) {
			/* whether it is still going on is a race: both are right */
			if (sock_try(fd, to))
				check(errno == EALREADY || errno == EISCONN);
			check(sock_await(fd, POLLOUT) & POLLOUT);
			check_equal(sock_error(fd), 0);
		}
		check_equal(sock_state(fd), POLLOUT);
		if (sock_try(fd, to))
			check_equal(errno, EISCONN);
		call_fails(sock_try(fd, to), EISCONN);
		call_gives(send(fd, "x", 1, 0), 1);
		control_meet("NEXT");
	}
}

static void nonblocking_server(void)
{
	int listener = sock_listen_told(1);

	for (int i = 0; i < 30; i++) {
		char c;
		int fd;

		control_meet("NEXT");
		fd = sock_accept(listener);
		call_gives(recv(fd, &c, 1, 0), 1);
		close(fd);
	}
}

/*
 * Whoever looks all the time never sees a failed connect() without its error, or with a peer. The
 * channel's work runs where connect() was called, so there is somebody who looks on each processor.
 */
#define WATCHED		300
#define WATCHERS	4

static int watched[WATCHED];
static atomic_int nr_watched;
static atomic_bool watched_all;

static void *watch_last(void *unused)
{
	union address name;
	socklen_t size = sizeof(name);

	(void)unused;
	while (!watched_all) {
		struct pollfd last = { .events = POLLIN | POLLOUT };
		int nr = nr_watched;

		if (!nr)
			continue;
		last.fd = watched[nr - 1];
		if (call(poll(&last, 1, 0)))
			check(last.revents & POLLERR);
		else
			call_fails(getpeername(last.fd, &name.any, &size), ENOTCONN);
	}
	return NULL;
}

static void watched_client(void)
{
	union address to = sock_told();
	pthread_t watchers[WATCHERS];

	for (int i = 0; i < WATCHERS; i++)
		check_equal(pthread_create(&watchers[i], NULL, watch_last, NULL), 0);
	for (int i = 0; i < WATCHED; i++) {
		watched[i] = sock_open(SOCK_NONBLOCK);
		check(start_connect(watched[i], to));
		nr_watched = i + 1;
		check(sock_await(watched[i], POLLOUT) & POLLERR);
	}
	watched_all = true;
	for (int i = 0; i < WATCHERS; i++)
		pthread_join(watchers[i], NULL);
	for (int i = 0; i < WATCHED; i++)
		check_equal(sock_error(watched[i]), ECONNREFUSED);
	control_write("LISTEN");
	control_expect("LISTENING");
	sock_connect(to);
}

/* A refusal is reported once: by SO_ERROR here. */
static void nonblocking_refused_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < 10; i++) {
		int fd = sock_open(SOCK_NONBLOCK);

		if (start_connect(fd, to)) {
			short state;

			/* TCP has the error a moment before it is closed */
			do {
				state = sock_await(fd, POLLOUT);
				check(state & POLLERR);
			} while (!(state & POLLHUP));
			check_equal(sock_error(fd), ECONNREFUSED);
		} else {
			fail("connected without a listener");
		}
		check_equal(sock_error(fd), 0);
		check(!(sock_state(fd) & POLLERR));
		close(fd);
	}
	control_write("LISTEN");
	control_expect("LISTENING");
	sock_connect(to);
}

/* The same, reported by the next connect() or send() instead. */
static void refusal_told_client(void)
{
	union address to = sock_told();
	int fd = sock_open(SOCK_NONBLOCK);

	check(start_connect(fd, to));
	sock_await(fd, POLLOUT);
	call_fails(sock_try(fd, to), ECONNREFUSED);
	check_equal(sock_error(fd), 0);

	fd = sock_open(SOCK_NONBLOCK);
	check(start_connect(fd, to));
	sock_await(fd, POLLOUT);
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), ECONNREFUSED);
	check_equal(sock_error(fd), 0);
	control_write("LISTEN");
	control_expect("LISTENING");
	sock_connect(to);
}

/* A blocking connect that has to wait for a nonblocking one that was begun. */
static void begun_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < 10; i++) {
		int fd = sock_open(SOCK_NONBLOCK);
		bool begun = start_connect(fd, to);

		sock_set_nonblocking(fd, false);
		if (begun)
			call(sock_try(fd, to));
		call_fails(sock_try(fd, to), EISCONN);
		control_meet("NEXT");
	}
}

static void begun_server(void)
{
	int listener = sock_listen_told(1);

	for (int i = 0; i < 10; i++) {
		control_meet("NEXT");
		close(sock_accept(listener));
	}
}

/* Given up while it may still be going on. */
static void given_up_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < 200; i++) {
		int fd = sock_open(SOCK_NONBLOCK);

		if (sock_try(fd, to))
			check(errno == EINPROGRESS || errno == ECONNREFUSED ||
			      errno == EAGAIN);
		close(fd);
	}
	control_write("GIVEN UP");
	sock_connect(to);
	control_meet("DONE");
}

/* However they ended, each that comes is at its end, and the last is whole. */
static void given_up_server(void)
{
	int listener = sock_listen_told(1000);
	int last = -1;
	char c;

	control_expect("GIVEN UP");
	control_meet("DONE");
	sock_set_nonblocking(listener, true);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0) {
			check_equal(errno, EAGAIN);
			break;
		}
		if (last >= 0) {
			ssize_t n = recv(last, &c, 1, MSG_DONTWAIT);

			check(!n || (n < 0 && errno == ECONNRESET));
			close(last);
		}
		last = fd;
	}
	check(last >= 0);
}

/* Established before anybody accepts: data goes ahead, and is not lost. */
static void before_accept_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();
	size_t sent;

	sent = sock_fill(fd, &out);
	check(sent > 0);
	check(!(sock_state(fd) & POLLOUT));
	control_write("SENT %zu", sent);
	control_meet("READ");
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
}

static void before_accept_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int listener = sock_listen_told(1);
	size_t sent = control_read_number("SENT");
	int fd = sock_accept(listener);

	pattern_recv(&in, fd, sent, 65536);
	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("READ");
}

static void unspec(int fd)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	call(connect(fd, &nobody, sizeof(nobody)));
}

/* connect(AF_UNSPEC) ends a connection and makes the socket a new one. */
static void unspec_client(void)
{
	union address to = sock_told(), name;
	socklen_t size = sizeof(name);
	int fd = sock_open(0);

	unspec(fd);
	call(sock_try(fd, to));
	control_meet("CONNECTED");
	unspec(fd);
	call_fails(getpeername(fd, &name.any, &size), ENOTCONN);
	/* TCP says it once as an error of the old connection */
	check(recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT) < 0);
	check(errno == ENOTCONN || errno == ECONNRESET);
	control_meet("DISSOLVED");
	call(sock_try(fd, to));
	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("DONE");
}

static void unspec_server(void)
{
	int listener = sock_listen_told(1);
	int fd = sock_accept(listener);
	char c;
	ssize_t n;

	control_meet("CONNECTED");
	n = recv(fd, &c, 1, 0);
	check(!n || (n < 0 && errno == ECONNRESET));
	control_meet("DISSOLVED");
	fd = sock_accept(listener);
	call_gives(recv(fd, &c, 1, 0), 1);
	control_meet("DONE");
}

/* The only socket on the port is the connecting one, which does not listen. */
static void itself(void)
{
	union address to = here(0);
	int fd = sock_open(0);

	call(sock_bind(fd, to));
	to.sc.sc_domid = SC_DOMID_SELF;
	to.sc.sc_port = sock_port(fd);
	call_fails(sock_try(fd, to), ECONNREFUSED);
}

/* Over loopback both ends may be one process's: connect does not need accept. */
static void one_process(void)
{
	struct sock_pair pair = sock_pair();
	char text[4];

	call_gives(send(pair.left, "ping", 4, 0), 4);
	call_gives(recv(pair.right, text, 4, MSG_WAITALL), 4);
	check(!memcmp(text, "ping", 4));
	call_gives(send(pair.right, "pong", 4, 0), 4);
	call_gives(recv(pair.left, text, 4, MSG_WAITALL), 4);
	check(!memcmp(text, "pong", 4));
}

static const struct test_case cases[] = {
	{ "refused", "no listener is ECONNREFUSED, and a retry is allowed",
	  refused_client, closed_port_server },
	{ "unreachable", "no such peer is EHOSTUNREACH", unreachable,
	  .schannel_only = "TCP waits for minutes" },
	{ "not_a_peer", "numbers that are not domain ids", not_a_peer,
	  .schannel_only = "domids are sockaddr_sc's" },
	{ "port_zero", "port 0 is EINVAL", port_zero,
	  .schannel_only = "to TCP it is a port without a listener" },
	{ "bad_address", "wrong length, family or pointer", bad_address_client,
	  accept_one_server },
	{ "reserved_fields", "sc_flags and sc_zero must be 0",
	  reserved_fields_client, accept_one_server,
	  "these fields are sockaddr_sc's" },
	{ "twice", "a connected socket is EISCONN", twice_client,
	  twice_server },
	{ "nonblocking", "EINPROGRESS, then POLLOUT and no error",
	  nonblocking_client, nonblocking_server },
	{ "nonblocking_refused", "POLLERR, and SO_ERROR returns the reason once",
	  nonblocking_refused_client, closed_port_server },
	{ "watched", "a failed connect() never looks successful", watched_client,
	  closed_port_server,
	  .not_inet = "TCP is refused within the call over loopback" },
	{ "refusal_told", "the next call returns the reason once",
	  refusal_told_client, closed_port_server },
	{ "begun", "a blocking connect waits for the nonblocking one before",
	  begun_client, begun_server },
	{ "given_up", "closing a socket that is connecting", given_up_client,
	  given_up_server },
	{ "before_accept", "data may be sent before accept",
	  before_accept_client, before_accept_server },
	{ "unspec", "AF_UNSPEC dissolves the connection", unspec_client,
	  unspec_server },
	{ "itself", "a socket cannot connect to itself", itself,
	  .schannel_only = "TCP connects a socket to itself" },
	{ "one_process", "both ends in one process", one_process },
	{ }
};

TEST_GROUP(connect, cases, STREAMS);
TEST_GROUP(seqpacket_connect, cases, SEQPACKETS_LIKE_STREAMS);
