// SPDX-License-Identifier: GPL-2.0-only
/* SOCK_SEQPACKET: waiting for a record, or for room for one; and the end. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../blocked.h"
#include "../group.h"
#include "../control.h"
#include "../event.h"
#include "../interrupt.h"
#include "../record.h"
#include "../sock.h"

#define LARGE	50000

/* Records of this length, until there is no room; returns how many. */
#define PIECE	4096

static size_t fill(int fd)
{
	struct pattern out = { .seed = test_env.seed };

	return sock_fill(fd, &out) / PIECE;
}

static void drain(int fd, size_t n)
{
	struct pattern in = { .seed = test_env.seed };
	unsigned char buffer[PIECE + 1];

	while (n--) {
		call_gives(recv(fd, buffer, sizeof(buffer), 0), PIECE);
		pattern_check(&in, buffer, PIECE);
	}
}

static void send_large(int fd, uint32_t number)
{
	static char buffer[LARGE];
	struct record record = { 1, number, LARGE };

	record_send(fd, buffer, &record);
}

static void hear_large(int fd, uint32_t number)
{
	static char buffer[LARGE + 1];
	size_t n = call(recv(fd, buffer, sizeof(buffer), 0));

	check_equal(n, LARGE);
	check_equal(record_check(buffer, n).number, number);
}

/* No room: EAGAIN, nothing of it went, and POLLOUT comes with room. */
static void full_client(void)
{
	static char buffer[LARGE];
	int fd = sock_reach();
	size_t n = fill(fd);

	check(n > 0);
	check(!(sock_state(fd) & POLLOUT));
	call_fails(send(fd, buffer, LARGE, MSG_DONTWAIT), EAGAIN);
	call_fails(send(fd, buffer, PIECE, MSG_DONTWAIT), EAGAIN);
	control_write("FULL %zu", n);
	check(sock_await(fd, POLLOUT) & POLLOUT);
	send_large(fd, 7);
	control_meet("DONE");
}

static void full_server(void)
{
	int fd = sock_serve();

	drain(fd, control_read_number("FULL"));
	hear_large(fd, 7);
	control_meet("DONE");
}

/* Room, but not for this one: others still go, and it goes when it can. */
static void too_large_client(void)
{
	int fd = sock_reach();
	size_t n = fill(fd), most = record_max(fd);
	struct record record = { 1, 3, most };
	char *buffer = malloc(most);
	struct blocked *blocked;

	check(buffer);
	control_write("FULL %zu", n);
	control_expect("READ");
	call_fails(send(fd, buffer, most, MSG_DONTWAIT), EAGAIN);
	call_gives(send(fd, "small", 5, MSG_DONTWAIT), 5);
	blocked = tell_when_blocked(SYS_sendto, "BLOCKED");
	record_send(fd, buffer, &record);
	blocked_join(blocked);
	control_meet("DONE");
}

static void too_large_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	static unsigned char buffer[SC_RING_MAX];
	int fd = sock_serve();
	size_t left = control_read_number("FULL"), n;

	call_gives(recv(fd, buffer, sizeof(buffer), 0), PIECE);
	pattern_check(&in, buffer, PIECE);
	control_write("READ");
	control_expect("BLOCKED");
	while (--left) {
		call_gives(recv(fd, buffer, sizeof(buffer), 0), PIECE);
		pattern_check(&in, buffer, PIECE);
	}
	record_hear(fd, "small");
	n = call(recv(fd, buffer, sizeof(buffer), 0));
	check_equal(record_check(buffer, n).number, 3);
	control_meet("DONE");
}

/* A blocked send of one record is woken as room comes bit by bit. */
static void wakes_writer_client(void)
{
	int fd = sock_reach();

	for (int i = 0; i < 20; i++) {
		struct blocked *blocked;

		control_write("FULL %zu", fill(fd));
		blocked = tell_when_blocked(SYS_sendto, "BLOCKED");
		send_large(fd, i);
		blocked_join(blocked);
		control_meet("NEXT");
	}
}

static void wakes_writer_server(void)
{
	int fd = sock_serve();

	for (int i = 0; i < 20; i++) {
		size_t n = control_read_number("FULL");

		control_expect("BLOCKED");
		drain(fd, n);
		hear_large(fd, i);
		control_meet("NEXT");
	}
}

static void timeouts_client(void)
{
	static char buffer[LARGE];
	int fd = sock_reach();
	int64_t start = now_ms();
	size_t n;

	sock_set_timeout(fd, SO_RCVTIMEO, 200);
	call_fails(recv(fd, buffer, 1, 0), EAGAIN);
	check(now_ms() - start >= 190);
	n = fill(fd);
	sock_set_timeout(fd, SO_SNDTIMEO, 200);
	start = now_ms();
	call_fails(send(fd, buffer, LARGE, 0), EAGAIN);
	check(now_ms() - start >= 190);
	check(now_ms() - start < 200 + patience_ms());
	control_write("FULL %zu", n);
	control_meet("DONE");
}

/* A send that timed out has sent nothing. */
static void timeouts_server(void)
{
	int fd = sock_serve();

	drain(fd, control_read_number("FULL"));
	call_fails(recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT), EAGAIN);
	control_meet("DONE");
}

/* A signal: EINTR and nothing of it went; with SA_RESTART all of it goes. */
static void signal_client(void)
{
	static char buffer[LARGE];
	int fd = sock_reach();
	struct blocked *blocked;
	size_t n = fill(fd);

	interrupt_catch(0);
	blocked = interrupt_when_blocked(SYS_sendto);
	call_fails(send(fd, buffer, LARGE, 0), EINTR);
	blocked_join(blocked);
	control_write("FULL %zu", n);
	interrupt_catch(SA_RESTART);
	blocked = interrupt_then_tell(SYS_sendto, "BLOCKED AGAIN");
	send_large(fd, 1);
	blocked_join(blocked);
	interrupt_catch(0);
	blocked = interrupt_when_blocked(SYS_recvfrom);
	call_fails(recv(fd, buffer, 1, 0), EINTR);
	blocked_join(blocked);
	control_meet("DONE");
}

static void signal_server(void)
{
	int fd = sock_serve();
	size_t n = control_read_number("FULL");

	control_expect("BLOCKED AGAIN");
	drain(fd, n);
	hear_large(fd, 1);
	control_meet("DONE");
}

/* Records in both directions by edges alone, until both have all. */
#define EDGE_RECORDS	3000
#define EDGE_LARGEST	20000

static void send_by_edges(int fd, int set, uint32_t sender)
{
	static char buffer[EDGE_LARGEST];
	uint64_t random = test_env.seed + sender;

	for (uint32_t i = 0; i < EDGE_RECORDS; i++) {
		uint32_t span = EDGE_LARGEST - RECORD_LEAST;
		struct record record = {
			sender, i, RECORD_LEAST + random_below(&random, span),
		};

		record_fill(buffer, &record);
		while (send(fd, buffer, record.length, MSG_DONTWAIT) < 0) {
			check_equal(errno, EAGAIN);
			event_next(set, "the edge of space");
		}
	}
}

static void recv_by_edges(int fd, int set)
{
	static char buffer[EDGE_LARGEST];

	for (uint32_t i = 0; i < EDGE_RECORDS;) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

		if (n < 0) {
			check_equal(errno, EAGAIN);
			event_next(set, "the edge of a record");
			continue;
		}
		check_equal(record_check(buffer, n).number, i);
		i++;
	}
}

static void *sender_by_edges(void *arg)
{
	int fd = *(int *)arg;

	send_by_edges(fd, event_watch(fd, EPOLLOUT | EPOLLET), test_env.is_client);
	return NULL;
}

static void by_edges(int fd)
{
	pthread_t thread;

	check_equal(pthread_create(&thread, NULL, sender_by_edges, &fd), 0);
	recv_by_edges(fd, event_watch(fd, EPOLLIN | EPOLLET));
	pthread_join(thread, NULL);
	control_meet("DONE");
}

static void edge_load_client(void)
{
	by_edges(sock_reach());
}

static void edge_load_server(void)
{
	by_edges(sock_serve());
}

/* Half-close: data in flight arrives, then the end; the other direction works. */
static void half_close_client(void)
{
	int fd = sock_reach();
	size_t n = fill(fd);

	control_write("FULL %zu", n);
	call(shutdown(fd, SHUT_WR));
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	for (int i = 0; i < 5; i++)
		hear_large(fd, i);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	check(sock_await(fd, POLLHUP) & POLLHUP);
	control_meet("DONE");
}

static void half_close_server(void)
{
	int fd = sock_serve();

	drain(fd, control_read_number("FULL"));
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	check(sock_state(fd) & POLLRDHUP);
	for (int i = 0; i < 5; i++)
		send_large(fd, i);
	call(shutdown(fd, SHUT_WR));
	control_meet("DONE");
}

static volatile sig_atomic_t pipe_signals;

static void count_sigpipe(int number)
{
	(void)number;
	pipe_signals++;
}

/* The other end is closed, or does not read any more. SIGPIPE is for streams only. */
static void pipe_client(void)
{
	union address to = sock_told();

	signal(SIGPIPE, count_sigpipe);
	for (int i = 0; i < 2; i++) {
		int fd = sock_connect(to);

		control_meet("GONE");
		check(sock_await(fd, POLLOUT) & POLLOUT);
		call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
		call_fails(send(fd, "x", 1, 0), EPIPE);
		call_fails(write(fd, "x", 1), EPIPE);
		check_equal(pipe_signals, 0);
		close(fd);
		control_meet("NEXT");
	}
}

static void pipe_server(void)
{
	int listener = sock_listen_told(2);

	for (int i = 0; i < 2; i++) {
		int fd = sock_accept(listener);

		if (i)
			call(shutdown(fd, SHUT_RD));
		else
			close(fd);
		control_meet("GONE");
		control_meet("NEXT");
	}
}

/* Closed with unread records: the other end gets ECONNRESET. */
static void unread_client(void)
{
	int fd = sock_reach();

	record_say(fd, "unread");
	control_meet("SENT");
	control_meet("CLOSED");
	call_fails(recv(fd, &(char){ 0 }, 1, 0), ECONNRESET);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
}

static void unread_server(void)
{
	int fd = sock_serve();

	control_meet("SENT");
	sock_await(fd, POLLIN);
	close(fd);
	control_meet("CLOSED");
}

/* Closed with all read: everything sent before arrives complete. */
static void in_flight_client(void)
{
	int fd = sock_reach();

	control_write("FULL %zu", fill(fd));
	close(fd);
	control_meet("CLOSED");
}

static void in_flight_server(void)
{
	int fd = sock_serve();
	size_t n = control_read_number("FULL");

	control_meet("CLOSED");
	drain(fd, n);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
}

/* SO_LINGER: until the last record was read. */
static void linger_client(void)
{
	int fd = sock_reach();
	struct blocked *blocked;

	control_write("FULL %zu", fill(fd));
	sock_set_linger(fd, 1, 1000);
	blocked = tell_when_blocked(SYS_close, "BLOCKED");
	call(close(fd));
	blocked_join(blocked);
	control_meet("CLOSED");
}

static void linger_server(void)
{
	int fd = sock_serve();
	size_t n = control_read_number("FULL");

	control_expect("BLOCKED");
	drain(fd, n);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	control_meet("CLOSED");
}

static const struct test_case cases[] = {
	{ "full", "a full ring is EAGAIN and no POLLOUT", full_client,
	  full_server },
	{ "too_large", "space, but not enough for this record", too_large_client,
	  too_large_server,
	  .not_unix = "AF_UNIX lets the last record overdraw" },
	{ "wakes_writer", "a blocked send is woken by space for the whole record",
	  wakes_writer_client, wakes_writer_server },
	{ "timeouts", "SO_RCVTIMEO, and SO_SNDTIMEO sends all or nothing",
	  timeouts_client, timeouts_server },
	{ "signal", "EINTR sends nothing, SA_RESTART the whole record", signal_client,
	  signal_server },
	{ "edge_load", "3000 records each way by edges alone",
	  edge_load_client, edge_load_server, .seconds = 60 },
	{ "half_close", "data in flight arrives, the other direction works",
	  half_close_client, half_close_server },
	{ "pipe", "EPIPE without SIGPIPE", pipe_client, pipe_server },
	{ "unread", "closed with records unread: ECONNRESET", unread_client,
	  unread_server },
	{ "in_flight", "closed with records in flight: they arrive",
	  in_flight_client, in_flight_server },
	{ "linger", "close waits until all was read", linger_client,
	  linger_server, .not_unix = "AF_UNIX does not linger" },
	{ }
};

TEST_GROUP(seqpacket_wait, cases, SEQPACKETS);
