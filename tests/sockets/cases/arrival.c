// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiters that are to hear of each arrival without asking again, whatever is left unread; and
 * those that do ask again, which must not cost an event for each arrival.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../event.h"
#include "../sock.h"

#define ROUNDS	60

/* ---- SIGIO ------------------------------------------------------------- */

static void expect_signals(int fd)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	call(sigprocmask(SIG_BLOCK, &set, NULL));
	call(fcntl(fd, F_SETSIG, SIGRTMIN));
	call(fcntl(fd, F_SETOWN, getpid()));
}

static void set_async(int fd, bool on)
{
	call(fcntl(fd, F_SETFL, O_NONBLOCK | (on ? O_ASYNC : 0)));
}

/* The next signal that says @band; the others are taken, too. */
static void signal_next(int fd, long band, const char *what)
{
	struct timespec time = { .tv_sec = patience_ms() / 1000 };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	do {
		if (sigtimedwait(&set, &info, &time) < 0)
			fail("lost: the signal of %s", what);
		check_equal(info.si_fd, fd);
	} while (!(info.si_band & band));
	/* a receiver may be told twice, but not without end */
	time.tv_sec = 0;
	while (sigtimedwait(&set, &info, &time) >= 0)
		continue;
}

static void one_by_one(int fd, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		control_expect("NEXT");
		call_gives(send(fd, "x", 1, 0), 1);
	}
}

static void signals_client(void)
{
	int fd = sock_reach();

	one_by_one(fd, 1 + ROUNDS);
	control_meet("DONE");
}

static void signals_server(void)
{
	int fd = sock_serve();
	struct pollfd state = { .fd = fd, .events = POLLIN };
	char buffer[ROUNDS];

	expect_signals(fd);
	/* the first byte came before, and stays unread for a while */
	control_write("NEXT");
	check(sock_poll(&state, 1));
	set_async(fd, true);
	for (int i = 0; i < ROUNDS; i++) {
		control_write("NEXT");
		signal_next(fd, POLLIN, "an arrival");
		if (i % 3 == 1)
			call_gives(recv(fd, buffer, 1, 0), 1);
		else if (i % 10 == 0)
			call(recv(fd, buffer, sizeof(buffer), 0));
	}
	control_meet("DONE");
}

/* The first bytes may arrive before connect() knows that it has succeeded. */
#define CONNECTS	60

static void early_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < CONNECTS; i++) {
		int fd = sock_open(0);

		expect_signals(fd);
		call(fcntl(fd, F_SETFL, O_ASYNC));
		call(sock_try(fd, to));
		signal_next(fd, POLLIN, "the first byte");
		control_write("NEXT");
		signal_next(fd, POLLIN, "the second byte");
		close(fd);
		control_meet("CLOSED");
	}
}

static void early_server(void)
{
	int listener = sock_listen_told(1);

	for (int i = 0; i < CONNECTS; i++) {
		int fd = sock_accept(listener);

		call_gives(send(fd, "x", 1, 0), 1);
		control_expect("NEXT");
		call_gives(send(fd, "x", 1, 0), 1);
		control_meet("CLOSED");
		close(fd);
	}
}

/* A sender that got EAGAIN is told of space, each time. */
static void space_client(void)
{
	int fd = sock_reach();
	struct pattern out = { .seed = 1 };

	expect_signals(fd);
	set_async(fd, true);
	for (int i = 0; i < 20; i++) {
		control_write("FULL %zu", sock_fill(fd, &out));
		signal_next(fd, POLLOUT, "space");
		control_expect("READ");
	}
	control_meet("DONE");
}

static void space_server(void)
{
	int fd = sock_serve();
	struct pattern in = { .seed = 1 };

	for (int i = 0; i < 20; i++) {
		pattern_recv(&in, fd, control_read_number("FULL"), 4096);
		control_write("READ");
	}
	control_meet("DONE");
}

/* ---- The price --------------------------------------------------------- */

#define SENDS	2000

static unsigned long long events(int fd)
{
	struct sc_flow_stats stats;
	socklen_t length = sizeof(stats);

	call(getsockopt(fd, SOL_SCHANNEL, SO_SC_STATS, &stats, &length));
	return stats.rx_events;
}

static void send_many(int fd)
{
	for (int i = 0; i < SENDS; i++)
		call_gives(send(fd, "x", 1, 0), 1);
}

/* How many events the next SENDS bytes bring, which nothing reads meanwhile. */
static unsigned long long price(int fd)
{
	unsigned long long before = events(fd);
	char buffer[SENDS];

	control_meet("SEND");
	control_meet("SENT");
	/* the last event may be on its way */
	usleep(50000);
	before = events(fd) - before;
	for (int left = SENDS; left; )
		left -= call(recv(fd, buffer, test_env.type == SOCK_STREAM ? left : 1, 0));
	return before;
}

static void cheap_client(void)
{
	int fd = sock_reach();

	for (int i = 0; i < 5; i++) {
		control_meet("SEND");
		send_many(fd);
		control_meet("SENT");
	}
	control_meet("DONE");
}

/* Whoever polls again, or only reads, costs next to nothing while it is busy. */
static void cheap_server(void)
{
	int fd = sock_serve(), set;
	struct pollfd state = { .fd = fd, .events = POLLIN };

	poll(&state, 1, 0);
	check(price(fd) <= 2);
	set = event_watch(fd, EPOLLIN);
	event_now(set);
	check(price(fd) <= 2);
	close(set);
	/* after its first event it is known that the set polls again */
	set = event_watch(fd, EPOLLIN | EPOLLOUT | EPOLLET);
	event_now(set);
	check(price(fd) <= 2);
	event_now(set);
	check(price(fd) <= 2);
	close(set);
	/* SIGIO that was turned off */
	expect_signals(fd);
	set_async(fd, true);
	set_async(fd, false);
	check(price(fd) <= 3);
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "signals", "SIGIO of each arrival, read or not", signals_client, signals_server },
	{ "early", "SIGIO of bytes that arrive with the connection", early_client,
	  early_server },
	{ "space", "SIGIO of space in a ring that was full", space_client,
	  space_server, .not_unix = "a sender of AF_UNIX hears of each read" },
	{ "cheap", "whoever polls again costs no event for each arrival",
	  cheap_client, cheap_server, .schannel_only = "counts its events" },
	{ }
};

TEST_GROUP(arrival, cases, STREAMS);
TEST_GROUP(seqpacket_arrival, cases, SEQPACKETS);
