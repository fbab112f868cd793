// SPDX-License-Identifier: GPL-2.0-only
/* poll() and select(): what they say, and that they are woken. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../blocked.h"
#include "../group.h"
#include "../control.h"
#include "../sock.h"

static void unconnected(void)
{
	int fd = sock_open(0);

	check(sock_state(fd) & POLLHUP);
	check(!(sock_state(fd) & (POLLIN | POLLERR)));
	call(sock_bind(fd, here(0)));
	check(sock_state(fd) & POLLHUP);
	call(listen(fd, 1));
	check_equal(sock_state(fd), 0);
}

static void listener_client(void)
{
	union address to = sock_told();

	control_expect("BLOCKED");
	sock_connect(to);
	control_meet("ACCEPTED");
}

static void listener_server(void)
{
	int listener = sock_listen_told(1);
	struct blocked *blocked;

	check_equal(sock_state(listener), 0);
	blocked = tell_when_blocked(SYS_poll, "BLOCKED");
	check(sock_await(listener, POLLIN) & POLLIN);
	blocked_join(blocked);
	check_equal(sock_state(listener), POLLIN);
	sock_accept(listener);
	check_equal(sock_state(listener), 0);
	control_meet("ACCEPTED");
}

/* A connection's life: data, one half closed, the other. */
static void life_client(void)
{
	int fd = sock_reach();

	check_equal(sock_state(fd), POLLOUT);
	control_meet("CONNECTED");
	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("READ");
	call(shutdown(fd, SHUT_WR));
	/* one half is closed by us: nothing that poll would say */
	check_equal(sock_state(fd), POLLOUT);
	control_meet("HALF CLOSED");
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	control_meet("CLOSING");
	sock_await_state(fd, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	control_meet("DONE");
}

static void life_server(void)
{
	int fd = sock_serve();
	char c;

	check_equal(sock_state(fd), POLLOUT);
	control_meet("CONNECTED");
	check(sock_await(fd, POLLIN) & POLLIN);
	check_equal(sock_state(fd), POLLIN | POLLOUT);
	call_gives(recv(fd, &c, 1, 0), 1);
	check_equal(sock_state(fd), POLLOUT);
	control_meet("READ");
	check(sock_await(fd, POLLRDHUP) & POLLRDHUP);
	check_equal(sock_state(fd), POLLIN | POLLOUT | POLLRDHUP);
	control_meet("HALF CLOSED");
	/* the end that was read is still there */
	call_gives(recv(fd, &c, 1, 0), 0);
	check_equal(sock_state(fd), POLLIN | POLLOUT | POLLRDHUP);
	call_gives(send(fd, "y", 1, 0), 1);
	control_meet("CLOSING");
	call(shutdown(fd, SHUT_WR));
	sock_await_state(fd, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	control_meet("DONE");
}

/* The end comes after the data, and does not hide it. */
static void end_after_data_client(void)
{
	int fd = sock_reach();

	call_gives(send(fd, "abc", 3, 0), 3);
	close(fd);
	control_meet("CLOSED");
}

static void end_after_data_server(void)
{
	int fd = sock_serve();
	char c;

	control_meet("CLOSED");
	check(sock_await(fd, POLLRDHUP) & POLLRDHUP);
	for (int i = 0; i < 3; i++) {
		check(sock_state(fd) & POLLIN);
		call_gives(recv(fd, &c, 1, 0), 1);
	}
	check(sock_state(fd) & POLLIN);
	call_gives(recv(fd, &c, 1, 0), 0);
	call(shutdown(fd, SHUT_WR));
	check(sock_state(fd) & POLLHUP);
}

static void reset_client(void)
{
	int fd = sock_reach();

	control_expect("BLOCKED");
	sock_set_linger(fd, 1, 0);
	close(fd);
	control_meet("DONE");
}

static void reset_server(void)
{
	static const short dead = POLLIN | POLLRDHUP | POLLHUP;
	struct blocked *blocked;
	int fd = sock_serve();

	/* POLLERR and POLLHUP need not be asked for */
	blocked = tell_when_blocked(SYS_poll, "BLOCKED");
	check(sock_await(fd, 0) & POLLERR);
	blocked_join(blocked);
	check_equal(sock_state(fd) & (dead | POLLERR), dead | POLLERR);
	check_equal(sock_error(fd), ECONNRESET);
	/* reported once; it stays closed */
	check_equal(sock_state(fd) & (dead | POLLERR), dead);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	control_meet("DONE");
}

/* POLLOUT goes when the ring is full and comes back when it is read. */
static void full_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	for (int i = 0; i < 20; i++) {
		size_t sent = sock_fill(fd, &out);
		struct blocked *blocked;

		check(!(sock_state(fd) & POLLOUT));
		control_write("FULL %zu", sent);
		blocked = tell_when_blocked(SYS_poll, "BLOCKED");
		check(sock_await(fd, POLLOUT) & POLLOUT);
		blocked_join(blocked);
		control_expect("READ");
	}
}

static void full_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();

	for (int i = 0; i < 20; i++) {
		size_t sent = control_read_number("FULL");

		control_expect("BLOCKED");
		pattern_recv(&in, fd, sent, 100 + 5000 * i);
		control_write("READ");
	}
}

/* Blocked polls, woken by data many times over. */
static void woken_client(void)
{
	int fd = sock_reach();

	for (int i = 0; i < 100; i++) {
		control_expect("BLOCKED");
		call_gives(send(fd, "x", 1, 0), 1);
	}
	control_expect("BLOCKED");
	close(fd);
	control_meet("CLOSED");
}

static void woken_server(void)
{
	int fd = sock_serve();
	struct blocked *blocked;
	char c;

	for (int i = 0; i < 100; i++) {
		blocked = tell_when_blocked(SYS_poll, "BLOCKED");
		check(sock_await(fd, POLLIN) & POLLIN);
		blocked_join(blocked);
		call_gives(recv(fd, &c, 1, MSG_DONTWAIT), 1);
	}
	blocked = tell_when_blocked(SYS_poll, "BLOCKED");
	check(sock_await(fd, POLLRDHUP) & POLLRDHUP);
	blocked_join(blocked);
	control_meet("CLOSED");
}

/* All pollers are woken, not only the first. */
#define POLLERS	3

static void *poll_in(void *arg)
{
	check(sock_await(*(int *)arg, POLLIN) & POLLIN);
	return NULL;
}

static void pollers_client(void)
{
	int fd = sock_reach();

	control_expect("BLOCKED");
	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("DONE");
}

static void pollers_server(void)
{
	pthread_t threads[POLLERS];
	int fd = sock_serve();

	for (int i = 0; i < POLLERS; i++)
		threads[i] = thread_blocked(poll_in, &fd, SYS_poll);
	control_write("BLOCKED");
	for (int i = 0; i < POLLERS; i++)
		pthread_join(threads[i], NULL);
	control_meet("DONE");
}

/*
 * Threads that wait for different amounts: one byte wakes the thread that waits for one byte,
 * whether it began to wait before or after the thread that waits for thousands.
 */
#define AMOUNT	10000

static void *peek_amount(void *arg)
{
	static char buffer[AMOUNT];

	call_gives(recv(*(int *)arg, buffer, AMOUNT, MSG_PEEK | MSG_WAITALL),
		   AMOUNT);
	return NULL;
}

static void amounts_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	for (int i = 0; i < 2; i++) {
		control_expect("BLOCKED");
		pattern_send(&out, fd, 1, 1);
		control_expect("WOKEN");
		pattern_send(&out, fd, AMOUNT - 1, AMOUNT);
		control_meet("NEXT");
	}
}

static void amounts_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();

	for (int i = 0; i < 2; i++) {
		pthread_t much, little;

		if (i) {
			much = thread_blocked(peek_amount, &fd, SYS_recvfrom);
			little = thread_blocked(poll_in, &fd, SYS_poll);
		} else {
			little = thread_blocked(poll_in, &fd, SYS_poll);
			much = thread_blocked(peek_amount, &fd, SYS_recvfrom);
		}
		control_write("BLOCKED");
		pthread_join(little, NULL);
		control_write("WOKEN");
		pthread_join(much, NULL);
		pattern_recv(&in, fd, AMOUNT, AMOUNT);
		control_meet("NEXT");
	}
}

/* A writer that sleeps in send beside one that sleeps in poll. */
static void *poll_out(void *arg)
{
	check(sock_await(*(int *)arg, POLLOUT) & POLLOUT);
	return NULL;
}

static void *send_one(void *arg)
{
	call_gives(send(*(int *)arg, "x", 1, 0), 1);
	return NULL;
}

static void writers_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	for (int i = 0; i < 10; i++) {
		size_t sent = sock_fill(fd, &out);
		pthread_t poller, sender;

		poller = thread_blocked(poll_out, &fd, SYS_poll);
		sender = thread_blocked(send_one, &fd, SYS_sendto);
		control_write("FULL %zu", sent);
		pthread_join(sender, NULL);
		pthread_join(poller, NULL);
		control_meet("NEXT");
	}
}

static void writers_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();

	for (int i = 0; i < 10; i++) {
		size_t sent = control_read_number("FULL");

		pattern_recv(&in, fd, sent, 1000 + 10000 * i);
		call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
		control_meet("NEXT");
	}
}

/* A part that was read is room enough: the ring need not be empty. */
static void part_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	for (int i = 0; i < 10; i++) {
		size_t sent = sock_fill(fd, &out);

		control_write("FULL %zu", sent);
		check(sock_await(fd, POLLOUT) & POLLOUT);
		control_meet("NEXT");
	}
}

static void part_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();
	size_t there = 0;

	for (int i = 0; i < 10; i++) {
		there += control_read_number("FULL");
		pattern_recv(&in, fd, there * 3 / 4, 65536);
		there -= there * 3 / 4;
		control_meet("NEXT");
	}
}

/* A signal for every arrival. */
static void async_client(void)
{
	int fd = sock_reach();

	for (int i = 0; i < 20; i++) {
		control_expect("NEXT");
		call_gives(send(fd, "x", 1, 0), 1);
	}
	control_meet("DONE");
}

static void async_server(void)
{
	struct timespec patience = { .tv_sec = patience_ms() / 1000 };
	int fd = sock_serve();
	sigset_t io;

	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	call(sigprocmask(SIG_BLOCK, &io, NULL));
	call(fcntl(fd, F_SETOWN, getpid()));
	call(fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK));
	for (int i = 0; i < 20; i++) {
		control_write("NEXT");
		while (recv(fd, &(char){ 0 }, 1, 0) < 0) {
			check_equal(errno, EAGAIN);
			call_gives(sigtimedwait(&io, NULL, &patience), SIGIO);
		}
	}
	control_meet("DONE");
}

/* select() asks the same by other names. */
static int selected(int fd, int *readable, int *writable)
{
	struct timeval now = { 0 };
	fd_set in, out;
	int n;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(fd, &in);
	FD_SET(fd, &out);
	n = call(select(fd + 1, &in, &out, NULL, &now));
	*readable = FD_ISSET(fd, &in);
	*writable = FD_ISSET(fd, &out);
	return n;
}

static void select_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	control_write("FULL %zu", sock_fill(fd, &out));
	control_meet("LOOKED");
	close(fd);
}

static void select_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve(), readable, writable;
	size_t sent = control_read_number("FULL");

	check_equal(selected(fd, &readable, &writable), 2);
	pattern_recv(&in, fd, sent, 8192);
	check_equal(selected(fd, &readable, &writable), 1);
	check(!readable && writable);
	control_meet("LOOKED");
	check(sock_await(fd, POLLIN) & POLLIN);
	selected(fd, &readable, &writable);
	check(readable);
}

/* SO_RCVLOWAT: poll() reports the socket readable at that amount, or at the end. */
static void low_water_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	pattern_send(&out, fd, 999, 999);
	control_expect("BLOCKED");
	pattern_send(&out, fd, 1, 1);
	control_meet("POLLED");

	pattern_send(&out, fd, 10, 10);
	control_meet("LITTLE");
	control_expect("BLOCKED");
	call(shutdown(fd, SHUT_WR));
	control_meet("DONE");
}

static void low_water_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve(), low = 1000;
	unsigned char buffer[2000];
	struct blocked *blocked;

	call(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)));
	sock_await_bytes(fd, 999);
	check_equal(sock_state(fd), POLLOUT);
	blocked = tell_when_blocked(SYS_poll, "BLOCKED");
	check(sock_await(fd, POLLIN) & POLLIN);
	blocked_join(blocked);
	call_gives(recv(fd, buffer, 2000, 0), 1000);
	pattern_check(&in, buffer, 1000);
	control_meet("POLLED");

	/* MSG_DONTWAIT receives fewer bytes */
	control_meet("LITTLE");
	sock_await_bytes(fd, 10);
	call_gives(recv(fd, buffer, 5, MSG_DONTWAIT), 5);
	pattern_check(&in, buffer, 5);
	blocked = tell_when_blocked(SYS_poll, "BLOCKED");
	check(sock_await(fd, POLLIN) & POLLIN);
	blocked_join(blocked);
	call_gives(recv(fd, buffer, 2000, 0), 5);
	pattern_check(&in, buffer, 5);
	call_gives(recv(fd, buffer, 2000, 0), 0);
	control_meet("DONE");
}

/* And so is recv; the time and the end cut it short. */
static void low_water_recv_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	pattern_send(&out, fd, 999, 999);
	control_expect("BLOCKED");
	pattern_send(&out, fd, 1, 1);
	control_meet("READ");
	pattern_send(&out, fd, 10, 10);
	control_meet("SENT");
	control_meet("TIMED");
	pattern_send(&out, fd, 10, 10);
	control_expect("BLOCKED");
	call(shutdown(fd, SHUT_WR));
	control_meet("DONE");
}

static void low_water_recv_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve(), low = 1000;
	unsigned char buffer[2000];
	struct blocked *blocked;
	int64_t start;

	call(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)));
	sock_await_bytes(fd, 999);
	blocked = tell_when_blocked(SYS_recvfrom, "BLOCKED");
	call_gives(recv(fd, buffer, 2000, 0), 1000);
	blocked_join(blocked);
	pattern_check(&in, buffer, 1000);
	control_meet("READ");
	control_meet("SENT");
	sock_set_timeout(fd, SO_RCVTIMEO, 200);
	start = now_ms();
	call_gives(recv(fd, buffer, 2000, 0), 10);
	check(now_ms() - start >= 190);
	pattern_check(&in, buffer, 10);
	control_meet("TIMED");
	sock_set_timeout(fd, SO_RCVTIMEO, 0);
	blocked = tell_when_blocked(SYS_recvfrom, "BLOCKED");
	call_gives(recv(fd, buffer, 2000, 0), 10);
	blocked_join(blocked);
	pattern_check(&in, buffer, 10);
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "unconnected", "a socket that is not connected", unconnected },
	{ "listener", "a listener with a connection to accept",
	  listener_client, listener_server },
	{ "life", "the states of a connection, up to POLLHUP", life_client,
	  life_server },
	{ "end_after_data", "POLLRDHUP does not hide data",
	  end_after_data_client, end_after_data_server },
	{ "reset", "POLLERR until the error is read", reset_client,
	  reset_server },
	{ "full", "no POLLOUT while the ring is full",
	  full_client, full_server },
	{ "woken", "a blocked poll is woken, 100 times", woken_client,
	  woken_server },
	{ "pollers", "several threads are all woken", pollers_client,
	  pollers_server },
	{ "amounts", "a thread that waits for one byte, and one for thousands",
	  amounts_client, amounts_server },
	{ "writers", "a thread that sleeps in send, and one in poll",
	  writers_client, writers_server,
	  "TCP has room for a byte when poll says that it is full" },
	{ "part", "POLLOUT comes back before all is read", part_client,
	  part_server, .schannel_only = "how much TCP holds is TCP's affair" },
	{ "async", "SIGIO when data arrives", async_client,
	  async_server },
	{ "select", "select() reports the same", select_client, select_server },
	{ "low_water", "SO_RCVLOWAT for poll", low_water_client,
	  low_water_server },
	{ "low_water_recv", "SO_RCVLOWAT for recv", low_water_recv_client,
	  low_water_recv_server,
	  "TCP does not wake a reader that has a part of it already" },
	{ }
};

TEST_GROUP(poll, cases, STREAMS);
