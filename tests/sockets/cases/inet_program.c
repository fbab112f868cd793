// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP, in channels or not: what programs were seen to rely on. Where connections move, both
 * directions of one have moved before a case does what it is about, unless that is the move.
 */
#include <fcntl.h>
#include <liburing.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/errqueue.h>
#include <linux/sockios.h>

#include "../control.h"
#include "../divert.h"
#include "../event.h"
#include "../group.h"
#include "../sock.h"
#include "../tcp.h"

#define KIB	1024

/* From net/tcp_states.h, which is not for programs. */
enum { CLOSE = 7 };

/* Both sides: have the bytes of a connection move, if there is a channel to move to. */
static int moved(int fd)
{
	if (!divert_is_there())
		return fd;
	if (test_env.is_client)
		tcp_await_flow(fd);
	/* announces that both directions move, and waits for it */
	tcp_talk(fd);
	tcp_talk(fd);
	return fd;
}

static int reach(void)
{
	return moved(sock_reach());
}

static int serve(void)
{
	return moved(sock_serve());
}

/* ---- Data, and what comes with it -------------------------------------- */

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
	int fd = reach(), mark = 0;
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
	int fd = serve();

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
	int fd = reach();

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
	int fd = serve();

	while (call(recv(fd, buffer, sizeof(buffer), 0)) > 0)
		;
}

/* Mapped before it is connected, for TCP_ZEROCOPY_RECEIVE. */
static void mapped_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	struct tcp_zerocopy_receive receive = { .length = 16 * KIB };
	socklen_t size = sizeof(receive);
	int fd = sock_open(0);
	void *place = mmap(NULL, 16 * KIB, PROT_READ, MAP_SHARED, fd, 0);

	check(place != MAP_FAILED);
	call(sock_try(fd, sock_told()));
	moved(fd);
	control_meet("SENT");
	sock_await_bytes(fd, 16 * KIB);
	receive.address = (uintptr_t)place;
	if (getsockopt(fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &receive, &size))
		check_equal(errno, EOPNOTSUPP);
	else
		pattern_check(&in, place, receive.length);
	pattern_recv(&in, fd, 16 * KIB - in.position, 16 * KIB);
	control_meet("DONE");
}

static void mapped_server(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = serve();

	pattern_send(&out, fd, 16 * KIB, 4 * KIB);
	control_meet("SENT");
	control_meet("DONE");
}

/* Both sides send before either receives. */
static void both_send(void)
{
	struct pattern out = { .seed = test_env.seed + test_env.is_client };
	struct pattern in = { .seed = test_env.seed + !test_env.is_client };
	int fd = test_env.is_client ? reach() : serve();

	pattern_send(&out, fd, 100 * KIB, 100 * KIB);
	control_meet("SENT");
	pattern_recv(&in, fd, 100 * KIB, 7 * KIB);
	control_meet("DONE");
}

/* A sockmap takes it or refuses it, and the connection goes on. */
static void sockmap_client(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_SOCKMAP, .key_size = 4, .value_size = 4,
		.max_entries = 1,
	};
	int fd = reach(), map = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	uint32_t key = 0, value = fd;

	if (map < 0)
		skip("no sockmap: %s", errno_name(errno));
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&value;
	if (syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr)))
		check_equal(errno, EOPNOTSUPP);
	tcp_talk(fd);
	close(map);
	tcp_talk(fd);
	control_meet("DONE");
}

static void sockmap_server(void)
{
	int fd = serve();

	tcp_talk(fd);
	tcp_talk(fd);
	control_meet("DONE");
}

/* ---- Waiting ----------------------------------------------------------- */

#define ARRIVALS	40

static void arrivals_server(void)
{
	int fd = serve();

	for (int i = 0; i < ARRIVALS; i++) {
		control_expect("NEXT");
		call_gives(send(fd, "xy", 2, 0), 2);
	}
	control_meet("DONE");
}

/* An epoll set in another one, both by edges, and whatever is read of the bytes. */
static void nested_client(void)
{
	int fd = reach(), inner = event_watch(fd, EPOLLIN | EPOLLET);
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
	int fd = reach(), bytes = 0, err = io_uring_queue_init_params(8, &ring, &params);

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
	int fd = reach();

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
	serve();
	control_meet("DONE");
}

/* ---- Listeners, and one port ------------------------------------------- */

/* TCP_DEFER_ACCEPT: a connection is there when its first bytes are. With it, TCP_SAVE_SYN. */
static void defer_client(void)
{
	int fd = sock_reach();

	control_meet("CONNECTED");
	control_meet("IDLE");
	call_gives(send(fd, "x", 1, 0), 1);
	moved(fd);
	tcp_talk(fd);
	control_meet("DONE");
}

static void defer_server(void)
{
	int listener = sock_bound(), fd;
	unsigned char syn[200];
	socklen_t size = sizeof(syn);
	char c;

	tcp_set(listener, TCP_DEFER_ACCEPT, 60);
	tcp_set(listener, TCP_SAVE_SYN, 1);
	call(listen(listener, 1));
	sock_tell(listener);
	control_meet("CONNECTED");
	call_gives(poll(&(struct pollfd){ .fd = listener, .events = POLLIN }, 1, 200), 0);
	control_meet("IDLE");
	fd = sock_accept(listener);
	call_gives(recv(fd, &c, 1, MSG_DONTWAIT), 1);
	check_equal(c, 'x');
	call(getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, syn, &size));
	check(size >= 40);
	moved(fd);
	tcp_talk(fd);
	control_meet("DONE");
}

/* The connection before may not have ended quite: TCP waits for its last acknowledgment. */
static int connect_from(uint32_t port, union address to)
{
	int64_t end = now_ms() + patience_ms();

	for (;;) {
		int fd = sock_open(0);

		sock_set(fd, SO_REUSEADDR, 1);
		call(sock_bind(fd, here(port)));
		if (!sock_try(fd, to))
			return fd;
		check_equal(errno, EADDRNOTAVAIL);
		check(now_ms() < end);
		close(fd);
		poll(NULL, 0, 1);
	}
}

#define AGAIN	40

/* From one port, again and again, as soon as the server has closed. */
static void one_port_client(void)
{
	union address to = sock_told();
	int fd = sock_open(0);
	uint32_t port;

	sock_set(fd, SO_REUSEADDR, 1);
	call(sock_bind(fd, here(0)));
	port = sock_port(fd);
	close(fd);
	for (int i = 0; i < AGAIN; i++) {
		fd = moved(connect_from(port, to));
		tcp_talk(fd);
		call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
		close(fd);
	}
}

static void one_port_server(void)
{
	int listener = sock_listen_told(1);

	for (int i = 0; i < AGAIN; i++) {
		int fd = moved(sock_accept(listener));

		tcp_talk(fd);
		close(fd);
	}
}

/* A socket whose nonblocking connect() was refused: it may listen once that was reported. */
static void refused(void)
{
	int fd = sock_open(SOCK_NONBLOCK), other;
	union address to = address_of(sock_bound());

	family->loop(&to);
	call_fails(sock_try(fd, to), EINPROGRESS);
	check(sock_await(fd, POLLOUT) & POLLERR);
	call_fails(listen(fd, 1), EINVAL);
	call_fails(sock_try(fd, to), ECONNREFUSED);
	call(listen(fd, 1));
	to = address_of(fd);
	family->loop(&to);
	other = sock_connect(to);
	sock_set_nonblocking(fd, false);
	fd = sock_accept(fd);
	for (int i = 0; i < 4; i++)
		tcp_talk_pair(fd, other);
}

/* ---- The end ----------------------------------------------------------- */

/* The states and errors of a sender whose peer has closed. */
static void peer_closed_client(void)
{
	int fd = reach();

	control_meet("CLOSED");
	sock_await_state(fd, POLLIN | POLLOUT | POLLRDHUP);
	call_gives(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	sock_await_state(fd, POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	tcp_await_state(fd, CLOSE);
	call_fails(shutdown(fd, SHUT_RDWR), ENOTCONN);
}

static void peer_closed_server(void)
{
	close(serve());
	control_meet("CLOSED");
}

/* Both directions have ended, one after the other. */
static void over_client(void)
{
	int fd = reach();

	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	call(shutdown(fd, SHUT_WR));
	tcp_await_state(fd, CLOSE);
	call_fails(shutdown(fd, SHUT_RDWR), ENOTCONN);
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	control_meet("DONE");
}

static void over_server(void)
{
	int fd = serve();

	call(shutdown(fd, SHUT_WR));
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	control_meet("DONE");
}

/* Data that has arrived is read first, and then the reset is reported. */
static void reset_client(void)
{
	int fd = reach();
	char text[8] = "";

	call_gives(send(fd, "unread", 6, 0), 6);
	control_meet("RESET");
	check(sock_await(fd, 0) & POLLERR);
	call_gives(recv(fd, text, sizeof(text), 0), 4);
	check(!memcmp(text, "last", 4));
	call_fails(recv(fd, text, 1, 0), ECONNRESET);
	call_gives(recv(fd, text, 1, 0), 0);
}

static void reset_server(void)
{
	int fd = serve();

	sock_await_bytes(fd, 6);
	call_gives(send(fd, "last", 4, 0), 4);
	sock_set_linger(fd, 1, 0);
	close(fd);
	control_meet("RESET");
}

/* SHUT_RD: what arrives after it is read all the same, and only then the end. */
static void shut_client(void)
{
	int fd = reach();
	char text[8] = "";

	call(shutdown(fd, SHUT_RD));
	call_gives(recv(fd, text, sizeof(text), 0), 0);
	control_meet("SHUT");
	sock_await_bytes(fd, 6);
	call_gives(recv(fd, text, sizeof(text), 0), 6);
	check(!memcmp(text, "before", 6));
	call_gives(recv(fd, text, sizeof(text), 0), 0);
	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("DONE");
}

static void shut_server(void)
{
	int fd = serve();

	control_meet("SHUT");
	call_gives(send(fd, "before", 6, 0), 6);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "inq", "TCP_INQ while a direction moves", inq_client, inq_server },
	{ "timestamp", "SO_TIMESTAMPNS with MSG_WAITALL", timestamp_client, timestamp_server },
	{ "mark", "SIGURG and SIOCATMARK, before anything is received", mark_client, mark_server },
	{ "zerocopy", "MSG_ZEROCOPY by two threads that never wait", zerocopy_client,
	  read_all_server, .seconds = 30 },
	{ "mapped", "mmap(), connect() and then TCP_ZEROCOPY_RECEIVE", mapped_client,
	  mapped_server },
	{ "both_send", "two programs send before they receive", both_send, both_send },
	{ "sockmap", "an attempt to put it into a sockmap", sockmap_client, sockmap_server },
	{ "nested", "an epoll set in an epoll set", nested_client, arrivals_server },
	{ "uring", "one receive for all arrivals, of a ring that defers its work", uring_client,
	  arrivals_server },
	{ "timed_out", "poll() returns when TCP_USER_TIMEOUT has passed", timed_out_client,
	  timed_out_server },
	{ "defer", "TCP_DEFER_ACCEPT and TCP_SAVED_SYN", defer_client, defer_server },
	{ "one_port", "again and again from one port", one_port_client, one_port_server },
	{ "refused", "refused, and then it listens", refused },
	{ "peer_closed", "the states of a sender whose peer has closed", peer_closed_client,
	  peer_closed_server },
	{ "over", "calls after both directions have ended", over_client, over_server },
	{ "reset", "data first, and then the reset", reset_client, reset_server },
	{ "shut", "bytes that arrive after SHUT_RD", shut_client, shut_server },
	{ }
};

TEST_GROUP(inet_program, cases, TCP);
