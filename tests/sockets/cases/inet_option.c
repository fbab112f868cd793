// SPDX-License-Identifier: GPL-2.0-only
/* TCP, in channels or not: options of level IPPROTO_TCP. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"
#include "../tcp.h"

/* From net/tcp_states.h, which is not for programs. */
enum { ESTABLISHED = 1, LISTEN = 10 };

#define SOME	100000

static void check_option(int fd, int option, int value)
{
	tcp_set(fd, option, value);
	check_equal(tcp_get(fd, option), value);
}

/* All that programs are used to set, on a connection that is open. */
static void set_all(int fd)
{
	char name[16] = "";
	socklen_t size = sizeof(name);

	check_option(fd, TCP_NODELAY, 1);
	check_option(fd, TCP_NODELAY, 0);
	check_option(fd, TCP_CORK, 1);
	check_option(fd, TCP_CORK, 0);
	check_option(fd, TCP_KEEPIDLE, 100);
	check_option(fd, TCP_KEEPINTVL, 10);
	check_option(fd, TCP_KEEPCNT, 5);
	check_option(fd, TCP_USER_TIMEOUT, 10000);
	check_option(fd, TCP_SYNCNT, 4);
	check_option(fd, TCP_LINGER2, 20);
	check_option(fd, TCP_NOTSENT_LOWAT, 65536);
	check_option(fd, TCP_QUICKACK, 1);
	tcp_set(fd, TCP_QUICKACK, 0);
	tcp_set(fd, TCP_WINDOW_CLAMP, 65536);
	check(tcp_get(fd, TCP_MAXSEG) > 0);
	call(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	call(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size));
	check(!strncmp(name, "reno", 4));
	if (family->number == AF_INET)
		call(setsockopt(fd, IPPROTO_IP, IP_TOS, &(int){ 0x10 }, sizeof(int)));
	else
		call(setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &(int){ 0x10 },
				sizeof(int)));
}

static void set_both(void)
{
	int fd = test_env.is_client ? sock_reach() : sock_serve();

	for (int i = 0; i < 3; i++) {
		set_all(fd);
		tcp_talk(fd);
	}
	control_meet("DONE");
}

/* Unanswered probes would end a connection after three seconds. */
static void set_probes(int fd)
{
	tcp_set(fd, TCP_KEEPINTVL, 1);
	tcp_set(fd, TCP_KEEPCNT, 2);
	tcp_set(fd, TCP_KEEPIDLE, 1);
	sock_set(fd, SO_KEEPALIVE, 1);
}

static void stay_idle(int one, int other)
{
	struct pollfd both[] = {
		{ .fd = one, .events = POLLIN },
		{ .fd = other, .events = POLLIN },
	};
	int n;

	tcp_talk(one);
	tcp_talk(other);
	/* the test is that nothing happens in this time */
	n = call(poll(both, 2, 4500));
	check_equal(sock_error(one), 0);
	check_equal(sock_error(other), 0);
	check_equal(n, 0);
	control_meet("IDLE");
	tcp_talk(one);
	tcp_talk(other);
	control_meet("DONE");
}

/*
 * They are set before there is a connection, and when there is one. What starts the timer then
 * is SO_KEEPALIVE here; at the other side, which has that from its listener, TCP_KEEPIDLE.
 */
static void keepalive_client(void)
{
	union address to = sock_told();
	int early = sock_open(0), late;

	set_probes(early);
	call(sock_try(early, to));
	late = sock_connect(to);
	set_probes(late);
	stay_idle(early, late);
}

static void keepalive_server(void)
{
	int listener = sock_bound(), early, late;

	set_probes(listener);
	call(listen(listener, 2));
	sock_tell(listener);
	early = sock_accept(listener);
	late = sock_accept(listener);
	set_probes(late);
	stay_idle(early, late);
}

/* While it is set nothing need arrive; once it is not, all has to. */
static void cork_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	for (int i = 0; i < 20; i++) {
		tcp_set(fd, TCP_CORK, 1);
		for (int j = 0; j < 10; j++)
			pattern_send(&out, fd, 100 + j, 100 + j);
		tcp_set(fd, TCP_CORK, 0);
		control_meet("UNCORKED");
	}
	/* setting TCP_NODELAY lets it go as well */
	tcp_set(fd, TCP_CORK, 1);
	pattern_send(&out, fd, 10, 10);
	tcp_set(fd, TCP_NODELAY, 1);
	tcp_set(fd, TCP_CORK, 0);
	control_meet("DONE");
}

static void cork_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();

	for (int i = 0; i < 20; i++) {
		pattern_recv(&in, fd, 1045, 1045);
		control_meet("UNCORKED");
	}
	pattern_recv(&in, fd, 10, 10);
	control_meet("DONE");
}

/* Either side sends that much; what TCP counts is exactly what went. */
static void check_counts(int fd)
{
	struct tcp_info info = tcp_info(fd);

	check_equal(info.tcpi_state, ESTABLISHED);
	check_equal(info.tcpi_bytes_received, SOME);
	check_equal(info.tcpi_bytes_sent, SOME);
	check_equal(info.tcpi_notsent_bytes, 0);
	/* TCP's SYN is a byte that was acknowledged */
	check(info.tcpi_bytes_acked - SOME <= 1);
	check_equal(info.tcpi_unacked, 0);
	check_equal(info.tcpi_bytes_retrans, 0);
	check_equal(info.tcpi_total_retrans, 0);
	check(info.tcpi_snd_mss > 0);
	check(info.tcpi_rcv_mss > 0);
}

static void info(void)
{
	struct pattern pattern = { .seed = test_env.seed };
	int listener = sock_listen(1), fd;

	check_equal(tcp_info(listener).tcpi_state, LISTEN);
	fd = test_env.is_client ? sock_reach() : sock_serve();
	check_equal(tcp_info(fd).tcpi_state, ESTABLISHED);
	if (test_env.is_client)
		pattern_send(&pattern, fd, SOME, 10000);
	pattern.position = 0;
	pattern_recv(&pattern, fd, SOME, 10000);
	pattern.position = 0;
	if (!test_env.is_client)
		pattern_send(&pattern, fd, SOME, 10000);
	control_meet("SENT");
	/* read there, it need not be acknowledged here yet */
	for (int64_t end = now_ms() + patience_ms(); tcp_info(fd).tcpi_unacked;) {
		check(now_ms() < end);
		poll(NULL, 0, 1);
	}
	check_counts(fd);
	control_meet("COUNTED");
	/* what arrived counts, whether it was read or not */
	call_gives(send(fd, "unread", 6, 0), 6);
	sock_await_bytes(fd, 6);
	check_equal(tcp_info(fd).tcpi_bytes_received, SOME + 6);
	control_meet("DONE");
}

/* How much a short buffer gets, and a long one. */
static void info_cut(void)
{
	int fd = test_env.is_client ? sock_reach() : sock_serve();
	unsigned char room[1024];
	socklen_t size = 3;

	memset(room, 0xee, sizeof(room));
	call(getsockopt(fd, IPPROTO_TCP, TCP_INFO, room, &size));
	check_equal(size, 3);
	check_equal(room[0], ESTABLISHED);
	check_equal(room[3], 0xee);
	size = sizeof(room);
	call(getsockopt(fd, IPPROTO_TCP, TCP_INFO, room, &size));
	check(size >= 200 && size < sizeof(room));
	check_equal(room[size], 0xee);
	control_meet("DONE");
}

/* A name that a ULP gave itself is none of the program's. */
static void no_ulp(void)
{
	int fd = test_env.is_client ? sock_reach() : sock_serve();
	char name[16];
	socklen_t size = sizeof(name);

	call(getsockopt(fd, IPPROTO_TCP, TCP_ULP, name, &size));
	check_equal(size, 0);
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "all", "set and read on an open connection", set_both, set_both },
	{ "keepalive", "an idle connection survives keepalive probes",
	  keepalive_client, keepalive_server },
	{ "cork", "TCP_CORK delays bytes only for a while", cork_client,
	  cork_server },
	{ "info", "TCP_INFO counts bytes", info, info },
	{ "info_cut", "TCP_INFO in buffers of any size", info_cut, info_cut },
	{ "no_ulp", "TCP_ULP reads as empty", no_ulp, no_ulp },
	{ }
};

TEST_GROUP(inet_option, cases, TCP);
