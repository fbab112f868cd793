// SPDX-License-Identifier: GPL-2.0-only
/* io_uring: connect, accept, send and receive without a call for each. */
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../event.h"
#include "../sock.h"

#define ENTRIES	64
#define MIB	(1024 * 1024)

static struct io_uring ring;

static void start(void)
{
	int err = io_uring_queue_init(ENTRIES, &ring, 0);

	if (err)
		skip("io_uring: %s", errno_name(-err));
}

static struct io_uring_sqe *next(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	check(sqe);
	return sqe;
}

/* Something that must end; says what it was and how it ended. */
static int ended(uint64_t *name)
{
	struct __kernel_timespec time = { .tv_sec = patience_ms() / 1000 };
	struct io_uring_cqe *cqe;
	int result;

	check_equal(io_uring_wait_cqe_timeout(&ring, &cqe, &time), 0);
	result = cqe->res;
	*name = io_uring_cqe_get_data64(cqe);
	io_uring_cqe_seen(&ring, cqe);
	return result;
}

/* The result of the one operation that was prepared. */
static int run(void)
{
	uint64_t name;

	check_equal(io_uring_submit(&ring), 1);
	return ended(&name);
}

static int ring_connect(int fd, union address to)
{
	io_uring_prep_connect(next(), fd, &to.any, family->length);
	return run();
}

static int ring_accept(int listener)
{
	io_uring_prep_accept(next(), listener, NULL, NULL, 0);
	return run();
}

static int ring_send(int fd, const void *buffer, size_t length)
{
	io_uring_prep_send(next(), fd, buffer, length, MSG_NOSIGNAL);
	return run();
}

static int ring_recv(int fd, void *buffer, size_t length)
{
	io_uring_prep_recv(next(), fd, buffer, length, MSG_WAITALL);
	return run();
}

#define ROUNDS	30

static void talk_client(void)
{
	union address to = sock_told();
	char text[5];

	start();
	for (int i = 0; i < ROUNDS; i++) {
		int fd = sock_open(0);

		check_equal(ring_connect(fd, to), 0);
		check_equal(ring_send(fd, "hello", 5), 5);
		check_equal(ring_recv(fd, text, 5), 5);
		check(!memcmp(text, "world", 5));
		check_equal(ring_recv(fd, text, 5), 0);
		close(fd);
	}
}

static void talk_server(void)
{
	int listener = sock_listen_told(1);
	char text[5];

	start();
	for (int i = 0; i < ROUNDS; i++) {
		int fd = ring_accept(listener);

		check(fd >= 0);
		check_equal(ring_recv(fd, text, 5), 5);
		check(!memcmp(text, "hello", 5));
		check_equal(ring_send(fd, "world", 5), 5);
		close(fd);
	}
}

/* Failures return the same errors as system calls. */
static void errors_client(void)
{
	union address to = sock_told();
	int fd = sock_open(0);
	char c = 0;

	start();
	check_equal(ring_connect(fd, to), -ECONNREFUSED);
	control_write("LISTEN");
	control_expect("LISTENING");
	check_equal(ring_connect(fd, to), 0);
	check_equal(ring_connect(fd, to), -EISCONN);
	io_uring_prep_recv(next(), fd, &c, 1, MSG_DONTWAIT);
	check_equal(run(), -EAGAIN);
	call(shutdown(fd, SHUT_WR));
	check_equal(ring_send(fd, &c, 1), -EPIPE);
	control_write("PIPE");
	control_meet("RESET");
	check_equal(ring_recv(fd, &c, 1), -ECONNRESET);
}

static void errors_server(void)
{
	int listener = sock_bound(), fd;

	sock_tell(listener);
	control_expect("LISTEN");
	call(listen(listener, 1));
	control_write("LISTENING");
	fd = sock_accept(listener);
	/* a reset, after the client is done with its own half */
	sock_set_linger(fd, 1, 0);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	control_expect("PIPE");
	close(fd);
	control_meet("RESET");
}

/* A send of more than fits and a receive of as much, in both directions. */
#define LARGE	(6 * MIB)

enum { SEND = 1, RECV, CANCEL };

static void exchange(int fd)
{
	struct pattern out = { .seed = test_env.is_client };
	struct pattern in = { .seed = !test_env.is_client };
	unsigned char *sent = malloc(LARGE), *got = malloc(LARGE);
	struct io_uring_sqe *sqe;

	check(sent && got);
	pattern_fill(&out, sent, LARGE);
	start();
	sqe = next();
	io_uring_prep_send(sqe, fd, sent, LARGE, MSG_WAITALL);
	io_uring_sqe_set_data64(sqe, SEND);
	sqe = next();
	io_uring_prep_recv(sqe, fd, got, LARGE, MSG_WAITALL);
	io_uring_sqe_set_data64(sqe, RECV);
	check_equal(io_uring_submit(&ring), 2);
	for (int i = 0; i < 2; i++) {
		uint64_t name;

		check_equal(ended(&name), LARGE);
		if (name == RECV)
			pattern_check(&in, got, LARGE);
	}
	control_meet("DONE");
}

static void large_client(void)
{
	exchange(sock_reach());
}

static void large_server(void)
{
	exchange(sock_serve());
}

/* Receives that wait on many sockets; each ends by its own data. */
#define MANY	32

static void many_client(void)
{
	union address to = sock_told();
	uint64_t random = test_env.seed;
	int fds[MANY];

	for (int i = 0; i < MANY; i++)
		fds[i] = sock_connect(to);
	control_meet("WAITING");
	for (int left = MANY; left; left--) {
		int i = random_below(&random, left);

		call_gives(send(fds[i], "x", 1, 0), 1);
		control_meet("NEXT");
		close(fds[i]);
		fds[i] = fds[left - 1];
	}
}

static void many_server(void)
{
	int listener = sock_listen_told(MANY);
	char bytes[MANY] = { 0 };
	int fds[MANY];

	start();
	for (int i = 0; i < MANY; i++) {
		struct io_uring_sqe *sqe = next();

		fds[i] = sock_accept(listener);
		io_uring_prep_recv(sqe, fds[i], &bytes[i], 1, 0);
		io_uring_sqe_set_data64(sqe, i);
	}
	check_equal(io_uring_submit(&ring), MANY);
	control_meet("WAITING");
	for (int i = 0; i < MANY; i++) {
		uint64_t name;

		check_equal(ended(&name), 1);
		check(name < MANY && bytes[name] == 'x');
		bytes[name] = 0;
		control_meet("NEXT");
	}
}

/* A receive that was given up takes nothing with it. */
static void cancelled_client(void)
{
	int fd = sock_reach();

	control_meet("CANCELLED");
	call_gives(send(fd, "whole", 5, 0), 5);
	control_meet("DONE");
}

static void cancelled_server(void)
{
	int fd = sock_serve();
	struct io_uring_sqe *sqe;
	char text[5];

	start();
	sqe = next();
	io_uring_prep_recv(sqe, fd, text, sizeof(text), 0);
	io_uring_sqe_set_data64(sqe, RECV);
	check_equal(io_uring_submit(&ring), 1);
	sqe = next();
	io_uring_prep_cancel64(sqe, RECV, 0);
	io_uring_sqe_set_data64(sqe, CANCEL);
	check_equal(io_uring_submit(&ring), 1);
	for (int i = 0; i < 2; i++) {
		uint64_t name;
		int result = ended(&name);

		check_equal(result, name == RECV ? -ECANCELED : 0);
	}
	control_meet("CANCELLED");
	call_gives(recv(fd, text, 5, MSG_WAITALL), 5);
	check(!memcmp(text, "whole", 5));
	control_meet("DONE");
}

/* One accept for all that come. */
static void multishot_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < MANY; i++) {
		int fd = sock_connect(to);

		call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
		close(fd);
	}
}

static void multishot_server(void)
{
	int listener = sock_listen_told(1);

	start();
	io_uring_prep_multishot_accept(next(), listener, NULL, NULL, 0);
	check_equal(io_uring_submit(&ring), 1);
	for (int i = 0; i < MANY; i++) {
		uint64_t name;
		int fd = ended(&name);

		check(fd >= 0);
		call_gives(send(fd, "x", 1, 0), 1);
		close(fd);
	}
}

/* ---- Requests that stay: each arrival completes them once more --------- */

/* the last one is left there */
#define ARRIVALS	41

static void send_arrivals(int fd, int number)
{
	for (int i = 0; i < number; i++) {
		control_expect("NEXT");
		call_gives(send(fd, "xy", 2, 0), 2);
	}
	control_meet("DONE");
}

static void arrivals_client(void)
{
	send_arrivals(sock_reach(), ARRIVALS);
}

/* One poll for all arrivals, whether they are read, read in part, or left there. */
static void poll_arrivals(int fd)
{
	struct io_uring_cqe *cqe;
	char buffer[2 * ARRIVALS + 2];

	for (int i = 0; i < ARRIVALS; i++) {
		struct __kernel_timespec time = { .tv_sec = patience_ms() / 1000 };

		control_write("NEXT");
		if (io_uring_wait_cqe_timeout(&ring, &cqe, &time))
			fail("lost: arrival %d", i);
		do {
			check(cqe->res > 0 && cqe->res & POLLIN);
			check(cqe->flags & IORING_CQE_F_MORE);
			io_uring_cqe_seen(&ring, cqe);
		} while (!io_uring_peek_cqe(&ring, &cqe));
		if (i % 4 == 1)
			call_gives(recv(fd, buffer, 1, MSG_DONTWAIT), 1);
		else if (i % 4 == 3)
			call(recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT));
	}
}

static void poll_server(void)
{
	int fd = sock_serve();

	start();
	io_uring_prep_poll_multishot(next(), fd, POLLIN);
	check_equal(io_uring_submit(&ring), 1);
	poll_arrivals(fd);
	control_meet("DONE");
}

static void poll_beside_client(void)
{
	send_arrivals(sock_reach(), ARRIVALS + 1);
}

/* The owner of an edge-triggered epoll set on the same socket is busy after its first event. */
static void poll_beside_server(void)
{
	int fd = sock_serve(), set = event_watch(fd, EPOLLIN | EPOLLET);

	control_write("NEXT");
	check(event_next(set, "the first arrival") & EPOLLIN);
	start();
	io_uring_prep_poll_multishot(next(), fd, POLLIN);
	check_equal(io_uring_submit(&ring), 1);
	poll_arrivals(fd);
	check(event_now(set) & EPOLLIN);
	control_meet("DONE");
}

/* The request was made before the socket was connected. */
static void poll_early_client(void)
{
	union address to = sock_told();
	int fd = sock_open(0);
	uint64_t name;

	start();
	io_uring_prep_poll_multishot(next(), fd, POLLIN);
	check_equal(io_uring_submit(&ring), 1);
	call(sock_try(fd, to));
	/* what a socket that is not connected says of itself, if anything */
	while (io_uring_cq_ready(&ring))
		ended(&name);
	control_meet("CONNECTED");
	poll_arrivals(fd);
	control_meet("DONE");
}

static void poll_early_server(void)
{
	int fd = sock_serve();

	control_meet("CONNECTED");
	send_arrivals(fd, ARRIVALS);
}

/* Receives into buffers that were provided, as long as there are some. */
static void recv_arrivals_server(void)
{
	static char buffers[2 * ARRIVALS][2];
	int fd = sock_serve(), bytes = 0;
	struct io_uring_sqe *sqe;

	start();
	io_uring_prep_provide_buffers(next(), buffers, 2, 2 * ARRIVALS, 1, 0);
	check_equal(run(), 0);
	sqe = next();
	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = 1;
	check_equal(io_uring_submit(&ring), 1);
	for (int i = 0; i < ARRIVALS; i++) {
		control_write("NEXT");
		while (bytes < 2 * (i + 1)) {
			uint64_t name;
			int n = ended(&name);

			check(n > 0);
			bytes += n;
		}
	}
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "talk", "connect, accept, send and receive", talk_client,
	  talk_server },
	{ "errors", "failures return the same errors as system calls",
	  errors_client, errors_server,
	  .not_inet = "TCP does not reset what has ended" },
	{ "large", "6 MiB in one send and one receive, each way",
	  large_client, large_server },
	{ "many", "receives that wait on 32 sockets", many_client,
	  many_server },
	{ "cancelled", "a cancelled receive takes nothing",
	  cancelled_client, cancelled_server },
	{ "multishot", "one accept for all connections", multishot_client,
	  multishot_server },
	{ "poll", "one poll for each arrival, read or not", arrivals_client,
	  poll_server },
	{ "poll_beside", "the same beside an epoll set that nobody looks at",
	  poll_beside_client, poll_beside_server },
	{ "poll_early", "the same if it began before the connection",
	  poll_early_client, poll_early_server },
	{ "recv", "one receive for each arrival", arrivals_client,
	  recv_arrivals_server },
	{ }
};

TEST_GROUP(uring, cases, STREAMS);
