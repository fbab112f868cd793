// SPDX-License-Identifier: GPL-2.0-only
/* TCP, in channels or not: waiting for what arrives, and for space. */
#include <liburing.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../control.h"
#include "../event.h"
#include "../group.h"
#include "../sock.h"
#include "../tcp.h"

#define KIB	1024

/* From net/tcp_states.h, which is not for programs. */
enum { CLOSE = 7 };

#define ARRIVALS	40

static void arrivals_server(void)
{
	int fd = tcp_serve();

	for (int i = 0; i < ARRIVALS; i++) {
		control_expect("NEXT");
		call_gives(send(fd, "xy", 2, 0), 2);
	}
	control_meet("DONE");
}

/* An epoll set in another one, both by edges, and whatever is read of the bytes. */
static void nested_client(void)
{
	int fd = tcp_reach(), inner = event_watch(fd, EPOLLIN | EPOLLET);
	int outer = event_watch(inner, EPOLLIN | EPOLLET), late;
	char buffer[2 * ARRIVALS];

	for (int i = 0; i < ARRIVALS; i++) {
		control_write("NEXT");
		check_equal(event_next(outer, "the edge of the set"), EPOLLIN);
		/* whoever is told by the outer one need not look at the inner one */
		if (i % 3 == 2)
			continue;
		check(event_next(inner, "the edge of the socket") & EPOLLIN);
		if (i % 3 == 1)
			call(recv(fd, buffer, i % 2 ? 1 : sizeof(buffer), MSG_DONTWAIT));
	}
	/* what has arrived is an edge to a set that comes later */
	late = event_watch(fd, EPOLLIN | EPOLLET);
	check(event_next(late, "the edge of what was there") & EPOLLIN);
	control_meet("DONE");
}

/* io_uring that runs its work only when the program waits: one receive for all arrivals. */
static void uring_client(void)
{
	static char buffers[2 * ARRIVALS][2];
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	};
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	int fd = tcp_reach(), bytes = 0, err = io_uring_queue_init_params(8, &ring, &params);

	if (err)
		skip("io_uring: %s", errno_name(-err));
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_provide_buffers(sqe, buffers, 2, 2 * ARRIVALS, 1, 0);
	check_equal(io_uring_submit_and_wait(&ring, 1), 1);
	check_equal(io_uring_wait_cqe(&ring, &cqe), 0);
	check_equal(cqe->res, 0);
	io_uring_cqe_seen(&ring, cqe);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = 1;
	check_equal(io_uring_submit(&ring), 1);
	for (int i = 0; i < ARRIVALS; i++) {
		control_write("NEXT");
		while (bytes < 2 * (i + 1)) {
			struct __kernel_timespec time = { .tv_sec = patience_ms() / 1000 };

			if (io_uring_wait_cqe_timeout(&ring, &cqe, &time))
				fail("lost: arrival %d", i);
			check(cqe->res > 0);
			check(cqe->flags & IORING_CQE_F_MORE);
			bytes += cqe->res;
			io_uring_cqe_seen(&ring, cqe);
		}
	}
	control_meet("DONE");
}

/* A sender that waits in poll() is told that the connection timed out. */
static void timed_out_client(void)
{
	static char buffer[64 * KIB];
	int fd = tcp_reach();

	tcp_set(fd, TCP_USER_TIMEOUT, 1000);
	for (;;) {
		if (send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			continue;
		if (errno != EAGAIN)
			break;
		sock_await(fd, POLLOUT);
	}
	check_equal(errno, ETIMEDOUT);
	check_equal(sock_state(fd) & POLLHUP, POLLHUP);
	tcp_await_state(fd, CLOSE);
	control_meet("DONE");
}

static void timed_out_server(void)
{
	tcp_serve();
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "nested", "an epoll set in an epoll set", nested_client, arrivals_server },
	{ "uring", "one receive for all arrivals, of a ring that defers its work", uring_client,
	  arrivals_server },
	{ "timed_out", "poll() returns when TCP_USER_TIMEOUT has passed", timed_out_client,
	  timed_out_server },
	{ }
};

TEST_GROUP(inet_wait, cases, TCP);
