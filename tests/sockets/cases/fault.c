// SPDX-License-Identifier: GPL-2.0-only
/* Unmapped buffers: EFAULT, and the stream stays intact. */
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../hole.h"
#include "../sock.h"

static void send_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	struct iovec bad = { .iov_base = HOLE, .iov_len = 100 };
	int fd = sock_reach();

	call_fails(send(fd, HOLE, 100, 0), EFAULT);
	call_fails(writev(fd, &bad, 1), EFAULT);
	call_fails(writev(fd, HOLE, 1), EFAULT);
	call_fails(sendmsg(fd, HOLE, 0), EFAULT);
	control_meet("NOTHING");
	control_meet("LOOKED");
	for (int i = 0; i < 20; i++) {
		pattern_send(&out, fd, 1000, 1000);
		call_fails(send(fd, HOLE, 10000, 0), EFAULT);
	}
	control_meet("DONE");
}

static void send_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();
	char c;

	control_meet("NOTHING");
	check_equal(sock_state(fd), POLLOUT);
	control_meet("LOOKED");
	pattern_recv(&in, fd, 20000, 20000);
	control_meet("DONE");
	call_gives(recv(fd, &c, 1, 0), 0);
}

static void recv_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	pattern_send(&out, fd, 1000, 1000);
	control_meet("SENT");
	control_meet("DONE");
}

static void recv_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	struct iovec bad = { .iov_base = HOLE, .iov_len = 100 };
	int fd = sock_serve();

	control_meet("SENT");
	for (int i = 0; i < 5; i++) {
		sock_await(fd, POLLIN);
		call_fails(recv(fd, HOLE, 1000, 0), EFAULT);
		call_fails(recv(fd, HOLE, 1000, MSG_PEEK), EFAULT);
		call_fails(recv(fd, HOLE, 1000, MSG_WAITALL), EFAULT);
		call_fails(readv(fd, &bad, 1), EFAULT);
		call_fails(readv(fd, HOLE, 1), EFAULT);
		call_fails(recvmsg(fd, HOLE, 0), EFAULT);
		pattern_recv(&in, fd, 200, 200);
	}
	control_meet("DONE");
}

/*
 * The return value is the number of bytes sent: a call that reaches the unmapped page returns
 * either that number, or EFAULT if it sent none.
 */
static void half_send_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	unsigned char *pages = hole_behind_page();
	uint64_t random = test_env.seed;
	int fd = sock_reach();

	for (int i = 0; i < 500; i++) {
		size_t there = random_below(&random, HOLE_PAGE + 1);
		size_t missing = 1 + random_below(&random, HOLE_PAGE);
		unsigned char *from = pages + HOLE_PAGE - there;
		struct pattern next = out;
		ssize_t n;

		pattern_fill(&next, from, there);
		n = send(fd, from, there + missing, 0);
		if (n < 0) {
			check_equal(errno, EFAULT);
			n = 0;
		}
		check(n <= (ssize_t)there);
		out.position += n;
		pattern_send(&out, fd, 777, 777);
	}
	control_write("SENT %llu", (unsigned long long)out.position);
}

static void half_send_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();
	uint64_t got = pattern_recv_to_end(&in, fd);

	check_equal(got, control_read_number("SENT"));
}

/* The same for a receiver: what it was not given is still to come. */
static void half_recv_client(void)
{
	struct pattern out = { .seed = test_env.seed };

	pattern_send(&out, sock_reach(), 4000000, 40000);
}

static void half_recv_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	unsigned char *pages = hole_behind_page();
	uint64_t random = test_env.seed;
	unsigned char buffer[6000];
	int fd = sock_serve();

	for (;;) {
		size_t there = random_below(&random, HOLE_PAGE + 1);
		size_t missing = 1 + random_below(&random, HOLE_PAGE);
		unsigned char *to = pages + HOLE_PAGE - there;
		ssize_t n = recv(fd, to, there + missing, 0);

		if (n < 0)
			check_equal(errno, EFAULT);
		check(n <= (ssize_t)there);
		if (n > 0)
			pattern_check(&in, to, n);
		n = call(recv(fd, buffer, sizeof(buffer), 0));
		if (!n)
			break;
		pattern_check(&in, buffer, n);
	}
	check_equal(in.position, 4000000);
}

static const struct test_case cases[] = {
	{ "send", "sending from an unmapped buffer sends nothing", send_client,
	  send_server },
	{ "recv", "receiving into an unmapped buffer takes nothing", recv_client,
	  recv_server },
	{ "half_send", "half a buffer: send() returns what it has sent",
	  half_send_client, half_send_server },
	{ "half_recv", "half a buffer: the rest stays in the queue",
	  half_recv_client, half_recv_server },
	{ }
};

TEST_GROUP(fault, cases, STREAMS);
