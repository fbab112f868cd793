// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records of seqpacket and of connected datagram sockets: one send() arrives as one record.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../event.h"
#include "../hole.h"
#include "../record.h"
#include "../sock.h"

#define EDGE	20	/* around a multiple of a page */

/* Short lengths, and those near the ends of pages. */
static size_t next_size(size_t size)
{
	size_t page = (size + HOLE_PAGE / 2) / HOLE_PAGE * HOLE_PAGE;

	if (size + 1 == 3 * EDGE)
		return HOLE_PAGE - EDGE;
	if (size >= 3 * EDGE && size == page + EDGE)
		return page + HOLE_PAGE - EDGE;
	return size + 1;
}

#define LARGEST	(5 * HOLE_PAGE + EDGE)

static void sizes_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	unsigned char buffer[LARGEST];
	int fd = sock_reach();

	for (size_t size = 0; size <= LARGEST; size = next_size(size)) {
		pattern_fill(&out, buffer, size);
		call_gives(send(fd, buffer, size, 0), size);
		control_meet("NEXT");
	}
}

static void sizes_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	unsigned char buffer[LARGEST + 1];
	int fd = sock_serve();

	for (size_t size = 0; size <= LARGEST; size = next_size(size)) {
		call_gives(recv(fd, buffer, sizeof(buffer), 0), size);
		pattern_check(&in, buffer, size);
		control_meet("NEXT");
	}
}

/* Whichever way they are sent and received, and however much there is room for. */
static void boundaries_client(void)
{
	struct iovec iov[] = {
		{ .iov_base = "th", .iov_len = 2 },
		{ .iov_base = NULL, .iov_len = 0 },
		{ .iov_base = "ree", .iov_len = 3 },
	};
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 3 };
	int fd = sock_reach();

	record_say(fd, "one");
	call_gives(write(fd, "two", 3), 3);
	call_gives(writev(fd, iov, 3), 5);
	call_gives(sendmsg(fd, &message, 0), 5);
	record_say(fd, "five");
	control_meet("SENT");
	control_meet("DONE");
}

static void boundaries_server(void)
{
	char first[2], rest[100];
	struct iovec iov[] = {
		{ .iov_base = first, .iov_len = 2 },
		{ .iov_base = NULL, .iov_len = 0 },
		{ .iov_base = rest, .iov_len = sizeof(rest) },
	};
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 3 };
	int fd = sock_serve();

	control_meet("SENT");
	record_hear(fd, "one");
	call_gives(read(fd, rest, sizeof(rest)), 3);
	check(!memcmp(rest, "two", 3));
	call_gives(recvmsg(fd, &message, 0), 5);
	/* the kernel's writev() marks what it sends to a seqpacket socket */
	check_equal(message.msg_flags & ~MSG_EOR, 0);
	check(!memcmp(first, "th", 2) && !memcmp(rest, "ree", 3));
	call_gives(readv(fd, iov, 3), 5);
	check(!memcmp(first, "th", 2) && !memcmp(rest, "ree", 3));
	/* a record is all there is to wait for */
	call_gives(recv(fd, rest, sizeof(rest), MSG_WAITALL), 4);
	check(!memcmp(rest, "five", 4));
	call_fails(recv(fd, rest, 1, MSG_DONTWAIT), EAGAIN);
	control_meet("DONE");
}

/* More of what: a record has its end. */
static void more_client(void)
{
	int fd = sock_reach();

	call_gives(send(fd, "one", 3, MSG_MORE), 3);
	call_gives(send(fd, "two", 3, MSG_MORE), 3);
	control_meet("DONE");
}

static void more_server(void)
{
	int fd = sock_serve();

	record_hear(fd, "one");
	record_hear(fd, "two");
	control_meet("DONE");
}

#define MESSAGES	10

static void messages_client(void)
{
	struct mmsghdr messages[MESSAGES] = { 0 };
	char buffer[MESSAGES][RECORD_LEAST + 100 * MESSAGES];
	struct iovec iov[MESSAGES];
	int fd = sock_reach();

	for (int i = 0; i < MESSAGES; i++) {
		struct record record = { 1, i, RECORD_LEAST + 100 * i };

		record_fill(buffer[i], &record);
		iov[i].iov_base = buffer[i];
		iov[i].iov_len = record.length;
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	call_gives(sendmmsg(fd, messages, MESSAGES, 0), MESSAGES);
	for (int i = 0; i < MESSAGES; i++)
		check_equal(messages[i].msg_len, iov[i].iov_len);
	control_meet("DONE");
}

static void messages_server(void)
{
	struct mmsghdr messages[MESSAGES + 1] = { 0 };
	char buffer[MESSAGES + 1][RECORD_LEAST + 100 * MESSAGES];
	struct iovec iov[MESSAGES + 1];
	int fd = sock_serve();

	for (int i = 0; i <= MESSAGES; i++) {
		iov[i].iov_base = buffer[i];
		iov[i].iov_len = sizeof(buffer[i]);
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	call_gives(recvmmsg(fd, messages, MESSAGES, 0, NULL), MESSAGES);
	for (int i = 0; i < MESSAGES; i++) {
		struct record record;

		record = record_check(buffer[i], messages[i].msg_len);
		check_equal(record.number, i);
	}
	call_fails(recvmmsg(fd, messages, MESSAGES + 1, MSG_DONTWAIT, NULL),
		   EAGAIN);
	control_meet("DONE");
}

/* A record of no bytes is a record. */
static void zero_client(void)
{
	int fd = sock_reach();

	call_gives(send(fd, NULL, 0, 0), 0);
	control_meet("READ");
	record_say(fd, "before");
	call_gives(send(fd, "", 0, 0), 0);
	call_gives(sendmsg(fd, &(struct msghdr){ 0 }, 0), 0);
	record_say(fd, "after");
	control_meet("DONE");
}

static void zero_server(void)
{
	int fd = sock_serve();
	char c;

	check_equal(sock_await(fd, POLLIN | POLLRDHUP), POLLIN);
	call_gives(recv(fd, &c, 1, MSG_PEEK), 0);
	check_equal(sock_state(fd), POLLIN | POLLOUT);
	call_gives(recv(fd, &c, 1, MSG_DONTWAIT), 0);
	check_equal(sock_state(fd), POLLOUT);
	call_fails(recv(fd, &c, 1, MSG_DONTWAIT), EAGAIN);
	control_meet("READ");
	record_hear(fd, "before");
	call_gives(recv(fd, &c, 1, 0), 0);
	call_gives(recv(fd, &c, 1, 0), 0);
	record_hear(fd, "after");
	control_meet("DONE");
}

/* A buffer shorter than the record: the rest is lost, and MSG_TRUNC is set. */
static void trunc_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	unsigned char buffer[5000];
	int fd = sock_reach();

	pattern_fill(&out, buffer, sizeof(buffer));
	for (int i = 0; i < 4; i++) {
		call_gives(send(fd, buffer, sizeof(buffer), 0), sizeof(buffer));
		record_say(fd, "next");
	}
	control_meet("DONE");
}

static void trunc_server(void)
{
	struct pattern start = { .seed = test_env.seed }, in;
	int fd = sock_serve(), flags = 0;
	unsigned char buffer[6000];

	memset(buffer, 0xee, sizeof(buffer));
	call_gives(record_recv(fd, buffer, 100, &flags), 100);
	check(flags & MSG_TRUNC);
	in = start;
	pattern_check(&in, buffer, 100);
	check_equal(buffer[100], 0xee);
	flags = 0;
	call_gives(record_recv(fd, buffer, 100, &flags), 4);
	check_equal(flags, 0);
	/* asked for, the real length is what recv() gives */
	flags = MSG_TRUNC;
	call_gives(record_recv(fd, buffer, 2000, &flags), 5000);
	check(flags & MSG_TRUNC);
	in = start;
	pattern_check(&in, buffer, 2000);
	call_gives(recv(fd, buffer, sizeof(buffer), MSG_TRUNC), 4);
	/* not a byte of room; and exactly enough */
	call_gives(recv(fd, NULL, 0, MSG_TRUNC), 5000);
	record_hear(fd, "next");
	flags = 0;
	call_gives(record_recv(fd, buffer, 5000, &flags), 5000);
	check_equal(flags, 0);
	record_hear(fd, "next");
	control_meet("DONE");
}

/* Looked at as often as one likes, whole or in part, before it is taken. */
static void peek_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	unsigned char buffer[3000];
	int fd = sock_reach();

	control_expect("EMPTY");
	pattern_fill(&out, buffer, sizeof(buffer));
	call_gives(send(fd, buffer, sizeof(buffer), 0), sizeof(buffer));
	record_say(fd, "next");
	control_meet("DONE");
}

static void peek_server(void)
{
	struct pattern start = { .seed = test_env.seed }, in;
	int fd = sock_serve(), flags;
	unsigned char buffer[4000];

	call_fails(recv(fd, buffer, 1, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
	control_write("EMPTY");
	for (int i = 0; i < 3; i++) {
		flags = MSG_PEEK;
		call_gives(record_recv(fd, buffer, 1000, &flags), 1000);
		check(flags & MSG_TRUNC);
		in = start;
		pattern_check(&in, buffer, 1000);
		call_gives(recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC), 3000);
		flags = MSG_PEEK;
		call_gives(record_recv(fd, buffer, 4000, &flags), 3000);
		check(!(flags & MSG_TRUNC));
		in = start;
		pattern_check(&in, buffer, 3000);
	}
	call_gives(recv(fd, buffer, 4000, 0), 3000);
	in = start;
	pattern_check(&in, buffer, 3000);
	call_gives(recv(fd, buffer, 4000, MSG_PEEK), 4);
	record_hear(fd, "next");
	control_meet("DONE");
}

static void count_client(void)
{
	static char buffer[2000];
	int fd = sock_reach();

	call_gives(send(fd, buffer, sizeof(buffer), 0), sizeof(buffer));
	control_meet("DONE");
}

static void count_server(void)
{
	int fd = sock_serve();
	char c;

	sock_await_bytes(fd, 2000);
	call_gives(recv(fd, &c, 1, 0), 1);
	sock_await_bytes(fd, 0);
	control_meet("DONE");
}

/* A record that cannot be read to its end is not sent, not even a part. */
static void fault_send_client(void)
{
	unsigned char *pages = hole_behind_page();
	int fd = sock_reach();

	for (int i = 0; i < 50; i++) {
		call_fails(send(fd, pages + i, 2 * HOLE_PAGE - i, 0), EFAULT);
		call_fails(send(fd, HOLE, 10 + i, 0), EFAULT);
		record_say(fd, "whole");
	}
	control_meet("DONE");
}

static void fault_send_server(void)
{
	int fd = sock_serve();

	for (int i = 0; i < 50; i++)
		record_hear(fd, "whole");
	call_fails(recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT), EAGAIN);
	control_meet("DONE");
}

/* One that cannot be stored is one that cannot be peeked at. */
static void fault_recv_client(void)
{
	int fd = sock_reach();
	char buffer[6000];

	for (int i = 0; i < 10; i++) {
		struct record record = { 1, i, sizeof(buffer) - i };

		record_send(fd, buffer, &record);
		control_meet("NEXT");
	}
}

static void fault_recv_server(void)
{
	unsigned char *pages = hole_behind_page();
	int fd = sock_serve();
	char buffer[7000];

	for (int i = 0; i < 10; i++) {
		size_t n;

		sock_await(fd, POLLIN);
		call_fails(recv(fd, pages, 2 * HOLE_PAGE, MSG_PEEK), EFAULT);
		call_fails(recv(fd, HOLE, 10, MSG_PEEK), EFAULT);
		n = call(recv(fd, buffer, sizeof(buffer), 0));
		check_equal(record_check(buffer, n).number, i);
		control_meet("NEXT");
	}
}

/* Each splice() into the socket is a record; each out of it is one record at most. */
static void splice_client(void)
{
	struct record record = { 1, 0, 10000 };
	int fd = sock_reach();
	char buffer[10000];
	int ends[2];

	call(pipe(ends));
	for (int i = 0; i < 10; i++) {
		record.number = i;
		record.length = 10000 - 500 * i;
		record_fill(buffer, &record);
		call_gives(write(ends[1], buffer, record.length), record.length);
		call_gives(splice(ends[0], NULL, fd, NULL, record.length, 0),
			   record.length);
	}
	control_meet("DONE");
}

static void splice_server(void)
{
	int fd = sock_serve();
	char buffer[65536];
	int ends[2];

	call(pipe(ends));
	for (int i = 0; i < 10; i++) {
		ssize_t n = call(splice(fd, NULL, ends[1], NULL, 65536, 0));

		check_equal(n, 10000 - 500 * i);
		call_gives(read(ends[0], buffer, sizeof(buffer)), n);
		check_equal(record_check(buffer, n).number, i);
	}
	control_meet("DONE");
}

/* An edge for each record that arrives at an empty socket. */
static void edges_client(void)
{
	int fd = sock_reach();

	for (int i = 0; i < 300; i++) {
		record_say(fd, "edge");
		if (i % 3)
			call_gives(send(fd, "", 0, 0), 0);
		control_meet("NEXT");
	}
}

static void edges_server(void)
{
	int fd = sock_serve(), set = event_watch(fd, EPOLLIN | EPOLLET);
	char text[5];

	for (int i = 0; i < 300; i++) {
		int wanted = i % 3 ? 2 : 1;

		while (wanted) {
			ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);

			if (n < 0) {
				check_equal(errno, EAGAIN);
				check(event_next(set, "a record") & EPOLLIN);
				continue;
			}
			check_equal(n, wanted == 1 && i % 3 ? 0 : 4);
			wanted--;
		}
		control_meet("NEXT");
	}
}

static void timeout_client(void)
{
	int fd = sock_reach();

	control_expect("EMPTY");
	record_say(fd, "in time");
	control_meet("DONE");
}

static void timeout_server(void)
{
	int fd = sock_serve();
	int64_t start = now_ms();

	sock_set_timeout(fd, SO_RCVTIMEO, 200);
	call_fails(recv(fd, &(char){ 0 }, 1, 0), EAGAIN);
	/* it is counted in ticks, which come late where a domain has to wait for its CPU */
	check(now_ms() - start >= 100);
	check(now_ms() - start < 200 + patience_ms());
	sock_set_timeout(fd, SO_RCVTIMEO, patience_ms());
	control_write("EMPTY");
	record_hear(fd, "in time");
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "sizes", "short ones, and those that end near a page boundary",
	  sizes_client, sizes_server },
	{ "boundaries", "one call sends one record, for each kind of call",
	  boundaries_client, boundaries_server },
	{ "more", "MSG_MORE does not join records", more_client, more_server,
	  .not_inet = "UDP makes one of them" },
	{ "messages", "sendmmsg() and recvmmsg()", messages_client,
	  messages_server },
	{ "zero", "an empty record is a record", zero_client, zero_server },
	{ "trunc", "MSG_TRUNC: the rest is lost, recv returns the full length",
	  trunc_client, trunc_server },
	{ "peek", "MSG_PEEK leaves the record complete", peek_client,
	  peek_server },
	{ "count", "FIONREAD counts the record's bytes", count_client, count_server },
	{ "fault_send", "half a buffer: nothing of it is sent",
	  fault_send_client, fault_send_server },
	{ "fault_recv", "no buffer: EFAULT, and MSG_PEEK keeps the record",
	  fault_recv_client, fault_recv_server },
	{ "splice", "splice() in and out, a record at a time", splice_client,
	  splice_server },
	{ "edges", "an epoll edge for each record", edges_client, edges_server },
	{ "timeout", "SO_RCVTIMEO", timeout_client, timeout_server },
	{ }
};

TEST_GROUP(seqpacket_record, cases, SEQPACKETS);
TEST_GROUP(dgram_record, cases, DGRAMS);
