// SPDX-License-Identifier: GPL-2.0-only
/* SOCK_DGRAM: more than the receiver reads, or than can be on its way. */
#include <linux/sock_diag.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../record.h"
#include "../sock.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO	55
#endif

/* How many datagrams were thrown away since this socket had no room. */
static uint32_t drops(int fd)
{
	uint32_t values[SK_MEMINFO_VARS];
	socklen_t size = sizeof(values);

	call(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, values, &size));
	check(size > SK_MEMINFO_DROPS * sizeof(uint32_t));
	return values[SK_MEMINFO_DROPS];
}

/* Takes all there is; in order, whole, and none twice. Returns how many. */
static uint32_t drain(int fd)
{
	static char buffer[SC_DGRAM_MAX];
	uint32_t next = 0, n = 0;

	for (;; n++) {
		ssize_t length = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		struct record record;

		if (length < 0) {
			check_equal(errno, EAGAIN);
			return n;
		}
		record = record_check(buffer, length);
		check(record.number >= next);
		next = record.number + 1;
	}
}

static void send_many(int fd, uint32_t n, uint32_t length)
{
	static char buffer[SC_DGRAM_MAX];

	for (uint32_t i = 0; i < n; i++)
		record_send(fd, buffer, &(struct record){ 1, i, length });
}

/* Both sides: two sockets at each, connected pairwise. */
struct pair {
	int first;
	int second;
};

static struct pair reach_two(void)
{
	struct pair pair = { .first = sock_reach() };

	pair.second = sock_reach();
	return pair;
}

static struct pair serve_two(void)
{
	struct pair pair = { .first = sock_serve() };

	pair.second = sock_serve();
	return pair;
}

/* A socket that never reads, and receives a lot, does not delay another socket. */
#define SLOW		3000
#define SLOW_LENGTH	20000

static void slow_client(void)
{
	struct pair pair = reach_two();
	static char buffer[SLOW_LENGTH];

	sock_set_timeout(pair.second, SO_RCVTIMEO, patience_ms());
	for (uint32_t i = 0; i < SLOW; i++) {
		record_send(pair.first, buffer,
			    &(struct record){ 1, i, SLOW_LENGTH });
		if (i % 20)
			continue;
		record_say(pair.second, "ping");
		record_hear(pair.second, "pong");
	}
	record_say(pair.second, "done");
	control_meet("DONE");
}

static void slow_server(void)
{
	struct pair pair = serve_two();
	uint32_t n;

	for (uint32_t i = 0; i < SLOW; i += 20) {
		record_hear(pair.second, "ping");
		record_say(pair.second, "pong");
	}
	record_hear(pair.second, "done");
	n = drain(pair.first);
	check(n > 0 && n < SLOW);
	check_equal(n + drops(pair.first), SLOW);
	check_equal(drops(pair.second), 0);
	control_meet("DONE");
}

/* Dropped datagrams are counted in every statistic. */
#define MANY		2000
#define MANY_LENGTH	5000

static void counted_client(void)
{
	struct pair pair = reach_two();

	send_many(pair.first, MANY, MANY_LENGTH);
	record_say(pair.second, "sent");
	control_meet("READ");
	send_many(pair.first, 1, MANY_LENGTH);
	record_say(pair.second, "sent");
	control_meet("DONE");
}

/* SO_RXQ_OVFL: what had been dropped when this one came. */
static uint32_t drops_with_next(int fd)
{
	char buffer[MANY_LENGTH], control[100];
	struct iovec iov = { .iov_base = buffer, .iov_len = sizeof(buffer) };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	uint32_t value;

	call_gives(recvmsg(fd, &message, MSG_DONTWAIT), MANY_LENGTH);
	header = CMSG_FIRSTHDR(&message);
	check(header);
	check_equal(header->cmsg_level, SOL_SOCKET);
	check_equal(header->cmsg_type, SO_RXQ_OVFL);
	memcpy(&value, CMSG_DATA(header), sizeof(value));
	return value;
}

static void counted_server(void)
{
	struct pair pair = serve_two();
	uint32_t n;

	record_hear(pair.second, "sent");
	n = drain(pair.first);
	check(n > 0 && n < MANY);
	check_equal(n + drops(pair.first), MANY);
	if (family_is_schannel()) {
		struct sc_flow_stats stats;
		socklen_t size = sizeof(stats);

		call(getsockopt(pair.first, SOL_SCHANNEL, SO_SC_STATS, &stats,
				&size));
		check_equal(size, sizeof(stats));
		check_equal(stats.drops, MANY - n);
		check_equal(stats.rx_records, n);
		check_equal(stats.rx_bytes, (uint64_t)n * MANY_LENGTH);
	}
	sock_set(pair.first, SO_RXQ_OVFL, 1);
	control_meet("READ");
	record_hear(pair.second, "sent");
	check_equal(drops_with_next(pair.first), MANY - n);
	control_meet("DONE");
}

/* SO_RCVBUF limits the queue. */
static void buffer_client(void)
{
	struct pair pair = reach_two();
	int last;

	control_meet("SET");
	send_many(pair.first, MANY, 1000);
	send_many(pair.second, MANY, 1000);
	last = sock_reach();
	record_say(last, "sent");
	control_meet("DONE");
}

static void buffer_server(void)
{
	struct pair pair = serve_two();
	int small = 10000, large = 100000;
	uint32_t few, more;
	int last;

	sock_set(pair.first, SO_RCVBUF, small);
	sock_set(pair.second, SO_RCVBUF, large);
	check(sock_get(pair.first, SO_RCVBUF) >= small);
	check(sock_get(pair.second, SO_RCVBUF) >= large);
	control_meet("SET");
	last = sock_serve();
	record_hear(last, "sent");
	few = drain(pair.first);
	more = drain(pair.second);
	check(few > 0 && few < more);
	check_equal(few + drops(pair.first), MANY);
	check_equal(more + drops(pair.second), MANY);
	control_meet("DONE");
}

/*
 * A flood to a receiver that reads: each datagram either arrives or is counted as dropped; the
 * sender waits, or gets EAGAIN, and is then woken.
 */
#define FLOOD		800
#define FLOOD_LENGTH	60000

static void flood_from(int fd, uint32_t nr, int flags)
{
	static _Thread_local char buffer[FLOOD_LENGTH];

	for (uint32_t i = 0; i < nr; i++) {
		record_fill(buffer, &(struct record){ 1, i, FLOOD_LENGTH });
		while (send(fd, buffer, FLOOD_LENGTH, flags) < 0) {
			check_equal(errno, EAGAIN);
			check(flags & MSG_DONTWAIT);
			check(sock_await(fd, POLLOUT) & POLLOUT);
		}
	}
}

static void flood(int flags)
{
	flood_from(sock_reach(), FLOOD, flags);
	control_write("SENT %u", FLOOD);
	control_meet("DONE");
}

static void blocks_client(void)
{
	flood(0);
}

static void again_client(void)
{
	flood(MSG_DONTWAIT);
}

/* More senders wait than are woken at a time; some sleep in send(), some in poll(). */
#define SENDERS		160

static union address many_to;

static void *many_thread(void *arg)
{
	int fd = sock_connect(many_to);

	flood_from(fd, FLOOD / SENDERS, (uintptr_t)arg % 2 ? MSG_DONTWAIT : 0);
	close(fd);
	return NULL;
}

static void many_client(void)
{
	pthread_t thread[SENDERS];
	uintptr_t i;

	many_to = sock_told();
	for (i = 0; i < SENDERS; i++)
		check_equal(pthread_create(&thread[i], NULL, many_thread, (void *)i), 0);
	for (i = 0; i < SENDERS; i++)
		pthread_join(thread[i], NULL);
	control_write("SENT %u", FLOOD);
	control_meet("DONE");
}

static atomic_uint received;

static void *count_received(void *arg)
{
	static char buffer[FLOOD_LENGTH];

	for (;;) {
		ssize_t n = call(recv(*(int *)arg, buffer, sizeof(buffer), 0));

		record_check(buffer, n);
		received++;
	}
	return NULL;
}

static void count_flood(int fd)
{
	pthread_t thread;
	int64_t end;
	uint32_t sent;

	check_equal(pthread_create(&thread, NULL, count_received, &fd), 0);
	sent = control_read_number("SENT");
	end = now_ms() + patience_ms();
	while (received + drops(fd) != sent) {
		if (now_ms() > end)
			fail("%u received and %u dropped of %u", received,
			     drops(fd), sent);
		poll(NULL, 0, 1);
	}
	control_meet("DONE");
}

static void flood_server(void)
{
	count_flood(sock_serve());
}

static void many_server(void)
{
	int fd = sock_bound();

	sock_tell(fd);
	count_flood(fd);
}

#define AF_UNIX_WAITS	.not_unix = "AF_UNIX lets the sender wait"

static const struct test_case cases[] = {
	{ "slow", "a socket that does not read does not delay others", slow_client,
	  slow_server, AF_UNIX_WAITS },
	{ "counted", "SO_MEMINFO and SO_RXQ_OVFL count dropped datagrams",
	  counted_client, counted_server, AF_UNIX_WAITS },
	{ "buffer", "SO_RCVBUF limits the queue", buffer_client,
	  buffer_server, AF_UNIX_WAITS },
	{ "blocks", "a flood arrives, or is counted as dropped",
	  blocks_client, flood_server },
	{ "again", "the same with MSG_DONTWAIT and POLLOUT", again_client,
	  flood_server },
	{ "many", "the same with more senders than are woken at a time", many_client,
	  many_server },
	{ }
};

TEST_GROUP(dgram_full, cases, DGRAMS);
