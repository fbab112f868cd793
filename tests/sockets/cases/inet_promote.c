// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections that TCP sets up, and whose bytes move to a channel and back (schannel_inet's
 * parameter "promote"). Each byte is checked; the channel ends again and again under load.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../bpf.h"
#include "../control.h"
#include "../divert.h"
#include "../event.h"
#include "../family.h"
#include "../group.h"
#include "../sock.h"
#include "../tamper.h"
#include "../tcp.h"

#define KIB	1024

static void need_promotion(void)
{
	FILE *file = fopen("/sys/module/schannel_inet/parameters/promote", "re");
	int on = file ? fgetc(file) : 'N';

	if (file)
		fclose(file);
	if (on != 'Y')
		skip("connections are not promoted here");
}

/* Bytes both ways until the connection was promoted, once more than @before times. */
static void become_promoted(int fd, uint64_t before)
{
	int64_t end = now_ms() + patience_ms();

	while (divert_count(SCHANNEL_DIVERT_OK) <= before) {
		if (now_ms() > end)
			fail("the connection was not promoted");
		poll(NULL, 0, 1);
	}
	tcp_talk(fd);
	tcp_talk(fd);
}

/* A promoted connection to the server, which calls serve_promoted(). */
static int reach_promoted(void)
{
	uint64_t before = divert_count(SCHANNEL_DIVERT_OK);
	int fd = sock_reach();

	become_promoted(fd, before);
	return fd;
}

static int serve_promoted(void)
{
	int fd = sock_serve();

	tcp_talk(fd);
	tcp_talk(fd);
	return fd;
}

/* Bytes that were sent and not acknowledged, or are in a ring. */
static int queued(int fd)
{
	int bytes;

	call(ioctl(fd, SIOCOUTQ, &bytes));
	return bytes;
}

/* ---- What TCP sees ----------------------------------------------------- */

/* Sockets with the connection's ports in /proc/net/tcp and tcp6, in this state. */
static int listed(int fd, const char *state)
{
	static const char * const names[] = { "/proc/net/tcp", "/proc/net/tcp6" };
	char line[512], want[16], ours[8];
	int found = 0;

	snprintf(want, sizeof(want), " %s ", state);
	snprintf(ours, sizeof(ours), ":%04X ", sock_port(fd));
	for (int i = 0; i < 2; i++) {
		FILE *file = fopen(names[i], "re");

		while (file && fgets(line, sizeof(line), file))
			found += strstr(line, ours) && strstr(line, want);
		if (file)
			fclose(file);
	}
	return found;
}

/* The connection is promoted, and everybody sees it as TCP's. */
static void seen_client(void)
{
	int fd;

	need_promotion();
	fd = reach_promoted();
	control_meet("PROMOTED");
	check_equal(listed(fd, "01"), test_env.two_domains ? 1 : 2);
	check_equal(tcp_info(fd).tcpi_state, 1);
	control_meet("DONE");
}

static void seen_server(void)
{
	need_promotion();
	serve_promoted();
	control_meet("PROMOTED");
	control_meet("DONE");
}

/* ---- There and back, under load ---------------------------------------- */

#define LOAD		(24 << 20)
#define FLOWS		6

/* How one process reads or writes. */
enum manner { BLOCKING, WAITALL, POLLED, EDGES, PEEKED, MANNERS };

static void wait_for(int fd, int set, enum manner manner, short events)
{
	struct pollfd state = { .fd = fd, .events = events };
	struct epoll_event event;

	if (manner == EDGES)
		call_gives(epoll_wait(set, &event, 1, patience_ms()), 1);
	else
		call_gives(poll(&state, 1, patience_ms()), 1);
}

static int edges(int fd, enum manner manner, uint32_t events)
{
	struct epoll_event event = { .events = events | EPOLLET };
	int set;

	if (manner != EDGES)
		return -1;
	set = call(epoll_create1(EPOLL_CLOEXEC));
	call(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	return set;
}

static bool is_nonblocking(enum manner manner)
{
	return manner == POLLED || manner == EDGES;
}

static void write_all(int fd, uint64_t seed, enum manner manner, size_t bytes)
{
	int flags = MSG_NOSIGNAL | (is_nonblocking(manner) ? MSG_DONTWAIT : 0);
	struct pattern out = { .seed = seed }, next;
	int set = edges(fd, manner, EPOLLOUT);
	static unsigned char buffer[64 * KIB];
	uint64_t random = seed * 77 + 1;

	while (out.position < bytes) {
		size_t length = 1 + random_below(&random, sizeof(buffer));
		ssize_t n;

		if (length > bytes - out.position)
			length = bytes - out.position;
		next = out;
		pattern_fill(&next, buffer, length);
		n = send(fd, buffer, length, flags);
		if (n < 0 && errno == EAGAIN) {
			wait_for(fd, set, manner, POLLOUT);
			continue;
		}
		out.position += call(n);
		/* so that rings are found empty at times, and it lasts long enough */
		if (!random_below(&random, 4))
			poll(NULL, 0, random_below(&random, 16));
	}
	call(shutdown(fd, SHUT_WR));
}

static void read_all(int fd, uint64_t seed, enum manner manner, size_t bytes)
{
	int flags = is_nonblocking(manner) ? MSG_DONTWAIT : manner == WAITALL ? MSG_WAITALL : 0;
	struct pattern in = { .seed = seed }, seen;
	int set = edges(fd, manner, EPOLLIN);
	static unsigned char buffer[64 * KIB];
	uint64_t random = seed * 99 + 1;

	for (;;) {
		size_t length = 1 + random_below(&random, sizeof(buffer));
		ssize_t n;

		if (manner == PEEKED) {
			n = call(recv(fd, buffer, length, MSG_PEEK));
			seen = in;
			pattern_check(&seen, buffer, n);
		}
		n = recv(fd, buffer, length, flags);
		if (n < 0 && errno == EAGAIN) {
			wait_for(fd, set, manner, POLLIN);
			continue;
		}
		if (!call(n))
			break;
		pattern_check(&in, buffer, n);
		if (manner == WAITALL && in.position < bytes)
			check_equal(n, length);
	}
	check_equal(in.position, bytes);
}

/* One end of one connection: a process that writes, and one that reads. */
static pid_t carry(int fd, int index, size_t bytes)
{
	enum manner manner = (index + test_env.is_client) % MANNERS;
	uint64_t seed = test_env.seed + 2 * index;
	pid_t child = call(fork()), writer;
	int status;

	if (child)
		return child;
	writer = call(fork());
	if (!writer) {
		write_all(fd, seed + test_env.is_client, manner, bytes);
		_exit(0);
	}
	read_all(fd, seed + !test_env.is_client, manner, bytes);
	call_gives(waitpid(writer, &status, 0), writer);
	if (status)
		_exit(CASE_FAILED);
	call(close(fd));
	_exit(0);
}

static bool reap(pid_t *children, int n, bool wait)
{
	bool left = false;
	int status;

	for (int i = 0; i < n; i++) {
		if (!children[i])
			continue;
		if (call(waitpid(children[i], &status, wait ? 0 : WNOHANG))) {
			if (status)
				_exit(CASE_FAILED);	/* the report is the child's */
			children[i] = 0;
		}
		left |= children[i];
	}
	return left;
}

static unsigned int listener_port;

/* Takes all flows from the connecting ends: the others soon open new ones. */
static bool kill_flows(void)
{
	char command[80];

	snprintf(command, sizeof(command), "schannelctl flows kill dport %u >/dev/null 2>&1",
		 listener_port);
	return !system(command);
}

static void load(bool (*interfere)(void))
{
	uint64_t random = test_env.seed;
	pid_t children[FLOWS];
	union address to;
	uint64_t before;
	int times = 0;

	to = sock_told();
	before = divert_count(SCHANNEL_DIVERT_OK);
	for (int i = 0; i < FLOWS; i++) {
		int fd = sock_connect(to);

		listener_port = family->port(&to);
		children[i] = carry(fd, i, LOAD);
		close(fd);
	}
	while (reap(children, FLOWS, false)) {
		poll(NULL, 0, 1 + random_below(&random, 150));
		times += interfere();
	}
	check(divert_count(SCHANNEL_DIVERT_OK) >= before + FLOWS + 1);
	check(times > 1);
	control_meet("DONE");
}

static void load_client(void)
{
	need_promotion();
	tamper_start();
	load(tamper_try_break);
}

static void load_killed_client(void)
{
	need_promotion();
	load(kill_flows);
}

static void load_serve(void)
{
	pid_t children[FLOWS];
	int listener;

	listener = sock_listen_told(FLOWS);
	for (int i = 0; i < FLOWS; i++) {
		int fd = sock_accept(listener);

		children[i] = carry(fd, i, LOAD);
		close(fd);
	}
	reap(children, FLOWS, true);
	control_meet("DONE");
}

static void load_server(void)
{
	need_promotion();
	tamper_start();
	load_serve();
}

static void load_killed_server(void)
{
	need_promotion();
	load_serve();
}

/* A program that only sends never reads what TCP has: the peer's marker. */
static void one_way_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int64_t end = now_ms() + patience_ms();
	union address to;
	uint64_t before, total;
	int fd;

	need_promotion();
	to = sock_told();
	listener_port = family->port(&to);
	before = divert_count(SCHANNEL_DIVERT_OK);
	fd = sock_connect(to);
	for (int i = 1; i <= 4; i++) {
		while (divert_count(SCHANNEL_DIVERT_OK) < before + i) {
			if (now_ms() > end)
				fail("it moved %d times", i - 1);
			pattern_send(&out, fd, 1000, 1000);
			poll(NULL, 0, 1);
		}
		pattern_send(&out, fd, 100 * KIB, 10 * KIB);
		check(kill_flows());
	}
	call(shutdown(fd, SHUT_WR));
	call_gives(recv(fd, &total, sizeof(total), MSG_WAITALL), sizeof(total));
	check_equal(total, out.position);
}

static void one_way_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	uint64_t total;
	int fd;

	need_promotion();
	fd = sock_accept(sock_listen_told(1));
	total = pattern_recv_to_end(&in, fd);
	call_gives(send(fd, &total, sizeof(total), 0), sizeof(total));
}

/* Many short connections, while channels end. */
#define STORM	600

static void storm_client(void)
{
	char buffer[3000];
	union address to;

	need_promotion();
	tamper_start();
	to = sock_told();
	for (int i = 0; i < STORM; i++) {
		struct pattern out = { .seed = i }, in = { .seed = i };
		int fd = sock_connect(to);

		pattern_send(&out, fd, 1 + i * 5, sizeof(buffer));
		if (i % 3 == 0)
			tamper_try_break();
		call(shutdown(fd, SHUT_WR));
		check_equal(pattern_recv_to_end(&in, fd), 1 + i * 5);
		close(fd);
	}
	control_meet("DONE");
}

static void storm_server(void)
{
	int listener;

	need_promotion();
	tamper_start();
	listener = sock_listen_told(STORM);
	for (int i = 0; i < STORM; i++) {
		struct pattern in = { .seed = i }, out = { .seed = i };
		int fd = sock_accept(listener);

		check_equal(pattern_recv_to_end(&in, fd), 1 + i * 5);
		pattern_send(&out, fd, 1 + i * 5, 5000);
		close(fd);
	}
	control_meet("DONE");
}

/* ---- Back for a reason ------------------------------------------------- */

/* Urgent data, between bytes that are in the ring. */
static void urgent_client(void)
{
	char text[8] = "";
	int fd, mark;

	need_promotion();
	fd = reach_promoted();
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
	int fd;

	need_promotion();
	fd = serve_promoted();
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
	int fd;

	need_promotion();
	fd = reach_promoted();
	pattern_send(&out, fd, 20 * KIB, 20 * KIB);
	control_meet("SENT");
	call_fails(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "nobody", 6), ENOENT);
	pattern_send(&out, fd, 20 * KIB, 20 * KIB);
	pattern_recv(&in, fd, 40 * KIB, 7 * KIB);
	control_meet("DONE");
}

/* A filter that accepts all has to see all: the bytes that follow are TCP's. */
static void filter_client(void)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
	struct sock_fprog filter = { .len = 1, .filter = &all };
	struct pattern out = { .seed = test_env.seed }, in = { .seed = test_env.seed + 1 };
	uint64_t before;
	int fd;

	need_promotion();
	fd = reach_promoted();
	before = tcp_info(fd).tcpi_data_segs_out;
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

static void ulp_server(void)
{
	struct pattern in = { .seed = test_env.seed }, out = { .seed = test_env.seed + 1 };
	int fd;

	need_promotion();
	fd = serve_promoted();
	pattern_send(&out, fd, 20 * KIB, 20 * KIB);
	control_meet("SENT");
	pattern_send(&out, fd, 20 * KIB, 20 * KIB);
	pattern_recv(&in, fd, 40 * KIB, 7 * KIB);
	control_meet("DONE");
}

/* A peek finds bytes of both sources in one piece. */
static void peek_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	unsigned char buffer[300];
	uint64_t before;
	int fd;

	need_promotion();
	before = divert_count(SCHANNEL_DIVERT_OK);
	fd = sock_reach();
	while (divert_count(SCHANNEL_DIVERT_OK) <= before)
		poll(NULL, 0, 1);
	control_meet("PROMOTED");
	control_meet("SENT");
	sock_await_bytes(fd, 300);
	call_gives(recv(fd, buffer, sizeof(buffer), MSG_PEEK), 300);
	pattern_check(&(struct pattern){ .seed = test_env.seed }, buffer, 300);
	pattern_recv(&in, fd, 300, 300);
	control_meet("DONE");
}

static void peek_server(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd;

	need_promotion();
	fd = sock_serve();
	/* in pieces, so that some are sent before and some after the move */
	pattern_send(&out, fd, 100, 100);
	control_meet("PROMOTED");
	pattern_send(&out, fd, 100, 50);
	poll(NULL, 0, 50);
	pattern_send(&out, fd, 100, 50);
	control_meet("SENT");
	control_meet("DONE");
}

/* ---- The end ----------------------------------------------------------- */

/* close() at once: the peer gets all bytes, and then the end. */
static void close_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd;

	need_promotion();
	fd = reach_promoted();
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
	int fd;

	need_promotion();
	fd = serve_promoted();
	pattern_send(&out, fd, 50 * KIB, 50 * KIB);
	call(close(fd));
	control_meet("CLOSED");
}

/* The channel ends between the close and the reading. */
static void close_lost_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd;

	need_promotion();
	tamper_start();
	fd = reach_promoted();
	control_meet("CLOSED");
	tamper_break();
	check_equal(pattern_recv_to_end(&in, fd), 50 * KIB);
}

/* ---- A peer that does not read ----------------------------------------- */

/* The bytes are TCP's soon, which has them acknowledged, and they arrive in order. */
static void unread_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int64_t end;
	int fd;

	need_promotion();
	fd = reach_promoted();
	tcp_set(fd, TCP_USER_TIMEOUT, 60000);
	pattern_send(&out, fd, 50 * KIB, 50 * KIB);
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
	int fd;

	need_promotion();
	fd = serve_promoted();
	control_meet("QUEUED");
	pattern_recv(&in, fd, 100 * KIB, 7 * KIB);
	control_meet("DONE");
}

/* TCP_USER_TIMEOUT ends the connection to a program that never reads, as TCP does. */
static void user_timeout_client(void)
{
	static char buffer[64 * KIB];
	int fd;

	need_promotion();
	fd = reach_promoted();
	tcp_set(fd, TCP_USER_TIMEOUT, 1000);
	while (send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL) > 0)
		;
	check_equal(errno, ETIMEDOUT);
	control_meet("DONE");
}

static void user_timeout_server(void)
{
	need_promotion();
	serve_promoted();
	control_meet("DONE");
}

/* ---- A filter that comes later ----------------------------------------- */

/* Bytes go on both ways until the connection has gone back. */
static void later_filter_client(void)
{
	uint64_t before;
	int64_t end;
	int fd, link;

	need_promotion();
	fd = reach_promoted();
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
	int fd;

	need_promotion();
	fd = serve_promoted();
	while (control_read_number("more"))
		tcp_talk(fd);
}

static const struct test_case cases[] = {
	{ "seen", "a promoted connection is TCP's in /proc/net/tcp and TCP_INFO", seen_client,
	  seen_server },
	{ "load", "the channel ends again and again under load", load_client, load_server,
	  .seconds = 120 },
	{ "load_killed", "an administrator ends flows under load", load_killed_client,
	  load_killed_server, .seconds = 120 },
	{ "one_way", "a program that only sends, whose flow is ended", one_way_client,
	  one_way_server },
	{ "storm", "short connections while channels end", storm_client, storm_server,
	  .seconds = 120 },
	{ "urgent", "MSG_OOB between bytes of the ring", urgent_client, urgent_server },
	{ "ulp", "TCP_ULP makes it plain TCP, in place", ulp_client, ulp_server },
	{ "filter", "SO_ATTACH_FILTER keeps it in TCP", filter_client, ulp_server },
	{ "later_filter", "a BPF program of the cgroup looks at packets since",
	  later_filter_client, later_filter_server },
	{ "peek", "MSG_PEEK over the place where a direction moved", peek_client, peek_server },
	{ "unread", "a ring that nobody reads", unread_client, unread_server },
	{ "user_timeout", "TCP_USER_TIMEOUT with a ring that nobody reads", user_timeout_client,
	  user_timeout_server },
	{ "close", "close() with bytes in the ring", close_client, close_server },
	{ "close_lost", "and the channel ends before they are read", close_lost_client,
	  close_server },
	{ }
};

TEST_GROUP(inet_promote, cases, TCP);
