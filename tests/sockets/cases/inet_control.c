// SPDX-License-Identifier: GPL-2.0-only
/* TCP, in channels or not: what comes with the data, as control messages, marks and errors. */
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/errqueue.h>
#include <linux/sockios.h>

#include "../control.h"
#include "../divert.h"
#include "../group.h"
#include "../sock.h"
#include "../tcp.h"

#define KIB	1024

/* TCP_INQ of one recvmsg(). There is room for this message alone. */
static int recv_with_inq(struct pattern *in, int fd, size_t length)
{
	char buffer[100], room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { .iov_base = buffer, .iov_len = length };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	struct cmsghdr *header;
	int left;

	call_gives(recvmsg(fd, &message, MSG_WAITALL), length);
	pattern_check(in, buffer, length);
	header = CMSG_FIRSTHDR(&message);
	check(header);
	check_equal(header->cmsg_level, IPPROTO_TCP);
	check_equal(header->cmsg_type, TCP_CM_INQ);
	memcpy(&left, CMSG_DATA(header), sizeof(left));
	check_equal(message.msg_flags & MSG_CTRUNC, 0);
	return left;
}

/* Some of the bytes were sent before the direction moved, and some after it. */
static void inq_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_reach();

	if (divert_is_there())
		tcp_await_flow(fd);
	control_meet("FLOW");
	control_meet("SENT");
	sock_await_bytes(fd, 300);
	tcp_set(fd, TCP_INQ, 1);
	for (int left = 300; left;) {
		int length = left < 40 ? left : 40;

		left -= length;
		check_equal(recv_with_inq(&in, fd, length), left);
	}
	control_meet("DONE");
}

/* What is corked stays with TCP; the accepted socket is from the beginning. */
static int serve_corked(void)
{
	int listener = sock_bound();

	tcp_set(listener, TCP_CORK, 1);
	call(listen(listener, 1));
	sock_tell(listener);
	return sock_accept(listener);
}

static void inq_server(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = serve_corked();

	pattern_send(&out, fd, 100, 100);
	control_meet("FLOW");
	tcp_set(fd, TCP_CORK, 0);
	for (int i = 0; i < 4; i++) {
		pattern_send(&out, fd, 50, 50);
		/* time to move */
		poll(NULL, 0, 50);
	}
	control_meet("SENT");
	control_meet("DONE");
}

/* Data that comes in two pieces, in one call: one timestamp at most, and nothing is cut. */
static void timestamp_client(void)
{
	char buffer[100], room[CMSG_SPACE(sizeof(struct timespec))];
	struct pattern in = { .seed = test_env.seed };
	struct iovec iov = { .iov_base = buffer, .iov_len = sizeof(buffer) };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	int fd = sock_reach();

	sock_set(fd, SO_TIMESTAMPNS, 1);
	control_meet("READY");
	call_gives(recvmsg(fd, &message, MSG_WAITALL), sizeof(buffer));
	pattern_check(&in, buffer, sizeof(buffer));
	check_equal(message.msg_flags & MSG_CTRUNC, 0);
	control_meet("DONE");
}

static void timestamp_server(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = serve_corked();

	control_meet("READY");
	for (int i = 0; i < 2; i++) {
		pattern_send(&out, fd, 50, 50);
		tcp_set(fd, TCP_CORK, 0);
		tcp_set(fd, TCP_CORK, 1);
		/* time to arrive alone */
		poll(NULL, 0, 50);
	}
	control_meet("DONE");
}

/* Urgent data that nothing precedes: the mark is there without a call that receives. */
static void mark_client(void)
{
	const struct timespec patience = { .tv_sec = patience_ms() / 1000 };
	int fd = tcp_reach(), mark = 0;
	int64_t end;
	sigset_t urgent;
	char c;

	sigemptyset(&urgent);
	sigaddset(&urgent, SIGURG);
	call(sigprocmask(SIG_BLOCK, &urgent, NULL));
	call(fcntl(fd, F_SETOWN, getpid()));
	control_meet("READY");
	check_equal(sigtimedwait(&urgent, NULL, &patience), SIGURG);
	/* the signal may be earlier than what it tells of */
	for (end = now_ms() + patience_ms(); !mark; poll(NULL, 0, 1)) {
		call(ioctl(fd, SIOCATMARK, &mark));
		if (now_ms() > end)
			fail("SIGURG came, and SIOCATMARK never sees the mark");
	}
	call_gives(recv(fd, &c, 1, MSG_OOB), 1);
	check_equal(c, '!');
	control_meet("READ");
	call_gives(recv(fd, &c, 1, 0), 1);
	check_equal(c, 'x');
	control_meet("DONE");
}

static void mark_server(void)
{
	int fd = tcp_serve();

	control_meet("READY");
	call_gives(send(fd, "!", 1, MSG_OOB), 1);
	control_meet("READ");
	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("DONE");
}

#define SENDS	8000
#define SENT	(8 * KIB)

/* Never waits, so that some sends fail while those of the other thread succeed. */
static void *send_zerocopies(void *arg)
{
	static char buffer[SENT];
	int fd = *(int *)arg;

	for (int left = SENDS / 2; left;) {
		if (send(fd, buffer, SENT, MSG_ZEROCOPY | MSG_DONTWAIT) >= 0)
			left--;
		else
			check(errno == EAGAIN || errno == ENOBUFS);
	}
	return NULL;
}

/* One message of the error queue; false if there is none. */
static bool take_completion(int fd, uint32_t *first, uint32_t *last)
{
	struct sock_extended_err error;
	char room[256];
	struct msghdr message = { .msg_control = room, .msg_controllen = sizeof(room) };

	if (recvmsg(fd, &message, MSG_ERRQUEUE) < 0) {
		check_equal(errno, EAGAIN);
		return false;
	}
	check(CMSG_FIRSTHDR(&message));
	memcpy(&error, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(error));
	check_equal(error.ee_origin, SO_EE_ORIGIN_ZEROCOPY);
	*first = error.ee_info;
	*last = error.ee_data;
	return true;
}

/* Each send that succeeded completes once, and they are numbered without a gap. */
static void zerocopy_client(void)
{
	static bool done[SENDS];
	uint32_t first, last;
	pthread_t threads[2];
	int fd = tcp_reach();

	sock_set(fd, SO_ZEROCOPY, 1);
	for (int i = 0; i < 2; i++)
		check_equal(pthread_create(&threads[i], NULL, send_zerocopies, &fd), 0);
	for (int taken = 0; taken < SENDS;) {
		if (!take_completion(fd, &first, &last)) {
			poll(&(struct pollfd){ .fd = fd }, 1, 1);
			continue;
		}
		check(first <= last && last < SENDS);
		for (uint32_t i = first; i <= last; i++, taken++) {
			if (done[i])
				fail("send %u completes twice", i);
			done[i] = true;
		}
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	call(shutdown(fd, SHUT_WR));
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
}

static void read_all_server(void)
{
	static char buffer[64 * KIB];
	int fd = tcp_serve();

	while (call(recv(fd, buffer, sizeof(buffer), 0)) > 0)
		;
}

static const struct test_case cases[] = {
	{ "inq", "TCP_INQ while a direction moves", inq_client, inq_server },
	{ "timestamp", "SO_TIMESTAMPNS with MSG_WAITALL", timestamp_client, timestamp_server },
	{ "mark", "SIGURG and SIOCATMARK, before anything is received", mark_client, mark_server },
	{ "zerocopy", "MSG_ZEROCOPY by two threads that never wait", zerocopy_client,
	  read_all_server, .seconds = 30 },
	{ }
};

TEST_GROUP(inet_control, cases, TCP);
