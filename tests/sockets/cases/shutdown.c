// SPDX-License-Identifier: GPL-2.0-only
/* shutdown(): closing one half, the other, or both. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../blocked.h"
#include "../group.h"
#include "../control.h"
#include "../sock.h"

/* Everything in flight arrives, then the end; the other half lives on. */
static void write_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	struct pattern in = { .seed = test_env.seed + 1 };
	int fd = sock_reach();

	control_write("SENT %zu", sock_fill(fd, &out));
	call(shutdown(fd, SHUT_WR));
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	call(shutdown(fd, SHUT_WR));
	control_write("SHUT");
	pattern_recv(&in, fd, 3000000, 65536);
	control_meet("DONE");
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
}

static void write_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	struct pattern out = { .seed = test_env.seed + 1 };
	int fd = sock_serve();
	size_t sent = control_read_number("SENT");

	control_expect("SHUT");
	check_equal(pattern_recv_to_end(&in, fd), sent);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	pattern_send(&out, fd, 3000000, 70000);
	control_meet("DONE");
}

/* A blocked reader learns of the end. */
static void end_wakes_client(void)
{
	int fd = sock_reach();

	control_expect("BLOCKED");
	call(shutdown(fd, SHUT_WR));
	control_meet("DONE");
}

static void end_wakes_server(void)
{
	int fd = sock_serve();
	struct blocked *blocked = tell_when_blocked(SYS_recvfrom, "BLOCKED");

	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	blocked_join(blocked);
	control_meet("DONE");
}

static void read_client(void)
{
	int fd = sock_reach();

	control_meet("CONNECTED");
	call(shutdown(fd, SHUT_RD));
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	check(sock_state(fd) & POLLIN);
	check(sock_state(fd) & POLLRDHUP);
	check(!(sock_state(fd) & POLLHUP));
	/* the other half lives on */
	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("DONE");
}

static void read_server(void)
{
	int fd = sock_serve();

	control_meet("CONNECTED");
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	control_meet("DONE");
}

/* A sender gets an error after the peer's SHUT_RD. */
static void not_read_client(void)
{
	int fd = sock_reach();

	control_meet("SENT");
	call(shutdown(fd, SHUT_RD));
	control_meet("SHUT");
	control_meet("DONE");
}

static void not_read_server(void)
{
	int64_t end = now_ms() + patience_ms();
	int fd = sock_serve();

	call_gives(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	control_meet("SENT");
	control_meet("SHUT");
	for (;;) {
		ssize_t n = send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			break;
		check(now_ms() < end);
	}
	check_equal(errno, EPIPE);
	control_meet("DONE");
}

static void both_client(void)
{
	int fd = sock_reach();

	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("CONNECTED");
	call(shutdown(fd, SHUT_RDWR));
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	check(sock_state(fd) & POLLHUP);
	control_meet("DONE");
}

static void both_server(void)
{
	int fd = sock_serve();
	char c;

	control_meet("CONNECTED");
	call_gives(recv(fd, &c, 1, 0), 1);
	call_gives(recv(fd, &c, 1, 0), 0);
	check(sock_await(fd, POLLRDHUP) & POLLRDHUP);
	control_meet("DONE");
}

static void misused_client(void)
{
	int unconnected = sock_open(0);
	int fd = sock_reach();

	call_fails(shutdown(unconnected, SHUT_RDWR), ENOTCONN);
	call_fails(shutdown(unconnected, SHUT_WR), ENOTCONN);
	call_fails(shutdown(fd, 3), EINVAL);
	call_fails(shutdown(fd, -1), EINVAL);
	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("DONE");
}

static void misused_server(void)
{
	int fd = sock_serve();

	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	control_meet("DONE");
}

static void *accept_invalid(void *arg)
{
	call_fails(accept(*(int *)arg, NULL, NULL), EINVAL);
	return NULL;
}

static void listener(void)
{
	int fd = sock_listen(1);
	pthread_t thread = thread_blocked(accept_invalid, &fd, SYS_accept);

	call(shutdown(fd, SHUT_RD));
	pthread_join(thread, NULL);
	call_fails(accept(fd, NULL, NULL), EINVAL);
}

static void *recv_end(void *arg)
{
	call_gives(recv(*(int *)arg, &(char){ 0 }, 1, 0), 0);
	return NULL;
}

/* One thread shuts what another is blocked in. */
static void wakes_reader_client(void)
{
	int fd = sock_reach();
	pthread_t thread = thread_blocked(recv_end, &fd, SYS_recvfrom);

	call(shutdown(fd, SHUT_RD));
	pthread_join(thread, NULL);
	control_meet("DONE");
}

static void wakes_reader_server(void)
{
	int fd = sock_serve();

	control_meet("DONE");
	close(fd);
}

#define MUCH	(64 << 20)

static void *send_much(void *arg)
{
	char *buffer = calloc(1, MUCH);
	ssize_t n;

	check(buffer);
	n = call(send(*(int *)arg, buffer, MUCH, MSG_NOSIGNAL));
	/* what went before the end counts; the next call learns of it */
	check(n > 0 && n < MUCH);
	call_fails(send(*(int *)arg, buffer, 1, MSG_NOSIGNAL), EPIPE);
	return NULL;
}

static void wakes_writer_client(void)
{
	int fd = sock_reach();
	pthread_t thread = thread_blocked(send_much, &fd, SYS_sendto);

	call(shutdown(fd, SHUT_WR));
	pthread_join(thread, NULL);
	control_meet("DONE");
}

/* Both say that they are done at the same moment. */
static void crossing(int fd)
{
	struct pattern out = { .seed = test_env.seed };
	struct pattern in = { .seed = test_env.seed };

	pattern_send(&out, fd, 5000, 5000);
	control_meet("SENT");
	call(shutdown(fd, SHUT_WR));
	check_equal(pattern_recv_to_end(&in, fd), 5000);
	sock_await_state(fd, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	check_equal(sock_error(fd), 0);
	control_meet("NEXT");
}

static void crossing_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < 50; i++) {
		int fd = sock_connect(to);

		crossing(fd);
		close(fd);
	}
}

static void crossing_server(void)
{
	int listening = sock_listen_told(1);

	for (int i = 0; i < 50; i++) {
		int fd = sock_accept(listening);

		crossing(fd);
		close(fd);
	}
}

static const struct test_case cases[] = {
	{ "write", "SHUT_WR: data in flight arrives, the other direction works",
	  write_client, write_server },
	{ "end_wakes", "the end wakes a blocked recv", end_wakes_client,
	  end_wakes_server },
	{ "read", "SHUT_RD: recv returns 0, the other direction works", read_client,
	  read_server },
	{ "not_read", "SHUT_RD: the other side's send becomes EPIPE",
	  not_read_client, not_read_server, "TCP's peer does not know" },
	{ "both", "SHUT_RDWR", both_client, both_server },
	{ "misused", "unconnected sockets and invalid arguments", misused_client,
	  misused_server },
	{ "listener", "a listener's blocked accept ends", listener },
	{ "wakes_reader", "SHUT_RD ends another thread's recv",
	  wakes_reader_client, wakes_reader_server },
	{ "wakes_writer", "SHUT_WR ends another thread's send",
	  wakes_writer_client, wakes_reader_server },
	{ "crossing", "both sides at once", crossing_client,
	  crossing_server },
	{ }
};

TEST_GROUP(shutdown, cases, STREAMS);
