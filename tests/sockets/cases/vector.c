// SPDX-License-Identifier: GPL-2.0-only
/* readv(), writev(), sendmsg(), recvmsg(): bytes in many pieces. */
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"

#define VECTORS		64
#define ROUNDS		200
#define LARGEST		3000

/* Random lengths, about every fourth of them empty. */
static size_t cut(struct iovec *iov, int n, unsigned char *buffer,
		  uint64_t *random)
{
	size_t total = 0;

	for (int i = 0; i < n; i++) {
		size_t length = 0;

		if (random_below(random, 4))
			length = random_below(random, LARGEST);
		iov[i].iov_base = length ? buffer + total : NULL;
		iov[i].iov_len = length;
		total += length;
	}
	return total;
}

static void random_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	static unsigned char buffer[VECTORS * LARGEST];
	uint64_t random = test_env.seed;
	struct iovec iov[VECTORS];
	struct msghdr message = { .msg_iov = iov };
	int fd = sock_reach();

	for (int round = 0; round < ROUNDS; round++) {
		int n = 1 + random_below(&random, VECTORS);
		size_t length = cut(iov, n, buffer, &random);

		pattern_fill(&out, buffer, length);
		message.msg_iovlen = n;
		if (round % 2)
			call_gives(writev(fd, iov, n), length);
		else
			call_gives(sendmsg(fd, &message, 0), length);
	}
	control_write("SENT %llu", (unsigned long long)out.position);
}

static void random_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	static unsigned char buffer[VECTORS * LARGEST];
	uint64_t random = test_env.seed + 1;
	struct iovec iov[VECTORS];
	int fd = sock_serve();

	for (int round = 0;; round++) {
		struct msghdr message = { .msg_iov = iov };
		int n = 1 + random_below(&random, VECTORS);
		size_t length = cut(iov, n, buffer, &random);
		ssize_t got;

		if (!length)
			continue;
		message.msg_iovlen = n;
		if (round % 2)
			got = call(readv(fd, iov, n));
		else
			got = call(recvmsg(fd, &message, 0));
		if (!got)
			break;
		pattern_check(&in, buffer, got);
	}
	check_equal(in.position, control_read_number("SENT"));
}

/* As many pieces as a call may have, each of one byte. */
static void many_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	unsigned char buffer[IOV_MAX];
	struct iovec iov[IOV_MAX + 1];
	int fd = sock_reach();

	for (int i = 0; i <= IOV_MAX; i++) {
		iov[i].iov_base = &buffer[i % IOV_MAX];
		iov[i].iov_len = 1;
	}
	pattern_fill(&out, buffer, IOV_MAX);
	call_fails(writev(fd, iov, IOV_MAX + 1), EINVAL);
	call_gives(writev(fd, iov, IOV_MAX), IOV_MAX);
	control_meet("DONE");
}

static void many_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	unsigned char buffer[IOV_MAX];
	struct iovec iov[IOV_MAX];
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = IOV_MAX };
	int fd = sock_serve();

	for (int i = 0; i < IOV_MAX; i++) {
		iov[i].iov_base = &buffer[i];
		iov[i].iov_len = 1;
	}
	call_gives(recvmsg(fd, &message, MSG_WAITALL), IOV_MAX);
	pattern_check(&in, buffer, IOV_MAX);
	control_meet("DONE");
}

/* The fields of a message that a stream leaves empty. */
static void header_client(void)
{
	int fd = sock_reach();

	call_gives(send(fd, "hello", 5, 0), 5);
	control_meet("SENT");
	control_meet("DONE");
}

static void header_server(void)
{
	int fd = sock_serve();
	union address name;
	char text[16], control[64];
	struct iovec iov = { .iov_base = text, .iov_len = 4 };
	struct msghdr message = {
		.msg_name = &name, .msg_namelen = sizeof(name),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
		.msg_flags = 0x5a5a5a5a,
	};

	control_meet("SENT");
	sock_await(fd, POLLIN);
	call_gives(recvmsg(fd, &message, 0), 4);
	check_equal(message.msg_namelen, 0);
	check_equal(message.msg_controllen, 0);
	check_equal(message.msg_flags, 0);
	/* a message without any room is one of no bytes */
	message.msg_iovlen = 0;
	call_gives(recvmsg(fd, &message, MSG_DONTWAIT), 0);
	call_gives(sendmsg(fd, &(struct msghdr){ 0 }, 0), 0);
	control_meet("DONE");
}

/* Several messages in one call, which on a stream are one after the other. */
static void messages_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	unsigned char buffer[600];
	struct iovec iov[3];
	struct mmsghdr messages[3] = { 0 };
	int fd = sock_reach();

	pattern_fill(&out, buffer, sizeof(buffer));
	for (int i = 0; i < 3; i++) {
		iov[i].iov_base = buffer + 200 * i;
		iov[i].iov_len = 200;
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	call_gives(sendmmsg(fd, messages, 3, 0), 3);
	check_equal(messages[2].msg_len, 200);
	control_meet("DONE");
}

static void messages_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	unsigned char buffer[600];
	struct iovec iov[2];
	struct mmsghdr messages[2] = { 0 };
	int fd = sock_serve();

	for (int i = 0; i < 2; i++) {
		iov[i].iov_base = buffer + 300 * i;
		iov[i].iov_len = 300;
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	call_gives(recvmmsg(fd, messages, 2, MSG_WAITALL, NULL), 2);
	check_equal(messages[0].msg_len, 300);
	check_equal(messages[1].msg_len, 300);
	pattern_check(&in, buffer, 600);
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "random", "random pieces, some of them empty", random_client,
	  random_server },
	{ "many", "IOV_MAX pieces", many_client, many_server },
	{ "header", "names, control data and flags stay empty", header_client,
	  header_server },
	{ "messages", "sendmmsg() and recvmmsg()", messages_client,
	  messages_server },
	{ }
};

TEST_GROUP(vector, cases, STREAMS);
