// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer that changes what it has sent: what a program has seen by MSG_PEEK, FIONREAD or a failed
 * call is what it receives.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../control.h"
#include "../divert.h"
#include "../genl.h"
#include "../group.h"
#include "../hole.h"
#include "../record.h"
#include "../sock.h"
#include "../tamper.h"
#include "../tcp.h"

#define LENGTH	100

static char sent[LENGTH];

static bool is_record(void)
{
	return test_env.type != SOCK_STREAM;
}

/* A connection whose bytes are in a ring. */
static int reach(void)
{
	return family_is_inet() ? tcp_reach_moved() : sock_reach();
}

/* Sends, and changes the bytes once the other side has looked at them. */
static void change_client(void)
{
	int fd = reach();

	tamper_start();
	memset(sent, 'A', LENGTH);
	for (int i = 0; i < 3; i++) {
		call_gives(send(fd, sent, LENGTH, 0), LENGTH);
		control_meet("SENT");
		control_meet("SEEN");
		tamper_bytes();
		control_meet("CHANGED");
		control_meet("RECEIVED");
	}
}

static int serve(void)
{
	int fd = family_is_inet() ? tcp_serve_moved() : sock_serve();

	tamper_start();
	return fd;
}

static void arrived(int fd)
{
	control_meet("SENT");
	sock_await(fd, POLLIN);
}

static void seen(void)
{
	control_meet("SEEN");
	control_meet("CHANGED");
}

/* The first @same bytes are what was sent, the others of @n are not: they were changed. */
static void check_bytes(const char *buffer, int same, int n)
{
	for (int i = 0; i < n; i++) {
		if (buffer[i] != (i < same ? 'A' : (char)~'A'))
			fail("byte %d of %d is %#x, %d were peeked at", i, n,
			     (unsigned char)buffer[i], same);
	}
}

static void peek_server(void)
{
	static const int flags[] = { MSG_PEEK, MSG_PEEK | MSG_WAITALL, MSG_PEEK | MSG_TRUNC };
	char buffer[2 * LENGTH];
	int fd = serve();

	for (int i = 0; i < 3; i++) {
		int how = flags[is_record() || i < 2 ? i : 0];

		arrived(fd);
		call_gives(recv(fd, buffer, LENGTH, how), LENGTH);
		check_bytes(buffer, LENGTH, LENGTH);
		seen();
		/* once more, and then for good */
		call_gives(recv(fd, buffer, sizeof(buffer), MSG_PEEK), LENGTH);
		check_bytes(buffer, LENGTH, LENGTH);
		call_gives(recv(fd, buffer, sizeof(buffer), 0), LENGTH);
		check_bytes(buffer, LENGTH, LENGTH);
		control_meet("RECEIVED");
	}
}

/* Bytes that were not peeked at are the peer's to change, and prove that it did. */
static void part_server(void)
{
	char buffer[2 * LENGTH];
	int fd = serve();
	int n = 0;

	for (int i = 0; i < 3; i++) {
		arrived(fd);
		call_gives(recv(fd, buffer, 10 + i, MSG_PEEK), 10 + i);
		seen();
		if (is_record()) {
			call_gives(recv(fd, buffer, sizeof(buffer), 0), LENGTH);
		} else {
			/* the bytes of both kinds in one call, and in several */
			for (n = 0; n < LENGTH; )
				n += call(recv(fd, buffer + n, i ? 5 * i : LENGTH,
					       MSG_WAITALL));
		}
		check_bytes(buffer, 10 + i, LENGTH);
		control_meet("RECEIVED");
	}
}

static void offset_server(void)
{
	char buffer[2 * LENGTH];
	int fd = serve();

	for (int i = 0; i < 3; i++) {
		sock_set(fd, SO_PEEK_OFF, 20);
		arrived(fd);
		call_gives(recv(fd, buffer, 30, MSG_PEEK), 30);
		call_gives(recv(fd, buffer, 10, MSG_PEEK), 10);
		seen();
		sock_set(fd, SO_PEEK_OFF, -1);
		call_gives(recv(fd, buffer, LENGTH, 0), LENGTH);
		check_bytes(buffer, 60, LENGTH);
		control_meet("RECEIVED");
	}
}

/* Bytes that were peeked at can be discarded. */
static void discard_server(void)
{
	char buffer[LENGTH];
	int fd = serve();

	for (int i = 0; i < 3; i++) {
		arrived(fd);
		call_gives(recv(fd, buffer, 50, MSG_PEEK), 50);
		seen();
		call_gives(recv(fd, NULL, 20, MSG_TRUNC), 20);
		call_gives(recv(fd, buffer, 80, MSG_WAITALL), 80);
		check_bytes(buffer, 30, 80);
		control_meet("RECEIVED");
	}
}

/* A call that fails half-way leaves the record; what it has copied of it stays. */
static void fault_server(void)
{
	char *pages = (char *)hole_behind_page();
	char *half = pages + HOLE_PAGE - LENGTH / 2;
	char buffer[LENGTH];
	int fd = serve();

	for (int i = 0; i < 3; i++) {
		arrived(fd);
		memset(half, 0, LENGTH / 2);
		call_fails(recv(fd, half, LENGTH, i == 1 ? MSG_PEEK : 0), EFAULT);
		seen();
		call_gives(recv(fd, buffer, LENGTH, 0), LENGTH);
		if (memcmp(buffer, half, LENGTH / 2))
			fail("received %#x after EFAULT, which had left %#x", buffer[0],
			     half[0]);
		control_meet("RECEIVED");
	}
}

/* What was peeked at outlives a reset. */
static void reset_client(void)
{
	int fd = reach();

	tamper_start();
	memset(sent, 'A', LENGTH);
	call_gives(send(fd, sent, LENGTH, 0), LENGTH);
	control_meet("SENT");
	control_meet("SEEN");
	tamper_bytes();
	sock_set_linger(fd, 1, 0);
	close(fd);
	control_meet("CHANGED");
	control_meet("RECEIVED");
}

static void reset_server(void)
{
	char buffer[LENGTH];
	int fd = serve();

	arrived(fd);
	call_gives(recv(fd, buffer, LENGTH, MSG_PEEK), LENGTH);
	seen();
	sock_await(fd, POLLHUP);
	call_gives(recv(fd, buffer, LENGTH, 0), LENGTH);
	check_bytes(buffer, LENGTH, LENGTH);
	control_meet("RECEIVED");
}

/* The length of a record, by MSG_PEEK | MSG_TRUNC. */
static void length_client(void)
{
	int fd = reach();

	tamper_start();
	memset(sent, 'A', LENGTH);
	for (int i = 0; i < 2; i++) {
		call_gives(send(fd, sent, LENGTH, 0), LENGTH);
		control_meet("SENT");
		control_meet("SEEN");
		tamper_length(40);
		control_meet("CHANGED");
		control_meet("RECEIVED");
	}
}

static void length_server(void)
{
	char buffer[2 * LENGTH];
	int fd = serve();

	for (int i = 0; i < 2; i++) {
		arrived(fd);
		call_gives(recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC), LENGTH);
		seen();
		call_gives(recv(fd, buffer, sizeof(buffer), i ? MSG_TRUNC : 0), LENGTH);
		check_bytes(buffer, LENGTH, LENGTH);
		control_meet("RECEIVED");
	}
}

/* The sum of the lengths, by FIONREAD: the connection ends if it was a lie. */
static void sum_client(void)
{
	int fd = reach();

	tamper_start();
	call_gives(send(fd, sent, 30, 0), 30);
	call_gives(send(fd, sent, LENGTH, 0), LENGTH);
	control_meet("SENT");
	control_meet("SEEN");
	tamper_length(40);
	control_meet("CHANGED");
	control_meet("RECEIVED");
}

static void sum_server(void)
{
	char buffer[2 * LENGTH];
	int fd = serve();

	control_meet("SENT");
	sock_await_bytes(fd, 30 + LENGTH);
	seen();
	call_gives(recv(fd, buffer, sizeof(buffer), 0), 30);
	call_fails(recv(fd, buffer, sizeof(buffer), 0), ECONNRESET);
	control_meet("RECEIVED");
}

#define RING_ONLY .not_unix = "it has no ring"
#define PEEK	{ "peek", "what was peeked at is received", \
		  change_client, peek_server, RING_ONLY }
#define PART	{ "part", "a peek at a part keeps this part", \
		  change_client, part_server, RING_ONLY }
#define RESET	{ "reset", "what was peeked at outlives a reset", \
		  reset_client, reset_server, RING_ONLY }
#define FAULT	{ "fault", "EFAULT half-way keeps what was copied", \
		  change_client, fault_server, RING_ONLY }

/*
 * A thread of the kernel that has found a connection under RCU may store an event index for
 * it, however late. The entry must not be another connection's by then.
 */
struct entries {
	uint32_t port[2];
	int nr;
	uint64_t id[2];
};

/* Other flows than the connection's two may be there still, from other cases. */
static void add_entry(const struct nlmsghdr *answer, void *arg)
{
	struct entries *entries = arg;
	uint32_t local = genl_number(answer, SCHANNEL_A_FLOW_LOCAL_PORT);
	uint32_t remote = genl_number(answer, SCHANNEL_A_FLOW_PEER_PORT);
	int end = local == entries->port[1];

	if (local != entries->port[end] || remote != entries->port[!end])
		return;
	check(entries->nr < 2);
	entries->nr++;
	entries->id[end] = genl_number(answer, SCHANNEL_A_FLOW_ID);
}

static void await_entries(struct entries *entries, int nr)
{
	do {
		usleep(1000);
		entries->nr = 0;
		check_equal(genl_dump(SCHANNEL_CMD_FLOW_GET, add_entry, entries), 0);
	} while (entries->nr != nr);
}

static struct sock_pair open_pair(struct entries *entries)
{
	struct sock_pair pair = sock_pair();

	entries->port[0] = sock_port(pair.left);
	entries->port[1] = sock_port(pair.right);
	await_entries(entries, 2);
	return pair;
}

static void reuse(void)
{
	struct entries before, after, gone;
	struct sock_pair pair;

	if (family_is_inet())
		divert_need();
	tamper_start();
	pair = open_pair(&before);
	tamper_reader_begin();
	close(pair.left);
	close(pair.right);
	gone = before;
	await_entries(&gone, 0);
	open_pair(&after);
	tamper_reader_end();
	check(after.id[0] != before.id[0]);
	check(after.id[1] != before.id[1]);
}

static const struct test_case streams[] = {
	PEEK,
	PART,
	RESET,
	{ "offset", "SO_PEEK_OFF keeps everything up to its end", change_client,
	  offset_server, RING_ONLY },
	{ "discard", "MSG_TRUNC discards what was peeked at", change_client,
	  discard_server, RING_ONLY },
	{ "reuse", "an entry is not used again while an upcall may write to it", reuse, NULL,
	  RING_ONLY },
	{}
};

static const struct test_case seqpackets[] = {
	PEEK,
	PART,
	FAULT,
	RESET,
	{ "length", "the length that was peeked at is received", length_client,
	  length_server, RING_ONLY },
	{ "sum", "lengths that do not add up to FIONREAD end the connection",
	  sum_client, sum_server, RING_ONLY },
	{}
};

static const struct test_case dgrams[] = {
	PEEK,
	FAULT,
	{ "length", "the length of a datagram cannot be changed", length_client,
	  length_server, RING_ONLY },
	{}
};

TEST_GROUP(tamper, streams, STREAMS);
TEST_GROUP(seqpacket_tamper, seqpackets, SEQPACKETS);
TEST_GROUP(dgram_tamper, dgrams, DGRAMS, .not_inet = "UDP has no ring");
