// SPDX-License-Identifier: GPL-2.0-only
/* Many connections, much data, and much coming and going. */
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"

/* A connection that carries data both ways at once. */
struct duplex {
	int fd;
	struct pattern out;
	struct pattern in;
};

static struct duplex duplex(int fd, int index)
{
	uint64_t seed = test_env.seed + 2 * index;

	return (struct duplex){
		.fd = fd,
		.out.seed = seed + test_env.is_client,
		.in.seed = seed + !test_env.is_client,
	};
}

static void duplex_send(struct duplex *duplex, size_t most)
{
	unsigned char buffer[20000];
	struct pattern next = duplex->out;
	size_t length = most < sizeof(buffer) ? most : sizeof(buffer);
	ssize_t n;

	pattern_fill(&next, buffer, length);
	n = send(duplex->fd, buffer, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		check_equal(errno, EAGAIN);
	else
		duplex->out.position += n;
}

static void duplex_recv(struct duplex *duplex, size_t most)
{
	unsigned char buffer[20000];
	size_t length = most < sizeof(buffer) ? most : sizeof(buffer);
	ssize_t n = recv(duplex->fd, buffer, length, MSG_DONTWAIT);

	if (!n)
		fail("the stream ended after %llu bytes",
		     (unsigned long long)duplex->in.position);
	if (n < 0)
		check_equal(errno, EAGAIN);
	else
		pattern_check(&duplex->in, buffer, n);
}

/* Runs them all until each has carried @bytes in both directions. */
static void duplex_run(struct duplex *all, int n, uint64_t bytes)
{
	struct pollfd *states = calloc(n, sizeof(*states));
	int left = n;

	check(states);
	while (left) {
		left = 0;
		for (int i = 0; i < n; i++) {
			states[i].fd = -1;
			states[i].events = 0;
			if (all[i].out.position < bytes)
				states[i].events |= POLLOUT;
			if (all[i].in.position < bytes)
				states[i].events |= POLLIN;
			if (states[i].events) {
				states[i].fd = all[i].fd;
				left++;
			}
		}
		if (!left)
			break;
		if (!sock_poll(states, n))
			fail("%d of %d connections stand still", left, n);
		for (int i = 0; i < n; i++) {
			if (states[i].revents & POLLOUT)
				duplex_send(&all[i], bytes - all[i].out.position);
			if (states[i].revents & POLLIN)
				duplex_recv(&all[i], bytes - all[i].in.position);
			check(!(states[i].revents & (POLLERR | POLLNVAL)));
		}
	}
	free(states);
}

#define MANY		200
#define MANY_BYTES	60000

static void allow_files(void)
{
	struct rlimit limit;

	call(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max;
	call(setrlimit(RLIMIT_NOFILE, &limit));
}

static void many_client(void)
{
	static struct duplex all[MANY];
	union address to = sock_told();
	uint64_t random = test_env.seed;

	allow_files();
	for (int i = 0; i < MANY; i++)
		all[i] = duplex(sock_connect(to), i);
	control_meet("CONNECTED");
	duplex_run(all, MANY, MANY_BYTES);
	control_meet("CARRIED");
	/* in an order of their own */
	for (int left = MANY; left; left--) {
		int i = random_below(&random, left);

		close(all[i].fd);
		all[i] = all[left - 1];
	}
	control_meet("CLOSED");
}

static void many_server(void)
{
	static struct duplex all[MANY];
	int listener = sock_listen_told(MANY);

	allow_files();
	for (int i = 0; i < MANY; i++)
		all[i] = duplex(sock_accept(listener), i);
	control_meet("CONNECTED");
	duplex_run(all, MANY, MANY_BYTES);
	control_meet("CARRIED");
	for (int i = 0; i < MANY; i++)
		call_gives(recv(all[i].fd, &(char){ 0 }, 1, 0), 0);
	control_meet("CLOSED");
}

/* Both ways at full speed on one connection. */
static void full_duplex_client(void)
{
	struct duplex one = duplex(sock_reach(), 0);

	duplex_run(&one, 1, 16 << 20);
	control_meet("DONE");
}

static void full_duplex_server(void)
{
	struct duplex one = duplex(sock_serve(), 0);

	duplex_run(&one, 1, 16 << 20);
	control_meet("DONE");
}

/* A process with blocking calls echoes the data. */
#define ECHO_BYTES	(8 << 20)

static void echo_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_reach();
	pid_t child = call(fork());
	int status;

	if (!child) {
		struct pattern out = { .seed = test_env.seed };

		pattern_send(&out, fd, ECHO_BYTES, 100000);
		call(shutdown(fd, SHUT_WR));
		_exit(0);
	}
	check_equal(pattern_recv_to_end(&in, fd), ECHO_BYTES);
	call(waitpid(child, &status, 0));
	check_equal(status, 0);
}

static void echo_server(void)
{
	static char buffer[50000];
	int fd = sock_serve();
	ssize_t n;

	while ((n = call(recv(fd, buffer, sizeof(buffer), 0))) > 0)
		call_gives(send(fd, buffer, n, 0), n);
}

/* How a connection of the storm ends; the server follows the same list. */
enum storm_end {
	STORM_CLIENT_CLOSES,
	STORM_CLIENT_LEAVES_UNREAD,
	STORM_SERVER_CLOSES,
	STORM_SERVER_RESETS,
	STORM_SERVER_LEAVES_UNREAD,
	STORM_ENDS
};

#define STORM	2000

static void storm_client(void)
{
	union address to = sock_told();
	uint64_t random = test_env.seed;

	for (int i = 0; i < STORM; i++) {
		enum storm_end end = random_below(&random, STORM_ENDS);
		int fd = sock_connect(to);
		ssize_t n;
		char c;

		if (end == STORM_SERVER_LEAVES_UNREAD)
			call_gives(send(fd, "unread", 6, 0), 6);
		switch (end) {
		case STORM_CLIENT_CLOSES:
			call_gives(send(fd, "x", 1, 0), 1);
			break;
		case STORM_SERVER_RESETS:
			/* connected: else TCP's connect() may have the reset */
			call_gives(send(fd, "x", 1, 0), 1);
			call_fails(recv(fd, &c, 1, 0), ECONNRESET);
			break;
		case STORM_CLIENT_LEAVES_UNREAD:
			call(sock_await(fd, POLLIN));
			break;
		default:
			n = recv(fd, &c, 1, 0);
			if (n)
				check(n < 0 && errno == ECONNRESET);
		}
		close(fd);
	}
	control_meet("DONE");
}

static void storm_server(void)
{
	int listener = sock_listen_told(STORM);
	uint64_t random = test_env.seed;

	for (int i = 0; i < STORM; i++) {
		enum storm_end end = random_below(&random, STORM_ENDS);
		int fd = sock_accept(listener);
		char c;

		switch (end) {
		case STORM_CLIENT_CLOSES:
			call_gives(recv(fd, &c, 1, 0), 1);
			call_gives(recv(fd, &c, 1, 0), 0);
			break;
		case STORM_CLIENT_LEAVES_UNREAD:
			call_gives(send(fd, "unread", 6, 0), 6);
			call_fails(recv(fd, &c, 1, 0), ECONNRESET);
			break;
		case STORM_SERVER_RESETS:
			call_gives(recv(fd, &c, 1, 0), 1);
			sock_set_linger(fd, 1, 0);
			break;
		case STORM_SERVER_LEAVES_UNREAD:
			check(sock_await(fd, POLLIN) & POLLIN);
			break;
		default:
			break;
		}
		close(fd);
	}
	control_meet("DONE");
}

#define LISTENERS	200

static void listeners_client(void)
{
	for (int i = 0; i < LISTENERS; i++) {
		union address to = sock_told();
		int fd = sock_connect(to);

		call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
		close(fd);
	}
}

static void listeners_server(void)
{
	int listeners[LISTENERS];

	allow_files();
	for (int i = 0; i < LISTENERS; i++)
		listeners[i] = sock_listen(1);
	/* from the last to the first: each its own connection */
	for (int i = LISTENERS - 1; i >= 0; i--) {
		int fd;

		sock_tell(listeners[i]);
		fd = sock_accept(listeners[i]);
		call_gives(send(fd, "x", 1, 0), 1);
		close(fd);
	}
}

/* A long transfer, while other processes connect and leave. */
#define CHURN		300
#define CHURN_BYTES	(12 << 20)

static void churn_client(void)
{
	union address to = sock_told();
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_connect(to);
	pid_t child = call(fork());
	int status;

	if (!child) {
		for (int i = 0; i < CHURN; i++) {
			int other = sock_connect(to);

			call_gives(send(other, "x", 1, 0), 1);
			call_gives(recv(other, &(char){ 0 }, 1, 0), 0);
			close(other);
		}
		_exit(0);
	}
	pattern_send(&out, fd, CHURN_BYTES, 30000);
	call(waitpid(child, &status, 0));
	check_equal(status, 0);
	control_meet("DONE");
}

static void churn_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	int listener = sock_listen_told(8);
	int fd = sock_accept(listener);
	pid_t child = call(fork());
	int status;

	if (!child) {
		for (int i = 0; i < CHURN; i++) {
			int other = sock_accept(listener);

			call_gives(recv(other, &(char){ 0 }, 1, 0), 1);
			close(other);
		}
		_exit(0);
	}
	pattern_recv(&in, fd, CHURN_BYTES, 30000);
	call(waitpid(child, &status, 0));
	check_equal(status, 0);
	control_meet("DONE");
}

/* Streams at once, each between processes of its own. */
#define STREAM_COUNT		8
#define STREAM_BYTES	(3 << 20)

static void streams_client(void)
{
	union address to = sock_told();
	pid_t children[STREAM_COUNT];
	int status;

	for (int i = 0; i < STREAM_COUNT; i++) {
		int fd = sock_connect(to);

		children[i] = call(fork());
		if (!children[i]) {
			struct pattern out = { .seed = test_env.seed + i };

			pattern_send(&out, fd, STREAM_BYTES, 5000 + 9000 * i);
			_exit(0);
		}
		close(fd);
	}
	for (int i = 0; i < STREAM_COUNT; i++) {
		call(waitpid(children[i], &status, 0));
		check_equal(status, 0);
	}
}

static void streams_server(void)
{
	int listener = sock_listen_told(STREAM_COUNT);
	pid_t children[STREAM_COUNT];
	int status;

	for (int i = 0; i < STREAM_COUNT; i++) {
		int fd = sock_accept(listener);

		children[i] = call(fork());
		if (!children[i]) {
			struct pattern in = { .seed = test_env.seed + i };

			check_equal(pattern_recv_to_end(&in, fd), STREAM_BYTES);
			_exit(0);
		}
		close(fd);
	}
	for (int i = 0; i < STREAM_COUNT; i++) {
		call(waitpid(children[i], &status, 0));
		check_equal(status, 0);
	}
}

static const struct test_case cases[] = {
	{ "many", "200 connections at once, data both ways", many_client,
	  many_server, .seconds = 120 },
	{ "full_duplex", "16 MiB each way at once", full_duplex_client,
	  full_duplex_server, .seconds = 60 },
	{ "echo", "8 MiB there and back", echo_client, echo_server,
	  .seconds = 60 },
	{ "storm", "2000 connections that end in every way", storm_client,
	  storm_server, .seconds = 120 },
	{ "listeners", "200 listeners", listeners_client, listeners_server },
	{ "churn", "a long transfer while connections open and close", churn_client,
	  churn_server, .seconds = 60 },
	{ "streams", "8 streams between 16 processes", streams_client,
	  streams_server, .seconds = 60 },
	{ }
};

TEST_GROUP(load, cases, STREAMS);
