// SPDX-License-Identifier: GPL-2.0-only
/* A connect() that is cut short while it waits; the connection is not. */
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"
#include "../starve.h"

/*
 * An answer comes in no time, and the peer's program has no part in it; so the
 * kernel is kept from hearing it.
 */
#define WAIT_MS	150

/* An interrupted connect() completes in the background. */
static void expect_connection(int fd, union address to)
{
	check_equal(sock_await(fd, POLLOUT), POLLOUT);
	check_equal(sock_error(fd), 0);
	call(sock_try(fd, to));
	call_fails(sock_try(fd, to), EISCONN);
	call_gives(send(fd, "x", 1, 0), 1);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
}

static void serve_one(void)
{
	int fd = sock_serve();

	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	call_gives(send(fd, "y", 1, 0), 1);
	control_meet("DONE");
}

/* The channel is there already: setting it up may take longer than we starve. */
static int prepare(void)
{
	call_fails(sock_try(sock_open(0), peer(1)), ECONNREFUSED);
	return sock_open(0);
}

static void timeout_client(void)
{
	union address to = sock_told();
	int fd = prepare();
	int64_t start;

	sock_set_timeout(fd, SO_SNDTIMEO, WAIT_MS);
	starve_begin();
	start = now_ms();
	call_fails(sock_try(fd, to), EINPROGRESS);
	check(now_ms() - start >= WAIT_MS - 10);
	sock_set_nonblocking(fd, true);
	call_fails(sock_try(fd, to), EALREADY);
	check_equal(sock_state(fd), 0);
	sock_set_nonblocking(fd, false);
	starve_end();
	expect_connection(fd, to);
	control_meet("DONE");
}

static void nothing(int number)
{
	(void)number;
}

static void end_starving(int number)
{
	(void)number;
	starve_stop();
}

static void alarm_in(int ms, void (*handler)(int number), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
	struct itimerval once = { .it_value.tv_usec = ms * 1000 };

	call(sigaction(SIGALRM, &action, NULL));
	call(setitimer(ITIMER_REAL, &once, NULL));
}

static void signal_client(void)
{
	union address to = sock_told();
	int fd = prepare();

	starve_begin();
	alarm_in(WAIT_MS, nothing, 0);
	call_fails(sock_try(fd, to), EINTR);
	starve_end();
	expect_connection(fd, to);
	control_meet("DONE");
}

static void restart_client(void)
{
	union address to = sock_told();
	int fd = prepare();
	int64_t start;

	starve_begin();
	alarm_in(WAIT_MS, end_starving, SA_RESTART);
	start = now_ms();
	call(sock_try(fd, to));
	check(now_ms() - start >= WAIT_MS - 10);
	starve_end();
	call_fails(sock_try(fd, to), EISCONN);
	call_gives(send(fd, "x", 1, 0), 1);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	control_meet("DONE");
}

/* Closed before the answer: the server gets no orphaned connection. */
static void closed_client(void)
{
	union address to = sock_told();
	int fd = prepare();

	sock_set_timeout(fd, SO_SNDTIMEO, WAIT_MS);
	starve_begin();
	call_fails(sock_try(fd, to), EINPROGRESS);
	close(fd);
	starve_end();
	control_meet("CLOSED");
	fd = sock_connect(to);
	call_gives(send(fd, "x", 1, 0), 1);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	control_meet("DONE");
}

static void closed_server(void)
{
	int listener = sock_listen_told(2), fd;
	char c;

	control_meet("CLOSED");
	for (;;) {
		ssize_t n;

		fd = sock_accept(listener);
		n = recv(fd, &c, 1, 0);
		if (n > 0)
			break;
		if (n)
			check_equal(errno, ECONNRESET);
		close(fd);
	}
	call_gives(send(fd, "y", 1, 0), 1);
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "timeout", "SO_SNDTIMEO: EINPROGRESS, and it connects later",
	  timeout_client, serve_one },
	{ "signal", "EINTR, and it connects later", signal_client, serve_one },
	{ "restart", "SA_RESTART resumes the wait", restart_client, serve_one },
	{ "closed", "closed before the answer", closed_client, closed_server },
	{ }
};

TEST_GROUP(connect_wait, cases, .type = SOCK_STREAM,
	   .schannel_only = "others connect without waiting for a thread of the kernel's");
