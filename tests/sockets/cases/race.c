// SPDX-License-Identifier: GPL-2.0-only
/* Connecting, accepting and closing, all at once. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"

#define CLIENTS		4
#define ATTEMPTS	200
#define PORT		20031

static void wait_for(pid_t child)
{
	int status;

	call(waitpid(child, &status, 0));
	/* what the child had to say is in the report already */
	if (status)
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : CASE_FAILED);
}

/* Each connection, accepted or queued, gets data or an end. */
static void expect_end(int fd)
{
	ssize_t n;

	sock_set_timeout(fd, SO_RCVTIMEO, patience_ms());
	do {
		n = recv(fd, &(char){ 0 }, 1, 0);
	} while (n > 0);
	if (n < 0)
		check_equal(errno, ECONNRESET);
}

static void attempt(uint64_t *random)
{
	enum { WAIT, SEND, LEAVE, GIVE_UP, KINDS } kind;
	int fd;

	kind = random_below(random, KINDS);
	fd = sock_open(kind == GIVE_UP ? SOCK_NONBLOCK : 0);
	if (sock_try(fd, peer(PORT))) {
		check(errno == ECONNREFUSED || errno == ECONNRESET ||
		      (kind == GIVE_UP && errno == EINPROGRESS));
	} else if (kind == WAIT) {
		expect_end(fd);
	} else if (kind == SEND && send(fd, "x", 1, MSG_NOSIGNAL) < 0) {
		check(errno == ECONNRESET || errno == EPIPE);
	}
	close(fd);
}

/* A listener that closes and comes back all the time. */
static void listener_client(void)
{
	pid_t children[CLIENTS];
	char text[4];
	int fd;

	control_expect("LISTENING");
	for (int i = 0; i < CLIENTS; i++) {
		children[i] = call(fork());
		if (children[i])
			continue;
		for (uint64_t random = test_env.seed + i, j = 0; j < ATTEMPTS; j++)
			attempt(&random);
		_exit(0);
	}
	for (int i = 0; i < CLIENTS; i++)
		wait_for(children[i]);
	/* after all that it works as ever */
	control_write("QUIET");
	control_expect("LISTENING");
	fd = sock_connect(peer(PORT));
	call_gives(recv(fd, text, sizeof(text), MSG_WAITALL), 4);
	check(!memcmp(text, "fine", 4));
}

static int listen_at_port(int backlog)
{
	int fd = sock_open(0);

	call(sock_bind(fd, here(PORT)));
	call(listen(fd, backlog));
	return fd;
}

static void listener_server(void)
{
	struct pollfd quiet = { .fd = test_env.control, .events = POLLIN };
	uint64_t random = test_env.seed;
	int listener = listen_at_port(2), fd;

	control_write("LISTENING");
	while (!call(poll(&quiet, 1, 0))) {
		struct pollfd ready = { .fd = listener, .events = POLLIN };

		if (!random_below(&random, 4)) {
			close(listener);
			listener = listen_at_port(random_below(&random, 5));
			continue;
		}
		if (!call(poll(&ready, 1, 10)))
			continue;
		sock_set_nonblocking(listener, true);
		fd = accept(listener, NULL, NULL);
		if (fd < 0) {
			check_equal(errno, EAGAIN);
			continue;
		}
		if (!random_below(&random, 3))
			sock_set_linger(fd, 1, 0);
		if (random_below(&random, 2))
			send(fd, "x", 1, MSG_NOSIGNAL);
		close(fd);
	}
	control_expect("QUIET");
	close(listener);
	listener = listen_at_port(1);
	control_write("LISTENING");
	fd = sock_accept(listener);
	call_gives(send(fd, "fine", 4, 0), 4);
}

/* Threads that accept while clients connect and close: each gets its own connection. */
static void both_client(void)
{
	union address to = sock_told();
	pid_t children[CLIENTS];

	for (int i = 0; i < CLIENTS; i++) {
		children[i] = call(fork());
		if (children[i])
			continue;
		for (int j = 0; j < ATTEMPTS; j++) {
			char name = 'a' + i, back;
			int fd = sock_connect(to);

			call_gives(send(fd, &name, 1, 0), 1);
			call_gives(recv(fd, &back, 1, 0), 1);
			check_equal(back, name);
			close(fd);
		}
		_exit(0);
	}
	for (int i = 0; i < CLIENTS; i++)
		wait_for(children[i]);
}

static void both_server(void)
{
	int listener = sock_listen_told(CLIENTS);
	pid_t children[CLIENTS];

	for (int i = 0; i < CLIENTS; i++) {
		children[i] = call(fork());
		if (children[i])
			continue;
		for (int j = 0; j < ATTEMPTS; j++) {
			int fd = sock_accept(listener);
			char name;

			call_gives(recv(fd, &name, 1, 0), 1);
			call_gives(send(fd, &name, 1, 0), 1);
			close(fd);
		}
		_exit(0);
	}
	for (int i = 0; i < CLIENTS; i++)
		wait_for(children[i]);
}

/*
 * A reset changes a socket in several steps. A receiver that looks all the time gets its error,
 * and never an end of file instead.
 */
#define RESETS	500

static atomic_int reset_fd = -1;
static atomic_int resets;

static void *receive_resets(void *unused)
{
	(void)unused;
	while (resets < RESETS) {
		int fd = reset_fd;
		ssize_t n;

		if (fd < 0)
			continue;
		n = recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			continue;
		call_fails(n, ECONNRESET);
		reset_fd = -1;
		resets++;
	}
	return NULL;
}

static void reset(void)
{
	pthread_t receiver;

	check_equal(pthread_create(&receiver, NULL, receive_resets, NULL), 0);
	for (int i = 0; i < RESETS; i++) {
		struct sock_pair pair = sock_pair();

		sock_set_linger(pair.right, 1, 0);
		reset_fd = pair.left;
		close(pair.right);
		while (resets == i)
			sched_yield();
		close(pair.left);
	}
	pthread_join(receiver, NULL);
}

static const struct test_case cases[] = {
	{ "listener", "a listener that opens and closes while clients connect",
	  listener_client, listener_server,
	  .not_inet = "TCP has TIME_WAIT", .seconds = 60 },
	{ "both", "four processes connect, four accept, all close",
	  both_client, both_server },
	{ "reset", "a reset never reads as an end of file", reset },
	{ }
};

TEST_GROUP(race, cases, STREAMS);
TEST_GROUP(seqpacket_race, cases, SEQPACKETS_LIKE_STREAMS);
