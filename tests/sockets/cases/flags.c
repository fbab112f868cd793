// SPDX-License-Identifier: GPL-2.0-only
/* The MSG_ flags of send() and recv(). */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../blocked.h"
#include "../group.h"
#include "../control.h"
#include "../event.h"
#include "../sock.h"

#define MIB	(1024 * 1024)

static void dontwait_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();
	char c;

	call_fails(recv(fd, &c, 1, MSG_DONTWAIT), EAGAIN);
	/* fills it until EAGAIN */
	control_write("FULL %zu", sock_fill(fd, &out));
	control_expect("READ");
	/* the flag was for those calls only */
	pattern_send(&out, fd, MIB, MIB);
}

static void dontwait_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();
	size_t sent = control_read_number("FULL");

	pattern_recv(&in, fd, sent, 4096);
	control_write("READ");
	pattern_recv(&in, fd, MIB, 4096);
}

/* As often as one likes; it stays there until it is received. */
static void peek_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	control_expect("BLOCKED");
	pattern_send(&out, fd, 1000, 1000);
	control_meet("PEEKED");
	pattern_send(&out, fd, 1000, 1000);
	control_meet("SENT");
}

static void peek_server(void)
{
	struct pattern start = { .seed = test_env.seed }, in;
	int fd = sock_serve();
	unsigned char buffer[4000];
	struct blocked *blocked;
	ssize_t n;

	call_fails(recv(fd, buffer, 1, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
	/* it waits like any recv */
	blocked = tell_when_blocked(SYS_recvfrom, "BLOCKED");
	n = call(recv(fd, buffer, sizeof(buffer), MSG_PEEK));
	blocked_join(blocked);
	in = start;
	pattern_check(&in, buffer, n);
	for (int i = 1; i <= 3; i++) {
		in = start;
		call_gives(recv(fd, buffer, i * 100, MSG_PEEK | MSG_WAITALL),
			   i * 100);
		pattern_check(&in, buffer, i * 100);
	}
	control_meet("PEEKED");
	control_meet("SENT");
	/* all of it together, then in two halves */
	in = start;
	call_gives(recv(fd, buffer, 2000, MSG_PEEK | MSG_WAITALL), 2000);
	pattern_check(&in, buffer, 2000);
	in = start;
	pattern_recv(&in, fd, 700, 700);
	call_gives(recv(fd, buffer, sizeof(buffer), MSG_PEEK), 1300);
	pattern_check(&in, buffer, 1300);
	in.position = 700;
	pattern_recv(&in, fd, 1300, 1300);
	call_gives(recv(fd, buffer, 1, MSG_PEEK), 0);
	call_gives(recv(fd, buffer, 1, 0), 0);
}

/* The end of the stream ends MSG_WAITALL, whether it is there already or comes later. */
static void peek_end_client(void)
{
	int fd = sock_reach();

	call_gives(send(fd, "abc", 3, 0), 3);
	control_expect("BLOCKED");
	call(shutdown(fd, SHUT_WR));
	control_meet("DONE");
}

static void peek_end_server(void)
{
	struct blocked *blocked;
	int fd = sock_serve();
	char text[10];

	sock_await(fd, POLLIN);
	blocked = tell_when_blocked(SYS_recvfrom, "BLOCKED");
	call_gives(recv(fd, text, 10, MSG_PEEK | MSG_WAITALL), 3);
	blocked_join(blocked);
	call_gives(recv(fd, text, 10, MSG_PEEK | MSG_WAITALL), 3);
	call_gives(recv(fd, text, 3, MSG_PEEK | MSG_WAITALL), 3);
	call_gives(recv(fd, text, 10, MSG_WAITALL), 3);
	call_gives(recv(fd, text, 10, MSG_PEEK | MSG_WAITALL), 0);
	control_meet("DONE");
}

/* A peer after SHUT_RD may still send; an epoll set watches the socket that waits for it. */
static void watched_client(void)
{
	int fd = sock_reach();

	call(shutdown(fd, SHUT_RD));
	call_gives(send(fd, "abc", 3, 0), 3);
	control_meet("SENT");
	control_expect("BLOCKED");
	call_gives(send(fd, "def", 3, 0), 3);
	control_meet("DONE");
}

static void watched_server(void)
{
	struct blocked *blocked;
	int fd = sock_serve();
	char text[10];

	event_watch(fd, EPOLLIN);
	control_meet("SENT");
	blocked = tell_when_blocked(SYS_recvfrom, "BLOCKED");
	call_gives(recv(fd, text, 6, MSG_WAITALL), 6);
	blocked_join(blocked);
	control_meet("DONE");
}

/* Peeking at all there is, wherever in the ring that may lie. */
static void peek_wrap_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	uint64_t random = test_env.seed;
	int fd = sock_reach();

	for (int i = 0; i < 300; i++) {
		size_t n = 1 + random_below(&random, 16000);

		pattern_send(&out, fd, n, n);
		control_write("SENT %zu", n);
		control_expect("READ");
	}
}

static void peek_wrap_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	static unsigned char buffer[16000];
	int fd = sock_serve();

	for (int i = 0; i < 300; i++) {
		size_t n = control_read_number("SENT");
		struct pattern ahead = in;

		call_gives(recv(fd, buffer, n, MSG_PEEK | MSG_WAITALL), n);
		pattern_check(&ahead, buffer, n);
		call_gives(recv(fd, buffer, n, 0), n);
		pattern_check(&in, buffer, n);
		control_write("READ");
	}
}

/* Peeks at few bytes and at many, mixed with reads, while more arrive and the ring grows. */
#define MIX_BYTES	(6 * MIB)
#define MIX_PEEK	300000
#define MIX_READ	100000

static void peek_mix_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	pattern_send(&out, fd, MIX_BYTES, 60000);
	control_meet("DONE");
}

static void peek_mix_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	static unsigned char buffer[MIX_PEEK];
	uint64_t random = test_env.seed;
	int fd = sock_serve();

	while (in.position < MIX_BYTES) {
		size_t most = 1 + random_below(&random, random_below(&random, 4) ?
					       MIX_PEEK : 100);
		struct pattern ahead = in;

		pattern_check(&ahead, buffer, call(recv(fd, buffer, most, MSG_PEEK)));
		for (int i = random_below(&random, 3); i > 0; i--) {
			most = 1 + random_below(&random, MIX_READ);
			if (in.position < MIX_BYTES)
				pattern_check(&in, buffer, call(recv(fd, buffer, most, 0)));
		}
	}
	control_meet("DONE");
}

/*
 * SO_PEEK_OFF: each MSG_PEEK continues where the last one ended, and recv() moves the offset
 * back. Over many times the size of the ring.
 */
#define OFFSET_BYTES	(4 * MIB)

static void peek_offset_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	pattern_send(&out, fd, 100, 100);
	control_expect("BLOCKED");
	pattern_send(&out, fd, OFFSET_BYTES - 100, 60000);
	control_meet("DONE");
}

/* Peeks at the next bytes, if they have arrived. */
static bool look_on(int fd, struct pattern *ahead, size_t most)
{
	unsigned char buffer[3000];
	ssize_t n = recv(fd, buffer, most, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0) {
		check_equal(errno, EAGAIN);
		return false;
	}
	pattern_check(ahead, buffer, n);
	return n;
}

static void peek_offset_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	struct pattern ahead = { .seed = test_env.seed, .position = 100 };
	static unsigned char buffer[20000];
	uint64_t random = test_env.seed;
	struct blocked *blocked;
	int fd = sock_serve();
	ssize_t n;

	check_equal(sock_get(fd, SO_PEEK_OFF), -1);
	/* it waits for bytes beyond the offset */
	sock_set(fd, SO_PEEK_OFF, 100);
	sock_await_bytes(fd, 100);
	blocked = tell_when_blocked(SYS_recvfrom, "BLOCKED");
	n = call(recv(fd, buffer, 50, MSG_PEEK));
	blocked_join(blocked);
	pattern_check(&ahead, buffer, n);

	while (in.position < OFFSET_BYTES) {
		ahead = in;
		sock_set(fd, SO_PEEK_OFF, 0);
		for (int i = 0; i < 4; i++) {
			look_on(fd, &ahead, 1 + random_below(&random, 3000));
			check_equal(sock_get(fd, SO_PEEK_OFF),
				    ahead.position - in.position);
		}
		n = call(recv(fd, buffer, 1 + random_below(&random, 20000), 0));
		pattern_check(&in, buffer, n);
		if (in.position >= ahead.position) {
			check_equal(sock_get(fd, SO_PEEK_OFF), 0);
			continue;
		}
		/* the offset is smaller by the received bytes */
		check_equal(sock_get(fd, SO_PEEK_OFF),
			    ahead.position - in.position);
		look_on(fd, &ahead, 1);
	}
	control_meet("DONE");
}

static void waitall_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	pattern_send(&out, fd, 10, 10);
	for (int i = 0; i < 10; i++) {
		control_expect("BLOCKED");
		pattern_send(&out, fd, 9, 9);
	}
	/* more than a ring */
	pattern_send(&out, fd, 5 * MIB, 5000);
	/* then fewer bytes than MSG_WAITALL asks for, and the end */
	control_expect("WAITING");
	pattern_send(&out, fd, 123, 123);
}

static void waitall_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	unsigned char *buffer = malloc(5 * MIB);
	int fd = sock_serve();

	check(buffer);
	call_gives(recv(fd, buffer, 10, MSG_WAITALL), 10);
	pattern_check(&in, buffer, 10);
	for (int i = 0; i < 10; i++) {
		struct blocked *blocked;

		blocked = tell_when_blocked(SYS_recvfrom, "BLOCKED");
		call_gives(recv(fd, buffer, 9, MSG_WAITALL), 9);
		pattern_check(&in, buffer, 9);
		blocked_join(blocked);
	}
	call_gives(recv(fd, buffer, 5 * MIB, MSG_WAITALL), 5 * MIB);
	pattern_check(&in, buffer, 5 * MIB);
	control_write("WAITING");
	call_gives(recv(fd, buffer, 1000, MSG_WAITALL), 123);
	pattern_check(&in, buffer, 123);
	call_gives(recv(fd, buffer, 1000, MSG_WAITALL), 0);
}

/* What there is when the time is up, or at once with MSG_DONTWAIT. */
static void waitall_short_client(void)
{
	int fd = sock_reach();

	call_gives(send(fd, "abcd", 4, 0), 4);
	control_meet("SENT");
	control_meet("READ");
	call_gives(send(fd, "efgh", 4, 0), 4);
	control_meet("SENT");
	control_meet("DONE");
}

static void waitall_short_server(void)
{
	int fd = sock_serve();
	int64_t start = now_ms();
	char text[10];

	control_meet("SENT");
	sock_set_timeout(fd, SO_RCVTIMEO, 200);
	call_gives(recv(fd, text, 10, MSG_WAITALL), 4);
	check(now_ms() - start >= 190);
	control_meet("READ");
	control_meet("SENT");
	sock_await(fd, POLLIN);
	call_gives(recv(fd, text, 10, MSG_WAITALL | MSG_DONTWAIT), 4);
	control_meet("DONE");
}

/* On a stream MSG_TRUNC takes bytes without giving them to anybody. */
static void trunc_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();

	pattern_send(&out, fd, 1000, 1000);
	control_meet("SENT");
	control_meet("DONE");
}

static void trunc_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();
	unsigned char buffer[1000];

	control_meet("SENT");
	call_gives(recv(fd, buffer, 100, MSG_WAITALL), 100);
	pattern_check(&in, buffer, 100);
	memset(buffer, 0xee, sizeof(buffer));
	call_gives(recv(fd, buffer, 200, MSG_TRUNC | MSG_WAITALL), 200);
	for (size_t i = 0; i < sizeof(buffer); i++)
		check_equal(buffer[i], 0xee);
	call_gives(recv(fd, NULL, 300, MSG_TRUNC | MSG_WAITALL), 300);
	in.position += 500;
	call_gives(recv(fd, buffer, 400, MSG_WAITALL), 400);
	pattern_check(&in, buffer, 400);
	control_meet("DONE");
}

static volatile sig_atomic_t pipe_signals;

static void count_sigpipe(int number)
{
	(void)number;
	pipe_signals++;
}

/* EPIPE comes with SIGPIPE, but not with MSG_NOSIGNAL. */
static void sigpipe_client(void)
{
	int fd = sock_reach();

	signal(SIGPIPE, count_sigpipe);
	call(shutdown(fd, SHUT_WR));
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	check_equal(pipe_signals, 0);
	call_fails(send(fd, "x", 1, 0), EPIPE);
	check_equal(pipe_signals, 1);
	call_fails(write(fd, "x", 1), EPIPE);
	check_equal(pipe_signals, 2);
	/* reading is not writing */
	control_meet("DONE");
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	check_equal(pipe_signals, 2);
}

static void sigpipe_server(void)
{
	sock_serve();
	control_meet("DONE");
}

/* Accepted, and never a reason to keep the last bytes back for good. */
static void more_client(void)
{
	int fd = sock_reach();

	call_gives(send(fd, "ab", 2, MSG_MORE), 2);
	call_gives(send(fd, "cd", 2, MSG_MORE), 2);
	call_gives(send(fd, "ef", 2, 0), 2);
	control_meet("READ");
	call_gives(send(fd, "gh", 2, MSG_MORE), 2);
	control_meet("DONE");
}

static void more_server(void)
{
	int fd = sock_serve();
	char text[6];

	call_gives(recv(fd, text, 6, MSG_WAITALL), 6);
	check(!memcmp(text, "abcdef", 6));
	control_meet("READ");
	call_gives(recv(fd, text, 2, MSG_WAITALL), 2);
	check(!memcmp(text, "gh", 2));
	control_meet("DONE");
}

/* An error queue that is always empty: EAGAIN, even if the call might wait, or data is there. */
static void error_queue_client(void)
{
	int fd = sock_reach();
	char c;

	call_fails(recv(fd, &c, 1, MSG_ERRQUEUE), EAGAIN);
	control_meet("SENT");
	sock_await_bytes(fd, 1);
	call_fails(recv(fd, &c, 1, MSG_ERRQUEUE), EAGAIN);
	check_equal(sock_error(fd), 0);
	call_gives(recv(fd, &c, 1, 0), 1);
	control_meet("DONE");
}

static void error_queue_server(void)
{
	int fd = sock_serve();

	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("SENT");
	control_meet("DONE");
}

static void out_of_band_client(void)
{
	int fd = sock_reach();

	call_fails(send(fd, "!", 1, MSG_OOB | MSG_NOSIGNAL), EOPNOTSUPP);
	call_fails(recv(fd, &(char){ 0 }, 1, MSG_OOB), EOPNOTSUPP);
	control_meet("TRIED");
	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("DONE");
}

static void out_of_band_server(void)
{
	int fd = sock_serve();
	char c;

	control_meet("TRIED");
	call_gives(recv(fd, &c, 1, 0), 1);
	check_equal(c, 'x');
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "dontwait", "MSG_DONTWAIT is EAGAIN instead of waiting",
	  dontwait_client, dontwait_server },
	{ "peek", "MSG_PEEK leaves the bytes there", peek_client,
	  peek_server },
	{ "peek_end", "MSG_PEEK with MSG_WAITALL ends at the end",
	  peek_end_client, peek_end_server },
	{ "watched", "MSG_WAITALL sleeps while an epoll set watches",
	  watched_client, watched_server },
	{ "peek_wrap", "MSG_PEEK at every place of the ring",
	  peek_wrap_client, peek_wrap_server },
	{ "peek_mix", "MSG_PEEK of any size, mixed with reads",
	  peek_mix_client, peek_mix_server },
	{ "peek_offset", "SO_PEEK_OFF continues where it ended, over many rings",
	  peek_offset_client, peek_offset_server },
	{ "waitall", "MSG_WAITALL waits for all, or for the end",
	  waitall_client, waitall_server },
	{ "waitall_short", "MSG_WAITALL returns a part at its timeout",
	  waitall_short_client, waitall_short_server },
	{ "trunc", "MSG_TRUNC discards", trunc_client, trunc_server },
	{ "sigpipe", "SIGPIPE comes with EPIPE, but for MSG_NOSIGNAL",
	  sigpipe_client, sigpipe_server },
	{ "more", "MSG_MORE delays bytes only for a while", more_client,
	  more_server },
	{ "error_queue", "MSG_ERRQUEUE is EAGAIN", error_queue_client,
	  error_queue_server },
	{ "out_of_band", "MSG_OOB is not supported", out_of_band_client,
	  out_of_band_server, "TCP has urgent data" },
	{ }
};

TEST_GROUP(flags, cases, STREAMS);
