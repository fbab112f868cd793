// SPDX-License-Identifier: GPL-2.0-only
/* Bytes from one side to the other: all of them, in order, in any sizes. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"

#define MIB		(1024 * 1024)
#define LARGEST_PIECE	200000

static void hello_client(void)
{
	int fd = sock_reach();
	char text[16];

	call_gives(write(fd, "hello", 5), 5);
	call_gives(recv(fd, text, 5, MSG_WAITALL), 5);
	check(!memcmp(text, "world", 5));
	call_gives(read(fd, text, sizeof(text)), 0);
	call_gives(read(fd, text, sizeof(text)), 0);
}

static void hello_server(void)
{
	int fd = sock_serve();
	char text[16];

	call_gives(recv(fd, text, 5, MSG_WAITALL), 5);
	check(!memcmp(text, "hello", 5));
	call_gives(write(fd, "world", 5), 5);
}

/* Nothing sent is nothing received; nothing asked for leaves all there. */
static void zero_client(void)
{
	int fd = sock_reach();

	call_gives(send(fd, "", 0, 0), 0);
	call_gives(write(fd, "", 0), 0);
	call_gives(send(fd, NULL, 0, 0), 0);
	control_meet("NOTHING");
	control_meet("STILL NOTHING");
	call_gives(send(fd, "ab", 2, 0), 2);
	control_meet("DONE");
}

static void zero_server(void)
{
	int fd = sock_serve();
	char text[2];

	control_meet("NOTHING");
	check_equal(sock_state(fd), POLLOUT);
	call_fails(recv(fd, text, 1, MSG_DONTWAIT), EAGAIN);
	control_meet("STILL NOTHING");
	sock_await(fd, POLLIN);
	call_gives(recv(fd, text, 0, 0), 0);
	call_gives(recv(fd, NULL, 0, MSG_DONTWAIT), 0);
	call_gives(recv(fd, text, 2, MSG_WAITALL), 2);
	check(!memcmp(text, "ab", 2));
	control_meet("DONE");
}

static void single_bytes_client(void)
{
	struct pattern out = { .seed = test_env.seed };

	pattern_send(&out, sock_reach(), 20000, 1);
}

static void single_bytes_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();

	pattern_recv(&in, fd, 10000, 1);
	check_equal(pattern_recv_to_end(&in, fd), 10000);
}

/* Sizes that have nothing to do with pages, rings or each other. */
static void sizes_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	uint64_t random = test_env.seed;
	int fd = sock_reach();

	while (out.position < 16 * MIB) {
		size_t piece = 1 + random_below(&random, LARGEST_PIECE);

		pattern_send(&out, fd, piece, piece);
	}
	control_write("SENT %llu", (unsigned long long)out.position);
}

static void sizes_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	uint64_t random = test_env.seed + 1, sent;
	unsigned char *buffer = malloc(LARGEST_PIECE);
	int fd = sock_serve();

	check(buffer);
	for (;;) {
		size_t piece = 1 + random_below(&random, LARGEST_PIECE);
		ssize_t n = call(recv(fd, buffer, piece, 0));

		if (!n)
			break;
		pattern_check(&in, buffer, n);
	}
	sent = control_read_number("SENT");
	check_equal(in.position, sent);
}

/* Small and large pieces mixed: rings that wrap at every possible place. */
static void small_sizes_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	uint64_t random = test_env.seed;
	int fd = sock_reach();

	while (out.position < 2 * MIB) {
		size_t piece = 1 + random_below(&random, 300);

		pattern_send(&out, fd, piece, piece);
	}
}

static void small_sizes_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	uint64_t random = test_env.seed + 1;
	int fd = sock_serve();
	unsigned char buffer[500];

	for (;;) {
		size_t piece = 1 + random_below(&random, sizeof(buffer));
		ssize_t n = call(recv(fd, buffer, piece, 0));

		if (!n)
			break;
		pattern_check(&in, buffer, n);
	}
	check(in.position >= 2 * MIB);
}

/* One call, more than any ring holds. */
static void huge_client(void)
{
	struct pattern out = { .seed = test_env.seed };

	pattern_send(&out, sock_reach(), 24 * MIB, 24 * MIB);
}

static void huge_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	unsigned char *buffer = malloc(24 * MIB);
	int fd = sock_serve();

	check(buffer);
	call_gives(recv(fd, buffer, 24 * MIB, MSG_WAITALL), 24 * MIB);
	pattern_check(&in, buffer, 24 * MIB);
	call_gives(recv(fd, buffer, 1, 0), 0);
}

/* A reader that takes far less at once than the writer gives, and the reverse. */
static void uneven_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	pattern_send(&out, fd, MIB, MIB);
	pattern_send(&out, fd, MIB, 97);
}

static void uneven_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();

	pattern_recv(&in, fd, MIB, 101);
	pattern_recv(&in, fd, MIB, MIB);
}

/* A word each way, many times: a lost wake-up stops it. */
#define ROUNDS	3000

static void ping_pong_client(void)
{
	int fd = sock_reach();

	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t back;

		call_gives(send(fd, &i, sizeof(i), 0), sizeof(i));
		call_gives(recv(fd, &back, sizeof(back), MSG_WAITALL),
			   sizeof(back));
		check_equal(back, ~i);
	}
}

static void ping_pong_server(void)
{
	int fd = sock_serve();

	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t there;

		call_gives(recv(fd, &there, sizeof(there), MSG_WAITALL),
			   sizeof(there));
		check_equal(there, i);
		there = ~there;
		call_gives(send(fd, &there, sizeof(there), 0), sizeof(there));
	}
}

/* A writer that meets a full ring, nonblocking, and waits with poll. */
static void nonblocking_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	uint64_t random = test_env.seed;
	static unsigned char buffer[LARGEST_PIECE];
	int fd = sock_reach();

	sock_set_nonblocking(fd, true);
	while (out.position < 8 * MIB) {
		size_t piece = 1 + random_below(&random, LARGEST_PIECE);
		struct pattern next = out;
		ssize_t n;

		pattern_fill(&next, buffer, piece);
		n = send(fd, buffer, piece, 0);
		if (n < 0) {
			check_equal(errno, EAGAIN);
			sock_await(fd, POLLOUT);
			continue;
		}
		check(n > 0);
		out.position += n;
	}
	control_write("SENT %llu", (unsigned long long)out.position);
}

static void nonblocking_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	static unsigned char buffer[30011];
	int fd = sock_serve();

	sock_set_nonblocking(fd, true);
	for (;;) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

		if (n < 0) {
			check_equal(errno, EAGAIN);
			sock_await(fd, POLLIN);
			continue;
		}
		if (!n)
			break;
		pattern_check(&in, buffer, n);
	}
	check_equal(in.position, control_read_number("SENT"));
}

/* The kernel's own writers: a file's pages, and a pipe's. */
static int pattern_file(size_t size)
{
	struct pattern pattern = { .seed = test_env.seed };
	int file = call(memfd_create("pattern", 0));
	void *map;

	call(ftruncate(file, size));
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	check(map != MAP_FAILED);
	pattern_fill(&pattern, map, size);
	munmap(map, size);
	return file;
}

#define FILE_SIZE	(3 * MIB + 12345)

static void sendfile_client(void)
{
	int file = pattern_file(FILE_SIZE), fd = sock_reach();
	size_t left = FILE_SIZE;

	while (left)
		left -= call(sendfile(fd, file, NULL, left));
}

static void expect_file_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();

	check_equal(pattern_recv_to_end(&in, fd), FILE_SIZE);
}

static void splice_client(void)
{
	int file = pattern_file(FILE_SIZE), fd = sock_reach();
	size_t left = FILE_SIZE;
	int ends[2];

	call(pipe(ends));
	while (left) {
		size_t n = call(splice(file, NULL, ends[1], NULL, left, 0));

		check(n > 0);
		left -= n;
		while (n)
			n -= call(splice(ends[0], NULL, fd, NULL, n,
					 left ? SPLICE_F_MORE : 0));
	}
}

static void splice_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	static unsigned char buffer[65536];
	int fd = sock_serve();
	int ends[2];

	call(pipe(ends));
	for (;;) {
		size_t n = call(splice(fd, NULL, ends[1], NULL, 65536, 0));

		if (!n)
			break;
		call_gives(read(ends[0], buffer, sizeof(buffer)), n);
		pattern_check(&in, buffer, n);
	}
	check_equal(in.position, FILE_SIZE);
}

static void not_connected(void)
{
	int fd = sock_open(0);
	char c = 0;

	call_fails(recv(fd, &c, 1, 0), ENOTCONN);
	call_fails(send(fd, &c, 1, MSG_NOSIGNAL), ENOTCONN);
	call_fails(recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK), ENOTCONN);
	call(sock_bind(fd, here(0)));
	call_fails(recv(fd, &c, 1, 0), ENOTCONN);
	call_fails(send(fd, &c, 1, MSG_NOSIGNAL), ENOTCONN);
	call(listen(fd, 1));
	call_fails(recv(fd, &c, 1, 0), ENOTCONN);
	call_fails(send(fd, &c, 1, MSG_NOSIGNAL), ENOTCONN);
}

static const struct test_case cases[] = {
	{ "hello", "a word each way, then the end", hello_client,
	  hello_server },
	{ "zero", "zero-length calls change nothing", zero_client,
	  zero_server },
	{ "single_bytes", "byte by byte", single_bytes_client,
	  single_bytes_server },
	{ "sizes", "random sizes up to 200000", sizes_client, sizes_server },
	{ "small_sizes", "random sizes up to 300", small_sizes_client,
	  small_sizes_server },
	{ "huge", "24 MiB in one send and one recv", huge_client,
	  huge_server },
	{ "uneven", "large writes and small reads, and the reverse",
	  uneven_client, uneven_server },
	{ "ping_pong", "3000 round trips", ping_pong_client,
	  ping_pong_server },
	{ "nonblocking", "nonblocking sockets and poll",
	  nonblocking_client, nonblocking_server },
	{ "sendfile", "sendfile() from a file", sendfile_client,
	  expect_file_server },
	{ "splice", "splice() in at one end and out at the other",
	  splice_client, splice_server },
	{ "not_connected", "send and recv without a connection",
	  not_connected, .schannel_only = "TCP says EPIPE to a sender" },
	{ }
};

TEST_GROUP(transfer, cases, STREAMS);
