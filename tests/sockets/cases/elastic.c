// SPDX-License-Identifier: GPL-2.0-only
/* Rings grow under load and shrink when idle; memory comes back; limits are soft. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../record.h"
#include "../setting.h"
#include "../sock.h"

#define PAGE	4096

/* So that a ring is idle soon. */
#define SOON_MS	20

static long idle_before;

static void idle_soon(void)
{
	idle_before = setting_read("ring_idle_ms");
	call(setting_write("ring_idle_ms", SOON_MS));
}

/* Both sides may run in one domain: the one that saw the usual value restores it. */
static void idle_as_usual(void)
{
	if (idle_before != SOON_MS)
		call(setting_write("ring_idle_ms", idle_before));
}

static uint32_t ring_tx(int fd)
{
	struct sc_ring_sizes sizes;
	socklen_t length = sizeof(sizes);

	call(getsockopt(fd, SOL_SCHANNEL, SO_SC_RING, &sizes, &length));
	return sizes.tx;
}

/* A case that takes too long is ended. */
static void await_ring(int fd, uint32_t size)
{
	while (ring_tx(fd) != size)
		usleep(1000);
}

static void await_larger(int fd, uint32_t size)
{
	while (ring_tx(fd) < size)
		usleep(1000);
}

static void allow_files(void)
{
	struct rlimit limit;

	call(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max;
	call(setrlimit(RLIMIT_NOFILE, &limit));
}

/* A stream gets a larger ring while it is busy, and loses it when it is not. */
#define BULK	(16 << 20)

static void bulk_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();
	uint32_t before;

	before = ring_tx(fd);
	for (int i = 0; i < 3; i++) {
		pattern_send(&out, fd, BULK, 100000);
		check(ring_tx(fd) > before);
		idle_soon();
		await_ring(fd, PAGE);
		idle_as_usual();
		before = PAGE;
	}
	control_meet("DONE");
}

static void bulk_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();

	pattern_recv(&in, fd, 3 * BULK, 50000);
	control_meet("DONE");
}

/* A sender that polls and sends no more than fits never finds the ring full. It grows still. */
static void polled(void)
{
	static char buffer[SC_RING_MAX];
	struct sock_pair pair = sock_pair();

	idle_soon();
	await_ring(pair.left, PAGE);
	idle_as_usual();
	while (ring_tx(pair.left) == PAGE) {
		while (sock_state(pair.left) & POLLOUT)
			call_gives(send(pair.left, buffer, PAGE / 2, MSG_DONTWAIT),
				   PAGE / 2);
		check(call(recv(pair.right, buffer, sizeof(buffer), 0)) > 0);
	}
}

/* Bursts of all sizes on several connections, with idle periods long enough to shrink. */
#define FLOWS	8
#define BURSTS	100
#define BURST	300000

static void bursts(int fd, uint64_t seed)
{
	struct pattern out = { .seed = seed };

	for (int i = 0; i < BURSTS; i++) {
		pattern_send(&out, fd, 1 + random_below(&seed, BURST),
			     1 + random_below(&seed, 50000));
		if (random_below(&seed, 4))
			await_ring(fd, PAGE);
	}
	call(shutdown(fd, SHUT_WR));
}

static void expect_children(const pid_t *children)
{
	int status;

	for (int i = 0; i < FLOWS; i++) {
		call(waitpid(children[i], &status, 0));
		check_equal(status, 0);
	}
}

static void bursts_client(void)
{
	union address to = sock_told();
	pid_t children[FLOWS];

	idle_soon();
	for (int i = 0; i < FLOWS; i++) {
		int fd = sock_connect(to);

		children[i] = call(fork());
		if (!children[i]) {
			bursts(fd, test_env.seed + i);
			_exit(0);
		}
		close(fd);
	}
	expect_children(children);
	idle_as_usual();
	control_meet("DONE");
}

static void bursts_server(void)
{
	int listener = sock_listen_told(FLOWS);
	pid_t children[FLOWS];

	for (int i = 0; i < FLOWS; i++) {
		int fd = sock_accept(listener);

		children[i] = call(fork());
		if (!children[i]) {
			struct pattern in = { .seed = test_env.seed + i };

			pattern_recv_to_end(&in, fd);
			_exit(0);
		}
		close(fd);
	}
	expect_children(children);
	control_meet("DONE");
}

/*
 * MSG_WAITALL for more bytes than a ring that has shrunk holds takes what the full ring holds;
 * otherwise sender and receiver would wait for each other.
 */
#define MUCH	60000

static void patient_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	idle_soon();
	for (int i = 0; i < 10; i++) {
		control_expect("BLOCKED");
		await_ring(fd, PAGE);
		pattern_send(&out, fd, MUCH, MUCH);
		control_meet("NEXT");
	}
	idle_as_usual();
}

static void patient_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	static char buffer[MUCH];
	int fd = sock_serve();

	for (int i = 0; i < 10; i++) {
		control_write("BLOCKED");
		call_gives(recv(fd, buffer, MUCH, MSG_WAITALL), MUCH);
		pattern_check(&in, buffer, MUCH);
		control_meet("NEXT");
	}
}

/* Records as large as there are, into a ring that is as small as there are. */
#define RECORDS	40

static void records_client(void)
{
	uint64_t random = test_env.seed;
	unsigned char *buffer;
	uint32_t most;
	int fd;

	test_env.type = SOCK_SEQPACKET;
	fd = sock_reach();
	idle_soon();
	most = record_max(fd);
	check(most > 100000);
	buffer = malloc(most + 1);
	call_fails(send(fd, buffer, most + 1, 0), EMSGSIZE);
	for (uint32_t i = 0; i < RECORDS; i++) {
		struct record record = {
			.number = i,
			.length = i % 4 ? 100 + random_below(&random, most - 100) :
					  most,
		};

		if (i % 3 == 0)
			await_ring(fd, PAGE);
		if (i % 2) {
			record_send(fd, buffer, &record);
			continue;
		}
		/* poll() says when */
		record_fill(buffer, &record);
		while (send(fd, buffer, record.length, MSG_DONTWAIT) < 0) {
			check_equal(errno, EAGAIN);
			check(sock_await(fd, POLLOUT) & POLLOUT);
		}
	}
	idle_as_usual();
	control_meet("DONE");
}

static void records_server(void)
{
	unsigned char *buffer = malloc(SC_RING_MAX);
	int fd;

	test_env.type = SOCK_SEQPACKET;
	fd = sock_serve();
	for (uint32_t i = 0; i < RECORDS; i++) {
		ssize_t n = call(recv(fd, buffer, SC_RING_MAX, 0));

		check_equal(record_check(buffer, n).number, i);
	}
	control_meet("DONE");
}

/* Peeking across the place where the ring moved. */
#define PEEKED	30000

static void peek_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	idle_soon();
	for (int i = 0; i < 10; i++) {
		control_expect("READY");
		await_ring(fd, PAGE);
		pattern_send(&out, fd, 20 * PEEKED, 5000);
		control_meet("NEXT");
	}
	idle_as_usual();
}

static void peek_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	static unsigned char buffer[PEEKED];
	int fd = sock_serve();

	for (int i = 0; i < 10; i++) {
		int left = 20 * PEEKED;

		control_write("READY");
		while (left) {
			struct pattern at = in;
			int n = call(recv(fd, buffer, PEEKED, MSG_PEEK));

			check(n > 0);
			pattern_check(&at, buffer, n);
			n = call(recv(fd, buffer, n / 3 + 1, 0));
			pattern_check(&in, buffer, n);
			left -= n;
		}
		control_meet("NEXT");
	}
}

static void expect_carrying(struct sock_pair pair, uint64_t seed,
			    uint64_t bytes)
{
	struct pattern out = { .seed = seed }, in = out;
	pid_t child = call(fork());
	int status;

	if (!child) {
		pattern_send(&out, pair.left, bytes, 10000);
		_exit(0);
	}
	pattern_recv(&in, pair.right, bytes, 10000);
	call(waitpid(child, &status, 0));
	check_equal(status, 0);
}

/* The one connection of a channel: its ring fills the pool, but a small one is found. */
static void alone(void)
{
	int home = call(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	struct sock_pair pair;
	union address to;
	int listener;

	idle_soon();
	call(unshare(CLONE_NEWNET));
	listener = sock_listen(1);
	to = here(sock_port(listener));
	family->loop(&to);
	pair.left = sock_connect(to);
	pair.right = sock_accept(listener);
	for (int i = 0; i < 3; i++) {
		expect_carrying(pair, i, BULK);
		await_ring(pair.left, PAGE);
	}
	call(setns(home, CLONE_NEWNET));
	idle_as_usual();
}

/* Connections on which nothing happens have a page each way, and work still. */
#define IDLE	800

static void idle_client(void)
{
	union address to = sock_told();
	int fds[IDLE];

	allow_files();
	idle_soon();
	for (int i = 0; i < IDLE; i++)
		fds[i] = sock_connect(to);
	for (int i = 0; i < IDLE; i++)
		await_ring(fds[i], PAGE);
	control_meet("IDLE");
	idle_as_usual();
	for (int i = 0; i < IDLE; i++)
		call_gives(send(fds[i], "x", 1, 0), 1);
	for (int i = 0; i < IDLE; i++)
		call_gives(recv(fds[i], &(char){ 0 }, 1, 0), 1);
	control_meet("DONE");
}

static void idle_server(void)
{
	int listener = sock_listen_told(IDLE);
	int fds[IDLE];

	allow_files();
	idle_soon();
	for (int i = 0; i < IDLE; i++)
		fds[i] = sock_accept(listener);
	for (int i = 0; i < IDLE; i++)
		await_ring(fds[i], PAGE);
	control_meet("IDLE");
	idle_as_usual();
	for (int i = 0; i < IDLE; i++) {
		call_gives(recv(fds[i], &(char){ 0 }, 1, 0), 1);
		call_gives(send(fds[i], "y", 1, 0), 1);
	}
	control_meet("DONE");
}

/* The same ten thousand times, and only here: between domains it takes too long. */
#define THOUSANDS	10000

static struct sock_pair pairs[THOUSANDS];

static void join(int i, int listener, union address to)
{
	pairs[i].left = sock_connect(to);
	pairs[i].right = sock_accept(listener);
}

static void expect_small(struct sock_pair pair)
{
	await_ring(pair.left, PAGE);
	await_ring(pair.right, PAGE);
}

static void thousands(void)
{
	struct rlimit limit = { 3 * THOUSANDS, 3 * THOUSANDS };
	int listener = sock_listen(1);
	union address to = here(sock_port(listener));

	call(setrlimit(RLIMIT_NOFILE, &limit));
	family->loop(&to);
	idle_soon();
	for (int i = 0; i < THOUSANDS; i++)
		join(i, listener, to);
	for (int i = 0; i < THOUSANDS; i++)
		expect_small(pairs[i]);
	idle_as_usual();
	expect_carrying(pairs[0], test_env.seed, 4 * BULK);
	check(ring_tx(pairs[0].left) >= 64 * PAGE);
	for (int i = 0; i < THOUSANDS; i += 100) {
		call_gives(send(pairs[i].left, "x", 1, 0), 1);
		call_gives(recv(pairs[i].right, &(char){ 0 }, 1, 0), 1);
	}
}

/* A pool of 1 MiB: that of a namespace of its own. And the first connection in it. */
static int small_pool(union address *to)
{
	int home = call(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	long before = setting_read("pool_max_kib");
	int listener, fd, inside;

	call(unshare(CLONE_NEWNET));
	inside = call(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	listener = sock_listen(1000);
	*to = here(sock_port(listener));
	family->loop(to);
	fd = sock_open(0);
	call(setns(home, CLONE_NEWNET));
	call(setting_write("pool_max_kib", 1024));
	if (sock_try(fd, *to))
		fd = -errno;
	call(setting_write("pool_max_kib", before));
	call(setns(inside, CLONE_NEWNET));
	pairs[0] = (struct sock_pair){ call(fd), sock_accept(listener) };
	return listener;
}

/* Connections until there is no room for more. Returns how many there are. */
static int fill_pool(int listener, union address to)
{
	int fd, n;

	allow_files();
	for (n = 1; n < 1000; n++) {
		fd = sock_open(0);
		if (sock_try(fd, to))
			break;
		pairs[n] = (struct sock_pair){ fd, sock_accept(listener) };
	}
	check_equal(errno, ENOBUFS);
	call(close(fd));
	return n;
}

/*
 * A pool that is used up: rings become smaller, then there is no room for more connections;
 * those there are go on, and when some leave there is room again.
 */
static void limit(void)
{
	union address to;
	int listener = small_pool(&to);
	int n = fill_pool(listener, to);
	int fd;

	check(n >= 40 && n <= 256);
	for (int i = 0; i < n; i += 10)
		expect_carrying(pairs[i], i, 1 << 20);
	call(close(pairs[0].left));
	call_gives(recv(pairs[0].right, &(char){ 0 }, 1, 0), 0);
	call(close(pairs[0].right));
	while (sock_try(fd = sock_open(0), to)) {
		check_equal(errno, ENOBUFS);
		call(close(fd));
		usleep(1000);
	}
	sock_accept(listener);
	expect_carrying(pairs[n - 1], n, 1 << 20);
}

/* The machine's limit, for the channels of all namespaces together. */
static void total(void)
{
	int home = call(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	long before = setting_read("pool_total_mib");
	union address to;
	int fd, inside;

	/* the two ends of a channel have a MiB each, and half is left to this namespace */
	sock_pair();
	call(unshare(CLONE_NEWNET));
	inside = call(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	to = here(sock_port(sock_listen(2)));
	family->loop(&to);
	fd = sock_open(0);
	call(setns(home, CLONE_NEWNET));
	call(setting_write("pool_total_mib", 4));
	if (!sock_try(fd, to))
		errno = 0;
	call(setting_write("pool_total_mib", before));
	check_equal(errno, ENOBUFS);
	call(setns(inside, CLONE_NEWNET));
	sock_connect(to);
}

/* Processes that send, and receive, as long as they live. */
#define FOR_EVER	(SIZE_MAX / 2)
#define PIECE		(64 * PAGE)
#define RECORD_MOST	100000

static uint32_t record_length;

static void send_records(int fd)
{
	struct record record = { .length = record_length };
	static char buffer[RECORD_MOST];

	for (;; record.number++)
		record_send(fd, buffer, &record);
}

/* After this many records, the sender has memory. */
#define ENOUGH	200

/* Writes to @enough when it has received enough, and continues. */
static void recv_records(int fd, int enough)
{
	static char buffer[RECORD_MOST];
	uint32_t i;

	for (i = 0;; i++) {
		ssize_t n = call(recv(fd, buffer, sizeof(buffer), 0));

		check_equal(record_check(buffer, n).number, i);
		if (i == ENOUGH)
			call_gives(write(enough, "", 1), 1);
	}
}

static pid_t keep_sending(int fd)
{
	struct pattern out = { .seed = test_env.seed };
	pid_t child = call(fork());

	if (child)
		return child;
	if (test_env.type == SOCK_SEQPACKET)
		send_records(fd);
	pattern_send(&out, fd, FOR_EVER, PIECE);
	_exit(0);
}

static pid_t keep_receiving(int fd, int enough)
{
	struct pattern in = { .seed = test_env.seed };
	pid_t child = call(fork());

	if (child)
		return child;
	if (test_env.type == SOCK_SEQPACKET)
		recv_records(fd, enough);
	pattern_recv(&in, fd, FOR_EVER, PIECE);
	_exit(0);
}

static void kill_children(const pid_t *children, int n)
{
	int status;

	while (n--) {
		call(kill(children[n], SIGKILL));
		call(waitpid(children[n], &status, 0));
		/* a child that found a wrong byte has ended already */
		check(WIFSIGNALED(status));
	}
}

/* The ring of one that came first becomes smaller, though it is busy, when others come. */
#define OTHERS	15

static void shared(void)
{
	pid_t children[2 * (1 + OTHERS)];
	int none = call(open("/dev/null", O_WRONLY));
	union address to;
	int listener = small_pool(&to);
	int i, n = 0;
	uint32_t alone;

	for (i = 0; i <= OTHERS; i++) {
		if (i)
			join(i, listener, to);
		children[n++] = keep_sending(pairs[i].left);
		children[n++] = keep_receiving(pairs[i].right, none);
		if (!i) {
			await_larger(pairs[0].left, 32 * PAGE);
			alone = ring_tx(pairs[0].left);
		}
	}
	while (ring_tx(pairs[0].left) >= alone)
		usleep(1000);
	for (i = 1; i <= OTHERS; i++)
		await_larger(pairs[i].left, 2 * PAGE);
	kill_children(children, n);
}

static void shared_records(void)
{
	test_env.type = SOCK_SEQPACKET;
	record_length = 30000;
	shared();
}

/* More than can have rings for such records at once: none fails, each has its turn. */
#define CROWD	12

static void crowded(void)
{
	pid_t children[2 * CROWD];
	int enough[2], listener;
	union address to;
	int i, n = 0;

	test_env.type = SOCK_SEQPACKET;
	record_length = RECORD_MOST;
	listener = small_pool(&to);
	for (i = 1; i < CROWD; i++)
		join(i, listener, to);
	call(pipe(enough));
	for (i = 0; i < CROWD; i++) {
		children[n++] = keep_sending(pairs[i].left);
		children[n++] = keep_receiving(pairs[i].right, enough[1]);
	}
	for (i = 0; i < CROWD; i++)
		call_gives(read(enough[0], &(char){ 0 }, 1), 1);
	kill_children(children, n);
}

/*
 * No memory for a record, and no idle connection to take it from: send() waits for its timeout,
 * fails, and nothing is lost. There is memory again once a connection closes.
 */
#define HUGE	(500 << 10)

static void lacking(void)
{
	static char buffer[HUGE];
	union address to;
	int listener, fd, n;

	test_env.type = SOCK_SEQPACKET;
	listener = small_pool(&to);
	n = fill_pool(listener, to);
	fd = pairs[0].left;
	call_fails(send(fd, buffer, HUGE, MSG_DONTWAIT), EAGAIN);
	check_equal(sock_state(fd) & POLLOUT, 0);
	call(poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, -1));
	call_fails(send(fd, buffer, HUGE, MSG_DONTWAIT), ENOBUFS);
	call_gives(send(fd, "x", 1, 0), 1);
	call_fails(send(fd, buffer, HUGE, 0), ENOBUFS);
	call_gives(recv(pairs[0].right, buffer, HUGE, 0), 1);
	call_fails(send(fd, buffer, HUGE, MSG_DONTWAIT), EAGAIN);
	while (--n) {
		call(close(pairs[n].left));
		call(close(pairs[n].right));
	}
	call(poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, -1));
	call_gives(send(fd, buffer, HUGE, MSG_DONTWAIT), HUGE);
	call_gives(recv(pairs[0].right, buffer, HUGE, 0), HUGE);
}

static const struct test_case cases[] = {
	{ "bulk", "a ring grows during a stream and shrinks after it", bulk_client,
	  bulk_server, .seconds = 60 },
	{ "alone", "the same with no other connection", alone, .seconds = 60 },
	{ "bursts", "bytes survive thousands of resizes", bursts_client,
	  bursts_server, .seconds = 120 },
	{ "patient", "MSG_WAITALL for more than a small ring holds", patient_client,
	  patient_server },
	{ "records", "a record finds a ring that is large enough",
	  records_client, records_server, .seconds = 60 },
	{ "peek", "peeking while the ring is resized", peek_client, peek_server,
	  .seconds = 60 },
	{ "idle", "800 idle connections have a page each way", idle_client,
	  idle_server, .seconds = 60 },
	{ "thousands", "ten thousand idle ones, and a busy ring grows",
	  thousands, .seconds = 120 },
	{ "limit", "the pool is exhausted", limit, .seconds = 60 },
	{ "total", "the machine's share of memory is exhausted", total },
	{ "polled", "a ring that only poll() finds full grows", polled },
	{ "shared", "later connections get their share of memory", shared, .seconds = 60 },
	{ "shared_records", "the same with records", shared_records, .seconds = 60 },
	{ "crowded", "each connection that waits for memory gets some", crowded, .seconds = 60 },
	{ "lacking", "a record for which there is no memory", lacking, .seconds = 60 },
	{ }
};

TEST_GROUP(elastic, cases, .schannel_only = "rings are SChannel's");
