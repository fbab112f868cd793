// SPDX-License-Identifier: GPL-2.0-only
/* epoll: above all that no edge is lost. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../blocked.h"
#include "../group.h"
#include "../control.h"
#include "../event.h"
#include "../sock.h"

static void level_client(void)
{
	int fd = sock_reach();

	call_gives(send(fd, "ab", 2, 0), 2);
	control_meet("READ");
	call(shutdown(fd, SHUT_WR));
	control_meet("DONE");
}

static void level_server(void)
{
	int fd = sock_serve(), set = event_watch(fd, EPOLLIN | EPOLLRDHUP);
	char c;

	check_equal(event_next(set, "data"), EPOLLIN);
	check_equal(event_next(set, "the same data"), EPOLLIN);
	sock_await_bytes(fd, 2);
	call_gives(recv(fd, &c, 1, 0), 1);
	check_equal(event_now(set), EPOLLIN);
	call_gives(recv(fd, &c, 1, 0), 1);
	check_equal(event_now(set), 0);
	control_meet("READ");
	check_equal(event_next(set, "the end"), EPOLLIN | EPOLLRDHUP);
	check_equal(event_now(set), EPOLLIN | EPOLLRDHUP);
	control_meet("DONE");
}

/*
 * Every arrival is an edge, whether the reader took all that was there before
 * or only a part of it.
 */
#define EDGES	400

static void edge_in_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	uint64_t random = test_env.seed;
	int fd = sock_reach();

	control_expect("NEXT");
	for (int i = 0; i < EDGES; i++) {
		size_t n = 1 + random_below(&random, 2000);

		pattern_send(&out, fd, n, n);
		control_write("SENT %zu", n);
		control_expect("NEXT");
	}
	call(shutdown(fd, SHUT_WR));
	control_meet("DONE");
}

static void edge_in_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve(), set = event_watch(fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
	uint64_t random = test_env.seed + 1;
	size_t there = 0;

	control_write("NEXT");
	for (int i = 0; i < EDGES; i++) {
		size_t part;

		check(event_next(set, "the edge of an arrival") & EPOLLIN);
		there += control_read_number("SENT");
		sock_await_bytes(fd, (int)there);
		/* the same bytes may make several edges, never too few */
		event_now(set);
		if (random_below(&random, 3) && there < 8000)
			part = random_below(&random, there);
		else
			part = there;
		pattern_recv(&in, fd, part, part ? part : 1);
		there -= part;
		control_write("NEXT");
	}
	check(event_next(set, "the edge of the end") & EPOLLRDHUP);
	pattern_recv(&in, fd, there, 4096);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	control_meet("DONE");
}

/* A ring that was full and has been read is an edge for the writer. */
static void edge_out_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach(), set = event_watch(fd, EPOLLOUT | EPOLLET);

	check(event_next(set, "the first edge") & EPOLLOUT);
	for (int i = 0; i < 50; i++) {
		size_t sent = sock_fill(fd, &out);

		event_now(set);
		control_write("FULL %zu", sent);
		check(event_next(set, "the edge of space") & EPOLLOUT);
		control_expect("READ");
	}
}

static void edge_out_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	uint64_t random = test_env.seed + 1;
	int fd = sock_serve();

	for (int i = 0; i < 50; i++) {
		size_t sent = control_read_number("FULL");

		pattern_recv(&in, fd, sent, 1 + random_below(&random, 30000));
		control_write("READ");
	}
}

/* No control connection to help: edges alone keep both ends going. */
#define STREAM_BYTES	(12 << 20)

static void edge_stream_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	static unsigned char buffer[50000];
	uint64_t random = test_env.seed;
	int fd = sock_reach(), set = event_watch(fd, EPOLLOUT | EPOLLET);

	sock_set_nonblocking(fd, true);
	while (out.position < STREAM_BYTES) {
		size_t n = 1 + random_below(&random, sizeof(buffer));
		struct pattern next = out;
		ssize_t sent;

		if (n > STREAM_BYTES - out.position)
			n = STREAM_BYTES - out.position;
		pattern_fill(&next, buffer, n);
		sent = send(fd, buffer, n, 0);
		if (sent >= 0) {
			out.position += sent;
		} else {
			check_equal(errno, EAGAIN);
			event_next(set, "the edge of space");
		}
	}
}

static void edge_stream_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	static unsigned char buffer[50000];
	uint64_t random = test_env.seed + 1;
	int fd = sock_serve(), set = event_watch(fd, EPOLLIN | EPOLLET);

	sock_set_nonblocking(fd, true);
	for (;;) {
		size_t n = 1 + random_below(&random, sizeof(buffer));
		ssize_t got = recv(fd, buffer, n, 0);

		if (!got)
			break;
		if (got > 0) {
			pattern_check(&in, buffer, got);
		} else {
			check_equal(errno, EAGAIN);
			event_next(set, "the edge of data");
		}
	}
	check_equal(in.position, STREAM_BYTES);
}

/*
 * Many connections in one set, every one by edges alone; each side does what the
 * events say and nothing else, so that a lost edge is a connection that stands still.
 */
#define MANY		50
#define MANY_BYTES	200000

struct edged {
	int fd;
	struct pattern in, out;
};

/* As much as goes now, in pieces of any size. Whether it is through. */
static bool send_edged(struct edged *edged, uint64_t *random)
{
	unsigned char buffer[9000];

	while (edged->out.position < MANY_BYTES) {
		struct pattern next = edged->out;
		size_t n = 1 + random_below(random, sizeof(buffer));
		ssize_t sent;

		if (n > MANY_BYTES - edged->out.position)
			n = MANY_BYTES - edged->out.position;
		pattern_fill(&next, buffer, n);
		sent = send(edged->fd, buffer, n, MSG_DONTWAIT);
		if (sent < 0) {
			check_equal(errno, EAGAIN);
			return false;
		}
		edged->out.position += sent;
	}
	return true;
}

static bool recv_edged(struct edged *edged, uint64_t *random)
{
	unsigned char buffer[9000];

	while (edged->in.position < MANY_BYTES) {
		size_t n = 1 + random_below(random, sizeof(buffer));
		ssize_t got = recv(edged->fd, buffer, n, MSG_DONTWAIT);

		if (got < 0) {
			check_equal(errno, EAGAIN);
			return false;
		}
		check(got > 0);
		pattern_check(&edged->in, buffer, got);
	}
	return true;
}

static void run_edged(struct edged *all)
{
	uint64_t random = test_env.seed + test_env.is_client;
	int set = call(epoll_create1(0)), left = 2 * MANY;
	bool sent[MANY] = { 0 }, got[MANY] = { 0 };

	for (int i = 0; i < MANY; i++) {
		struct epoll_event event = {
			.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = i,
		};

		all[i].in.seed = 2 * i + test_env.is_client;
		all[i].out.seed = 2 * i + !test_env.is_client;
		call(epoll_ctl(set, EPOLL_CTL_ADD, all[i].fd, &event));
	}
	while (left) {
		struct epoll_event events[8];
		int n = call(epoll_wait(set, events, 8, patience_ms()));

		if (!n)
			fail("an edge was lost, %d directions are left", left);
		while (n--) {
			int i = events[n].data.u32;

			if (!sent[i] && events[n].events & EPOLLOUT) {
				sent[i] = send_edged(&all[i], &random);
				left -= sent[i];
			}
			if (!got[i] && events[n].events & EPOLLIN) {
				got[i] = recv_edged(&all[i], &random);
				left -= got[i];
			}
		}
	}
	control_meet("DONE");
}

static void edge_many_client(void)
{
	union address to = sock_told();
	struct edged all[MANY] = { 0 };

	for (int i = 0; i < MANY; i++)
		all[i].fd = sock_connect(to);
	run_edged(all);
}

static void edge_many_server(void)
{
	int listener = sock_listen_told(MANY);
	struct edged all[MANY] = { 0 };

	for (int i = 0; i < MANY; i++)
		all[i].fd = sock_accept(listener);
	run_edged(all);
}

static void one_shot_client(void)
{
	int fd = sock_reach();

	for (int i = 0; i < 20; i++) {
		call_gives(send(fd, "xy", 2, 0), 2);
		control_expect("NEXT");
	}
}

static void one_shot_server(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT };
	int fd = sock_serve(), set = event_watch(fd, event.events);
	char text[2];

	for (int i = 0; i < 20; i++) {
		check_equal(event_next(set, "the shot"), EPOLLIN);
		call_gives(recv(fd, text, 1, 0), 1);
		check_equal(event_now(set), 0);
		/* armed again, it fires for the data that is left */
		call(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
		check_equal(event_next(set, "the shot again"), EPOLLIN);
		call_gives(recv(fd, text, 1, 0), 1);
		call(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
		control_write("NEXT");
	}
}

/* Each set that watches a socket gets the event, also in another thread. */
static void *wait_for_event(void *arg)
{
	check(event_next(*(int *)arg, "data, to one of two sets") & EPOLLIN);
	return NULL;
}

static void two_sets_client(void)
{
	int fd = sock_reach();

	for (int i = 0; i < 20; i++) {
		control_expect("BLOCKED");
		call_gives(send(fd, "x", 1, 0), 1);
	}
	control_meet("DONE");
}

static void two_sets_server(void)
{
	int fd = sock_serve();
	int sets[2] = { event_watch(fd, EPOLLIN), event_watch(fd, EPOLLIN | EPOLLET) };

	for (int i = 0; i < 20; i++) {
		pthread_t threads[2];

		for (int j = 0; j < 2; j++)
			threads[j] = thread_blocked(wait_for_event, &sets[j],
						    SYS_epoll_wait);
		control_write("BLOCKED");
		for (int j = 0; j < 2; j++)
			pthread_join(threads[j], NULL);
		call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	}
	control_meet("DONE");
}

/* A listener's edges: accept until EAGAIN, wait for the next. */
static void listener_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < 300; i++) {
		int fd = sock_connect(to);

		/* by threes, so that one edge stands for several connections */
		if (i % 3 == 2)
			call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	}
	control_meet("DONE");
}

static void listener_server(void)
{
	int listener = sock_listen_told(16), accepted = 0;
	int set = event_watch(listener, EPOLLIN | EPOLLET);

	sock_set_nonblocking(listener, true);
	while (accepted < 300) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0) {
			accepted++;
			close(fd);
		} else {
			check_equal(errno, EAGAIN);
			event_next(set, "the edge of a connection");
		}
	}
	control_meet("DONE");
}

/* Thousands of registrations: each socket leaves its set when it is closed. */
static void closed_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < 200; i++)
		call_gives(recv(sock_connect(to), &(char){ 0 }, 1, 0), 0);
	control_meet("DONE");
}

static void closed_server(void)
{
	int listener = sock_listen_told(4), set = call(epoll_create1(0));

	for (int i = 0; i < 200; i++) {
		struct epoll_event event = { .events = EPOLLOUT | EPOLLIN };
		int fd = sock_accept(listener);

		call(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
		check(event_now(set) & EPOLLOUT);
		close(fd);
		check_equal(event_now(set), 0);
	}
	control_meet("DONE");
}

/* Of sets that are woken one at a time, one hears of each arrival. */
static void exclusive_client(void)
{
	int fd = sock_reach();

	for (int i = 0; i < 40; i++) {
		control_expect("NEXT");
		call_gives(send(fd, "x", 1, 0), 1);
	}
	control_meet("DONE");
}

static void exclusive_server(void)
{
	int fd = sock_serve();

	for (int i = 0; i < 2; i++) {
		uint32_t how = EPOLLIN | EPOLLEXCLUSIVE | (i ? EPOLLET : 0);
		int one = event_watch(fd, how), two = event_watch(fd, how);

		for (int n = 0; n < 20; n++) {
			struct pollfd sets[] = {
				{ .fd = one, .events = POLLIN }, { .fd = two, .events = POLLIN },
			};

			control_write("NEXT");
			if (call(poll(sets, 2, patience_ms())) == 0)
				fail("lost: arrival %d", n);
			if (sets[0].revents)
				event_now(one);
			if (sets[1].revents)
				event_now(two);
			if (!i || n % 2)
				call(recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT));
		}
		close(one);
		close(two);
	}
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "level", "level-triggered: as long as the state lasts", level_client,
	  level_server },
	{ "edge_in", "edges of 400 arrivals, read in part or whole",
	  edge_in_client, edge_in_server },
	{ "edge_out", "edges of space in a ring that was full",
	  edge_out_client, edge_out_server },
	{ "edge_stream", "12 MiB by edges alone", edge_stream_client,
	  edge_stream_server },
	{ "edge_many", "50 connections by edges alone, both ways at once",
	  edge_many_client, edge_many_server, .seconds = 60 },
	{ "one_shot", "EPOLLONESHOT and arming again", one_shot_client,
	  one_shot_server },
	{ "exclusive", "EPOLLEXCLUSIVE: one of two sets hears of each arrival",
	  exclusive_client, exclusive_server },
	{ "two_sets", "two sets, two threads", two_sets_client,
	  two_sets_server },
	{ "listener", "edges of a listener", listener_client,
	  listener_server },
	{ "closed", "a closed socket leaves its set", closed_client,
	  closed_server },
	{ }
};

TEST_GROUP(epoll, cases, STREAMS);
