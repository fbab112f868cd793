// SPDX-License-Identifier: GPL-2.0-only
/* splice() and vmsplice(): pages that go into a socket, and bytes out of it. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../blocked.h"
#include "../group.h"
#include "../control.h"
#include "../sock.h"

#define MIB	(1024 * 1024)
#define PIPE	(256 * 1024)	/* what a pipe holds here: many pages */
#define SOME	1000		/* bytes sent to wake the waiting thread */

struct ends {
	int out;
	int in;
};

static struct ends large_pipe(void)
{
	int fds[2];

	call(pipe(fds));
	call(fcntl(fds[1], F_SETPIPE_SZ, PIPE));
	return (struct ends){ .out = fds[0], .in = fds[1] };
}

/* All that comes, by way of a pipe into a file. */
static void to_file_client(void)
{
	struct pattern out = { .seed = test_env.seed };

	pattern_send(&out, sock_reach(), 3 * MIB + 77, 30000);
}

static void to_file_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int file = call(memfd_create("from a socket", 0));
	struct ends ends = large_pipe();
	int fd = sock_serve();
	loff_t length = 0;
	ssize_t n;
	void *all;

	/* sendfile() wants something it can seek in to send from */
	call_fails(sendfile(file, fd, NULL, 100), EINVAL);
	while ((n = call(splice(fd, NULL, ends.in, NULL, PIPE, 0))) > 0) {
		while (n)
			n -= call(splice(ends.out, NULL, file, &length, n, 0));
	}
	check_equal(length, 3 * MIB + 77);
	all = mmap(NULL, length, PROT_READ, MAP_SHARED, file, 0);
	check(all != MAP_FAILED);
	pattern_check(&in, all, length);
}

/* User's pages, lent to a pipe and from there to the socket. */
static void gift_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	unsigned char *buffer = aligned_alloc(4096, PIPE);
	uint64_t random = test_env.seed;
	struct ends ends = large_pipe();
	int fd = sock_reach();

	check(buffer);
	for (int i = 0; i < 100; i++) {
		size_t skip = random_below(&random, 5000);
		struct iovec iov = {
			.iov_base = buffer + skip,
			.iov_len = 1 + random_below(&random, 150000),
		};
		size_t left = iov.iov_len;

		pattern_fill(&out, iov.iov_base, iov.iov_len);
		call_gives(vmsplice(ends.in, &iov, 1, 0), iov.iov_len);
		while (left)
			left -= call(splice(ends.out, NULL, fd, NULL, left,
					    i % 2 ? SPLICE_F_MORE : 0));
		/* changing the buffer after send() has no effect */
		if (family_is_schannel())
			memset(iov.iov_base, 0xee, iov.iov_len);
		else
			control_meet("READ");
	}
	control_write("SENT %llu", (unsigned long long)out.position);
	control_meet("DONE");
}

static void gift_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	uint64_t random = test_env.seed;
	int fd = sock_serve();

	for (int i = 0; i < 100; i++) {
		random_below(&random, 5000);
		pattern_recv(&in, fd, 1 + random_below(&random, 150000), 40000);
		if (!family_is_schannel())
			control_meet("READ");
	}
	check_equal(in.position, control_read_number("SENT"));
	control_meet("DONE");
}

/* Nothing there, no room, and the end. */
static void empty_client(void)
{
	struct ends ends = large_pipe();
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();
	size_t sent;

	sock_set_nonblocking(fd, true);
	call_fails(splice(fd, NULL, ends.in, NULL, 1, 0), EAGAIN);
	sent = sock_fill(fd, &out);
	call_gives(write(ends.in, "more", 4), 4);
	call_fails(splice(ends.out, NULL, fd, NULL, 4, 0), EAGAIN);
	control_write("SENT %zu", sent);
	/* nothing of it was lost: it goes when it is waited for */
	sock_set_nonblocking(fd, false);
	call_gives(splice(ends.out, NULL, fd, NULL, 4, 0), 4);
	call(shutdown(fd, SHUT_WR));
	call_gives(splice(fd, NULL, ends.in, NULL, 1, 0), 0);
}

static void empty_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();
	char text[4];

	pattern_recv(&in, fd, control_read_number("SENT"), 65536);
	call_gives(recv(fd, text, 4, MSG_WAITALL), 4);
	check(!memcmp(text, "more", 4));
	call_gives(recv(fd, text, 1, 0), 0);
}

/* Blocked in splice() at both ends. */
static void blocked_client(void)
{
	struct pattern out = { .seed = test_env.seed }, last = { .seed = 1 };
	struct ends ends = large_pipe();
	unsigned char buffer[10000];
	struct blocked *blocked;
	int fd = sock_reach();

	control_expect("WAITING");
	pattern_send(&out, fd, SOME, SOME);
	/* else what it takes, and when, decides whether there is room below */
	control_expect("TOOK");
	control_write("SENT %zu", SOME + sock_fill(fd, &out));
	pattern_fill(&last, buffer, sizeof(buffer));
	call_gives(write(ends.in, buffer, sizeof(buffer)), sizeof(buffer));
	blocked = tell_when_blocked(SYS_splice, "BLOCKED");
	call_gives(splice(ends.out, NULL, fd, NULL, sizeof(buffer), 0),
		   sizeof(buffer));
	blocked_join(blocked);
}

static void blocked_server(void)
{
	struct pattern in = { .seed = test_env.seed }, last = { .seed = 1 };
	static unsigned char buffer[PIPE];
	struct ends ends = large_pipe();
	struct blocked *blocked;
	int fd = sock_serve();
	size_t sent;
	ssize_t n;

	blocked = tell_when_blocked(SYS_splice, "WAITING");
	n = call(splice(fd, NULL, ends.in, NULL, PIPE, 0));
	blocked_join(blocked);
	call_gives(read(ends.out, buffer, PIPE), n);
	pattern_check(&in, buffer, n);
	control_write("TOOK");
	sent = control_read_number("SENT");
	control_expect("BLOCKED");
	pattern_recv(&in, fd, sent - n, 50000);
	check_equal(pattern_recv_to_end(&last, fd), 10000);
}

/* A relay that never touches a byte: out of a socket and back into it. */
static void relay_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_reach();
	pid_t child = call(fork());

	if (!child) {
		struct pattern out = { .seed = test_env.seed };

		pattern_send(&out, fd, 4 * MIB, 70000);
		call(shutdown(fd, SHUT_WR));
		_exit(0);
	}
	check_equal(pattern_recv_to_end(&in, fd), 4 * MIB);
}

static void relay_server(void)
{
	struct ends ends = large_pipe();
	int fd = sock_serve();
	ssize_t n;

	while ((n = call(splice(fd, NULL, ends.in, NULL, PIPE,
				SPLICE_F_MOVE))) > 0) {
		while (n)
			n -= call(splice(ends.out, NULL, fd, NULL, n,
					 SPLICE_F_MOVE));
	}
}

/* The kernel's own flag means nothing when a program sets it. */
static void flag_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	unsigned char buffer[5000];
	int fd = sock_reach();

	for (int i = 0; i < 20; i++) {
		pattern_fill(&out, buffer, sizeof(buffer));
		call_gives(send(fd, buffer, sizeof(buffer), 0x8000000),
			   sizeof(buffer));
	}
}

static void flag_server(void)
{
	struct pattern in = { .seed = test_env.seed };

	check_equal(pattern_recv_to_end(&in, sock_serve()), 100000);
}

#define FULL_TCP "TCP that is full finds a little room again"

static const struct test_case cases[] = {
	{ "to_file", "from a socket into a file", to_file_client,
	  to_file_server },
	{ "gift", "vmsplice()d pages, cut anywhere", gift_client,
	  gift_server },
	{ "empty", "an empty ring, a full ring, and the end", empty_client,
	  empty_server, .not_inet = FULL_TCP },
	{ "blocked", "waiting in splice() for data, and for space",
	  blocked_client, blocked_server, .not_inet = FULL_TCP },
	{ "relay", "4 MiB from a socket back into it", relay_client,
	  relay_server },
	{ "flag", "MSG_SPLICE_PAGES is refused", flag_client,
	  flag_server },
	{ }
};

TEST_GROUP(splice, cases, STREAMS);
