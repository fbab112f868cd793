// SPDX-License-Identifier: GPL-2.0-only
/* close(): what the other side learns, and what it still may read. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../blocked.h"
#include "../group.h"
#include "../control.h"
#include "../sock.h"

/* All was read: the other side reads the data in flight, then the end. */
static void in_flight_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();
	size_t sent = sock_fill(fd, &out);

	close(fd);
	control_write("CLOSED %zu", sent);
	control_meet("DONE");
}

static void in_flight_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();
	size_t sent = control_read_number("CLOSED");

	check_equal(pattern_recv_to_end(&in, fd), sent);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	check_equal(sock_error(fd), 0);
	control_meet("DONE");
}

/* Something was left unread: the other side learns that it was lost. */
static void unread_client(void)
{
	int fd = sock_reach();
	char text[8];

	call_gives(send(fd, "unread", 6, 0), 6);
	control_meet("SENT");
	control_meet("CLOSED");
	/* data that arrived before the reset may still be read */
	call_gives(recv(fd, text, 4, MSG_WAITALL), 4);
	check(!memcmp(text, "data", 4));
	call_fails(recv(fd, text, 1, 0), ECONNRESET);
	call_gives(recv(fd, text, 1, 0), 0);
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
}

static void unread_server(void)
{
	int fd = sock_serve();

	control_meet("SENT");
	sock_await_bytes(fd, 6);
	call_gives(send(fd, "data", 4, 0), 4);
	close(fd);
	control_meet("CLOSED");
}

/* Partly read is not read. */
static void partly_read_client(void)
{
	int fd = sock_reach();

	call_gives(send(fd, "ab", 2, 0), 2);
	control_expect("BLOCKED");
	control_meet("CLOSE");
	call_fails(recv(fd, &(char){ 0 }, 1, 0), ECONNRESET);
}

static void partly_read_server(void)
{
	int fd = sock_serve();

	sock_await_bytes(fd, 2);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	control_write("BLOCKED");
	control_meet("CLOSE");
	close(fd);
}

/* Sending to a peer that has closed soon fails, and keeps failing. */
static void send_after_client(void)
{
	int64_t end = now_ms() + patience_ms();
	int fd = sock_reach();

	control_meet("CLOSED");
	while (send(fd, "x", 1, MSG_NOSIGNAL) >= 0)
		check(now_ms() < end);
	check(errno == EPIPE || errno == ECONNRESET);
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
}

static void send_after_server(void)
{
	close(sock_serve());
	control_meet("CLOSED");
}

static void wakes_reader_client(void)
{
	int fd = sock_reach();
	struct blocked *blocked = tell_when_blocked(SYS_recvfrom, "BLOCKED");

	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	blocked_join(blocked);
	control_meet("DONE");
}

static void wakes_reader_server(void)
{
	int fd = sock_serve();

	control_expect("BLOCKED");
	close(fd);
	control_meet("DONE");
}

#define MUCH	(64 << 20)

static void wakes_writer_client(void)
{
	struct blocked *blocked;
	int fd = sock_reach();
	char *buffer = calloc(1, MUCH);
	ssize_t n;

	check(buffer);
	blocked = tell_when_blocked(SYS_sendto, "BLOCKED");
	n = send(fd, buffer, MUCH, MSG_NOSIGNAL);
	blocked_join(blocked);
	if (n >= 0) {
		check(n < MUCH);
		n = send(fd, buffer, 1, MSG_NOSIGNAL);
	}
	check(n < 0);
	check(errno == ECONNRESET || errno == EPIPE);
	control_meet("DONE");
}

/* The queue of a listener goes with it. */
static void listener_client(void)
{
	union address to = sock_told();
	int fds[5], blocked_one;
	struct blocked *blocked;

	for (int i = 0; i < 5; i++)
		fds[i] = sock_connect(to);
	blocked_one = sock_connect(to);
	blocked = tell_when_blocked(SYS_recvfrom, "BLOCKED");
	call_fails(recv(blocked_one, &(char){ 0 }, 1, 0), ECONNRESET);
	blocked_join(blocked);
	control_meet("CLOSED");
	for (int i = 0; i < 5; i++) {
		check(sock_await(fds[i], POLLIN) & POLLERR);
		call_fails(recv(fds[i], &(char){ 0 }, 1, 0), ECONNRESET);
	}
	call_fails(sock_try(sock_open(0), to), ECONNREFUSED);
}

static void listener_server(void)
{
	int listener = sock_listen_told(6);

	control_expect("BLOCKED");
	close(listener);
	control_meet("CLOSED");
}

/* Connections that were accepted do not need their listener. */
static void listener_gone_client(void)
{
	int fd = sock_reach();
	char text[4];

	control_meet("CLOSED");
	call_gives(send(fd, "ping", 4, 0), 4);
	call_gives(recv(fd, text, 4, MSG_WAITALL), 4);
	check(!memcmp(text, "pong", 4));
}

static void listener_gone_server(void)
{
	int fd = sock_serve();
	char text[4];

	control_meet("CLOSED");
	call_gives(recv(fd, text, 4, MSG_WAITALL), 4);
	call_gives(send(fd, "pong", 4, 0), 4);
}

/* A process that is killed has closed its sockets: the end, or a reset. */
static void killed_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < 2; i++) {
		pid_t child = call(fork());

		if (!child) {
			call_gives(send(sock_connect(to), "last", 4, 0), 4);
			pause();
			_exit(0);
		}
		control_expect("KILL");
		wait_blocked(child, SYS_pause);
		call(kill(child, SIGKILL));
		call(waitpid(child, NULL, 0));
		control_meet("KILLED");
	}
}

static void killed_server(void)
{
	int listener = sock_listen_told(1);
	char text[4];
	int fd;

	fd = sock_accept(listener);
	call_gives(recv(fd, text, 4, MSG_WAITALL), 4);
	control_write("KILL");
	call_gives(recv(fd, text, 1, 0), 0);
	control_meet("KILLED");

	fd = sock_accept(listener);
	call_gives(recv(fd, text, 4, MSG_WAITALL), 4);
	/* this it does not read */
	call_gives(send(fd, "unread", 6, 0), 6);
	control_write("KILL");
	control_meet("KILLED");
	call_fails(recv(fd, text, 1, 0), ECONNRESET);
}

/* A descriptor closed under a blocked thread: the call still ends well. */
static void *recv_one(void *arg)
{
	call_gives(recv(*(int *)arg, &(char){ 0 }, 1, 0), 1);
	return NULL;
}

static void under_reader_client(void)
{
	int fd = sock_reach();
	pthread_t thread = thread_blocked(recv_one, &fd, SYS_recvfrom);

	close(fd);
	control_write("CLOSED");
	pthread_join(thread, NULL);
	control_meet("DONE");
}

static void under_reader_server(void)
{
	int fd = sock_serve();

	control_expect("CLOSED");
	call_gives(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "in_flight", "data in flight arrives, then the end",
	  in_flight_client, in_flight_server },
	{ "unread", "unread data: ECONNRESET after the received bytes",
	  unread_client, unread_server },
	{ "partly_read", "partly read data: ECONNRESET", partly_read_client,
	  partly_read_server },
	{ "send_after", "sending to a closed socket: EPIPE",
	  send_after_client, send_after_server },
	{ "wakes_reader", "a blocked recv ends", wakes_reader_client,
	  wakes_reader_server },
	{ "wakes_writer", "a blocked send ends", wakes_writer_client,
	  wakes_reader_server },
	{ "listener", "a listener's queued connections: ECONNRESET",
	  listener_client, listener_server },
	{ "listener_gone", "accepted connections outlive their listener",
	  listener_gone_client, listener_gone_server },
	{ "killed", "SIGKILL is like close", killed_client, killed_server },
	{ "under_reader", "closed while another thread is in recv",
	  under_reader_client, under_reader_server },
	{ }
};

TEST_GROUP(close, cases, STREAMS);
