// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP connections whose bytes move to a channel, and back when that ends, again and again under
 * load. Each byte is checked.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../control.h"
#include "../divert.h"
#include "../group.h"
#include "../sock.h"
#include "../tamper.h"
#include "../tcp.h"

#define KIB	1024

/* ---- What TCP sees ----------------------------------------------------- */

/* Sockets with the connection's ports in /proc/net/tcp and tcp6, in this state. */
static int listed(int fd, const char *state)
{
	static const char * const names[] = { "/proc/net/tcp", "/proc/net/tcp6" };
	char line[512], want[16], ours[8];
	int found = 0;

	snprintf(want, sizeof(want), " %s ", state);
	snprintf(ours, sizeof(ours), ":%04X ", sock_port(fd));
	for (int i = 0; i < 2; i++) {
		FILE *file = fopen(names[i], "re");

		while (file && fgets(line, sizeof(line), file))
			found += strstr(line, ours) && strstr(line, want);
		if (file)
			fclose(file);
	}
	return found;
}

/* Its bytes are in a channel, and to others it is a TCP connection as any. */
static void seen_client(void)
{
	int fd = tcp_reach_moved();

	control_meet("MOVED");
	check_equal(listed(fd, "01"), test_env.two_domains ? 1 : 2);
	check_equal(tcp_info(fd).tcpi_state, 1);	/* established */
	control_meet("DONE");
}

static void seen_server(void)
{
	tcp_serve_moved();
	control_meet("MOVED");
	control_meet("DONE");
}

/* ---- There and back, under load ---------------------------------------- */

#define LOAD		(24 << 20)
#define FLOWS		6

/* How one process reads or writes. */
enum manner { BLOCKING, WAITALL, POLLED, EDGES, PEEKED, MANNERS };

static void wait_for(int fd, int set, enum manner manner, short events)
{
	struct pollfd state = { .fd = fd, .events = events };
	struct epoll_event event;

	if (manner == EDGES)
		call_gives(epoll_wait(set, &event, 1, patience_ms()), 1);
	else
		call_gives(poll(&state, 1, patience_ms()), 1);
}

static int edges(int fd, enum manner manner, uint32_t events)
{
	struct epoll_event event = { .events = events | EPOLLET };
	int set;

	if (manner != EDGES)
		return -1;
	set = call(epoll_create1(EPOLL_CLOEXEC));
	call(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	return set;
}

static bool is_nonblocking(enum manner manner)
{
	return manner == POLLED || manner == EDGES;
}

static void write_all(int fd, uint64_t seed, enum manner manner, size_t bytes)
{
	int flags = MSG_NOSIGNAL | (is_nonblocking(manner) ? MSG_DONTWAIT : 0);
	struct pattern out = { .seed = seed }, next;
	int set = edges(fd, manner, EPOLLOUT);
	static unsigned char buffer[64 * KIB];
	uint64_t random = seed * 77 + 1;

	while (out.position < bytes) {
		size_t length = 1 + random_below(&random, sizeof(buffer));
		ssize_t n;

		if (length > bytes - out.position)
			length = bytes - out.position;
		next = out;
		pattern_fill(&next, buffer, length);
		n = send(fd, buffer, length, flags);
		if (n < 0 && errno == EAGAIN) {
			wait_for(fd, set, manner, POLLOUT);
			continue;
		}
		out.position += call(n);
		/* so that rings are found empty at times, and it lasts long enough */
		if (!random_below(&random, 4))
			poll(NULL, 0, random_below(&random, 16));
	}
	call(shutdown(fd, SHUT_WR));
}

static void read_all(int fd, uint64_t seed, enum manner manner, size_t bytes)
{
	int flags = is_nonblocking(manner) ? MSG_DONTWAIT : manner == WAITALL ? MSG_WAITALL : 0;
	struct pattern in = { .seed = seed }, seen;
	int set = edges(fd, manner, EPOLLIN);
	static unsigned char buffer[64 * KIB];
	uint64_t random = seed * 99 + 1;

	for (;;) {
		size_t length = 1 + random_below(&random, sizeof(buffer));
		ssize_t n;

		if (manner == PEEKED) {
			n = call(recv(fd, buffer, length, MSG_PEEK));
			seen = in;
			pattern_check(&seen, buffer, n);
		}
		n = recv(fd, buffer, length, flags);
		if (n < 0 && errno == EAGAIN) {
			wait_for(fd, set, manner, POLLIN);
			continue;
		}
		if (!call(n))
			break;
		pattern_check(&in, buffer, n);
		if (manner == WAITALL && in.position < bytes)
			check_equal(n, length);
	}
	check_equal(in.position, bytes);
}

/* One end of one connection: a process that writes, and one that reads. */
static pid_t carry(int fd, int index, size_t bytes)
{
	enum manner manner = (index + test_env.is_client) % MANNERS;
	uint64_t seed = test_env.seed + 2 * index;
	pid_t child = call(fork()), writer;
	int status;

	if (child)
		return child;
	writer = call(fork());
	if (!writer) {
		write_all(fd, seed + test_env.is_client, manner, bytes);
		_exit(0);
	}
	read_all(fd, seed + !test_env.is_client, manner, bytes);
	call_gives(waitpid(writer, &status, 0), writer);
	if (status)
		_exit(CASE_FAILED);
	call(close(fd));
	_exit(0);
}

static bool reap(pid_t *children, int n, bool wait)
{
	bool left = false;
	int status;

	for (int i = 0; i < n; i++) {
		if (!children[i])
			continue;
		if (call(waitpid(children[i], &status, wait ? 0 : WNOHANG))) {
			if (status)
				_exit(CASE_FAILED);	/* the report is the child's */
			children[i] = 0;
		}
		left |= children[i];
	}
	return left;
}

/* Ends of flows that have carried connections so far. */
static uint64_t flows(void)
{
	return divert_now().flows;
}

/* The ends of one connection that are counted here. */
static unsigned int ends(void)
{
	return test_env.two_domains ? 1 : 2;
}

static union address listener_address;

static bool kill_flows(void)
{
	return tcp_kill_flows(family->port(&listener_address));
}

static void load(bool (*interfere)(void))
{
	uint64_t random = test_env.seed;
	pid_t children[FLOWS];
	uint64_t before;
	int times = 0;

	listener_address = sock_told();
	before = flows();
	for (int i = 0; i < FLOWS; i++) {
		int fd = sock_connect(listener_address);

		children[i] = carry(fd, i, LOAD);
		close(fd);
	}
	while (reap(children, FLOWS, false)) {
		poll(NULL, 0, 1 + random_below(&random, 150));
		times += interfere();
	}
	check(flows() >= before + ends() * (FLOWS + 1));
	check(times > 1);
	control_meet("DONE");
}

static void load_client(void)
{
	divert_need();
	tamper_start();
	load(tamper_try_break);
}

static void load_killed_client(void)
{
	divert_need();
	load(kill_flows);
}

static void load_serve(void)
{
	pid_t children[FLOWS];
	int listener;

	listener = sock_listen_told(FLOWS);
	for (int i = 0; i < FLOWS; i++) {
		int fd = sock_accept(listener);

		children[i] = carry(fd, i, LOAD);
		close(fd);
	}
	reap(children, FLOWS, true);
	control_meet("DONE");
}

static void load_server(void)
{
	divert_need();
	tamper_start();
	load_serve();
}

static void load_killed_server(void)
{
	divert_need();
	load_serve();
}

/* A program that only sends never reads what TCP has: the peer's marker. */
static void one_way_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int64_t end = now_ms() + patience_ms();
	uint64_t before, total;
	int fd;

	divert_need();
	listener_address = sock_told();
	before = flows();
	fd = sock_connect(listener_address);
	for (int i = 1; i <= 4; i++) {
		while (flows() < before + i * ends()) {
			if (now_ms() > end)
				fail("it moved %d times", i - 1);
			pattern_send(&out, fd, 1000, 1000);
			poll(NULL, 0, 1);
		}
		pattern_send(&out, fd, 100 * KIB, 10 * KIB);
		check(kill_flows());
	}
	call(shutdown(fd, SHUT_WR));
	call_gives(recv(fd, &total, sizeof(total), MSG_WAITALL), sizeof(total));
	check_equal(total, out.position);
}

static void one_way_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	uint64_t total;
	int fd;

	divert_need();
	fd = sock_accept(sock_listen_told(1));
	total = pattern_recv_to_end(&in, fd);
	call_gives(send(fd, &total, sizeof(total), 0), sizeof(total));
}

#define STORM	600

/* Many short connections, while channels end. */
static void storm_client(void)
{
	char buffer[3000];
	union address to;

	divert_need();
	tamper_start();
	to = sock_told();
	for (int i = 0; i < STORM; i++) {
		struct pattern out = { .seed = i }, in = { .seed = i };
		int fd = sock_connect(to);

		pattern_send(&out, fd, 1 + i * 5, sizeof(buffer));
		if (i % 3 == 0)
			tamper_try_break();
		call(shutdown(fd, SHUT_WR));
		check_equal(pattern_recv_to_end(&in, fd), 1 + i * 5);
		close(fd);
	}
	control_meet("DONE");
}

static void storm_server(void)
{
	int listener;

	divert_need();
	tamper_start();
	listener = sock_listen_told(STORM);
	for (int i = 0; i < STORM; i++) {
		struct pattern in = { .seed = i }, out = { .seed = i };
		int fd = sock_accept(listener);

		check_equal(pattern_recv_to_end(&in, fd), 1 + i * 5);
		pattern_send(&out, fd, 1 + i * 5, 5000);
		close(fd);
	}
	control_meet("DONE");
}

/* ---- One call, two sources --------------------------------------------- */

/* A peek finds bytes of TCP and of the ring in one piece. */
static void peek_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	unsigned char buffer[300];
	int fd;

	divert_need();
	fd = sock_reach();
	tcp_await_flow(fd);
	control_meet("MOVED");
	control_meet("SENT");
	sock_await_bytes(fd, 300);
	call_gives(recv(fd, buffer, sizeof(buffer), MSG_PEEK), 300);
	pattern_check(&(struct pattern){ .seed = test_env.seed }, buffer, 300);
	pattern_recv(&in, fd, 300, 300);
	control_meet("DONE");
}

static void peek_server(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd;

	divert_need();
	fd = sock_serve();
	/* in pieces, so that some are sent before and some after the move */
	pattern_send(&out, fd, 100, 100);
	control_meet("MOVED");
	pattern_send(&out, fd, 100, 50);
	poll(NULL, 0, 50);
	pattern_send(&out, fd, 100, 50);
	control_meet("SENT");
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "seen", "it is TCP's in /proc/net/tcp and TCP_INFO", seen_client, seen_server },
	{ "load", "the channel ends again and again under load", load_client, load_server,
	  .seconds = 120 },
	{ "load_killed", "an administrator ends flows under load", load_killed_client,
	  load_killed_server, .seconds = 120 },
	{ "one_way", "a program that only sends, whose flow is ended", one_way_client,
	  one_way_server },
	{ "storm", "short connections while channels end", storm_client, storm_server,
	  .seconds = 120 },
	{ "peek", "MSG_PEEK over the place where a direction moved", peek_client, peek_server },
	{ }
};

TEST_GROUP(inet_move, cases, TCP);
