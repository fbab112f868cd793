// SPDX-License-Identifier: GPL-2.0-only
/* TCP, in channels or not: the less usual ways to send and receive. */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/errqueue.h>
#include <linux/sockios.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"
#include "../tcp.h"

#define KIB	1024
#define MIB	(1024 * KIB)

/* sendfile() of a file, in parts, with headers corked to them as servers do. */
static void sendfile_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_reach();

	check_equal(pattern_recv_to_end(&in, fd), 3 * MIB + 5 * 100);
}

static void sendfile_server(void)
{
	struct pattern out = { .seed = test_env.seed };
	int file = call(memfd_create("a file", 0)), fd = sock_serve();
	unsigned char *all;

	call(ftruncate(file, 3 * MIB));
	all = mmap(NULL, 3 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	check(all != MAP_FAILED);
	for (int i = 0; i < 5; i++) {
		off_t at = i * 600 * KIB, end = i < 4 ? at + 600 * KIB : 3 * MIB;
		struct pattern next;

		tcp_set(fd, TCP_CORK, 1);
		pattern_send(&out, fd, 100, 100);
		next = out;
		pattern_fill(&out, all + at, end - at);
		while (at < end)
			call(sendfile(fd, file, &at, end - at));
		check_equal(at, end);
		check_equal(out.position - next.position, end - i * 600 * KIB);
		tcp_set(fd, TCP_CORK, 0);
	}
}

/* Socket to socket by way of a pipe, as proxies do. */
static void proxy_client(void)
{
	struct pattern out = { .seed = test_env.seed }, in = out;
	union address to = sock_told();
	int left = sock_connect(to), right = sock_connect(to);

	for (int i = 0; i < 20; i++) {
		size_t length = 1 + i * 3001;

		pattern_send(&out, left, length, length);
		pattern_recv(&in, right, length, length);
	}
	call(shutdown(left, SHUT_WR));
	call_gives(recv(right, &(char){ 0 }, 1, 0), 0);
}

static void proxy_server(void)
{
	int listener = sock_listen_told(2), ends[2];
	int from = sock_accept(listener), to = sock_accept(listener);
	ssize_t n;

	call(pipe(ends));
	while ((n = call(splice(from, NULL, ends[1], NULL, 64 * KIB,
				SPLICE_F_MOVE))) > 0) {
		while (n)
			n -= call(splice(ends[0], NULL, to, NULL, n,
					 SPLICE_F_MOVE));
	}
}

#define ZEROCOPIES	20
#define ZEROCOPY	(64 * KIB)

/* What the error queue says is done, each once; returns how many. */
static uint32_t take_completions(int fd, bool *done, uint32_t sent)
{
	uint32_t taken = 0;

	char room[256];
	struct msghdr message = { .msg_control = room };

	for (;;) {
		struct sock_extended_err error;
		struct cmsghdr *header;

		message.msg_controllen = sizeof(room);
		if (recvmsg(fd, &message, MSG_ERRQUEUE) < 0) {
			check_equal(errno, EAGAIN);
			return taken;
		}
		header = CMSG_FIRSTHDR(&message);
		check(header);
		check((header->cmsg_level == SOL_IP && header->cmsg_type == IP_RECVERR) ||
		      (header->cmsg_level == SOL_IPV6 &&
		       header->cmsg_type == IPV6_RECVERR));
		memcpy(&error, CMSG_DATA(header), sizeof(error));
		check_equal(error.ee_origin, SO_EE_ORIGIN_ZEROCOPY);
		check_equal(error.ee_errno, 0);
		check(error.ee_info <= error.ee_data && error.ee_data < sent);
		for (uint32_t i = error.ee_info; i <= error.ee_data; i++) {
			check(!done[i]);
			done[i] = true;
			taken++;
		}
	}
}

static void zerocopy_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	unsigned char *buffers = malloc(ZEROCOPIES * ZEROCOPY);
	static bool done[ZEROCOPIES * ZEROCOPY];
	uint32_t sent = 0, taken = 0;
	int fd = sock_reach();

	check(buffers);
	sock_set(fd, SO_ZEROCOPY, 1);
	check_equal(sock_get(fd, SO_ZEROCOPY), 1);
	for (int i = 0; i < ZEROCOPIES; i++) {
		unsigned char *buffer = buffers + i * ZEROCOPY;
		size_t length = 0;

		pattern_fill(&out, buffer, ZEROCOPY);
		while (length < ZEROCOPY) {
			length += call(send(fd, buffer + length, ZEROCOPY - length,
					    MSG_ZEROCOPY));
			sent++;
		}
	}
	while (taken < sent) {
		check(sock_await(fd, 0) & POLLERR);
		taken += take_completions(fd, done, sent);
	}
	check_equal(sock_error(fd), 0);
	control_meet("DONE");
	/* without SO_ZEROCOPY it is an ordinary send, without a notification */
	sock_set(fd, SO_ZEROCOPY, 0);
	call_gives(send(fd, "x", 1, MSG_ZEROCOPY), 1);
	call_fails(recv(fd, &(char){ 0 }, 1, MSG_ERRQUEUE), EAGAIN);
	control_meet("READ");
}

static void zerocopy_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();

	pattern_recv(&in, fd, ZEROCOPIES * ZEROCOPY, ZEROCOPY);
	control_meet("DONE");
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	control_meet("READ");
}

static void eight_server(void)
{
	int fd = sock_serve();

	call_gives(send(fd, "abcdefgh", 8, 0), 8);
	control_meet("SENT");
	control_meet("DONE");
}

/* Bytes to be read, and bytes in flight. */
static void queues_client(void)
{
	int64_t end = now_ms() + patience_ms();
	char buffer[5000] = "";
	int fd = sock_reach(), left = -1;

	call_gives(send(fd, buffer, sizeof(buffer), 0), sizeof(buffer));
	call(ioctl(fd, SIOCOUTQ, &left));
	check(left >= 0 && left <= (int)sizeof(buffer));
	call(ioctl(fd, SIOCOUTQNSD, &left));
	check(left >= 0 && left <= (int)sizeof(buffer));
	control_meet("SENT");
	control_meet("READ");
	do {
		check(now_ms() < end);
		call(ioctl(fd, SIOCOUTQ, &left));
	} while (left);
	call(ioctl(fd, SIOCOUTQNSD, &left));
	check_equal(left, 0);
	control_meet("DONE");
}

static void queues_server(void)
{
	int fd = sock_serve(), there;
	char buffer[5000];

	control_meet("SENT");
	sock_await_bytes(fd, 5000);
	call_gives(recv(fd, buffer, 1234, 0), 1234);
	call(ioctl(fd, SIOCINQ, &there));
	check_equal(there, 5000 - 1234);
	call_gives(recv(fd, buffer, 5000, 0), 5000 - 1234);
	call(ioctl(fd, SIOCINQ, &there));
	check_equal(there, 0);
	control_meet("READ");
	control_meet("DONE");
}

/* TCP_INQ: each recvmsg() returns the number of unread bytes. */
static void inq_client(void)
{
	int fd = sock_reach(), left = -1;
	char text[8], room[128];
	struct iovec iov = { .iov_base = text, .iov_len = 3 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	struct cmsghdr *header;

	control_meet("SENT");
	sock_await_bytes(fd, 8);
	tcp_set(fd, TCP_INQ, 1);
	call_gives(recvmsg(fd, &message, 0), 3);
	header = CMSG_FIRSTHDR(&message);
	check(header);
	check_equal(header->cmsg_level, IPPROTO_TCP);
	check_equal(header->cmsg_type, TCP_CM_INQ);
	memcpy(&left, CMSG_DATA(header), sizeof(left));
	check_equal(left, 5);
	control_meet("DONE");
}

/* Receiving by mapping: what cannot be mapped is to be received as ever. */
static void mapped_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	struct tcp_zerocopy_receive receive = { .length = 16 * KIB };
	socklen_t size = sizeof(receive);
	int fd = sock_reach();
	void *place;

	control_meet("SENT");
	sock_await_bytes(fd, 16 * KIB);
	place = mmap(NULL, 16 * KIB, PROT_READ, MAP_SHARED, fd, 0);
	if (place != MAP_FAILED) {
		receive.address = (uintptr_t)place;
		if (!getsockopt(fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &receive,
				&size)) {
			check(receive.length <= 16 * KIB);
			pattern_check(&in, place, receive.length);
		}
	}
	pattern_recv(&in, fd, 16 * KIB - in.position, 16 * KIB);
	control_meet("DONE");
}

static void mapped_server(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_serve();

	pattern_send(&out, fd, 16 * KIB, 4 * KIB);
	control_meet("SENT");
	control_meet("DONE");
}

/* SIGIO to the owner that F_SETOWN set, when data arrives. */
static void sigio_client(void)
{
	const struct timespec patience = { .tv_sec = patience_ms() / 1000 };
	int fd = sock_reach();
	sigset_t io;

	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	call(sigprocmask(SIG_BLOCK, &io, NULL));
	call(fcntl(fd, F_SETOWN, getpid()));
	call(fcntl(fd, F_SETFL, O_ASYNC));
	for (int i = 0; i < 10; i++) {
		control_meet("READY");
		check_equal(sigtimedwait(&io, NULL, &patience), SIGIO);
		sock_await_bytes(fd, 1);
		call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
		control_meet("READ");
		while (sigtimedwait(&io, NULL, &(struct timespec){ 0 }) == SIGIO)
			;
	}
}

static void sigio_server(void)
{
	int fd = sock_serve();

	for (int i = 0; i < 10; i++) {
		control_meet("READY");
		call_gives(send(fd, "x", 1, 0), 1);
		control_meet("READ");
	}
}

/* Mapped before it is connected, for TCP_ZEROCOPY_RECEIVE. */
static void mapped_first_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	struct tcp_zerocopy_receive receive = { .length = 16 * KIB };
	socklen_t size = sizeof(receive);
	int fd = sock_open(0);
	void *place = mmap(NULL, 16 * KIB, PROT_READ, MAP_SHARED, fd, 0);

	check(place != MAP_FAILED);
	call(sock_try(fd, sock_told()));
	tcp_move(fd);
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

static void mapped_first_server(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = tcp_serve();

	pattern_send(&out, fd, 16 * KIB, 4 * KIB);
	control_meet("SENT");
	control_meet("DONE");
}

/* Both sides send before either receives. */
static void both_send(void)
{
	struct pattern out = { .seed = test_env.seed + test_env.is_client };
	struct pattern in = { .seed = test_env.seed + !test_env.is_client };
	int fd = test_env.is_client ? tcp_reach() : tcp_serve();

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
	int fd = tcp_reach(), map = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
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
	int fd = tcp_serve();

	tcp_talk(fd);
	tcp_talk(fd);
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "sendfile", "a file in parts, corked behind headers", sendfile_client,
	  sendfile_server },
	{ "proxy", "from socket to pipe to socket", proxy_client, proxy_server },
	{ "zerocopy", "MSG_ZEROCOPY, and its completions", zerocopy_client,
	  zerocopy_server },
	{ "queues", "SIOCINQ, SIOCOUTQ and SIOCOUTQNSD", queues_client,
	  queues_server },
	{ "inq", "TCP_INQ", inq_client, eight_server },
	{ "mapped", "TCP_ZEROCOPY_RECEIVE returns right bytes or none",
	  mapped_client, mapped_server },
	{ "mapped_first", "mmap(), connect() and then TCP_ZEROCOPY_RECEIVE", mapped_first_client,
	  mapped_first_server },
	{ "sigio", "SIGIO when data arrives", sigio_client, sigio_server },
	{ "both_send", "two programs send before they receive", both_send, both_send },
	{ "sockmap", "an attempt to put it into a sockmap", sockmap_client, sockmap_server },
	{ }
};

TEST_GROUP(inet_data, cases, TCP);
