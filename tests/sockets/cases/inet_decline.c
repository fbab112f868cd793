// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP, diverted or not: connections that stay on TCP although cgroups are attached. They work,
 * and the counters give the reason.
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../bpf.h"
#include "../group.h"
#include "../control.h"
#include "../divert.h"
#include "../sock.h"
#include "../tcp.h"

static struct divert_counts before;

static void mark(void)
{
	if (test_env.diverted)
		before = divert_now();
}

/* Since mark(), this was said so often; and nothing else was, but OK as often as that. */
static void expect(enum schannel_divert verdict, uint64_t times, uint64_t diverted)
{
	struct divert_counts now, since;

	if (!test_env.diverted)
		return;
	now = divert_now();
	since = divert_since(&before, &now);
	for (int i = 0; i <= SCHANNEL_DIVERT_MAX; i++) {
		uint64_t wanted = 0;

		if (i == SCHANNEL_DIVERT_OK)
			wanted = diverted;
		else if (i == (int)verdict)
			wanted = times;
		if (since.verdicts[i] != wanted)
			fail("%s %llu times, expected %llu", divert_name(i),
			     (unsigned long long)since.verdicts[i],
			     (unsigned long long)wanted);
	}
	check_equal(since.tcp, times);
}

/* No listener: TCP itself refuses. */
static void nobody_client(void)
{
	union address to = sock_told();
	int fd = sock_open(0);
	int64_t start;

	mark();
	start = now_ms();
	call_fails(sock_try(fd, to), ECONNREFUSED);
	check(now_ms() - start < patience_ms());
	expect(SCHANNEL_DIVERT_NO_LISTENER, 1, 0);
	control_meet("LISTEN");
	control_meet("LISTENS");
	mark();
	call(sock_try(fd, to));
	expect(SCHANNEL_DIVERT_NO_LISTENER, 0, 1);
	tcp_talk(fd);
	control_meet("DONE");
}

static void nobody_server(void)
{
	int fd = sock_bound();

	sock_tell(fd);
	control_meet("LISTEN");
	call(listen(fd, 1));
	control_meet("LISTENS");
	tcp_talk(sock_accept(fd));
	control_meet("DONE");
}

#define OFTEN	1000

/* A listener whose cgroup is not attached: TCP, and only the first one had to ask. */
static void not_attached_client(void)
{
	union address to = sock_told();
	struct divert_counts now;
	int64_t start;
	int fd;

	mark();
	fd = sock_connect(to);
	expect(SCHANNEL_DIVERT_NOT_ATTACHED, 1, 0);
	tcp_talk(fd);
	start = now_ms();
	for (int i = 0; i < OFTEN; i++) {
		fd = sock_connect(to);
		sock_set_linger(fd, 1, 0);
		close(fd);
	}
	/* TCP alone needs a part of that; a round trip each would not show, a wait does */
	check(now_ms() - start < 2 * patience_ms());
	control_meet("DONE");
	if (!test_env.diverted)
		return;
	now = divert_now();
	now = divert_since(&before, &now);
	check_equal(now.verdicts[SCHANNEL_DIVERT_OK], 0);
	check_equal(divert_declined(&now), OFTEN + 1);
	/* again it asks only when it has forgotten */
	check(now.verdicts[SCHANNEL_DIVERT_RECENT] >= OFTEN - 20);
}

static void not_attached_server(void)
{
	int listener;

	tcp_leave_cgroup();
	listener = sock_listen_told(OFTEN);
	tcp_talk(sock_accept(listener));
	for (int i = 0; i < OFTEN; i++)
		close(sock_accept(listener));
	control_meet("DONE");
}

/* A client outside asks for nothing. */
static void outside_client(void)
{
	union address to = sock_told();
	int fd;

	tcp_leave_cgroup();
	mark();
	fd = sock_connect(to);
	tcp_talk(fd);
	if (test_env.diverted) {
		struct divert_counts now = divert_now(), since;

		since = divert_since(&before, &now);
		check_equal(since.verdicts[SCHANNEL_DIVERT_OK], 0);
		check_equal(divert_declined(&since), 0);
		check_equal(since.tcp, 1);
	}
	/* a socket that is made inside does */
	tcp_return_to_cgroup();
	mark();
	fd = sock_connect(to);
	expect(SCHANNEL_DIVERT_NO_PEER, 0, 1);
	tcp_talk(fd);
	control_meet("DONE");
}

static void outside_server(void)
{
	int listener = sock_listen_told(2);

	for (int i = 0; i < 2; i++)
		tcp_talk(sock_accept(listener));
	control_meet("DONE");
}

/* One socket: diverted, then TCP's, then diverted, then TCP's. */
static void in_turns_client(void)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	union address inside = sock_told(), outside = sock_told();
	int fd = sock_open(0);

	mark();
	for (int i = 0; i < 4; i++) {
		call(sock_try(fd, i % 2 ? outside : inside));
		tcp_talk(fd);
		call(connect(fd, &nobody, sizeof(nobody)));
		sock_error(fd);
	}
	control_meet("DONE");
	if (test_env.diverted) {
		struct divert_counts now = divert_now(), since;

		since = divert_since(&before, &now);
		check_equal(since.verdicts[SCHANNEL_DIVERT_OK], 2);
		check_equal(since.verdicts[SCHANNEL_DIVERT_NOT_ATTACHED] +
			    since.verdicts[SCHANNEL_DIVERT_RECENT], 2);
		check_equal(since.tcp, 2);
	}
}

static void in_turns_server(void)
{
	int inside = sock_listen_told(1), outside;

	tcp_leave_cgroup();
	outside = sock_listen_told(1);
	for (int i = 0; i < 4; i++)
		tcp_talk(sock_accept(i % 2 ? outside : inside));
	control_meet("DONE");
}

/* Data that goes along with the connect: TCP's. */
static void fast_open_client(void)
{
	union address to = sock_told();
	int fd = sock_open(0);

	mark();
	call_gives(sendto(fd, "fast", 4, MSG_FASTOPEN, &to.any, family->length), 4);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	expect(SCHANNEL_DIVERT_SOCKET, 1, 0);

	fd = sock_open(0);
	tcp_set(fd, TCP_FASTOPEN_CONNECT, 1);
	call(sock_try(fd, to));
	call_gives(send(fd, "fast", 4, 0), 4);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	control_meet("DONE");
}

static void fast_open_server(void)
{
	int listener = sock_bound();

	tcp_set(listener, TCP_FASTOPEN, 5);
	call(listen(listener, 5));
	sock_tell(listener);
	for (int i = 0; i < 2; i++) {
		int fd = sock_accept(listener);
		char text[4];

		call_gives(recv(fd, text, 4, MSG_WAITALL), 4);
		check(!memcmp(text, "fast", 4));
		call_gives(send(fd, "x", 1, 0), 1);
	}
	control_meet("DONE");
}

static int open_mptcp(void)
{
	int fd = socket(family->number, SOCK_STREAM, IPPROTO_MPTCP);

	if (fd < 0)
		skip("this kernel has no MPTCP (%s)", errno_name(errno));
	return fd;
}

static void expect_nothing_diverted(void)
{
	struct divert_counts now;

	if (!test_env.diverted)
		return;
	now = divert_now();
	check_equal(now.verdicts[SCHANNEL_DIVERT_OK],
		    before.verdicts[SCHANNEL_DIVERT_OK]);
}

/* An MPTCP socket, and then a listener that is one. */
static void mptcp_client(void)
{
	int fd = open_mptcp();

	mark();
	call(sock_try(fd, sock_told()));
	tcp_talk(fd);
	expect_nothing_diverted();
	fd = sock_reach();
	tcp_talk(fd);
	expect_nothing_diverted();
	/* that is that listener's affair: others are reached as ever */
	mark();
	fd = sock_reach();
	tcp_talk(fd);
	expect(SCHANNEL_DIVERT_NO_PEER, 0, 1);
	control_meet("DONE");
}

static void mptcp_server(void)
{
	int multipath = open_mptcp();

	tcp_talk(sock_serve());
	call(sock_bind(multipath, here(0)));
	call(listen(multipath, 1));
	sock_tell(multipath);
	tcp_talk(sock_accept(multipath));
	tcp_talk(sock_serve());
	control_meet("DONE");
}

/* A socket in repair mode stays on TCP. */
static void repair(void)
{
	int listener = sock_listen(1), fd = sock_open(0);
	union address to = address_of(listener);

	family->loop(&to);
	call(sock_bind(fd, here(0)));
	tcp_set(fd, TCP_REPAIR, 1);
	mark();
	call(sock_try(fd, to));
	check_equal(tcp_get(fd, TCP_REPAIR), 1);
	expect_nothing_diverted();
}

/* Privileged ports need the capability, diverted or not. */
static void privileged_client(void)
{
	union address to = sock_told();
	int fd = sock_open(0);
	pid_t child;
	int status;

	for (uint32_t port = 600; sock_bind(fd, here(port)); port++) {
		check_equal(errno, EADDRINUSE);
		check(port < 1000);
	}
	call(sock_try(fd, to));
	check(sock_port(fd) < 1024);
	tcp_talk(fd);
	child = call(fork());
	if (!child) {
		call(setgid(1000));
		call(setuid(1000));
		fd = sock_open(0);
		call_fails(sock_bind(fd, here(600)), EACCES);
		call(sock_try(fd, to));
		check(sock_port(fd) >= 1024);
		tcp_talk(fd);
		_exit(CASE_PASSED);
	}
	call(waitpid(child, &status, 0));
	check_equal(status, 0);
	control_meet("DONE");
}

static void privileged_server(void)
{
	int listener = sock_listen_told(1);

	for (int i = 0; i < 2; i++) {
		union address from = { 0 };
		socklen_t size = sizeof(from);
		int fd = call(accept(listener, &from.any, &size));

		check_equal(family->port(&from) < 1024, !i);
		tcp_talk(fd);
	}
	control_meet("DONE");
}

/* Begins one connect; then the expected verdict is counted, unless plain TCP runs. */
static int begin(union address to)
{
	int fd = sock_open(SOCK_NONBLOCK);

	mark();
	if (sock_try(fd, to))
		check_equal(errno, EINPROGRESS);
	if (test_env.diverted)
		divert_await(&before, 1);
	return fd;
}

/* A source address of another host, bound with IP_TRANSPARENT: it is refused. */
static void source_client(void)
{
	union address to = sock_told();
	bool four = family->number == AF_INET;
	int fd = sock_open(SOCK_NONBLOCK);

	call(setsockopt(fd, four ? IPPROTO_IP : IPPROTO_IPV6,
			four ? IP_TRANSPARENT : IPV6_TRANSPARENT, &(int){ 1 },
			sizeof(int)));
	call(sock_bind(fd, nowhere(0)));
	mark();
	if (sock_try(fd, to))
		check_equal(errno, EINPROGRESS);
	if (test_env.diverted)
		divert_await(&before, 1);
	expect(SCHANNEL_DIVERT_REFUSED_SOURCE, 1, 0);
	control_meet("DONE");
}

static void source_server(void)
{
	int listener = sock_listen_told(1);

	control_meet("DONE");
	check_equal(sock_state(listener), 0);
}

/* A security module says no to it, and then to TCP, which tries again. */
static void denied_client(void)
{
	union address to = sock_told();
	int fd;

	control_meet("DENY");
	fd = begin(to);
	control_meet("TRIED");
	control_meet("ALLOW");
	check(sock_await(fd, POLLOUT) & POLLOUT);
	check_equal(sock_error(fd), 0);
	expect(SCHANNEL_DIVERT_DENIED, 1, 0);
	sock_set_nonblocking(fd, false);
	tcp_talk(fd);
	/* it is about that connection only */
	mark();
	fd = sock_connect(to);
	expect(SCHANNEL_DIVERT_NO_PEER, 0, 1);
	tcp_talk(fd);
	control_meet("DONE");
}

static void denied_server(void)
{
	int listener = sock_listen_told(2), denial = bpf_deny_incoming();

	control_meet("DENY");
	control_meet("TRIED");
	check_equal(sock_state(listener), 0);
	close(denial);
	control_meet("ALLOW");
	for (int i = 0; i < 2; i++)
		tcp_talk(sock_accept(listener));
	control_meet("DONE");
}

/* Another program has the last word on where it goes. */
static void rewritten_client(void)
{
	union address one = sock_told(), other = sock_told();
	int redirection = bpf_redirect(tcp_open_cgroup(), family->number,
				       family->port(&other)), fd;

	mark();
	fd = sock_connect(one);
	expect(SCHANNEL_DIVERT_REWRITTEN, 1, 0);
	tcp_talk(fd);
	close(redirection);
	mark();
	fd = sock_connect(one);
	expect(SCHANNEL_DIVERT_NO_PEER, 0, 1);
	tcp_talk(fd);
	control_meet("DONE");
}

static void rewritten_server(void)
{
	int one = sock_listen_told(1), other = sock_listen_told(1);

	tcp_talk(sock_accept(other));
	tcp_talk(sock_accept(one));
	control_meet("DONE");
}

/* Somewhere where no peer is. */
static void no_peer(void)
{
	struct divert_counts now, since;

	mark();
	sock_try(sock_open(SOCK_NONBLOCK), nowhere(1));
	if (!test_env.diverted)
		return;
	now = divert_now();
	since = divert_since(&before, &now);
	check_equal(since.verdicts[SCHANNEL_DIVERT_NO_PEER], 1);
	check_equal(divert_declined(&since), 1);
}

static const struct test_case cases[] = {
	{ "nobody", "no listener: ECONNREFUSED", nobody_client,
	  nobody_server },
	{ "not_attached", "a listener in a cgroup that is not attached, a thousand times",
	  not_attached_client, not_attached_server, .declines = true,
	  .seconds = 60 },
	{ "outside", "a client in a cgroup that is not attached", outside_client, outside_server,
	  .declines = true },
	{ "in_turns", "one socket, alternately diverted and not", in_turns_client,
	  in_turns_server, .declines = true },
	{ "fast_open", "data that goes with the connect", fast_open_client,
	  fast_open_server, .declines = true },
	{ "mptcp", "MPTCP, either side", mptcp_client, mptcp_server,
	  .declines = true },
	{ "repair", "TCP_REPAIR", repair, .declines = true },
	{ "privileged", "ports below 1024", privileged_client,
	  privileged_server },
	{ "source", "from a source address of another host", source_client,
	  source_server, .declines = true },
	{ "denied", "a security module refuses", denied_client, denied_server,
	  .declines = true },
	{ "rewritten", "another BPF program changes the destination",
	  rewritten_client, rewritten_server, .declines = true },
	{ "no_peer", "to an address without a peer", no_peer, .declines = true },
	{ }
};

TEST_GROUP(inet_decline, cases, TCP);
