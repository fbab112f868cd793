// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP, diverted or not: what a channel does not give, or not in time. In network
 * namespaces of their own, with channels of their own; of these the first connection
 * is always one that there is no channel for.
 */
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../divert.h"
#include "../sock.h"
#include "../starve.h"
#include "../tcp.h"

#define WAIT_MS		50
#define RETRY_MS	3000
#define NEVER_MS	600000

static int open_sysctl(const char *name)
{
	char path[100];

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	return call(open(path, O_RDWR | O_CLOEXEC));
}

static void write_sysctl(const char *name, const char *value)
{
	int fd = open_sysctl(name);

	call_gives(write(fd, value, strlen(value)), strlen(value));
	close(fd);
}

static void write_number(const char *name, int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", value);
	write_sysctl(name, text);
}

static void set_times(int timeout_ms, int retry_ms)
{
	if (!test_env.diverted)
		return;
	write_number("schannel/divert_timeout_ms", timeout_ms);
	write_number("schannel/divert_retry_ms", retry_ms);
}

static void leave(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	call(unshare(CLONE_NEWNET));
	call(ioctl(sock_open(0), SIOCSIFFLAGS, &lo));
	if (test_env.diverted)
		write_number("schannel/divert_local", 1);
}

static union address reach(int listener)
{
	union address to = address_of(listener);

	family->loop(&to);
	return to;
}

static struct divert_counts before;

static void mark(void)
{
	if (test_env.diverted)
		before = divert_now();
}

/* How often this was said since mark(), when all those verdicts have been given. */
static uint64_t count(enum schannel_divert verdict, uint64_t verdicts)
{
	return divert_await(&before, verdicts).verdicts[verdict];
}

static void expect_one(enum schannel_divert verdict)
{
	if (test_env.diverted)
		check_equal(count(verdict, 1), 1);
}

/* No answer comes before the timeout; until then the socket is connecting. */
static int connect_late(union address to)
{
	int fd = sock_open(SOCK_NONBLOCK);

	mark();
	starve_begin();
	if (sock_try(fd, to))
		check_equal(errno, EINPROGRESS);
	poll(NULL, 0, 2 * WAIT_MS);
	if (test_env.diverted)
		check_equal(sock_state(fd), 0);
	starve_end();
	check_equal(sock_await(fd, POLLOUT), POLLOUT);
	check_equal(sock_error(fd), 0);
	sock_set_nonblocking(fd, false);
	return fd;
}

/*
 * Connections that timed out before may be in the queue, too, and have ended; the other end of
 * @fd has not.
 */
static void talk_to_live_one(int fd, int listener)
{
	char c = 0;
	int other;

	call_gives(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	while (recv(other = sock_accept(listener), &c, 1, 0) < 1)
		close(other);
	check_equal(c, 'x');
	tcp_talk_pair(fd, other);
	close(other);
}

static void expect_recent(int listener)
{
	int fd;

	mark();
	fd = sock_connect(reach(listener));
	expect_one(SCHANNEL_DIVERT_RECENT);
	tcp_talk_pair(fd, sock_accept(listener));
}

/* Until it is tried again, not before this time, in milliseconds. */
static void expect_forgotten(int listener, int64_t not_before)
{
	int64_t end = now_ms() + RETRY_MS + patience_ms();
	bool diverted = !test_env.diverted;

	while (!diverted) {
		int fd;

		poll(NULL, 0, 100);
		mark();
		fd = sock_connect(reach(listener));
		talk_to_live_one(fd, listener);
		close(fd);
		diverted = count(SCHANNEL_DIVERT_OK, 1);
		check(now_ms() < end);
		check(!diverted || now_ms() >= not_before);
	}
}

/* There is no channel in time; when it is there, that is forgotten at once. */
static void no_channel(void)
{
	int listener;

	leave();
	listener = sock_listen(2);
	set_times(WAIT_MS, NEVER_MS);
	talk_to_live_one(connect_late(reach(listener)), listener);
	expect_one(SCHANNEL_DIVERT_NO_CHANNEL);
	set_times(patience_ms(), NEVER_MS);
	expect_forgotten(listener, 0);
}

#define TRIES	10

/*
 * There is no answer in time: TCP, to any port there, for a while. That it comes first
 * all the same is rare.
 */
static void timeout(void)
{
	bool late = !test_env.diverted;
	int listener, fd;
	int64_t start;

	leave();
	listener = sock_listen(2);
	fd = sock_connect(reach(listener));
	tcp_talk_pair(fd, sock_accept(listener));
	set_times(WAIT_MS, RETRY_MS);
	start = now_ms();
	for (int i = 0; !late; i++) {
		check(i < TRIES);
		start = now_ms();
		talk_to_live_one(connect_late(reach(listener)), listener);
		late = count(SCHANNEL_DIVERT_TIMEOUT, 1);
	}
	expect_recent(sock_listen(2));
	set_times(patience_ms(), RETRY_MS);
	expect_forgotten(listener, start + RETRY_MS);
}

#define PORTS		20
#define PORTS_FIRST	40000

/* As many to one place as there are ports: whichever TCP takes, none fails. */
static void ports(void)
{
	char range[32];
	int listener;

	leave();
	snprintf(range, sizeof(range), "%d %d", PORTS_FIRST, PORTS_FIRST + PORTS - 1);
	listener = sock_listen(PORTS);
	write_sysctl("ipv4/ip_local_port_range", range);
	for (int i = 0; i < PORTS; i++) {
		int fd = sock_connect(reach(listener));
		uint32_t port = sock_port(fd);

		check(port >= PORTS_FIRST && port < PORTS_FIRST + PORTS);
		tcp_talk_pair(fd, sock_accept(listener));
	}
}

#define CONNECTIONS	400

/* A pool of the least size, and more connections than it has rings for. */
static void no_memory(void)
{
	int pool = test_env.diverted ? open_sysctl("schannel/pool_max_kib") : -1;
	char most[16] = "";
	int listener;

	if (pool >= 0)
		call(read(pool, most, sizeof(most) - 1));
	leave();
	listener = sock_listen(2);
	if (pool >= 0)
		call_gives(pwrite(pool, "1024", 4, 0), 4);
	mark();
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = sock_connect(reach(listener));

		/* the channel is there, and keeps the size that it has */
		if (!i && pool >= 0)
			call(pwrite(pool, most, strlen(most), 0));
		tcp_talk_pair(fd, sock_accept(listener));
	}
	if (test_env.diverted) {
		struct divert_counts since = divert_await(&before, CONNECTIONS);

		check(since.verdicts[SCHANNEL_DIVERT_OK] > 0);
		check(since.verdicts[SCHANNEL_DIVERT_NO_MEMORY] > 0);
		check_equal(since.verdicts[SCHANNEL_DIVERT_OK] +
			    since.verdicts[SCHANNEL_DIVERT_NO_MEMORY],
			    CONNECTIONS);
	}
}

static const struct test_case cases[] = {
	{ "no_channel", "no channel in time, and later a channel",
	  no_channel, .declines = true },
	{ "timeout", "no answer in time", timeout, .declines = true },
	{ "ports", "as many connections as ports", ports,
	  .declines = true },
	{ "no_memory", "no memory for its rings", no_memory, .declines = true },
	{ }
};

TEST_GROUP(inet_late, cases, TCP);
