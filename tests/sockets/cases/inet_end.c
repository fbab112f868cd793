// SPDX-License-Identifier: GPL-2.0-only
/* TCP, in channels or not: how connections end, and that they leak nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../control.h"
#include "../divert.h"
#include "../group.h"
#include "../sock.h"
#include "../tcp.h"

/* From net/tcp_states.h, which is not for programs. */
enum { ESTABLISHED = 1, FIN_WAIT2 = 5, CLOSE = 7, CLOSE_WAIT = 8 };

/* What TCP_INFO says while each half closes. */
static void states_client(void)
{
	int fd = sock_reach();

	tcp_await_state(fd, ESTABLISHED);
	call(shutdown(fd, SHUT_WR));
	control_meet("HALF");
	tcp_await_state(fd, FIN_WAIT2);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	control_meet("READ");
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	tcp_await_state(fd, CLOSE);
	check_equal(sock_state(fd) & (POLLHUP | POLLRDHUP), POLLHUP | POLLRDHUP);
}

static void states_server(void)
{
	int fd = sock_serve();

	control_meet("HALF");
	tcp_await_state(fd, CLOSE_WAIT);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	tcp_await_state(fd, CLOSE_WAIT);
	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("READ");
	call(shutdown(fd, SHUT_WR));
	tcp_await_state(fd, CLOSE);
}

/* A reset is reported once, by the first call. */
static int reset_by_server(void)
{
	int fd = sock_reach();

	tcp_talk(fd);
	control_meet("RESET");
	check(sock_await(fd, POLLIN) & POLLERR);
	tcp_await_state(fd, CLOSE);
	return fd;
}

static void told_client(void)
{
	union address name;
	socklen_t size = sizeof(name);
	int fd;

	fd = reset_by_server();
	call_fails(recv(fd, &(char){ 0 }, 1, 0), ECONNRESET);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);

	fd = reset_by_server();
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), ECONNRESET);
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);

	fd = reset_by_server();
	check_equal(sock_error(fd), ECONNRESET);
	call_fails(shutdown(fd, SHUT_WR), ENOTCONN);
	call_fails(getpeername(fd, &name.any, &size), ENOTCONN);
	close(fd);
}

static void told_server(void)
{
	for (int i = 0; i < 3; i++) {
		int fd = sock_serve();

		tcp_talk(fd);
		sock_set_linger(fd, 1, 0);
		close(fd);
		control_meet("RESET");
	}
}

/* Unread data makes close() a reset, and a process that is killed does as well. */
static void unread_client(void)
{
	int fd = sock_reach();

	call_gives(send(fd, "unread", 6, 0), 6);
	control_meet("SENT");
	call_fails(recv(fd, &(char){ 0 }, 1, 0), ECONNRESET);
	control_meet("DONE");
}

static void unread_server(void)
{
	int fd = sock_serve();

	control_meet("SENT");
	sock_await_bytes(fd, 6);
	close(fd);
	control_meet("DONE");
}

/* SHUT_RD is not announced: the peer's sends succeed. */
static void read_no_more_client(void)
{
	int fd = sock_reach();

	call(shutdown(fd, SHUT_RD));
	control_meet("SHUT");
	control_meet("SENT");
	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("DONE");
}

static void read_no_more_server(void)
{
	int fd = sock_serve();

	control_meet("SHUT");
	call_gives(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	call_gives(send(fd, "y", 1, MSG_NOSIGNAL), 1);
	check(!(sock_state(fd) & (POLLIN | POLLHUP | POLLERR)));
	control_meet("SENT");
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	control_meet("DONE");
}

/* The states and errors of a sender whose peer has closed. */
static void peer_closed_client(void)
{
	int fd = tcp_reach();

	control_meet("CLOSED");
	sock_await_state(fd, POLLIN | POLLOUT | POLLRDHUP);
	call_gives(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	sock_await_state(fd, POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	tcp_await_state(fd, CLOSE);
	call_fails(shutdown(fd, SHUT_RDWR), ENOTCONN);
}

static void peer_closed_server(void)
{
	close(tcp_serve());
	control_meet("CLOSED");
}

/* Both directions have ended, one after the other. */
static void over_client(void)
{
	int fd = tcp_reach();

	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	call(shutdown(fd, SHUT_WR));
	tcp_await_state(fd, CLOSE);
	call_fails(shutdown(fd, SHUT_RDWR), ENOTCONN);
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	control_meet("DONE");
}

static void over_server(void)
{
	int fd = tcp_serve();

	call(shutdown(fd, SHUT_WR));
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	control_meet("DONE");
}

/* Data that has arrived is read first, and then the reset is reported. */
static void last_client(void)
{
	int fd = tcp_reach();
	char text[8] = "";

	call_gives(send(fd, "unread", 6, 0), 6);
	control_meet("RESET");
	check(sock_await(fd, 0) & POLLERR);
	call_gives(recv(fd, text, sizeof(text), 0), 4);
	check(!memcmp(text, "last", 4));
	call_fails(recv(fd, text, 1, 0), ECONNRESET);
	call_gives(recv(fd, text, 1, 0), 0);
}

static void last_server(void)
{
	int fd = tcp_serve();

	sock_await_bytes(fd, 6);
	call_gives(send(fd, "last", 4, 0), 4);
	sock_set_linger(fd, 1, 0);
	close(fd);
	control_meet("RESET");
}

/* SHUT_RD: what arrives after it is read all the same, and only then the end. */
static void shut_client(void)
{
	int fd = tcp_reach();
	char text[8] = "";

	call(shutdown(fd, SHUT_RD));
	call_gives(recv(fd, text, sizeof(text), 0), 0);
	control_meet("SHUT");
	sock_await_bytes(fd, 6);
	call_gives(recv(fd, text, sizeof(text), 0), 6);
	check(!memcmp(text, "before", 6));
	call_gives(recv(fd, text, sizeof(text), 0), 0);
	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("DONE");
}

static void shut_server(void)
{
	int fd = tcp_serve();

	control_meet("SHUT");
	call_gives(send(fd, "before", 6, 0), 6);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	control_meet("DONE");
}

/* Closed with all that fits on its way, and time to wait: every byte of it arrives. */
static void linger_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();
	size_t sent = sock_fill(fd, &out);

	sock_set_nonblocking(fd, false);
	sock_set_linger(fd, 1, patience_ms() / 1000);
	control_write("SENT %zu", sent);
	call(close(fd));
	control_meet("CLOSED");
}

static void linger_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();
	size_t sent = control_read_number("SENT");

	check_equal(pattern_recv_to_end(&in, fd), sent);
	control_meet("CLOSED");
}

/*
 * What is corked stays with TCP while the other direction moves: close() waits for what TCP has
 * sent, whatever the other direction still has to do.
 */
static void linger_corked_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();
	int64_t start;

	tcp_set(fd, TCP_CORK, 1);
	if (divert_is_there())
		tcp_await_flow(fd);
	control_meet("CORKED");
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	control_meet("ANNOUNCED");
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	sock_fill(fd, &out);
	sock_set_linger(fd, 1, 1);
	start = now_ms();
	call(close(fd));
	check(now_ms() - start >= 990);
	control_meet("CLOSED");
}

static void linger_corked_server(void)
{
	int fd = sock_serve();

	control_meet("CORKED");
	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("ANNOUNCED");
	/* waits for the ring */
	call_gives(send(fd, "y", 1, 0), 1);
	control_meet("CLOSED");
}

/* After a reset the socket is as good as new. */
static void after_reset_client(void)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	int fd = reset_by_server();

	check_equal(sock_error(fd), ECONNRESET);
	call(connect(fd, &nobody, sizeof(nobody)));
	call(sock_try(fd, sock_told()));
	tcp_talk(fd);
	control_meet("DONE");
}

static void after_reset_server(void)
{
	int fd = sock_serve();

	tcp_talk(fd);
	sock_set_linger(fd, 1, 0);
	close(fd);
	control_meet("RESET");
	tcp_talk(sock_serve());
	control_meet("DONE");
}

/*
 * What TCP's sockets hold, of this namespace and of all; and how far it may vary. Memory
 * and objects that are kept for later may also become fewer. Of the pages in use, each
 * processor may owe or hold back as many as net.core.mem_pcpu_rsv says, then and now.
 */
enum holding {
	INUSE, INUSE6, ORPHANS, SOCKETS, PAGES, OBJECTS, REFERENCES, HOLDINGS
};

static const struct {
	const char *name;
	long slack;
	bool may_fall;
} holdings[HOLDINGS] = {
	[INUSE] = { "sockets of TCP", 2 },
	[INUSE6] = { "sockets of TCP over IPv6", 2 },
	[ORPHANS] = { "orphans", 2 },
	[SOCKETS] = { "sockets allocated", 2 },
	[PAGES] = { "pages", 64, true },		/* and those of processors */
	[OBJECTS] = { "objects in slabs", 600, true },	/* processors keep some */
	[REFERENCES] = { "references to modules", 2 },
};

static long slab_objects(void)
{
	FILE *file = fopen("/proc/slabinfo", "re");
	char line[512], name[64];
	long objects = 0, n;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %ld", name, &n) == 2 &&
		    (!strcmp(name, "TCP") || !strcmp(name, "TCPv6") ||
		     !strncmp(name, "request_sock_TCP", 16)))
			objects += n;
	}
	if (file)
		fclose(file);
	return objects;
}

static long module_references(void)
{
	FILE *file = fopen("/proc/modules", "re");
	char line[512], name[64];
	long references = 0, n;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %*u %ld", name, &n) == 2 &&
		    !strncmp(name, "schannel", 8))
			references += n;
	}
	if (file)
		fclose(file);
	return references;
}

static void look(long *held)
{
	FILE *file = fopen("/proc/net/sockstat", "re");

	check(file);
	check_equal(fscanf(file, "%*[^\n]\nTCP: inuse %ld orphan %ld tw %*d alloc %ld mem %ld",
			   &held[INUSE], &held[ORPHANS], &held[SOCKETS],
			   &held[PAGES]), 4);
	fclose(file);
	file = fopen("/proc/net/sockstat6", "re");
	check(file);
	check_equal(fscanf(file, "TCP6: inuse %ld", &held[INUSE6]), 1);
	fclose(file);
	held[OBJECTS] = slab_objects();
	held[REFERENCES] = module_references();
}

/* Sockets closed before are still being freed: waits until the number is stable. */
static void look_when_still(long *held)
{
	int64_t end = now_ms() + patience_ms();
	long before[HOLDINGS];
	int same = 0;

	look(held);
	while (same < 20 && now_ms() < end) {
		poll(NULL, 0, 10);
		memcpy(before, held, sizeof(before));
		look(held);
		same = memcmp(before, held, sizeof(before)) ? 0 : same + 1;
	}
}

static long pages_of_processors(void)
{
	FILE *file = fopen("/proc/sys/net/core/mem_pcpu_rsv", "re");
	long each = 256;	/* the kernel's, where it can't be set */

	if (file) {
		check_equal(fscanf(file, "%ld", &each), 1);
		fclose(file);
	}
	return each * sysconf(_SC_NPROCESSORS_CONF);
}

static bool is_as_before(enum holding what, long before, long now)
{
	long slack = holdings[what].slack;

	if (what == PAGES)
		slack += 2 * pages_of_processors();
	if (now < before && holdings[what].may_fall)
		return true;
	return labs(now - before) <= slack;
}

/* Waits for the old number: sockets are freed some time after close(). */
static void expect_held(const long *before)
{
	int64_t end = now_ms() + 10 * patience_ms();
	long now[HOLDINGS];
	int i;

	for (;;) {
		look(now);
		for (i = 0; i < HOLDINGS; i++) {
			if (!is_as_before(i, before[i], now[i]))
				break;
		}
		if (i == HOLDINGS)
			return;
		if (now_ms() > end)
			fail("%s: %ld before, %ld now", holdings[i].name,
			     before[i], now[i]);
		poll(NULL, 0, 10);
	}
}

#define OFTEN	10000

static void often_client(void)
{
	union address to = sock_told();
	long before[HOLDINGS];

	/* what the first one needs may stay */
	close(sock_connect(to));
	control_meet("FIRST");
	look_when_still(before);
	control_meet("MEASURED");
	for (int i = 0; i < OFTEN; i++) {
		int fd = sock_connect(to);

		if (i % 2)
			call_gives(send(fd, "x", 1, 0), 1);
		if (i % 3 == 0)
			call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
		/* a reset leaves no TIME_WAIT, so that there are ports enough */
		sock_set_linger(fd, 1, 0);
		close(fd);
	}
	control_meet("CLOSED");
	expect_held(before);
	control_meet("DONE");
}

static void often_server(void)
{
	int listener = sock_listen_told(100);
	long before[HOLDINGS];

	close(sock_accept(listener));
	control_meet("FIRST");
	look_when_still(before);
	control_meet("MEASURED");
	for (int i = 0; i < OFTEN; i++) {
		int fd = sock_accept(listener);

		if (i % 3 == 0)
			call(shutdown(fd, SHUT_WR));
		recv(fd, &(char){ 0 }, 1, 0);
		close(fd);
	}
	control_meet("CLOSED");
	expect_held(before);
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "states", "TCP_INFO's states while it closes", states_client,
	  states_server },
	{ "told", "a reset is reported once", told_client, told_server },
	{ "unread", "unread data is a reset", unread_client, unread_server },
	{ "read_no_more", "SHUT_RD is not announced", read_no_more_client,
	  read_no_more_server },
	{ "peer_closed", "the states of a sender whose peer has closed", peer_closed_client,
	  peer_closed_server },
	{ "over", "calls after both directions have ended", over_client, over_server },
	{ "last", "data first, and then the reset", last_client, last_server },
	{ "shut", "bytes that arrive after SHUT_RD", shut_client, shut_server },
	{ "linger", "SO_LINGER: all of it arrives", linger_client,
	  linger_server },
	{ "linger_corked", "SO_LINGER waits for a direction that has not moved",
	  linger_corked_client, linger_corked_server },
	{ "after_reset", "after a reset, AF_UNSPEC and again",
	  after_reset_client, after_reset_server },
	{ "often", "10000 connections leak nothing", often_client,
	  often_server, .seconds = 120 },
	{ }
};

TEST_GROUP(inet_end, cases, TCP);
