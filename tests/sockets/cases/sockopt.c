// SPDX-License-Identifier: GPL-2.0-only
/* Options of level SOL_SCHANNEL. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../record.h"
#include "../sock.h"

#define PAGE	4096

static int get(int fd, int option, void *value, socklen_t size)
{
	socklen_t got = size;
	int err = getsockopt(fd, SOL_SCHANNEL, option, value, &got);

	if (!err)
		check_equal(got, size);
	return err;
}

static int set(int fd, int option, uint32_t tx, uint32_t rx)
{
	struct sc_ring_sizes sizes = { .tx = tx, .rx = rx };

	return setsockopt(fd, SOL_SCHANNEL, option, &sizes, sizeof(sizes));
}

static struct sc_ring_sizes sizes(int fd, int option)
{
	struct sc_ring_sizes value;

	call(get(fd, option, &value, sizeof(value)));
	return value;
}

static void expect_sizes(int fd, int option, uint32_t tx, uint32_t rx)
{
	struct sc_ring_sizes value = sizes(fd, option);

	check_equal(value.tx, tx);
	check_equal(value.rx, rx);
}

static int open_type(int type)
{
	test_env.type = type;
	return sock_open(0);
}

static int connect_type(int type)
{
	test_env.type = type;
	return sock_reach();
}

static int serve_type(int type)
{
	test_env.type = type;
	return sock_serve();
}

/* SO_SC_RING: each side's tx is the other's rx. */
static void ring_client(void)
{
	struct sc_ring_sizes value;
	int fd;

	call_fails(get(sock_open(0), SO_SC_RING, &value, sizeof(value)),
		   ENOTCONN);
	fd = sock_reach();
	value = sizes(fd, SO_SC_RING);
	check(value.tx >= PAGE && value.tx <= SC_RING_MAX);
	check(value.rx >= PAGE && value.rx <= SC_RING_MAX);
	check(!(value.tx & (value.tx - 1)) && !(value.rx & (value.rx - 1)));
	control_write("TX %u", value.tx);
	control_write("RX %u", value.rx);
	control_meet("DONE");
}

static void ring_server(void)
{
	int fd = sock_serve();
	uint32_t tx = control_read_number("TX"), rx = control_read_number("RX");

	expect_sizes(fd, SO_SC_RING, rx, tx);
	control_meet("DONE");
}

/* SO_SC_RING_MIN and _MAX read back, and what cannot be set. */
static void limits(void)
{
	int fd = sock_open(0), listener = sock_listen(1);

	expect_sizes(fd, SO_SC_RING_MIN, 0, 0);
	expect_sizes(fd, SO_SC_RING_MAX, 0, 0);
	call(set(fd, SO_SC_RING_MIN, 1, 5000));
	expect_sizes(fd, SO_SC_RING_MIN, PAGE, 2 * PAGE);
	call(set(fd, SO_SC_RING_MAX, SC_RING_MAX, 16 * PAGE));
	expect_sizes(fd, SO_SC_RING_MAX, SC_RING_MAX, 16 * PAGE);
	/* a wrong one changes neither */
	call_fails(set(fd, SO_SC_RING_MIN, 0, 32 * PAGE), EINVAL);
	call_fails(set(fd, SO_SC_RING_MIN, SC_RING_MAX + 1, 0), EINVAL);
	call_fails(set(fd, SO_SC_RING_MAX, 0, PAGE), EINVAL);
	call_fails(set(fd, SO_SC_RING_MAX, 0xffffffff, 0), EINVAL);
	expect_sizes(fd, SO_SC_RING_MIN, PAGE, 2 * PAGE);
	expect_sizes(fd, SO_SC_RING_MAX, SC_RING_MAX, 16 * PAGE);
	/* none again */
	call(set(fd, SO_SC_RING_MIN, 0, 0));
	call(set(fd, SO_SC_RING_MAX, 0, 0));
	expect_sizes(fd, SO_SC_RING_MAX, 0, 0);
	/* the old way says both */
	sock_set(fd, SO_SNDBUF, 8 * PAGE);
	check_equal(sizes(fd, SO_SC_RING_MIN).tx, 8 * PAGE);
	check_equal(sizes(fd, SO_SC_RING_MAX).tx, 8 * PAGE);

	call_fails(set(listener, SO_SC_RING_MIN, PAGE, PAGE), EISCONN);
	fd = open_type(SOCK_DGRAM);
	call_fails(set(fd, SO_SC_RING_MAX, PAGE, PAGE), EOPNOTSUPP);
	call_fails(get(fd, SO_SC_RING_MAX, &(struct sc_ring_sizes){ 0 },
		       sizeof(struct sc_ring_sizes)), EOPNOTSUPP);
}

/* They apply to connecting and to accepted sockets. */
static void heeded_client(void)
{
	union address to = sock_told();
	int fd = sock_open(0);

	call(set(fd, SO_SC_RING_MIN, 16 * PAGE, 4 * PAGE));
	call(set(fd, SO_SC_RING_MAX, 16 * PAGE, 4 * PAGE));
	call(sock_try(fd, to));
	call_fails(set(fd, SO_SC_RING_MIN, 0, 0), EISCONN);
	check_equal(sizes(fd, SO_SC_RING).tx, 16 * PAGE);
	control_meet("FIRST");
	/* an unset one is the listener's to say: see there */
	fd = sock_connect(to);
	check_equal(sizes(fd, SO_SC_RING).rx, 2 * PAGE);
	control_meet("SECOND");
}

static void heeded_server(void)
{
	int listener = sock_bound(), fd;

	call(set(listener, SO_SC_RING_MIN, 2 * PAGE, 0));
	call(set(listener, SO_SC_RING_MAX, 2 * PAGE, 0));
	call(listen(listener, 2));
	sock_tell(listener);
	fd = sock_accept(listener);
	check_equal(sizes(fd, SO_SC_RING).rx, 16 * PAGE);
	control_meet("FIRST");
	fd = sock_accept(listener);
	check_equal(sizes(fd, SO_SC_RING).tx, 2 * PAGE);
	expect_sizes(fd, SO_SC_RING_MIN, 2 * PAGE, 0);
	call_fails(set(fd, SO_SC_RING_MIN, 0, 0), EISCONN);
	control_meet("SECOND");
}

#define NO_ID	0xffffffffU
#define NOBODY	65534

static void expect_peer(int fd, int type, __u32 id)
{
	struct sc_peer_info info;
	union address name;
	socklen_t length = sizeof(name);

	memset(&info, 0xee, sizeof(info));
	call(get(fd, SO_SC_PEER, &info, sizeof(info)));
	call(getpeername(fd, &name.any, &length));
	check_equal(info.domid, name.sc.sc_domid);
	check_equal(info.reserved, 0);
	check(memchr(info.name, 0, sizeof(info.name)));
	/* one flow carries the datagrams of all users */
	if (type == SOCK_DGRAM)
		id = NO_ID;
	check_equal(info.uid, id);
	check_equal(info.gid, id);
}

static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };

static void peer_client(void)
{
	struct sc_peer_info info;

	for (int i = 0; i < 3; i++) {
		call_fails(get(open_type(types[i]), SO_SC_PEER, &info,
			       sizeof(info)), ENOTCONN);
		expect_peer(connect_type(types[i]), types[i], 0);
	}
	control_meet("DONE");
	/* who connects counts, not who uses the socket later */
	for (int i = 0; i < 3; i++) {
		int fd;

		call(setegid(NOBODY));
		call(seteuid(NOBODY));
		fd = connect_type(types[i]);
		call(seteuid(0));
		call(setegid(0));
		expect_peer(fd, types[i], 0);
	}
	control_meet("NOBODY");
}

static void peer_server(void)
{
	for (int i = 0; i < 3; i++)
		expect_peer(serve_type(types[i]), types[i], 0);
	control_meet("DONE");
	for (int i = 0; i < 3; i++)
		expect_peer(serve_type(types[i]), types[i], NOBODY);
	control_meet("NOBODY");
}

static struct sc_flow_stats stats(int fd)
{
	struct sc_flow_stats value;

	call(get(fd, SO_SC_STATS, &value, sizeof(value)));
	return value;
}

/* Bytes and records, as they were sent and received. */
#define SENDS	5
#define LENGTH	1000

static void stats_client(void)
{
	for (int i = 0; i < 3; i++) {
		int fd = connect_type(types[i]);
		char buffer[LENGTH] = "";

		check_equal(stats(fd).tx_bytes, 0);
		for (int j = 0; j < SENDS; j++)
			call_gives(send(fd, buffer, LENGTH, 0), LENGTH);
		check_equal(stats(fd).tx_bytes, SENDS * LENGTH);
		check_equal(stats(fd).tx_records, i ? SENDS : 0);
		check_equal(stats(fd).rx_bytes, 0);
		control_meet("SENT");
		control_meet("READ");
	}
}

static void stats_server(void)
{
	for (int i = 0; i < 3; i++) {
		int fd = serve_type(types[i]);
		char buffer[LENGTH];

		control_meet("SENT");
		for (int j = 0; j < SENDS; j++)
			call_gives(recv(fd, buffer, LENGTH, MSG_WAITALL), LENGTH);
		check_equal(stats(fd).rx_bytes, SENDS * LENGTH);
		check_equal(stats(fd).rx_records, i ? SENDS : 0);
		check_equal(stats(fd).tx_bytes, 0);
		check_equal(stats(fd).drops, 0);
		control_meet("READ");
	}
}

/* A wait that there was is counted. */
static void waits_client(void)
{
	struct pattern out = { .seed = 1 };
	int fd = sock_reach();

	check_equal(stats(fd).tx_waits, 0);
	pattern_send(&out, fd, 4 * SC_RING_MAX, 100000);
	check(stats(fd).tx_waits > 0);
	control_meet("DONE");
}

static void waits_server(void)
{
	struct pattern in = { .seed = 1 };
	int fd = sock_serve();

	pattern_recv(&in, fd, 4 * SC_RING_MAX, 1000);
	check(stats(fd).rx_events > 0);
	control_meet("DONE");
}

static void record_max_client(void)
{
	uint32_t most;
	int fd;

	call_fails(get(connect_type(SOCK_STREAM), SO_SC_RECORD_MAX, &most,
		       sizeof(most)), EOPNOTSUPP);
	check_equal(record_max(open_type(SOCK_DGRAM)), SC_DGRAM_MAX);
	call_fails(get(open_type(SOCK_SEQPACKET), SO_SC_RECORD_MAX, &most,
		       sizeof(most)), ENOTCONN);
	fd = connect_type(SOCK_SEQPACKET);
	/* the ring grows for it, if it has to */
	check(record_max(fd) > 0);
	check(record_max(fd) < SC_RING_MAX);
	control_meet("DONE");
}

static void record_max_server(void)
{
	serve_type(SOCK_STREAM);
	serve_type(SOCK_SEQPACKET);
	control_meet("DONE");
}

/* Buffers that are too short, too long, or not there. */
static void buffers_client(void)
{
	int fd = sock_reach();
	struct sc_ring_sizes value = { 1, 1 }, whole = sizes(fd, SO_SC_RING);
	struct {
		struct sc_ring_sizes sizes;
		char rest[100];
	} large;
	socklen_t length;

	length = sizeof(value.tx);
	call(getsockopt(fd, SOL_SCHANNEL, SO_SC_RING, &value, &length));
	check_equal(length, sizeof(value.tx));
	check_equal(value.tx, whole.tx);
	check_equal(value.rx, 1);
	length = 0;
	call(getsockopt(fd, SOL_SCHANNEL, SO_SC_RING, &value, &length));
	check_equal(length, 0);
	length = sizeof(large);
	call(getsockopt(fd, SOL_SCHANNEL, SO_SC_RING, &large, &length));
	check_equal(length, sizeof(large.sizes));
	length = -1;
	call_fails(getsockopt(fd, SOL_SCHANNEL, SO_SC_RING, &value, &length),
		   EINVAL);
	length = sizeof(value);
	call_fails(getsockopt(fd, SOL_SCHANNEL, SO_SC_RING, (void *)8, &length),
		   EFAULT);
	call_fails(getsockopt(fd, SOL_SCHANNEL, SO_SC_RING, &value, (void *)8),
		   EFAULT);
	fd = sock_open(0);
	call_fails(setsockopt(fd, SOL_SCHANNEL, SO_SC_RING_MAX, &value,
			      sizeof(value) - 1), EINVAL);
	call_fails(setsockopt(fd, SOL_SCHANNEL, SO_SC_RING_MAX, (void *)8,
			      sizeof(value)), EFAULT);
	control_meet("DONE");
}

static void idle_server(void)
{
	sock_serve();
	control_meet("DONE");
}

static void unknown(void)
{
	static const int nobodys[] = { 0, 7, 99, -1 };
	static const int readable[] = {
		SO_SC_RING, SO_SC_PEER, SO_SC_STATS, SO_SC_RECORD_MAX,
	};
	struct sc_ring_sizes value = { PAGE, PAGE };

	for (int i = 0; i < 3; i++) {
		int fd = open_type(types[i]);

		for (int j = 0; j < 4; j++) {
			call_fails(get(fd, nobodys[j], &value, sizeof(value)),
				   ENOPROTOOPT);
			call_fails(set(fd, nobodys[j], PAGE, PAGE), ENOPROTOOPT);
			call_fails(set(fd, readable[j], PAGE, PAGE),
				   ENOPROTOOPT);
		}
	}
}

static const struct test_case cases[] = {
	{ "ring", "SO_SC_RING is the same at both sides", ring_client,
	  ring_server },
	{ "limits", "SO_SC_RING_MIN and _MAX read back", limits },
	{ "heeded", "they apply, and are inherited", heeded_client,
	  heeded_server },
	{ "peer", "SO_SC_PEER names the domain and the user", peer_client,
	  peer_server },
	{ "stats", "SO_SC_STATS counts bytes and records", stats_client,
	  stats_server },
	{ "waits", "SO_SC_STATS counts sleeps and events", waits_client,
	  waits_server },
	{ "record_max", "SO_SC_RECORD_MAX of each type", record_max_client,
	  record_max_server },
	{ "buffers", "short and bad buffers", buffers_client, idle_server },
	{ "unknown", "ENOPROTOOPT", unknown },
	{ }
};

TEST_GROUP(sockopt, cases, .type = SOCK_STREAM,
	   .schannel_only = "SOL_SCHANNEL is AF_SCHANNEL's");
