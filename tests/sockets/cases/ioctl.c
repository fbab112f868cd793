// SPDX-License-Identifier: GPL-2.0-only
/* ioctl(): how much is there to read, and how much is on its way. */
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"

static int asked(int fd, unsigned long request)
{
	int bytes = -1;

	call(ioctl(fd, request, &bytes));
	return bytes;
}

static void readable_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	check_equal(asked(fd, FIONREAD), 0);
	pattern_send(&out, fd, 1234, 1234);
	control_meet("SENT");
	control_meet("READ");
	pattern_send(&out, fd, 12345, 12345);
	close(fd);
	control_meet("DONE");
}

static void readable_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();
	char buffer[100];

	control_meet("SENT");
	sock_await_bytes(fd, 1234);
	call_gives(recv(fd, buffer, 100, MSG_PEEK), 100);
	check_equal(asked(fd, FIONREAD), 1234);
	for (int left = 1234; left; left--) {
		check_equal(asked(fd, FIONREAD), left);
		pattern_recv(&in, fd, 1, 1);
	}
	check_equal(asked(fd, FIONREAD), 0);
	control_meet("READ");
	/* the end is no byte */
	check(sock_await(fd, POLLRDHUP) & POLLRDHUP);
	check_equal(asked(fd, FIONREAD), 12345);
	check_equal(pattern_recv_to_end(&in, fd), 12345);
	check_equal(asked(fd, FIONREAD), 0);
	control_meet("DONE");
}

/* What the other side has not read yet. */
static void unread_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();
	size_t sent;

	check_equal(asked(fd, SIOCOUTQ), 0);
	pattern_send(&out, fd, 3000, 3000);
	check_equal(asked(fd, SIOCOUTQ), 3000);
	control_meet("SENT");
	control_meet("READ SOME");
	check_equal(asked(fd, SIOCOUTQ), 2000);
	control_meet("READ");
	control_meet("READ ALL");
	check_equal(asked(fd, SIOCOUTQ), 0);
	sent = sock_fill(fd, &out);
	check_equal(asked(fd, SIOCOUTQ), sent);
	control_meet("FULL");
}

static void unread_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();

	check_equal(asked(fd, SIOCOUTQ), 0);
	control_meet("SENT");
	pattern_recv(&in, fd, 1000, 1000);
	control_meet("READ SOME");
	control_meet("READ");
	pattern_recv(&in, fd, 2000, 2000);
	control_meet("READ ALL");
	control_meet("FULL");
}

static void unknown_client(void)
{
	int fd = sock_reach(), value = 0;

	check(ioctl(fd, _IOR('s', 0xee, int), &value) < 0);
	check(errno == ENOTTY || errno == EINVAL);
	check(ioctl(fd, 0xdeadbeef, &value) < 0);
	check(errno == ENOTTY || errno == EINVAL);
	call_fails(ioctl(fd, FIONREAD, (void *)8), EFAULT);
	control_meet("DONE");
}

static void unknown_server(void)
{
	sock_serve();
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "readable", "FIONREAD counts unread bytes",
	  readable_client, readable_server },
	{ "unread", "SIOCOUTQ counts bytes that the peer has not read",
	  unread_client, unread_server,
	  "TCP counts what has not arrived" },
	{ "unknown", "unknown requests and bad pointers", unknown_client,
	  unknown_server },
	{ }
};

TEST_GROUP(ioctl, cases, STREAMS);
