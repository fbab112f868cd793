// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP connections whose bytes go back from a channel to TCP: for an option or a call that needs
 * TCP, for a filter, since nobody reads the ring, and at the end of the connection.
 */
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../bpf.h"
#include "../control.h"
#include "../group.h"
#include "../sock.h"
#include "../tamper.h"
#include "../tcp.h"

#define KIB	1024

/* Bytes that were sent and not acknowledged, or are in a ring. */
static int queued(int fd)
{
	int bytes;

	call(ioctl(fd, SIOCOUTQ, &bytes));
	return bytes;
}

/* ---- What needs TCP ---------------------------------------------------- */

/* Urgent data, between bytes that are in the ring. */
static void urgent_client(void)
{
	int fd = tcp_reach_moved(), mark;
	char text[8] = "";

	control_meet("SENT");
	call_gives(recv(fd, text, 5, MSG_WAITALL), 5);
	check(!memcmp(text, "before", 5));
	call_gives(recv(fd, text, 1, 0), 1);
	check_equal(text[0], 'e');
	do
		call(ioctl(fd, SIOCATMARK, &mark));
	while (!mark && !poll(NULL, 0, 1));
	call_gives(recv(fd, text, 1, MSG_OOB), 1);
	check_equal(text[0], '!');
	call_gives(recv(fd, text, 5, MSG_WAITALL), 5);
	check(!memcmp(text, "after", 5));
	control_meet("DONE");
}

static void urgent_server(void)
{
	int fd = tcp_serve_moved();

	call_gives(send(fd, "before", 6, 0), 6);
	call_gives(send(fd, "!", 1, MSG_OOB), 1);
	call_gives(send(fd, "after", 5, 0), 5);
	control_meet("SENT");
	control_meet("DONE");
}

/* A ULP: the socket becomes plain TCP for good, with bytes under way in both directions. */
static void ulp_client(void)
{
	struct pattern out = { .seed = test_env.seed }, in = { .seed = test_env.seed + 1 };
	int fd = tcp_reach_moved();

	pattern_send(&out, fd, 20 * KIB, 20 * KIB);
	control_meet("SENT");
	call_fails(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "nobody", 6), ENOENT);
	pattern_send(&out, fd, 20 * KIB, 20 * KIB);
	pattern_recv(&in, fd, 40 * KIB, 7 * KIB);
	control_meet("DONE");
}

/* In repair mode TCP's queues are the program's; after that, the connection goes on. */
static void repair_client(void)
{
	struct pattern out = { .seed = test_env.seed }, in = { .seed = test_env.seed + 1 };
	int fd = tcp_reach_moved();
	uint64_t before;

	pattern_send(&out, fd, 20 * KIB, 20 * KIB);
	control_meet("SENT");
	tcp_set(fd, TCP_REPAIR, 1);
	check_equal(tcp_get(fd, TCP_REPAIR), 1);
	tcp_set(fd, TCP_REPAIR, 0);
	before = tcp_info(fd).tcpi_data_segs_out;
	pattern_send(&out, fd, 20 * KIB, 20 * KIB);
	check(tcp_info(fd).tcpi_data_segs_out > before);
	pattern_recv(&in, fd, 40 * KIB, 7 * KIB);
	control_meet("DONE");
}

/* A filter that accepts all has to see all: the bytes that follow are TCP's. */
static void filter_client(void)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
	struct sock_fprog filter = { .len = 1, .filter = &all };
	struct pattern out = { .seed = test_env.seed }, in = { .seed = test_env.seed + 1 };
	int fd = tcp_reach_moved();
	uint64_t before = tcp_info(fd).tcpi_data_segs_out;

	pattern_send(&out, fd, 20 * KIB, 20 * KIB);
	check_equal(tcp_info(fd).tcpi_data_segs_out, before);
	control_meet("SENT");
	call(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)));
	before = tcp_info(fd).tcpi_data_segs_out;
	pattern_send(&out, fd, 20 * KIB, 20 * KIB);
	check(tcp_info(fd).tcpi_data_segs_out > before);
	pattern_recv(&in, fd, 40 * KIB, 7 * KIB);
	control_meet("DONE");
}

/* Of what is sent before and after the client has set its option. */
static void option_server(void)
{
	struct pattern in = { .seed = test_env.seed }, out = { .seed = test_env.seed + 1 };
	int fd = tcp_serve_moved();

	pattern_send(&out, fd, 20 * KIB, 20 * KIB);
	control_meet("SENT");
	pattern_send(&out, fd, 20 * KIB, 20 * KIB);
	pattern_recv(&in, fd, 40 * KIB, 7 * KIB);
	control_meet("DONE");
}

/* ---- A peer that does not read ----------------------------------------- */

/* The bytes are TCP's soon, which has them acknowledged, and they arrive in order. */
static void unread_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = tcp_reach_moved();
	int64_t end;

	tcp_set(fd, TCP_USER_TIMEOUT, 60000);
	pattern_send(&out, fd, 50 * KIB, 50 * KIB);
	/* and perhaps what was sent over TCP before, until it is acknowledged */
	check(queued(fd) >= 50 * KIB);
	tcp_set(fd, TCP_USER_TIMEOUT, 400);
	for (end = now_ms() + patience_ms(); queued(fd); poll(NULL, 0, 1))
		if (now_ms() > end)
			fail("the bytes stay in the ring");
	control_meet("QUEUED");
	pattern_send(&out, fd, 50 * KIB, 50 * KIB);
	control_meet("DONE");
}

static void unread_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = tcp_serve_moved();

	control_meet("QUEUED");
	pattern_recv(&in, fd, 100 * KIB, 7 * KIB);
	control_meet("DONE");
}

/* TCP_USER_TIMEOUT ends the connection to a program that never reads, as TCP does. */
static void user_timeout_client(void)
{
	static char buffer[64 * KIB];
	int fd = tcp_reach_moved();

	tcp_set(fd, TCP_USER_TIMEOUT, 1000);
	while (send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL) > 0)
		;
	check_equal(errno, ETIMEDOUT);
	control_meet("DONE");
}

static void user_timeout_server(void)
{
	tcp_serve_moved();
	control_meet("DONE");
}

/* ---- A filter that comes later ----------------------------------------- */

/* Bytes go on both ways until the connection has gone back. */
static void later_filter_client(void)
{
	int fd = tcp_reach_moved(), link;
	uint64_t before;
	int64_t end;

	tcp_set(fd, TCP_USER_TIMEOUT, 16000);
	before = tcp_info(fd).tcpi_data_segs_out;
	link = bpf_look_at_packets(tcp_open_cgroup());
	for (end = now_ms() + patience_ms(); tcp_info(fd).tcpi_data_segs_out < before + 5; ) {
		control_write("more 1");
		tcp_talk(fd);
		if (now_ms() > end)
			fail("it does not go over TCP");
	}
	control_write("more 0");
	close(link);
}

static void later_filter_server(void)
{
	int fd = tcp_serve_moved();

	while (control_read_number("more"))
		tcp_talk(fd);
}

/* ---- The end ----------------------------------------------------------- */

/* close() at once: the peer gets all bytes, and then the end. */
static void close_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = tcp_reach_moved();

	control_meet("CLOSED");
	check_equal(pattern_recv_to_end(&in, fd), 50 * KIB);
	/* as TCP: the first write after the peer's close succeeds, a later one does not */
	call_gives(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	sock_await(fd, POLLHUP);
	check(send(fd, "x", 1, MSG_NOSIGNAL) < 0 && (errno == EPIPE || errno == ECONNRESET));
}

static void close_server(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = tcp_serve_moved();

	pattern_send(&out, fd, 50 * KIB, 50 * KIB);
	call(close(fd));
	control_meet("CLOSED");
}

/* The channel ends between the close and the reading. */
static void close_lost_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd;

	tamper_start();
	fd = tcp_reach_moved();
	control_meet("CLOSED");
	tamper_break();
	check_equal(pattern_recv_to_end(&in, fd), 50 * KIB);
}

/* Closed with bytes in the ring that were not read: a reset, as with TCP's. */
static void abort_client(void)
{
	int fd = tcp_reach_moved();

	call_gives(send(fd, "unread", 6, 0), 6);
	control_meet("SENT");
	call_fails(recv(fd, &(char){ 0 }, 1, 0), ECONNRESET);
	control_meet("DONE");
}

static void abort_server(void)
{
	int fd = tcp_serve_moved();

	control_meet("SENT");
	sock_await_bytes(fd, 6);
	close(fd);
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "urgent", "MSG_OOB between bytes of the ring", urgent_client, urgent_server },
	{ "ulp", "TCP_ULP makes it plain TCP, in place", ulp_client, option_server },
	{ "repair", "TCP_REPAIR, and TCP goes on after it", repair_client, option_server },
	{ "filter", "SO_ATTACH_FILTER keeps it in TCP", filter_client, option_server },
	{ "later_filter", "a BPF program of the cgroup looks at packets since",
	  later_filter_client, later_filter_server },
	{ "unread", "a ring that nobody reads", unread_client, unread_server },
	{ "user_timeout", "TCP_USER_TIMEOUT with a ring that nobody reads", user_timeout_client,
	  user_timeout_server },
	{ "close", "close() with bytes in the ring", close_client, close_server },
	{ "close_lost", "and the channel ends before they are read", close_lost_client,
	  close_server },
	{ "abort", "close() with bytes that were not read", abort_client, abort_server },
	{ }
};

TEST_GROUP(inet_back, cases, TCP);
