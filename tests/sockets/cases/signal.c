// SPDX-License-Identifier: GPL-2.0-only
/* Signals in blocked calls: EINTR, going on, and counts that are kept. */
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../blocked.h"
#include "../group.h"
#include "../control.h"
#include "../interrupt.h"
#include "../sock.h"

/* More than a connection takes while the peer does not read. */
#define MUCH	(16 << 20)

static void recv_client(void)
{
	int fd = sock_reach();
	struct blocked *blocked;

	interrupt_catch(0);
	blocked = interrupt_when_blocked(SYS_recvfrom);
	call_fails(recv(fd, &(char){ 0 }, 1, 0), EINTR);
	blocked_join(blocked);
	check_equal(interrupt_count(), 1);

	interrupt_catch(SA_RESTART);
	blocked = interrupt_then_tell(SYS_recvfrom, "BLOCKED AGAIN");
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	blocked_join(blocked);
	check_equal(interrupt_count(), 1);

	/* a time that has begun is not begun again */
	sock_set_timeout(fd, SO_RCVTIMEO, 1000 * 1000);
	blocked = interrupt_when_blocked(SYS_recvfrom);
	call_fails(recv(fd, &(char){ 0 }, 1, 0), EINTR);
	blocked_join(blocked);
	control_meet("DONE");
}

static void recv_server(void)
{
	int fd = sock_serve();

	control_expect("BLOCKED AGAIN");
	call_gives(send(fd, "x", 1, 0), 1);
	control_meet("DONE");
}

/* Bytes received before the signal are returned, and nothing is lost. */
static void recv_part_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_reach();
	unsigned char buffer[1000];
	struct blocked *blocked;

	control_meet("SENT");
	sock_await_bytes(fd, 400);
	interrupt_catch(0);
	blocked = interrupt_when_blocked(SYS_recvfrom);
	call_gives(recv(fd, buffer, 1000, MSG_WAITALL), 400);
	blocked_join(blocked);
	pattern_check(&in, buffer, 400);
	control_meet("READ");
	pattern_recv(&in, fd, 600, 1000);
}

static void recv_part_server(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_serve();

	pattern_send(&out, fd, 400, 400);
	control_meet("SENT");
	control_meet("READ");
	pattern_send(&out, fd, 600, 600);
}

/* First a part goes, then none, and then with SA_RESTART all of it. */
static void send_client(void)
{
	struct pattern all = { .seed = test_env.seed }, out = all;
	unsigned char *buffer = malloc(2 * MUCH);
	int fd = sock_reach(), calls = 0;
	struct blocked *blocked;
	size_t sent = 0;
	ssize_t n;

	check(buffer);
	pattern_fill(&all, buffer, 2 * MUCH);
	interrupt_catch(0);
	/* AF_SCHANNEL gives a part once; TCP may find a little room again */
	for (;;) {
		blocked = interrupt_when_blocked(SYS_sendto);
		n = send(fd, buffer + sent, MUCH - sent, 0);
		blocked_join(blocked);
		if (n < 0)
			break;
		sent += n;
		check(sent < MUCH);
		calls++;
	}
	check_equal(errno, EINTR);
	check(calls > 0);
	check_equal(interrupt_count(), calls + 1);

	/* the ring may still grow: nothing may fit when the next call is interrupted */
	out.position = sent;
	sent += sock_fill(fd, &out);
	check(sent < MUCH);
	interrupt_catch(SA_RESTART);
	blocked = interrupt_then_tell(SYS_sendto, "BLOCKED AGAIN");
	call_gives(send(fd, buffer + sent, MUCH, 0), MUCH);
	blocked_join(blocked);
	check_equal(interrupt_count(), 1);
	control_write("SENT %zu", sent + MUCH);
}

static void send_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();

	control_expect("BLOCKED AGAIN");
	check_equal(pattern_recv_to_end(&in, fd), control_read_number("SENT"));
}

/* A timer that goes off every few milliseconds; counts stay exact. */
#define STORM_BYTES	8000000

static volatile sig_atomic_t alarms;

static void count_alarm(int number)
{
	(void)number;
	alarms++;
}

static void start_timer(void)
{
	static const struct itimerval every = {
		.it_interval.tv_usec = 3000,
		.it_value.tv_usec = 3000,
	};
	struct sigaction action = { .sa_handler = count_alarm };

	call(sigaction(SIGALRM, &action, NULL));
	call(setitimer(ITIMER_REAL, &every, NULL));
}

static void stop_timer(void)
{
	static const struct itimerval never;

	call(setitimer(ITIMER_REAL, &never, NULL));
}

static void storm_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	static unsigned char buffer[300000];
	uint64_t random = test_env.seed;
	int fd = sock_reach();

	start_timer();
	while (out.position < STORM_BYTES) {
		size_t piece = 1 + random_below(&random, sizeof(buffer));
		struct pattern next = out;
		ssize_t n;

		pattern_fill(&next, buffer, piece);
		n = send(fd, buffer, piece, 0);
		if (n < 0)
			check_equal(errno, EINTR);
		else
			out.position += n;
	}
	stop_timer();
	control_write("SENT %llu", (unsigned long long)out.position);
}

static void storm_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	static unsigned char buffer[300000];
	uint64_t random = test_env.seed + 1;
	int fd = sock_serve();

	start_timer();
	for (;;) {
		size_t piece = 1 + random_below(&random, sizeof(buffer));
		ssize_t n = recv(fd, buffer, piece, MSG_WAITALL);

		if (!n)
			break;
		if (n < 0)
			check_equal(errno, EINTR);
		else
			pattern_check(&in, buffer, n);
	}
	stop_timer();
	check_equal(in.position, control_read_number("SENT"));
}

/* SIGKILL ends a process at once whose thread is blocked in send(). */
static void *send_for_ever(void *arg)
{
	static char buffer[65536];

	while (send(*(int *)arg, buffer, sizeof(buffer), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

static void killed_client(void)
{
	union address to = sock_told();
	pid_t child = call(fork());

	if (!child) {
		int fd = sock_connect(to);

		thread_blocked(send_for_ever, &fd, SYS_sendto);
		recv(fd, &(char){ 0 }, 1, 0);
		_exit(0);
	}
	wait_blocked(child, SYS_recvfrom);
	call(kill(child, SIGKILL));
	call_gives(waitpid(child, NULL, 0), child);
	control_meet("DONE");
}

static void killed_server(void)
{
	sock_serve();
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "recv", "EINTR, SA_RESTART, and neither with SO_RCVTIMEO",
	  recv_client, recv_server },
	{ "recv_part", "MSG_WAITALL returns the bytes so far", recv_part_client,
	  recv_part_server },
	{ "send", "a part, then EINTR, and all with SA_RESTART",
	  send_client, send_server },
	{ "storm", "signals from a timer while a stream runs", storm_client,
	  storm_server },
	{ "killed", "SIGKILL ends blocked calls of two threads",
	  killed_client, killed_server },
	{ }
};

TEST_GROUP(signal, cases, STREAMS);
