// SPDX-License-Identifier: GPL-2.0-only
/* SO_LINGER: close() that resets, and close() that waits. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../blocked.h"
#include "../group.h"
#include "../control.h"
#include "../sock.h"

static void reset_client(void)
{
	int fd = sock_reach();
	struct blocked *blocked = tell_when_blocked(SYS_recvfrom, "BLOCKED");

	call_fails(recv(fd, &(char){ 0 }, 1, 0), ECONNRESET);
	blocked_join(blocked);
	control_meet("DONE");
}

static void reset_server(void)
{
	int fd = sock_serve();

	sock_set_linger(fd, 1, 0);
	control_expect("BLOCKED");
	close(fd);
	control_meet("DONE");
}

/* Until the other side has taken all that was sent. */
static void drained_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	struct blocked *blocked;
	int fd = sock_reach();
	int64_t start;

	control_write("FULL %zu", sock_fill(fd, &out));
	sock_set_linger(fd, 1, 1000);
	blocked = tell_when_blocked(SYS_close, "BLOCKED");
	start = now_ms();
	call(close(fd));
	blocked_join(blocked);
	check(now_ms() - start < 1000 * 1000);
	control_meet("CLOSED");
}

static void drained_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_serve();
	size_t sent = control_read_number("FULL");

	control_expect("BLOCKED");
	check_equal(pattern_recv_to_end(&in, fd), sent);
	control_meet("CLOSED");
}

/* However little that is: what counts is that it was read. */
static void little_client(void)
{
	struct blocked *blocked;
	int fd = sock_reach();

	call_gives(send(fd, "little", 6, 0), 6);
	sock_set_linger(fd, 1, 1000);
	blocked = tell_when_blocked(SYS_close, "BLOCKED");
	call(close(fd));
	blocked_join(blocked);
	control_meet("CLOSED");
}

static void little_server(void)
{
	char text[8];
	int fd = sock_serve();

	control_expect("BLOCKED");
	call_gives(recv(fd, text, 6, MSG_WAITALL), 6);
	call_gives(recv(fd, text, 1, 0), 0);
	control_meet("CLOSED");
}

static void time_up_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();
	int64_t start;

	sock_fill(fd, &out);
	sock_set_linger(fd, 1, 1);
	start = now_ms();
	call(close(fd));
	check(now_ms() - start >= 990);
	check(now_ms() - start < 1000 + patience_ms());
	control_meet("CLOSED");
}

/* O_NONBLOCK does not change what close() does. */
static void nonblocking_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_reach();
	int64_t start;

	sock_fill(fd, &out);
	sock_set_nonblocking(fd, true);
	sock_set_linger(fd, 1, 1);
	start = now_ms();
	call(close(fd));
	check(now_ms() - start >= 990);
	control_meet("CLOSED");
}

static void time_up_server(void)
{
	sock_serve();
	control_meet("CLOSED");
}

/* Nothing on its way is nothing to wait for. */
static void nothing_client(void)
{
	int fd = sock_reach();
	int64_t start = now_ms();

	sock_set_linger(fd, 1, 1000);
	call(close(fd));
	check(now_ms() - start < patience_ms());
	control_meet("CLOSED");
}

/* A process that is killed does not linger. */
static void killed_client(void)
{
	union address to = sock_told();
	pid_t child = call(fork());

	if (!child) {
		struct pattern out = { .seed = test_env.seed };
		int fd = sock_connect(to);

		sock_fill(fd, &out);
		sock_set_linger(fd, 1, 1000);
		pause();
		_exit(0);
	}
	wait_blocked(child, SYS_pause);
	call(kill(child, SIGKILL));
	call_gives(waitpid(child, NULL, 0), child);
	control_meet("CLOSED");
}

/* A process that is killed while it lingers does not go on. */
static void killed_waiting_client(void)
{
	union address to = sock_told();
	pid_t child = call(fork());

	if (!child) {
		struct pattern out = { .seed = test_env.seed };
		int fd = sock_connect(to);

		sock_fill(fd, &out);
		sock_set_linger(fd, 1, 1000);
		close(fd);
		_exit(0);
	}
	wait_blocked(child, SYS_close);
	call(kill(child, SIGKILL));
	call_gives(waitpid(child, NULL, 0), child);
	control_meet("CLOSED");
}

/* The peer has closed: close() does not wait. */
static void peer_gone_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	struct blocked *blocked;
	int fd = sock_reach();
	int64_t start;

	sock_fill(fd, &out);
	sock_set_linger(fd, 1, 1000);
	blocked = tell_when_blocked(SYS_close, "BLOCKED");
	start = now_ms();
	close(fd);
	blocked_join(blocked);
	check(now_ms() - start < 1000 * 1000);
	control_meet("CLOSED");
}

static void peer_gone_server(void)
{
	int fd = sock_serve();

	control_expect("BLOCKED");
	/* with all of it unread */
	close(fd);
	control_meet("CLOSED");
}

static const struct test_case cases[] = {
	{ "reset", "a zero timeout: the other side gets ECONNRESET",
	  reset_client, reset_server },
	{ "drained", "close waits until all was read", drained_client,
	  drained_server },
	{ "little", "the same for six bytes", little_client, little_server,
	  "TCP waits until it has arrived, not until it was read" },
	{ "time_up", "close waits no longer than the timeout", time_up_client,
	  time_up_server },
	{ "nonblocking", "close of a nonblocking socket waits, too",
	  nonblocking_client, time_up_server },
	{ "nothing", "close does not wait if all was read", nothing_client,
	  time_up_server },
	{ "killed", "a process that is killed does not linger",
	  killed_client, time_up_server },
	{ "killed_waiting", "SIGKILL ends a close that waits",
	  killed_waiting_client, time_up_server },
	{ "peer_gone", "close does not wait for a peer that has closed",
	  peer_gone_client, peer_gone_server },
	{ }
};

TEST_GROUP(linger, cases, STREAMS);
