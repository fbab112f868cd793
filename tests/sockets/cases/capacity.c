// SPDX-License-Identifier: GPL-2.0-only
/* How much may be under way although the receiver does not read. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../control.h"
#include "../event.h"
#include "../group.h"
#include "../record.h"
#include "../setting.h"
#include "../sock.h"
#include "../user.h"

#define PAGE	4096
#define MUCH	200000

static long idle_before;

static struct sc_ring_sizes rings(int fd)
{
	struct sc_ring_sizes sizes;
	socklen_t length = sizeof(sizes);

	call(getsockopt(fd, SOL_SCHANNEL, SO_SC_RING, &sizes, &length));
	return sizes;
}

/* Rings give their memory back when they are idle for a moment. */
static void idle_soon(void)
{
	idle_before = setting_read("ring_idle_ms");
	call(setting_write("ring_idle_ms", 20));
}

static void await_small(int fd)
{
	while (rings(fd).tx != PAGE)
		usleep(1000);
}

static void idle_as_usual(void)
{
	if (idle_before != 20)
		call(setting_write("ring_idle_ms", idle_before));
}

/* What the options of both ends of a connection promise. */
static size_t promised(struct sock_pair pair)
{
	return sock_get(pair.left, SO_SNDBUF) + sock_get(pair.right, SO_RCVBUF);
}

/* Both programs send before they receive: they would wait for each other for ever. */
static void send_sleeping(int fd, struct pattern *out)
{
	pattern_send(out, fd, MUCH, MUCH);
}

static size_t send_some(int fd, struct pattern *out, size_t most)
{
	static char buffer[MUCH];
	struct pattern next = *out;
	ssize_t n;

	pattern_fill(&next, buffer, most);
	n = send(fd, buffer, most, MSG_DONTWAIT);
	if (n < 0) {
		check_equal(errno, EAGAIN);
		return 0;
	}
	out->position += n;
	return n;
}

static void send_polling(int fd, struct pattern *out)
{
	for (size_t left = MUCH; left;) {
		size_t n = send_some(fd, out, left);

		left -= n;
		if (!n)
			check(sock_await(fd, POLLOUT) & POLLOUT);
	}
}

static void send_at_edges(int fd, struct pattern *out)
{
	int set = event_watch(fd, EPOLLOUT | EPOLLET);

	for (size_t left = MUCH; left;) {
		size_t n = send_some(fd, out, left);

		left -= n;
		if (!n)
			check(event_next(set, "space") & EPOLLOUT);
	}
	close(set);
}

static void (*const send_much[])(int fd, struct pattern *out) = {
	send_sleeping, send_polling, send_at_edges,
};

#define WAYS	3

static void both_send(int fd, void (*send_it)(int fd, struct pattern *out))
{
	struct pattern in = { .seed = test_env.seed }, out = in;

	control_meet("BEGIN");
	send_it(fd, &out);
	pattern_recv(&in, fd, MUCH, MUCH);
	control_meet("DONE");
}

static void both_send_client(void)
{
	for (int i = 0; i < WAYS; i++)
		both_send(sock_reach(), send_much[i]);
}

static void both_send_server(void)
{
	for (int i = 0; i < WAYS; i++)
		both_send(sock_serve(), send_much[i]);
}

static void rested_client(void)
{
	int fd = sock_reach();

	for (int i = 0; i < WAYS; i++) {
		idle_soon();
		await_small(fd);
		control_meet("RESTED");
		idle_as_usual();
		both_send(fd, send_much[i]);
	}
}

static void rested_server(void)
{
	int fd = sock_serve();

	for (int i = 0; i < WAYS; i++) {
		idle_soon();
		await_small(fd);
		control_meet("RESTED");
		idle_as_usual();
		both_send(fd, send_much[i]);
	}
}

/* Send @least bytes. The ring may take a while to become large enough. */
static size_t fill(int fd, struct pattern *out, size_t least)
{
	size_t sent = sock_fill(fd, out);

	while (sent < least) {
		check(sock_await(fd, POLLOUT) & POLLOUT);
		sent += sock_fill(fd, out);
	}
	return sent;
}

/* As much as the options say, on a new connection and after idleness. */
static void fits(void)
{
	static char buffer[SC_RING_MAX];
	struct pattern out = { .seed = test_env.seed }, in = out;
	struct sock_pair pair = sock_pair();
	size_t sent;

	check(promised(pair) >= 256 << 10);
	for (int i = 0; i < 2; i++) {
		sent = fill(pair.left, &out, promised(pair));
		for (size_t left = sent, n; left; left -= n) {
			n = call(recv(pair.right, buffer, sizeof(buffer), 0));
			pattern_check(&in, buffer, n);
		}
		idle_soon();
		await_small(pair.left);
		idle_as_usual();
	}
}

/* A sender that polls and never sends more than fits. */
static void polite(void)
{
	struct sock_pair pair = sock_pair();
	struct pattern out = { .seed = test_env.seed };
	size_t sent = 0;

	while (sent < promised(pair) / 2) {
		check(sock_await(pair.left, POLLOUT) & POLLOUT);
		sent += send_some(pair.left, &out, 1000);
	}
}

/* Records, of which some do not fit behind the others. */
static void records(void)
{
	static char buffer[SC_RING_MAX];
	struct sock_pair pair;
	size_t sent = 0, length;

	test_env.type = SOCK_SEQPACKET;
	pair = sock_pair();
	length = promised(pair) / 5;
	for (int i = 0; i < 5; i++, sent += length)
		call_gives(send(pair.left, buffer, length, 0), length);
	check(sent + 5 >= promised(pair));
	for (int i = 0; i < 5; i++)
		call_gives(recv(pair.right, buffer, sizeof(buffer), 0), length);
	length = promised(pair);
	while (send(pair.left, buffer, length, MSG_DONTWAIT) < 0) {
		check_equal(errno, EAGAIN);
		check(sock_await(pair.left, POLLOUT) & POLLOUT);
	}
	call_gives(recv(pair.right, buffer, sizeof(buffer), 0), length);
}

/* SO_SC_RING_MAX limits what is promised, and the smaller buffers do not. */
static void limited(void)
{
	const struct sc_ring_sizes most = { .tx = 16 * PAGE };
	struct pattern out = { .seed = test_env.seed };
	int listener = sock_listen(2), fd;
	union address to = here(sock_port(listener));

	family->loop(&to);
	fd = sock_open(0);
	call(setsockopt(fd, SOL_SCHANNEL, SO_SC_RING_MAX, &most, sizeof(most)));
	call(sock_try(fd, to));
	check_equal(sock_fill(fd, &out), 16 * PAGE);
	fd = sock_open(0);
	sock_set(fd, SO_SNDBUF, PAGE);
	call(sock_try(fd, to));
	fill(fd, &out, 2 * PAGE + sock_get(listener, SO_RCVBUF));
}

/* What a receiver asks for with SO_SC_RING_MAX is for a ring that is read. */
static void requested(void)
{
	const struct sc_ring_sizes most = { .rx = 16 * PAGE };
	struct pattern out = { .seed = test_env.seed };
	int listener = sock_listen(1), fd = sock_open(0), peer;
	union address to = here(sock_port(listener));

	family->loop(&to);
	call(setsockopt(fd, SOL_SCHANNEL, SO_SC_RING_MAX, &most, sizeof(most)));
	call(sock_try(fd, to));
	peer = call(accept(listener, NULL, NULL));
	fill(peer, &out, sock_get(peer, SO_SNDBUF) + sock_get(fd, SO_RCVBUF));
}

/* Sockets that are filled and not read do not take what others need. */
#define MANY	300

static long fill_many(union address to)
{
	struct pattern out = { .seed = 1 };
	long total = 0;

	for (int i = 0; i < MANY; i++) {
		int fd = sock_open(0);

		/* beyond the user's share there are no more connections either */
		if (sock_try(fd, to)) {
			check_equal(errno, ENOBUFS);
			break;
		}
		while (send_some(fd, &out, MUCH) || poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, 30))
			;
		total += rings(fd).tx;
	}
	return total;
}

static void shared(void)
{
	struct pattern out = { .seed = test_env.seed };
	int listener = sock_listen(4096), fd;
	union address to = here(sock_port(listener));
	long pool = setting_read("pool_max_kib") << 10;
	struct user one;

	user_allow_files(1000);
	family->loop(&to);
	one = user_start(USER_ONE, NULL, fill_many, to);
	check(one.said <= pool / 2);
	fd = sock_connect(to);
	fill(fd, &out, 400000);
	user_end(&one);
}

/* Connections that had much under way, and rest: a page in each direction, and what it needs. */
#define RESTING		500
#define COST_MOST	(2 * 16 << 10)	/* both ends are here */

static long free_memory(void)
{
	char line[100];
	long kib = 0;
	FILE *file = fopen("/proc/meminfo", "r");

	check(file);
	while (fgets(line, sizeof(line), file) &&
	       sscanf(line, "MemAvailable: %ld", &kib) != 1)
		;
	fclose(file);
	return kib << 10;
}

static void resting(void)
{
	static struct sock_pair pairs[RESTING];
	static char buffer[MUCH];
	struct pattern out = { .seed = test_env.seed };
	long before;

	user_allow_files(2 * RESTING + 100);
	sock_pair();	/* the channel itself */
	before = free_memory();
	idle_soon();
	for (int i = 0; i < RESTING; i++) {
		pairs[i] = sock_pair();
		send_polling(pairs[i].left, &out);
		for (size_t left = MUCH; left;)
			left -= call(recv(pairs[i].right, buffer, left, 0));
	}
	for (int i = 0; i < RESTING; i++) {
		await_small(pairs[i].left);
		await_small(pairs[i].right);
	}
	while (before - free_memory() > RESTING * COST_MOST)
		usleep(10000);
	idle_as_usual();
}

/* As many as one program may well have. Each carries something both ways. */
#define CROWD		10000

static void crowd(void)
{
	static struct sock_pair pairs[CROWD];
	char buffer[100] = "";
	long before;

	user_allow_files(2 * CROWD + 100);
	sock_pair();	/* the channel itself */
	before = free_memory();
	for (int i = 0; i < CROWD; i++)
		pairs[i] = sock_pair();
	for (int i = 0; i < CROWD; i++) {
		call_gives(send(pairs[i].left, buffer, sizeof(buffer), 0), sizeof(buffer));
		call_gives(send(pairs[i].right, buffer, sizeof(buffer), 0), sizeof(buffer));
		call_gives(recv(pairs[i].left, buffer, sizeof(buffer), 0), sizeof(buffer));
		call_gives(recv(pairs[i].right, buffer, sizeof(buffer), 0), sizeof(buffer));
	}
	check(before - free_memory() <= (long)CROWD * COST_MOST);
}

/* The options count whenever they are set, and for a sender that waits already. */
#define LARGE	300000

static void late(void)
{
	struct sock_pair pair = sock_pair();
	struct pattern out = { .seed = test_env.seed };
	size_t sent = fill(pair.left, &out, promised(pair));

	check_equal(sock_get(pair.left, SO_SNDBUF), sock_get(pair.right, SO_SNDBUF));
	sock_set(pair.left, SO_SNDBUFFORCE, LARGE);
	check_equal(sock_get(pair.left, SO_SNDBUF), 2 * LARGE);
	check(promised(pair) > sent);
	sent += fill(pair.left, &out, promised(pair) - sent);
	sock_set(pair.right, SO_RCVBUFFORCE, 2 * LARGE);
	check(promised(pair) > sent);
	sent += fill(pair.left, &out, promised(pair) - sent);
}

/* The other way, and on a socket that was set before. */
static void late_less(void)
{
	struct pattern out = { .seed = test_env.seed };
	struct sock_pair pair = sock_pair();

	sock_set(pair.left, SO_SNDBUF, PAGE);
	sock_set(pair.right, SO_RCVBUF, PAGE);
	check_equal(sock_get(pair.left, SO_SNDBUF), 2 * PAGE);
	check_equal(sock_get(pair.right, SO_RCVBUF), 2 * PAGE);
	/* the ring has its initial size */
	check_equal(sock_fill(pair.left, &out), rings(pair.left).tx);
	check(rings(pair.left).tx <= 64 << 10);
}

/* MSG_PEEK|MSG_WAITALL up to SO_RCVBUF, also if a part of the ring is read and full again. */
static void peek_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();
	size_t size = control_read_number("SIZE");

	control_meet("BEGIN");
	pattern_send(&out, fd, 4 * size, 4 * size);
	control_meet("DONE");
}

static void peek_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();
	size_t size = sock_get(fd, SO_RCVBUF);
	char *buffer = malloc(size);
	size_t left = 4 * size;

	control_write("SIZE %zu", size);
	control_meet("BEGIN");
	while (left >= size) {
		struct pattern at = in;
		size_t part = size / 5 + 1;

		call_gives(recv(fd, buffer, size, MSG_PEEK | MSG_WAITALL), size);
		pattern_check(&at, buffer, size);
		pattern_recv(&in, fd, part, part);
		left -= part;
	}
	pattern_recv(&in, fd, left, left);
	control_meet("DONE");
}

/* SO_RCVLOWAT of SO_RCVBUF: not a byte before it. */
static void low_water_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();
	size_t size = control_read_number("SIZE");

	for (int i = 0; i < 3; i++) {
		control_meet("BEGIN");
		pattern_send(&out, fd, size - 1, size);
		control_meet("ONE IS LEFT");
		control_meet("SEND IT");
		pattern_send(&out, fd, 1, 1);
		control_meet("DONE");
	}
}

static void low_water_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();
	size_t size = sock_get(fd, SO_RCVBUF);
	int set = event_watch(fd, EPOLLIN | EPOLLET);

	sock_set(fd, SO_RCVLOWAT, size);
	control_write("SIZE %zu", size);
	for (int i = 0; i < 3; i++) {
		control_meet("BEGIN");
		/* it is what makes the sender's ring grow */
		call(poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 0));
		control_meet("ONE IS LEFT");
		check_equal(sock_state(fd) & POLLIN, 0);
		check_equal(event_now(set), 0);
		control_meet("SEND IT");
		control_meet("DONE");
		check(sock_await(fd, POLLIN) & POLLIN);
		check(event_next(set, "the last byte") & EPOLLIN);
		pattern_recv(&in, fd, size, size);
	}
}

/* Waiting for more than can come: the sender's program has limited its ring. */
static void in_vain_client(void)
{
	const struct sc_ring_sizes most = { .tx = 16 * PAGE };
	struct pattern out = { .seed = test_env.seed };
	union address to = sock_told();
	int fd = sock_open(0);

	call(setsockopt(fd, SOL_SCHANNEL, SO_SC_RING_MAX, &most, sizeof(most)));
	call(sock_try(fd, to));
	pattern_send(&out, fd, 3 * MUCH, 3 * MUCH);
	control_meet("DONE");
}

static void in_vain_server(void)
{
	struct pattern in = { .seed = test_env.seed }, at = in;
	static char buffer[MUCH];
	int fd = sock_serve();

	call_gives(recv(fd, buffer, MUCH, MSG_PEEK | MSG_WAITALL), 16 * PAGE);
	pattern_check(&at, buffer, 16 * PAGE);
	sock_set(fd, SO_RCVLOWAT, MUCH);
	check(sock_await(fd, POLLIN) & POLLIN);
	pattern_recv(&in, fd, 1000, 1000);
	check(sock_await(fd, POLLIN) & POLLIN);
	call_gives(recv(fd, buffer, MUCH, MSG_PEEK | MSG_WAITALL), 16 * PAGE);
	pattern_recv(&in, fd, 3 * MUCH - 1000, MUCH);
	control_meet("DONE");
}

/* As the kernel's vsock_test: SO_RCVLOWAT set before, or after, the buffer was full. */
#define CREDIT	(128 << 10)

static void credit_client(void)
{
	for (int i = 0; i < 2; i++) {
		struct pattern out = { .seed = test_env.seed };
		int fd = sock_reach();

		call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
		pattern_send(&out, fd, CREDIT + 1, CREDIT + 1);
		control_meet("DONE");
	}
}

static void credit_server(void)
{
	static char buffer[CREDIT];

	for (int before = 1; before >= 0; before--) {
		struct pattern in = { .seed = test_env.seed };
		int fd = sock_serve();

		sock_set(fd, SO_RCVBUF, CREDIT);
		if (before)
			sock_set(fd, SO_RCVLOWAT, CREDIT / 2 + 1);
		call_gives(send(fd, "", 1, 0), 1);
		while (call(recv(fd, buffer, CREDIT, MSG_PEEK)) != CREDIT)
			;
		pattern_recv(&in, fd, CREDIT / 2, CREDIT / 2);
		if (!before)
			sock_set(fd, SO_RCVLOWAT, CREDIT / 2 + 1);
		check(sock_await(fd, POLLIN) & POLLIN);
		call_gives(recv(fd, buffer, CREDIT / 2 + 1, MSG_DONTWAIT), CREDIT / 2 + 1);
		control_meet("DONE");
	}
}

/* As the kernel's vsock_test: as many records as the buffer holds, sent before any is read. */
#define BOUNDS	(1024 << 10)
#define BOUND	(64 << 10)

static void bounds_client(void)
{
	static char buffer[BOUND];
	int fd;

	test_env.type = SOCK_SEQPACKET;
	fd = sock_reach();
	control_meet("BUFFER IS SET");
	for (int i = 0; i < BOUNDS / BOUND - 1; i++)
		call_gives(send(fd, buffer, BOUND - i, 0), BOUND - i);
	control_meet("SENT");
}

static void bounds_server(void)
{
	static char buffer[BOUND];
	int fd;

	test_env.type = SOCK_SEQPACKET;
	fd = sock_serve();
	sock_set(fd, SO_RCVBUFFORCE, BOUNDS / 2);
	check_equal(sock_get(fd, SO_RCVBUF), BOUNDS);
	control_meet("BUFFER IS SET");
	control_meet("SENT");
	for (int i = 0; i < BOUNDS / BOUND - 1; i++)
		call_gives(recv(fd, buffer, BOUND, 0), BOUND - i);
}

static const struct test_case cases[] = {
	{ "both_send", "two programs send before they receive", both_send_client,
	  both_send_server },
	{ "rested", "the same after the rings gave their memory back", rested_client,
	  rested_server, .seconds = 20 },
	{ "fits", "as much as SO_SNDBUF and SO_RCVBUF say", fits },
	{ "polite", "a sender that sends only when poll() says so", polite },
	{ "records", "the same with records", records },
	{ "limited", "SO_SC_RING_MAX limits it, SO_SNDBUF is a part of it", limited },
	{ "requested", "the receiver's SO_SC_RING_MAX does not limit it", requested },
	{ "late", "SO_SNDBUF and SO_RCVBUF of a connection count", late },
	{ "late_less", "small ones promise nothing more", late_less },
	{ "peek", "MSG_PEEK|MSG_WAITALL of SO_RCVBUF", peek_client, peek_server },
	{ "low_water", "SO_RCVLOWAT of SO_RCVBUF", low_water_client, low_water_server },
	{ "in_vain", "a receiver does not wait for what cannot come", in_vain_client,
	  in_vain_server },
	{ "credit", "SO_RCVLOWAT above half of a full buffer", credit_client, credit_server },
	{ "bounds", "records of a buffer, before any is read", bounds_client, bounds_server },
	{ "shared", "filled rings leave memory to other users", shared, .seconds = 60 },
	{ "resting", "idle connections cost little", resting, .seconds = 60 },
	{ "crowd", "so do ten thousand", crowd, .seconds = 60 },
	{ }
};

TEST_GROUP(capacity, cases, .type = SOCK_STREAM,
	   .schannel_only = "how much fits is SChannel's promise");
