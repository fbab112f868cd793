// SPDX-License-Identifier: GPL-2.0-only
/* getsockopt() and setsockopt(). */
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../blocked.h"
#include "../group.h"
#include "../control.h"
#include "../sock.h"

static void kind(void)
{
	struct sock_pair pair = sock_pair();
	int fd = sock_open(0), listener = sock_listen(1);
	int all[] = { fd, listener, pair.left, pair.right };

	for (int i = 0; i < 4; i++) {
		check_equal(sock_get(all[i], SO_TYPE), SOCK_STREAM);
		check_equal(sock_get(all[i], SO_DOMAIN), family->number);
		check_equal(sock_get(all[i], SO_PROTOCOL), family->protocol);
		check_equal(sock_get(all[i], SO_ACCEPTCONN), all[i] == listener);
		check_equal(sock_get(all[i], SO_ERROR), 0);
	}
}

static void receive_timeout_client(void)
{
	int fd = sock_reach();
	struct timeval time;
	socklen_t size = sizeof(time);
	int64_t start;

	sock_set_timeout(fd, SO_RCVTIMEO, 300);
	call(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &size));
	check_equal(time.tv_sec, 0);
	check(time.tv_usec >= 300000 && time.tv_usec <= 310000);
	start = now_ms();
	call_fails(recv(fd, &(char){ 0 }, 1, 0), EAGAIN);
	check(now_ms() - start >= 290);
	check(now_ms() - start < 300 + patience_ms());
	/* the other way is another time */
	call_gives(send(fd, "x", 1, 0), 1);
	control_write("SEND");
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	/* none is for ever: until there is something */
	sock_set_timeout(fd, SO_RCVTIMEO, 0);
	tell_when_blocked(SYS_recvfrom, "BLOCKED");
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
}

static void receive_timeout_server(void)
{
	int fd = sock_serve();

	control_expect("SEND");
	call_gives(send(fd, "x", 1, 0), 1);
	control_expect("BLOCKED");
	call_gives(send(fd, "x", 1, 0), 1);
}

static void send_timeout_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	static char buffer[1 << 20];
	int fd = sock_reach();
	int64_t start;

	sock_fill(fd, &out);
	sock_set_timeout(fd, SO_SNDTIMEO, 300);
	start = now_ms();
	/* TCP may have had room for a little */
	while (send(fd, buffer, sizeof(buffer), 0) > 0)
		start = now_ms();
	check_equal(errno, EAGAIN);
	check(now_ms() - start >= 290);
	check(now_ms() - start < 300 + patience_ms());
	control_meet("DONE");
}

static void idle_server(void)
{
	sock_serve();
	control_meet("DONE");
}

/* A part of it went before the time was up: that counts. */
static void send_timeout_part_client(void)
{
	static char buffer[64 << 20];
	int fd = sock_reach();
	ssize_t n;

	sock_set_timeout(fd, SO_SNDTIMEO, 300);
	n = call(send(fd, buffer, sizeof(buffer), 0));
	check(n > 0 && n < (ssize_t)sizeof(buffer));
	control_write("SENT %zd", n);
	control_meet("DONE");
}

static void send_timeout_part_server(void)
{
	static char buffer[65536];
	int fd = sock_serve();
	size_t left = control_read_number("SENT");

	while (left) {
		ssize_t n = call(recv(fd, buffer, sizeof(buffer), 0));

		check(n > 0 && (size_t)n <= left);
		left -= n;
	}
	call_fails(recv(fd, buffer, 1, MSG_DONTWAIT), EAGAIN);
	control_meet("DONE");
}

static void bad_time(void)
{
	struct timeval time = { .tv_sec = 0, .tv_usec = 1000000 };
	int fd = sock_open(0);

	call_fails(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)),
		   EDOM);
	time.tv_usec = 0;
	call_fails(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, 3), EINVAL);
	call_fails(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, (void *)8,
			      sizeof(time)), EFAULT);
}

static void low_water(void)
{
	int fd = sock_open(0);

	check_equal(sock_get(fd, SO_RCVLOWAT), 1);
	sock_set(fd, SO_RCVLOWAT, 100);
	check_equal(sock_get(fd, SO_RCVLOWAT), 100);
	sock_set(fd, SO_RCVLOWAT, 0);
	check_equal(sock_get(fd, SO_RCVLOWAT), 1);
}

/* More can be asked for than fits: then what fits is enough. */
static void low_water_huge_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	pattern_send(&out, fd, 8 << 20, 65536);
}

static void low_water_huge_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();

	sock_set(fd, SO_RCVLOWAT, 1 << 30);
	for (int i = 0; i < 3; i++) {
		check(sock_await(fd, POLLIN) & POLLIN);
		pattern_recv(&in, fd, 10000, 10000);
	}
	check_equal(pattern_recv_to_end(&in, fd), (8 << 20) - 30000);
}

static void linger(void)
{
	struct linger value;
	socklen_t size = sizeof(value);
	int fd = sock_open(0);

	call(getsockopt(fd, SOL_SOCKET, SO_LINGER, &value, &size));
	check_equal(value.l_onoff, 0);
	sock_set_linger(fd, 1, 17);
	call(getsockopt(fd, SOL_SOCKET, SO_LINGER, &value, &size));
	check_equal(value.l_onoff, 1);
	check_equal(value.l_linger, 17);
}

/* The sizes one asks for one has at least. */
static void buffers(void)
{
	static const int options[] = { SO_SNDBUF, SO_RCVBUF };
	int fd = sock_open(0);

	for (int i = 0; i < 2; i++) {
		check(sock_get(fd, options[i]) > 0);
		sock_set(fd, options[i], 32768);
		check(sock_get(fd, options[i]) >= 32768);
		/* values out of range are clamped */
		sock_set(fd, options[i], 0);
		check(sock_get(fd, options[i]) > 0);
		sock_set(fd, options[i], 0x7fffffff);
		check(sock_get(fd, options[i]) >= 32768);
	}
}

static size_t room(union address to, int size)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_open(0);

	sock_set(fd, SO_SNDBUF, size);
	call(sock_try(fd, to));
	return sock_fill(fd, &out);
}

/* Before the connection is made, SO_SNDBUF chooses how much is on its way. */
static void buffer_chosen_client(void)
{
	union address to = sock_told();
	size_t small = room(to, 16384), large = room(to, 200000);

	check(small >= 16384);
	check(large >= 200000);
	check(small < large);
	control_meet("DONE");
}

static void buffer_chosen_server(void)
{
	sock_listen_told(2);
	control_meet("DONE");
}

static void unknown(void)
{
	int fd = sock_open(0), value = 1;
	socklen_t size = sizeof(value);

	call_fails(getsockopt(fd, SOL_SOCKET, 9999, &value, &size), ENOPROTOOPT);
	call_fails(setsockopt(fd, SOL_SOCKET, 9999, &value, size), ENOPROTOOPT);
	check(getsockopt(fd, 9999, 1, &value, &size) < 0);
	check(errno == ENOPROTOOPT || errno == EOPNOTSUPP);
	check(setsockopt(fd, 9999, 1, &value, size) < 0);
	check(errno == ENOPROTOOPT || errno == EOPNOTSUPP);
}

static void busy_poll_client(void)
{
	int fd = sock_reach();

	sock_set(fd, SO_BUSY_POLL, 200);
	check_equal(sock_get(fd, SO_BUSY_POLL), 200);
	for (int i = 0; i < 200; i++) {
		call_gives(send(fd, "x", 1, 0), 1);
		call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	}
	call_fails(setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &(int){ -1 },
			      sizeof(int)), EINVAL);
	check_equal(sock_get(fd, SO_BUSY_POLL), 200);
}

static void busy_poll_server(void)
{
	int fd = sock_serve();
	char c;

	sock_set(fd, SO_BUSY_POLL, 1000);
	while (call(recv(fd, &c, 1, 0)) > 0)
		call_gives(send(fd, &c, 1, 0), 1);
}

/* The error of a connection is read once. */
static void error_client(void)
{
	int fd = sock_reach();

	/* else TCP's connect() may have it */
	control_meet("CONNECTED");
	control_meet("CLOSED");
	check(sock_await(fd, POLLIN) & POLLERR);
	check_equal(sock_error(fd), ECONNRESET);
	check_equal(sock_error(fd), 0);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
}

static void error_server(void)
{
	int fd = sock_serve();

	control_meet("CONNECTED");
	sock_set_linger(fd, 1, 0);
	close(fd);
	control_meet("CLOSED");
}

static const struct test_case cases[] = {
	{ "kind", "SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN", kind },
	{ "receive_timeout", "SO_RCVTIMEO: EAGAIN, not before its time",
	  receive_timeout_client, receive_timeout_server },
	{ "send_timeout", "SO_SNDTIMEO: EAGAIN, not before its time",
	  send_timeout_client, idle_server },
	{ "send_timeout_part", "bytes sent before the timeout count",
	  send_timeout_part_client, send_timeout_part_server },
	{ "bad_time", "invalid times", bad_time },
	{ "low_water", "SO_RCVLOWAT reads back", low_water },
	{ "low_water_huge", "SO_RCVLOWAT above the ring's size does not hang",
	  low_water_huge_client, low_water_huge_server },
	{ "linger", "SO_LINGER reads back", linger },
	{ "buffers", "SO_SNDBUF and SO_RCVBUF read back", buffers },
	{ "buffer_chosen", "SO_SNDBUF before connect chooses the size",
	  buffer_chosen_client, buffer_chosen_server },
	{ "busy_poll", "SO_BUSY_POLL", busy_poll_client, busy_poll_server },
	{ "unknown", "unknown options and levels", unknown },
	{ "error", "SO_ERROR is cleared by reading it", error_client,
	  error_server },
	{ }
};

TEST_GROUP(options, cases, STREAMS);
