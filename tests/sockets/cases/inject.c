// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel whose memory runs out, at each place in turn: the call that needed it fails with an
 * error that says so, or does without, and nothing else does.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../inject.h"
#include "../record.h"
#include "../sock.h"

#define STREAM_BYTES	400000
#define RECORDS		12
#define RECORD_MOST	90000
/* Its ring does not fit in the pool that the first connection finds. */
#define RECORD_HUGE	1500000
#define DATAGRAMS	24
#define DATAGRAM_MOST	9000

static const int no_memory[] = { ENOMEM, ENOBUFS, 0 };
/* A copy that fails is a bad buffer. */
static const int no_memory_or_copy[] = { ENOMEM, ENOBUFS, EFAULT, 0 };

static int listener = -1, fd = -1;
static struct sock_pair pair = { -1, -1 };

/* ---- What the cases share ----------------------------------------------- */

static void drop(int *which)
{
	if (*which >= 0)
		close(*which);
	*which = -1;
}

static union address address_to(int of)
{
	union address address = address_of(of);

	family->loop(&address);
	return address;
}

/* The channel goes on working: connections, and their bytes. */
static void expect_working(void)
{
	struct sock_pair new = sock_pair();
	char c;

	call_gives(send(new.left, "x", 1, 0), 1);
	call_gives(recv(new.right, &c, 1, 0), 1);
	call_gives(send(new.right, "y", 1, 0), 1);
	call_gives(recv(new.left, &c, 1, 0), 1);
	close(new.left);
	call_gives(recv(new.right, &c, 1, 0), 0);
	close(new.right);
}

static void close_all(void)
{
	drop(&fd);
	drop(&listener);
	drop(&pair.left);
	drop(&pair.right);
}

static int verify(int error)
{
	(void)error;
	close_all();
	expect_working();
	return 0;
}

static int result(long value)
{
	return value < 0 ? errno : 0;
}

/* ---- Sockets and connections -------------------------------------------- */

static void nothing(void)
{
}

static int open_socket(void)
{
	fd = socket(family->number, test_env.type, 0);
	return result(fd);
}

static void socket_only(void)
{
	static const struct inject_target target = {
		nothing, open_socket, verify, no_memory
	};

	inject(INJECT_CALL, &target);
}

static void make_listener(void)
{
	listener = sock_listen(4);
	fd = sock_open(0);
}

static int connect_fd(void)
{
	return result(sock_try(fd, address_to(listener)));
}

/* A socket that could not connect can do so afterwards. */
static int verify_connect(int error)
{
	return (error ? connect_fd() : 0) ?: verify(error);
}

static const struct inject_target connect_target = {
	make_listener, connect_fd, verify_connect, no_memory
};

static void connecting(void)
{
	inject(INJECT_CALL, &connect_target);
}

static void connecting_works(void)
{
	inject(INJECT_WORKS, &connect_target);
}

static void connecting_anywhere(void)
{
	inject(INJECT_ANYWHERE, &connect_target);
}

/* Rings so large that the pool has to grow. */
static void make_large_listener(void)
{
	struct sc_ring_sizes sizes = { .tx = 2 << 20, .rx = 2 << 20 };

	make_listener();
	call(setsockopt(fd, SOL_SCHANNEL, SO_SC_RING_MIN, &sizes, sizeof(sizes)));
}

static const struct inject_target grow_target = {
	make_large_listener, connect_fd, verify_connect, no_memory
};

static void growing(void)
{
	inject(INJECT_CALL, &grow_target);
}

static void growing_works(void)
{
	inject(INJECT_WORKS, &grow_target);
}

static void make_pair(void)
{
	pair = sock_pair();
}

static int ask_options(void)
{
	struct sc_ring_sizes sizes;
	struct sc_flow_stats stats;
	struct sc_peer_info info;
	union address name;
	socklen_t length = sizeof(sizes);
	int error = 0, value = 1;

	error = error ?: result(getsockopt(pair.left, SOL_SCHANNEL, SO_SC_RING, &sizes, &length));
	length = sizeof(stats);
	error = error ?: result(getsockopt(pair.left, SOL_SCHANNEL, SO_SC_STATS, &stats, &length));
	length = sizeof(info);
	error = error ?: result(getsockopt(pair.left, SOL_SCHANNEL, SO_SC_PEER, &info, &length));
	length = sizeof(value);
	error = error ?: result(setsockopt(pair.left, SOL_SOCKET, SO_RCVLOWAT, &value, length));
	length = sizeof(name);
	error = error ?: result(getpeername(pair.left, &name.any, &length));
	length = sizeof(sizes);
	sizes = (struct sc_ring_sizes){ .tx = 8192, .rx = 8192 };
	return error ?: result(setsockopt(fd, SOL_SCHANNEL, SO_SC_RING_MAX, &sizes, length));
}

static void make_pair_and_socket(void)
{
	make_pair();
	fd = sock_open(0);
}

static void options(void)
{
	static const struct inject_target target = {
		make_pair_and_socket, ask_options, verify, no_memory_or_copy
	};

	inject(INJECT_CALL, &target);
}

/* ---- Bytes and records -------------------------------------------------- */

/* Notes the first error that is not EAGAIN. */
static bool failed(ssize_t n, int *error)
{
	if (n >= 0)
		return false;
	if (errno != EAGAIN && !*error)
		*error = errno;
	return true;
}

static void await_either(void)
{
	struct pollfd both[] = {
		{ .fd = pair.left, .events = POLLOUT },
		{ .fd = pair.right, .events = POLLIN },
	};

	if (!sock_poll(both, 2))
		fail("neither side goes on");
}

/* All bytes arrive, whatever fails on the way. The ring grows meanwhile. */
static int stream_bytes(void)
{
	struct pattern out = { .seed = test_env.seed }, in = out;
	static unsigned char buffer[100000];
	int error = 0;

	while (in.position < STREAM_BYTES) {
		size_t left = STREAM_BYTES - out.position;
		struct pattern next = out;
		bool stuck = true;
		ssize_t n;

		if (left > sizeof(buffer))
			left = sizeof(buffer);
		pattern_fill(&next, buffer, left);
		if (left) {
			n = send(pair.left, buffer, left, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (!failed(n, &error)) {
				out.position += n;
				stuck = false;
			}
		}
		n = recv(pair.right, buffer, random_below(&next.seed, 50000) + 1,
			 MSG_DONTWAIT);
		if (!failed(n, &error)) {
			check(n);
			pattern_check(&in, buffer, n);
			stuck = false;
		}
		if (stuck)
			await_either();
	}
	return error;
}

static const struct inject_target stream_target = {
	make_pair, stream_bytes, verify, no_memory_or_copy
};

static void stream(void)
{
	inject(INJECT_CALL, &stream_target);
}

static void stream_anywhere(void)
{
	inject(INJECT_ANYWHERE, &stream_target);
}

/* Records that need a larger ring than the connection begins with; the first is the largest. */
static int pass_records(uint32_t records, uint32_t length)
{
	static unsigned char buffer[RECORD_HUGE];
	uint64_t random = test_env.seed;
	uint32_t sent = 0, got = 0;
	int error = 0;

	while (got < records) {
		struct record record = { .sender = 1, .number = sent, .length = length };
		bool stuck = true;
		ssize_t n;

		if (sent < records) {
			record_fill(buffer, &record);
			n = send(pair.left, buffer, length, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (!failed(n, &error)) {
				check_equal(n, length);
				sent++;
				length = RECORD_LEAST + random_below(&random,
								     RECORD_MOST - RECORD_LEAST);
				stuck = false;
			}
		}
		n = recv(pair.right, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (!failed(n, &error)) {
			record = record_check(buffer, n);
			check_equal(record.number, got);
			got++;
			stuck = false;
		}
		if (stuck)
			await_either();
	}
	return error;
}

static int seqpacket_records(void)
{
	return pass_records(RECORDS, RECORD_MOST);
}

static int huge_record(void)
{
	return pass_records(1, RECORD_HUGE);
}

static const struct inject_target seqpacket_target = {
	make_pair, seqpacket_records, verify, no_memory_or_copy
};

static const struct inject_target huge_target = {
	make_pair, huge_record, verify, no_memory_or_copy
};

static void seqpacket(void)
{
	test_env.type = SOCK_SEQPACKET;
	inject(INJECT_CALL, &seqpacket_target);
}

static void seqpacket_grow(void)
{
	test_env.type = SOCK_SEQPACKET;
	inject(INJECT_CALL, &huge_target);
}

static int splice_through(void)
{
	int ends[2], error = 0, n;

	call(pipe(ends));
	call_gives(send(pair.left, "abcd", 4, 0), 4);
	n = splice(pair.right, NULL, ends[1], NULL, 4, 0);
	if (!failed(n, &error)) {
		n = splice(ends[0], NULL, pair.right, NULL, 4, 0);
		failed(n, &error);
	}
	close(ends[0]);
	close(ends[1]);
	return error;
}

static void splicing(void)
{
	static const struct inject_target target = {
		make_pair, splice_through, verify, no_memory_or_copy
	};

	inject(INJECT_CALL, &target);
}

/* ---- Datagrams ---------------------------------------------------------- */

static void make_datagrams(void)
{
	test_env.type = SOCK_DGRAM;
	listener = sock_bound();
	fd = sock_open(0);
	sock_set_timeout(fd, SO_SNDTIMEO, patience_ms());
	test_env.type = SOCK_STREAM;
}

static uint64_t drops(int of)
{
	struct sc_flow_stats stats;
	socklen_t length = sizeof(stats);

	/* a fault may strike it */
	while (getsockopt(of, SOL_SCHANNEL, SO_SC_STATS, &stats, &length))
		check(errno == EFAULT || errno == ENOMEM);
	return stats.drops;
}

/* A datagram may be lost for want of memory, but then it is counted. */
static int send_datagrams(void)
{
	static unsigned char buffer[DATAGRAM_MOST];
	union address to = address_to(listener);
	uint64_t random = test_env.seed;
	int error = 0, sent = 0, got = 0;
	int64_t end;

	for (int i = 0; i < DATAGRAMS; i++) {
		struct record record = { .sender = 1, .number = i };
		ssize_t n;

		record.length = RECORD_LEAST +
				random_below(&random, DATAGRAM_MOST - RECORD_LEAST);
		record_fill(buffer, &record);
		n = sendto(fd, buffer, record.length, 0, &to.any, address_length(&to));
		if (!failed(n, &error))
			sent++;
	}
	end = now_ms() + patience_ms();
	while (got + (int)drops(listener) < sent) {
		ssize_t n = recv(listener, buffer, sizeof(buffer), MSG_DONTWAIT);

		if (!failed(n, &error)) {
			record_check(buffer, n);
			got++;
		} else if (now_ms() > end) {
			fail("%d datagrams of %d arrived, %d were dropped", got,
			     sent, (int)drops(listener));
		} else {
			poll(&(struct pollfd){ listener, POLLIN, 0 }, 1, 20);
		}
	}
	return error;
}

static int verify_datagrams(int error)
{
	return (error ? send_datagrams() : 0) ?: verify(error);
}

static const struct inject_target dgram_target = {
	make_datagrams, send_datagrams, verify_datagrams, no_memory_or_copy
};

static void dgram(void)
{
	inject(INJECT_CALL, &dgram_target);
}

static void dgram_anywhere(void)
{
	inject(INJECT_ANYWHERE, &dgram_target);
}

/* ---- A loopback that comes up ------------------------------------------- */

static void leave(void)
{
	call(unshare(CLONE_NEWNET));
}

static int leave_and_bind(void)
{
	int error = result(unshare(CLONE_NEWNET));

	fd = error ? -1 : socket(family->number, test_env.type, 0);
	return error ?: result(fd);
}

static void new_namespace(void)
{
	static const struct inject_target target = {
		nothing, leave_and_bind, verify, no_memory
	};

	inject(INJECT_CALL, &target);
}

static void make_first_listener(void)
{
	leave();
	make_listener();
}

static const struct inject_target first_target = {
	make_first_listener, connect_fd, verify_connect, no_memory
};

static void first_connect_works(void)
{
	inject(INJECT_WORKS, &first_target);
}

static void make_first_datagrams(void)
{
	leave();
	make_datagrams();
}

static const struct inject_target first_dgram_target = {
	make_first_datagrams, send_datagrams, verify_datagrams, no_memory_or_copy
};

static void first_dgram(void)
{
	inject(INJECT_CALL, &first_dgram_target);
}

static void first_dgram_works(void)
{
	inject(INJECT_WORKS, &first_dgram_target);
}

static const struct test_case cases[] = {
	{ "socket", "a socket", socket_only },
	{ "connect", "connect()", connecting },
	{ "connect_works", "the works behind connect()", connecting_works },
	{ "connect_anywhere", "what runs anywhere during connect()", connecting_anywhere },
	{ "grow", "the pool grows for connect()", growing },
	{ "grow_works", "the peer's pool grows", growing_works },
	{ "options", "socket options", options },
	{ "stream", "bytes are sent and received", stream },
	{ "stream_anywhere", "a stream, softirqs included", stream_anywhere },
	{ "seqpacket", "records are sent and received", seqpacket },
	{ "seqpacket_grow", "the pool grows for a large record", seqpacket_grow },
	{ "splice", "splice()", splicing },
	{ "dgram", "datagrams are sent and received", dgram },
	{ "dgram_anywhere", "datagrams are delivered in softirqs", dgram_anywhere },
	{ "namespace", "a network namespace", new_namespace },
	{ "first_works", "loopback comes up", first_connect_works },
	{ "first_dgram", "the first datagram of a namespace", first_dgram },
	{ "first_dgram_works", "loopback comes up for a datagram", first_dgram_works },
	{ }
};

TEST_GROUP(inject, cases, .type = SOCK_STREAM,
	   .schannel_only = "it is the modules' memory that runs out");
