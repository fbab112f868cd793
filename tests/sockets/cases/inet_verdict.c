// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why the bytes of a TCP connection stay with TCP: each end gets one verdict, when its bytes move
 * for the first time, in connect(), or when it ends without that. In network namespaces of their
 * own, where nothing else is counted. Where nothing is diverted, the same connections must work.
 */
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../bpf.h"
#include "../divert.h"
#include "../group.h"
#include "../setting.h"
#include "../sock.h"
#include "../tcp.h"

#define NEVER_MS	60000	/* the largest delay */

/* ---- Namespaces -------------------------------------------------------- */

static void set(const char *name, int value)
{
	if (divert_is_there())
		call(setting_write(name, value));
}

static struct divert_counts before;

static void mark(void)
{
	if (divert_is_there())
		before = divert_now();
}

/* A namespace in which connections move at once. */
static void leave(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	call(unshare(CLONE_NEWNET));
	call(ioctl(sock_open(0), SIOCSIFFLAGS, &lo));
	set("divert_local", 1);
	set("divert_delay_ms", 0);
	mark();
}

static union address reach(int listener)
{
	union address to = address_of(listener);

	family->loop(&to);
	return to;
}

static struct sock_pair connect_to(int listener)
{
	struct sock_pair pair = { .left = sock_connect(reach(listener)) };

	pair.right = sock_accept(listener);
	tcp_talk_pair(pair.left, pair.right);
	return pair;
}

static void hang_up(struct sock_pair pair)
{
	close(pair.left);
	close(pair.right);
}

/* Time for what a connection tries in the background, and for verdicts that must not come. */
static void wait_a_little(void)
{
	poll(NULL, 0, patience_ms() / 50);
}

/* ---- Expectations ------------------------------------------------------ */

struct expected {
	enum schannel_divert verdict;
	uint64_t times;
};

/* Since mark(), or the last time, the verdicts given are these, and no others. */
static void expect_these(const struct expected *expected)
{
	uint64_t wanted[SCHANNEL_DIVERT_MAX + 1] = { 0 }, all = 0;
	struct divert_counts since;

	if (!divert_is_there())
		return;
	for (; expected->times; expected++) {
		wanted[expected->verdict] = expected->times;
		all += expected->times;
	}
	since = divert_await(&before, all);
	for (int i = 0; i <= SCHANNEL_DIVERT_MAX; i++) {
		if (since.verdicts[i] != wanted[i])
			fail("%s %llu times, expected %llu", divert_name(i),
			     (unsigned long long)since.verdicts[i],
			     (unsigned long long)wanted[i]);
	}
	mark();
}

#define expect(...) expect_these((const struct expected[]){ __VA_ARGS__, { 0, 0 } })

/* Since mark() so many ends of flows have carried connections. */
static void await_flows(uint64_t flows)
{
	int64_t end = now_ms() + patience_ms();

	while (divert_now().flows < before.flows + flows) {
		if (now_ms() > end)
			fail("the connection did not move again");
		poll(NULL, 0, 1);
	}
}

static void expect_no_more(void)
{
	wait_a_little();
	expect({ SCHANNEL_DIVERT_OK, 0 });
}

/* No end was diverted, and at least one for this reason. */
static void expect_tcp(enum schannel_divert reason)
{
	struct divert_counts since;

	if (!divert_is_there())
		return;
	wait_a_little();
	since = divert_now();
	since = divert_since(&before, &since);
	check_equal(since.verdicts[SCHANNEL_DIVERT_OK], 0);
	check(since.verdicts[reason] > 0);
	mark();
}

/* ---- Cases ------------------------------------------------------------- */

/* Counted when they move, not when they move again, and not when they end. */
static void moved(void)
{
	struct sock_pair pair;
	int listener;

	leave();
	listener = sock_listen(1);
	pair = connect_to(listener);
	expect({ SCHANNEL_DIVERT_OK, 2 });
	if (divert_is_there()) {
		tcp_talk_pair(pair.left, pair.right);
		check(tcp_kill_flows(sock_port(listener)));
		await_flows(2);
	}
	tcp_talk_pair(pair.left, pair.right);
	hang_up(pair);
	expect_no_more();
}

#define OFTEN	200

/* Whenever and however it ends: a verdict for each end, once. */
static void each(void)
{
	struct divert_counts since;
	uint64_t given = 0;
	int listener;

	leave();
	listener = sock_listen(1);
	for (int i = 0; i < OFTEN; i++) {
		int left = sock_connect(reach(listener)), right;

		if (i % 2)
			call_gives(send(left, "x", 1, 0), 1);
		right = sock_accept(listener);
		if (i % 3 == 1)
			sock_set_linger(right, 1, 0);
		if (i % 5 == 1)
			call(shutdown(left, SHUT_WR));
		if (i % 7 == 1)
			poll(NULL, 0, 5);
		close(i % 4 < 2 ? left : right);
		close(i % 4 < 2 ? right : left);
	}
	if (!divert_is_there())
		return;
	divert_await(&before, 2 * OFTEN);
	wait_a_little();
	since = divert_now();
	since = divert_since(&before, &since);
	for (int i = 0; i <= SCHANNEL_DIVERT_MAX; i++)
		given += since.verdicts[i];
	check_equal(given, 2 * OFTEN);
}

static void expect_moved(int listener)
{
	struct sock_pair pair = connect_to(listener);

	expect({ SCHANNEL_DIVERT_OK, 2 });
	hang_up(pair);
}

/* Over before it is old enough. */
static void brief(void)
{
	leave();
	set("divert_delay_ms", NEVER_MS);
	hang_up(connect_to(sock_listen(1)));
	expect({ SCHANNEL_DIVERT_BRIEF, 1 }, { SCHANNEL_DIVERT_NOT_OFFERED, 1 });
}

/* A listener whose cgroup is not attached offers nothing. */
static void outside_listener(void)
{
	struct sock_pair pair;
	int listener;

	leave();
	tcp_leave_cgroup();
	listener = sock_listen(1);
	tcp_return_to_cgroup();
	pair = connect_to(listener);
	wait_a_little();
	hang_up(pair);
	expect({ SCHANNEL_DIVERT_NOT_OFFERED, 1 });
	expect_no_more();
}

/* A client whose cgroup is not attached is offered a flow, and has no use for it. */
static void outside_client(void)
{
	struct sock_pair pair;
	int listener;

	leave();
	listener = sock_listen(1);
	/* what follows need not wait for a channel then */
	expect_moved(listener);
	tcp_leave_cgroup();
	pair = connect_to(listener);
	wait_a_little();
	hang_up(pair);
	expect({ SCHANNEL_DIVERT_NOT_ATTACHED, 1 });
	/* a socket that is made inside has */
	tcp_return_to_cgroup();
	expect_moved(listener);
}

/* One socket, whose connections are diverted and not, by turns. */
static void in_turns(void)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	int inside, outside, fd;

	leave();
	inside = sock_listen(1);
	tcp_leave_cgroup();
	outside = sock_listen(1);
	tcp_return_to_cgroup();
	fd = sock_open(0);
	for (int i = 0; i < 4; i++) {
		int other;

		call(sock_try(fd, reach(i % 2 ? outside : inside)));
		other = sock_accept(i % 2 ? outside : inside);
		tcp_talk_pair(fd, other);
		if (i % 2 == 0)
			expect({ SCHANNEL_DIVERT_OK, 2 });
		call(connect(fd, &nobody, sizeof(nobody)));
		sock_error(fd);
		close(other);
		if (i % 2)
			expect({ SCHANNEL_DIVERT_NOT_OFFERED, 1 });
	}
	expect_no_more();
}

static void local(void)
{
	struct sock_pair pair;
	int listener;

	leave();
	set("divert_local", 0);
	listener = sock_listen(1);
	pair = connect_to(listener);
	expect({ SCHANNEL_DIVERT_LOCAL, 2 });
	hang_up(pair);
	set("divert_local", 1);
	expect_moved(listener);
}

/* An address of nobody, which is known in connect(). */
static void no_peer(void)
{
	leave();
	sock_try(sock_open(SOCK_NONBLOCK), nowhere(1));
	expect({ SCHANNEL_DIVERT_NO_PEER, 1 });
	expect_no_more();
}

/* Another program has the last word on where it goes, and it moves all the same. */
static void rewritten(void)
{
	struct sock_pair pair;
	int one, other, redirection;

	divert_need();
	leave();
	one = sock_listen(1);
	other = sock_listen(1);
	redirection = bpf_redirect(tcp_open_cgroup(), family->number, sock_port(other));
	pair.left = sock_connect(reach(one));
	pair.right = sock_accept(other);
	close(redirection);
	tcp_talk_pair(pair.left, pair.right);
	expect({ SCHANNEL_DIVERT_OK, 2 });
}

/* A program looks at the packets of the cgroup. */
static void filtered(void)
{
	struct sock_pair pair;
	int link;

	divert_need();
	leave();
	link = bpf_look_at_packets(tcp_open_cgroup());
	pair = connect_to(sock_listen(1));
	wait_a_little();
	hang_up(pair);
	expect_tcp(SCHANNEL_DIVERT_FILTERED);
	close(link);
}

/* Data that goes along with the connect. */
static void fast_open(void)
{
	int listener, fd, other;
	union address to;
	char text[4];

	leave();
	listener = sock_bound();
	tcp_set(listener, TCP_FASTOPEN, 5);
	call(listen(listener, 5));
	to = reach(listener);
	for (int i = 0; i < 2; i++) {
		fd = sock_open(0);
		if (i) {
			tcp_set(fd, TCP_FASTOPEN_CONNECT, 1);
			call(sock_try(fd, to));
			call_gives(send(fd, "fast", 4, 0), 4);
		} else {
			call_gives(sendto(fd, "fast", 4, MSG_FASTOPEN, &to.any,
					  family->length), 4);
		}
		other = sock_accept(listener);
		call_gives(recv(other, text, 4, MSG_WAITALL), 4);
		check(!memcmp(text, "fast", 4));
		tcp_talk_pair(fd, other);
		hang_up((struct sock_pair){ fd, other });
		expect_tcp(SCHANNEL_DIVERT_SOCKET);
	}
}

static int open_mptcp(void)
{
	int fd = socket(family->number, SOCK_STREAM, IPPROTO_MPTCP);

	if (fd < 0)
		skip("this kernel has no MPTCP (%s)", errno_name(errno));
	return fd;
}

/* An MPTCP socket at either end. */
static void mptcp(void)
{
	struct divert_counts since;
	int listener, multipath;
	struct sock_pair pair;

	leave();
	multipath = open_mptcp();
	listener = sock_listen(1);
	call(sock_try(multipath, reach(listener)));
	pair = (struct sock_pair){ multipath, sock_accept(listener) };
	tcp_talk_pair(pair.left, pair.right);
	wait_a_little();
	hang_up(pair);
	if (divert_is_there()) {
		since = divert_now();
		check_equal(since.verdicts[SCHANNEL_DIVERT_OK], 0);
	}
	/* one that listens may have a connection of plain TCP, which may move or not */
	multipath = open_mptcp();
	call(sock_bind(multipath, here(0)));
	call(listen(multipath, 1));
	pair = connect_to(multipath);
	wait_a_little();
	tcp_talk_pair(pair.left, pair.right);
	hang_up(pair);
}

/* In repair mode connect() makes no connection. */
static void repair(void)
{
	int listener, fd;

	leave();
	listener = sock_listen(1);
	fd = sock_open(0);
	call(sock_bind(fd, here(0)));
	tcp_set(fd, TCP_REPAIR, 1);
	call(sock_try(fd, reach(listener)));
	check_equal(tcp_get(fd, TCP_REPAIR), 1);
	expect({ SCHANNEL_DIVERT_SOCKET, 1 });
}

#define CONNECTIONS	400

/* A pool of the least size, and more connections than it has rings for. */
static void no_memory(void)
{
	int pool = divert_is_there() ? call(setting_open("pool_max_kib", O_RDWR)) : -1;
	static struct sock_pair pairs[CONNECTIONS];
	struct divert_counts since;
	char most[16] = "";
	int listener;

	if (pool >= 0)
		call(read(pool, most, sizeof(most) - 1));
	leave();
	listener = sock_listen(2);
	if (pool >= 0)
		call_gives(pwrite(pool, "1024", 4, 0), 4);
	expect_moved(listener);
	/* the channel is there, and keeps the size that it has */
	if (pool >= 0)
		call(pwrite(pool, most, strlen(most), 0));
	for (int i = 0; i < CONNECTIONS; i++)
		pairs[i] = connect_to(listener);
	wait_a_little();
	for (int i = 0; i < CONNECTIONS; i++)
		tcp_talk_pair(pairs[i].left, pairs[i].right);
	/* the last ones first: what the others leave would be theirs */
	for (int i = CONNECTIONS; i > 0; i--)
		hang_up(pairs[i - 1]);
	if (!divert_is_there())
		return;
	since = divert_await(&before, 2 * CONNECTIONS);
	check(since.verdicts[SCHANNEL_DIVERT_OK] > 0);
	check(since.verdicts[SCHANNEL_DIVERT_NO_MEMORY] > 0);
}

static const struct test_case cases[] = {
	{ "moved", "both ends are diverted, and count once", moved },
	{ "each", "each end of 200 connections has one verdict", each },
	{ "brief", "a connection that is over before it is old enough", brief },
	{ "outside_listener", "a listener in a cgroup that is not attached", outside_listener },
	{ "outside_client", "a client in a cgroup that is not attached", outside_client },
	{ "in_turns", "one socket, alternately diverted and not", in_turns },
	{ "local", "an address of this domain, and divert_local is 0", local },
	{ "no_peer", "to an address without a peer", no_peer },
	{ "rewritten", "another BPF program changes the destination", rewritten },
	{ "filtered", "a BPF program of the cgroup looks at packets", filtered },
	{ "fast_open", "data that goes with the connect", fast_open },
	{ "mptcp", "MPTCP, either side", mptcp },
	{ "repair", "TCP_REPAIR", repair },
	{ "no_memory", "no memory for its rings", no_memory },
	{ }
};

TEST_GROUP(inet_verdict, cases, TCP);
