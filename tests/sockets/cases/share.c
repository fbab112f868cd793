// SPDX-License-Identifier: GPL-2.0-only
/* Several users of one channel: none of them takes it from the others. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../group.h"
#include "../sock.h"
#include "../user.h"

#define START		(64 << 10)	/* the largest initial size of a ring */

static struct sc_ring_sizes sizes(int fd, int option)
{
	struct sc_ring_sizes value;
	socklen_t length = sizeof(value);

	call(getsockopt(fd, SOL_SCHANNEL, option, &value, &length));
	return value;
}

static void want(int fd, uint32_t tx, uint32_t rx)
{
	struct sc_ring_sizes value = { .tx = tx, .rx = rx };

	call(setsockopt(fd, SOL_SCHANNEL, SO_SC_RING_MIN, &value, sizeof(value)));
}

static union address self(int listener)
{
	union address to = here(sock_port(listener));

	family->loop(&to);
	return to;
}

/* As many connections as the user gets, with rings as large as the user gets. */
static long connect_all(union address to)
{
	long connections = 0;
	int fd;

	for (;; connections++) {
		fd = sock_open(0);
		want(fd, SC_RING_MAX, 0);
		if (sock_try(fd, to))
			break;
	}
	check_equal(errno, ENOBUFS);
	return connections;
}

/* One connection, of any size. Returns the errno of connect(). */
static long connect_one(union address to)
{
	int fd = sock_open(0);

	if (sock_try(fd, to))
		return errno;
	call_gives(send(fd, "x", 1, 0), 1);
	return 0;
}

/* One user has taken what there was to take: another one still gets a connection. */
static void pool(void)
{
	union address to = self(sock_listen(4096));
	struct user one, two;

	user_allow_files(1000);
	one = user_start(USER_ONE, NULL, connect_all, to);
	check(one.said > 0);
	two = user_start(USER_TWO, NULL, connect_one, to);
	check_equal(two.said, 0);
	user_end(&two);
	/* the second one may be as greedy */
	two = user_start(USER_TWO, NULL, connect_all, to);
	check(two.said > 0);
	check(two.said < one.said);
	check_equal(connect_one(to), 0);
	user_end(&two);
	user_end(&one);
}

/* What a user has is counted until both sides have closed it, and no longer. */
static void returned(void)
{
	int listener = sock_listen(4096), second = sock_listen(4096);
	struct user user;
	long first, again;

	user_allow_files(1000);
	user = user_start(USER_ONE, NULL, connect_all, self(listener));
	first = user.said;
	user_end(&user);
	/* nobody has accepted the connections: the peer's ends are still open */
	user = user_start(USER_ONE, NULL, connect_all, self(second));
	check(user.said < first);
	user_end(&user);
	close(listener);
	close(second);
	listener = sock_listen(4096);
	do {
		user = user_start(USER_ONE, NULL, connect_all, self(listener));
		again = user.said;
		user_end(&user);
		close(listener);
		listener = sock_listen(4096);
	} while (again < first);
	check_equal(again, first);
}

/* As many connections as the user gets, with the smallest rings there are. */
static long connect_small(union address to)
{
	const struct sc_ring_sizes small = { 4096, 4096 };
	long connections = 0;
	int fd;

	for (;; connections++) {
		fd = sock_open(0);
		call(setsockopt(fd, SOL_SCHANNEL, SO_SC_RING_MAX, &small, sizeof(small)));
		if (sock_try(fd, to))
			break;
	}
	check_equal(errno, ENOBUFS);
	return connections;
}

static _Noreturn void accept_all(int listener)
{
	call(prctl(PR_SET_PDEATHSIG, SIGKILL));
	for (;;)
		sock_accept(listener);
}

static void flows(void)
{
	int listener = sock_listen(4096);
	union address to = self(listener);
	struct user one, two;
	pid_t server;

	user_allow_files(20000);
	server = call(fork());
	if (!server)
		accept_all(listener);
	one = user_start(USER_ONE, NULL, connect_small, to);
	check(one.said > 4000 && one.said < 9000);
	two = user_start(USER_TWO, NULL, connect_one, to);
	check_equal(two.said, 0);
	check_equal(connect_one(to), 0);
	user_end(&two);
	user_end(&one);
	call(kill(server, SIGKILL));
	call(waitpid(server, NULL, 0));
}

/* Whatever the listener's program wants: its connections begin small. */
static long listen_and_count(union address to)
{
	struct sc_ring_sizes value = { .tx = SC_RING_MAX };
	int listener = sock_bound(), fd;
	long connections = 0;

	call(setsockopt(listener, SOL_SCHANNEL, SO_SC_RING_MIN, &value, sizeof(value)));
	call(listen(listener, 4096));
	to = self(listener);
	for (; connections < 300; connections++) {
		fd = sock_open(0);
		if (sock_try(fd, to))
			break;
		check(sizes(fd, SO_SC_RING).rx <= START);
	}
	return connections;
}

static void listener(void)
{
	union address to = self(sock_listen(16));
	struct user user;

	user_allow_files(1000);
	user = user_start(USER_TWO, NULL, listen_and_count, to);
	check_equal(user.said, 300);
	check_equal(connect_one(to), 0);
	user_end(&user);
}

static long limit_of_minimum(union address unused)
{
	int fd = sock_open(0);

	(void)unused;
	want(fd, SC_RING_MAX, SC_RING_MAX);
	check_equal(sizes(fd, SO_SC_RING_MIN).tx, sizes(fd, SO_SC_RING_MIN).rx);
	return sizes(fd, SO_SC_RING_MIN).tx;
}

/* SO_SC_RING_MIN promises no more than SO_SNDBUF and SO_RCVBUF do. */
static void minimum(void)
{
	struct user user = user_start(USER_ONE, NULL, limit_of_minimum,
				      (union address){});

	check_equal(user.said, 256 << 10);
	user_end(&user);
	check_equal(limit_of_minimum((union address){}), SC_RING_MAX);
}

/* What the opener wants of the acceptor's memory is given when bytes flow. */
static void later(void)
{
	static char buffer[SC_RING_MAX];
	int listener = sock_listen(1);
	int fd = sock_open(0), accepted;

	want(fd, 0, SC_RING_MAX);
	call(sock_try(fd, self(listener)));
	check(sizes(fd, SO_SC_RING).rx <= START);
	accepted = sock_accept(listener);
	check(sizes(accepted, SO_SC_RING).tx <= START);
	while (sizes(accepted, SO_SC_RING).tx < SC_RING_MAX) {
		while (send(accepted, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
			;
		check_equal(errno, EAGAIN);
		call(recv(fd, buffer, sizeof(buffer), 0));
	}
}

/* Connections that no program has accepted cost little, whatever the opener wants. */
static void unaccepted(void)
{
	union address to = self(sock_listen(4096));

	user_allow_files(1000);
	for (int i = 0; i < 500; i++) {
		int fd = sock_open(0);

		want(fd, 4096, SC_RING_MAX);
		call(sock_try(fd, to));
		check(sizes(fd, SO_SC_RING).rx <= START);
	}
	check_equal(connect_one(to), 0);
}

static const struct test_case cases[] = {
	{ "pool", "one user's rings leave room for others", pool },
	{ "returned", "what a user gave back may be had again", returned },
	{ "flows", "one user's connections leave some for others", flows, .seconds = 60 },
	{ "listener", "accepted connections start small", listener },
	{ "minimum", "SO_SC_RING_MIN is bounded as SO_SNDBUF and SO_RCVBUF are", minimum },
	{ "later", "the acceptor's ring grows when bytes flow", later },
	{ "unaccepted", "connections that wait for accept() cost little", unaccepted },
	{ }
};

TEST_GROUP(share, cases, .type = SOCK_STREAM,
	   .schannel_only = "shares are SChannel's");
