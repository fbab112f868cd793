// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections that one side has closed and the other side does not finish: they are ended
 * after a time without progress, or when there are too many of them. Until then they keep little
 * more memory than what is unread needs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../genl.h"
#include "../setting.h"
#include "../sock.h"
#include "../tamper.h"

#define SOON_MS		300
#define NEVER_MS	(600 * 1000)

static long timeout_before, most_before;

/* One side of a case calls it, and restore() at its end. */
static void limit(long timeout_ms, long most)
{
	timeout_before = setting_read("orphan_timeout_ms");
	most_before = setting_read("max_orphans");
	call(setting_write("orphan_timeout_ms", timeout_ms));
	call(setting_write("max_orphans", most));
}

static void restore(void)
{
	call(setting_write("orphan_timeout_ms", timeout_before));
	call(setting_write("max_orphans", most_before));
}

/* A case that takes too long is ended. */
static void await_reset(int fd)
{
	while (!(sock_state(fd) & POLLERR))
		usleep(1000);
}

/* A program that does not read: what was not read is lost, and the program learns it. */
static void time_limit_client(void)
{
	int fd;

	limit(SOON_MS, 4096);
	fd = sock_reach();
	call_gives(send(fd, "lost", 4, 0), 4);
	close(fd);
	control_meet("CLOSED");
	control_meet("DONE");
	restore();
}

static void time_limit_server(void)
{
	int64_t begin;
	int fd = sock_serve();

	control_meet("CLOSED");
	begin = now_ms();
	await_reset(fd);
	/* not before its time */
	check(now_ms() - begin >= SOON_MS / 2);
	call_fails(recv(fd, &(char){ 0 }, 1, 0), ECONNRESET);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	control_meet("DONE");
}

/* All was read, and the program is busy before it sees the end: nothing is lost. */
static void read_client(void)
{
	int fd;

	limit(SOON_MS, 4096);
	fd = sock_reach();
	call_gives(send(fd, "read", 4, 0), 4);
	close(fd);
	control_meet("CLOSED");
	usleep(4 * SOON_MS * 1000);
	control_meet("LATER");
	control_meet("DONE");
	restore();
}

static void read_server(void)
{
	int fd = sock_serve();
	char text[4];

	call_gives(recv(fd, text, 4, MSG_WAITALL), 4);
	check(!memcmp(text, "read", 4));
	control_meet("CLOSED");
	control_meet("LATER");
	check(!(sock_state(fd) & POLLERR));
	call_gives(recv(fd, text, 1, 0), 0);
	check_equal(sock_error(fd), 0);
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	control_meet("DONE");
}

/* A slow reader gets everything: each read begins the time anew. */
static void slow_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	size_t sent;
	int fd;

	limit(2 * SOON_MS, 4096);
	fd = sock_reach();
	sent = sock_fill(fd, &out);
	close(fd);
	control_write("CLOSED %zu", sent);
	control_meet("DONE");
	restore();
}

static void slow_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();
	size_t sent = control_read_number("CLOSED"), got = 0;
	char piece[4096];

	/* ten pieces, each a third of the limit after the one before, then the others */
	for (int i = 0; i < 10; i++) {
		ssize_t n = call(recv(fd, piece, sizeof(piece), 0));

		check(n > 0);
		pattern_check(&in, piece, n);
		got += n;
		usleep(2 * SOON_MS * 1000 / 3);
	}
	check_equal(got + pattern_recv_to_end(&in, fd), sent);
	check_equal(sock_error(fd), 0);
	control_meet("DONE");
}

/* Of too many, those without progress for the longest time are ended. */
#define MANY	40
#define MOST	10

static void many_client(void)
{
	union address to;
	int fds[MANY];

	limit(NEVER_MS, MOST);
	to = sock_told();
	for (int i = 0; i < MANY; i++) {
		fds[i] = sock_connect(to);
		call_gives(send(fds[i], "x", 1, 0), 1);
	}
	control_meet("SENT");
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	control_meet("CLOSED");
	control_meet("DONE");
	restore();
}

static void many_server(void)
{
	int listener = sock_listen_told(MANY);
	int fds[MANY];
	char text;

	control_meet("SENT");
	for (int i = 0; i < MANY; i++)
		fds[i] = sock_accept(listener);
	control_meet("CLOSED");
	for (int i = 0; i < MANY - MOST; i++) {
		await_reset(fds[i]);
		call_fails(recv(fds[i], &text, 1, 0), ECONNRESET);
	}
	for (int i = MANY - MOST; i < MANY; i++) {
		call_gives(recv(fds[i], &text, 1, 0), 1);
		call_gives(recv(fds[i], &text, 1, 0), 0);
	}
	control_meet("DONE");
}

/* A program keeps the socket of a connection that was reset: its data waits for a time. */
static void reset_client(void)
{
	int fd;

	limit(SOON_MS, 4096);
	fd = sock_reach();
	call_gives(send(fd, "data", 4, 0), 4);
	sock_set_linger(fd, 1, 0);
	control_meet("SENT");
	close(fd);
	control_meet("CLOSED");
	usleep(4 * SOON_MS * 1000);
	control_meet("LATER");
	control_meet("DONE");
	restore();
}

static void reset_server(void)
{
	char text[4];
	int fd;

	/* it is the domain with the data whose limit counts */
	if (test_env.two_domains)
		limit(SOON_MS, 4096);
	fd = sock_serve();
	control_meet("SENT");
	control_meet("CLOSED");
	await_reset(fd);
	call_gives(recv(fd, text, 2, 0), 2);
	control_meet("LATER");
	call_fails(recv(fd, text, 2, 0), ECONNRESET);
	call_gives(recv(fd, text, 2, 0), 0);
	control_meet("DONE");
	if (test_env.two_domains)
		restore();
}

/*
 * Both sides close at about the time at which the connection is reset, while a connection
 * beside them goes on: whatever crosses what, the channel stays, and numbers that are used
 * again belong to the new connections alone.
 */
#define CROSSINGS	60
#define AT_ONCE		20

static void crossing_client(void)
{
	union address to;
	int lasting, fds[AT_ONCE];

	limit(100, 4096);
	to = sock_told();
	lasting = sock_connect(to);
	for (int i = 0; i < CROSSINGS; i++) {
		for (int k = 0; k < AT_ONCE; k++) {
			fds[k] = sock_connect(to);
			call_gives(send(fds[k], "x", 1, 0), 1);
		}
		control_meet("ROUND");
		for (int k = 0; k < AT_ONCE; k++)
			close(fds[k]);
		call_gives(send(lasting, "y", 1, 0), 1);
		call_gives(recv(lasting, &(char){ 0 }, 1, 0), 1);
	}
	control_meet("DONE");
	restore();
}

static void crossing_server(void)
{
	int listener = sock_listen_told(AT_ONCE + 1);
	int lasting = sock_accept(listener);
	uint64_t random = test_env.seed;
	int fds[AT_ONCE];

	for (int i = 0; i < CROSSINGS; i++) {
		for (int k = 0; k < AT_ONCE; k++)
			fds[k] = sock_accept(listener);
		control_meet("ROUND");
		/* the reset comes after a time from 100 to about 125 ms */
		usleep(90000 + random_below(&random, 40) * 1000);
		for (int k = 0; k < AT_ONCE; k++) {
			recv(fds[k], &(char){ 0 }, 1, MSG_DONTWAIT);
			close(fds[k]);
		}
		call_gives(recv(lasting, &(char){ 0 }, 1, 0), 1);
		call_gives(send(lasting, "z", 1, 0), 1);
	}
	control_meet("DONE");
}

/* ---- Memory ------------------------------------------------------------ */

#define PAGE	4096
#define RING	1048576

struct use {
	int channels;
	uint64_t pool;
	uint64_t orphans;
};

static void add_use(const struct nlmsghdr *answer, void *arg)
{
	struct use *use = arg;

	use->channels++;
	use->pool += genl_number(answer, SCHANNEL_A_CHANNEL_POOL_USED);
	use->orphans += genl_number(answer, SCHANNEL_A_CHANNEL_ORPHAN_MEMORY);
}

static struct use use_now(void)
{
	struct use use = { 0 };

	check_equal(genl_dump(SCHANNEL_CMD_CHANNEL_GET, add_use, &use), 0);
	return use;
}

/* As often as a ring has to be full before it grows, and more. */
#define FULLS_MOST	10

/* Fills the ring so often that at some number a larger one is ready that is not used yet. */
static void fill_and_drain(struct sock_pair pair, int fulls)
{
	static char buffer[1000];

	while (fulls--) {
		while (send(pair.left, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
			;
		check_equal(errno, EAGAIN);
		/* what poll() has found full, the next send looks at */
		sock_state(pair.left);
		while (recv(pair.right, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
			;
	}
}

/*
 * A connection whose other end has read all and is gone is taken from its program after a time.
 * What that does to the socket then must not touch rings that are others' by now.
 */
static void taken(void)
{
	struct sock_pair pairs[FULLS_MOST];
	struct use before, now;
	int64_t end;

	limit(SOON_MS, 4096);
	sock_pair();	/* brings up the channel, and stays */
	before = use_now();
	for (int i = 0; i < FULLS_MOST; i++) {
		pairs[i] = sock_pair();
		fill_and_drain(pairs[i], i + 1);
		close(pairs[i].right);
	}
	usleep(4 * SOON_MS * 1000);
	for (int i = 0; i < FULLS_MOST; i++) {
		call_fails(send(pairs[i].left, "x", 1, MSG_NOSIGNAL), EPIPE);
		close(pairs[i].left);
	}
	end = now_ms() + patience_ms();
	do {
		now = use_now();
		usleep(10000);
	} while (now.pool > before.pool && now_ms() < end);
	restore();
	/* the rings of the first connection, which may shrink meanwhile */
	if (now.pool > before.pool || now.pool < 2 * PAGE)
		fail("pool %llu, before %llu", (unsigned long long)now.pool,
		     (unsigned long long)before.pool);
}

/* What is unread of a full ring, so that it fits into @LEFT_RING bytes. */
#define LEFT_STREAM	100
#define LEFT_RECORD	4096
#define LEFT_RING	(test_env.type == SOCK_STREAM ? PAGE : 2 * PAGE)

static size_t left(void)
{
	return test_env.type == SOCK_STREAM ? LEFT_STREAM : LEFT_RECORD;
}

/* A connection whose ring is large from the beginning. */
static int large_ring(union address to)
{
	struct sc_ring_sizes large = { .tx = RING };
	int fd = sock_open(0);

	call(setsockopt(fd, SOL_SCHANNEL, SO_SC_RING_MIN, &large, sizeof(large)));
	call(sock_try(fd, to));
	return fd;
}

static void await_small(const struct use *before)
{
	int64_t end = now_ms() + patience_ms();
	struct use now;

	do {
		now = use_now();
		/* the reader's own ring may want to shrink: its offer is not answered any more */
		if (now.pool + RING <= before->pool + LEFT_RING + PAGE &&
		    now.orphans <= before->orphans + LEFT_RING)
			return;
		usleep(10000);
	} while (now_ms() < end);
	fail("pool %llu, before the close %llu; orphans %llu, before %llu",
	     (unsigned long long)now.pool, (unsigned long long)before->pool,
	     (unsigned long long)now.orphans, (unsigned long long)before->orphans);
}

/* The ring of a closed connection becomes as small as what is unread allows. */
static void shrink_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	struct use before;
	int fd;

	limit(NEVER_MS, 4096);
	fd = large_ring(sock_told());
	control_write("SENT %zu", sock_fill(fd, &out));
	control_meet("READ");
	before = use_now();
	close(fd);
	await_small(&before);
	control_meet("SMALL");
	control_meet("DONE");
	restore();
}

static void shrink_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();
	size_t sent = control_read_number("SENT");

	check(sent > RING / 2);
	pattern_recv(&in, fd, sent - left(), 4096);
	control_meet("READ");
	control_meet("SMALL");
	/* the peer has left, as before */
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	check(!(sock_state(fd) & POLLERR));
	check_equal(pattern_recv_to_end(&in, fd), left());
	check_equal(sock_error(fd), 0);
	control_meet("DONE");
}

/* A reader that goes on while the ring shrinks, again and again. */
static void trickle_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	long idle = setting_read("ring_idle_ms");
	struct use before;
	int fd;

	limit(NEVER_MS, 4096);
	call(setting_write("ring_idle_ms", 20));
	fd = large_ring(sock_told());
	control_write("SENT %zu", sock_fill(fd, &out));
	before = use_now();
	close(fd);
	control_meet("CLOSED");
	await_small(&before);
	control_meet("SMALL");
	control_meet("DONE");
	call(setting_write("ring_idle_ms", idle));
	restore();
}

static void trickle_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();
	size_t sent = control_read_number("SENT"), piece = sent / 4096 / 64 * 4096;

	control_meet("CLOSED");
	for (size_t got = 0; got < 60 * piece; got += piece) {
		pattern_recv(&in, fd, piece, 4096);
		usleep(10000);
	}
	pattern_recv(&in, fd, sent - 60 * piece - left(), 4096);
	control_meet("SMALL");
	check_equal(pattern_recv_to_end(&in, fd), left());
	check_equal(sock_error(fd), 0);
	control_meet("DONE");
}

/* The channel is lost at about the time at which the ring is replaced. */
#define LOSSES	12

static void lost_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	long idle = setting_read("ring_idle_ms");
	uint64_t random = test_env.seed;
	union address to;
	int fd;

	tamper_start();
	limit(NEVER_MS, 4096);
	call(setting_write("ring_idle_ms", 20));
	to = sock_told();
	for (int i = 0; i < LOSSES; i++) {
		fd = large_ring(to);
		sock_fill(fd, &out);
		control_meet("SENT");
		control_meet("READ");
		close(fd);
		usleep(95000 + random_below(&random, 30000));
		tamper_break();
		control_meet("LOST");
		while (use_now().channels)
			usleep(1000);
	}
	check_equal(use_now().orphans, 0);
	control_meet("DONE");
	call(setting_write("ring_idle_ms", idle));
	restore();
}

static void lost_server(void)
{
	int listener, fd;
	char buffer[4096];

	tamper_start();
	listener = sock_listen_told(1);
	for (int i = 0; i < LOSSES; i++) {
		fd = sock_accept(listener);
		control_meet("SENT");
		for (int k = 0; k < RING / 4096 / 2; k++)
			call(recv(fd, buffer, sizeof(buffer), 0));
		control_meet("READ");
		await_reset(fd);
		while (recv(fd, buffer, sizeof(buffer), 0) > 0)
			;
		close(fd);
		control_meet("LOST");
	}
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "time_limit", "data that nobody reads is lost after a time: ECONNRESET",
	  time_limit_client, time_limit_server },
	{ "read", "what was read is not lost: the end, without an error", read_client,
	  read_server },
	{ "slow", "a slow reader gets everything", slow_client, slow_server },
	{ "many", "too many: those without progress are reset", many_client, many_server },
	{ "reset", "data before a reset can be read for a time", reset_client, reset_server },
	{ "crossing", "close and reset at the same moment", crossing_client, crossing_server,
	  .seconds = 40 },
	{ "shrink", "the ring of a closed connection is no larger than what is unread",
	  shrink_client, shrink_server, .seconds = 20 },
	{ "trickle", "a closed connection's ring shrinks while it is read", trickle_client,
	  trickle_server, .seconds = 20 },
	{ "taken", "what a program does after its connection was taken away", taken },
	{ "lost", "the channel is lost while a closed connection's ring shrinks", lost_client,
	  lost_server, .seconds = 40 },
	{ }
};

TEST_GROUP(orphan, cases, .type = SOCK_STREAM,
	   .schannel_only = "the limits are those of net.schannel");
TEST_GROUP(orphan_record, cases, .type = SOCK_SEQPACKET,
	   .schannel_only = "the limits are those of net.schannel");
