// SPDX-License-Identifier: GPL-2.0-only
#include "sock.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "case.h"
#include "control.h"

#define EVERY_EVENT	(POLLIN | POLLOUT | POLLRDHUP | POLLPRI)

int sock_open(int flags)
{
	return call(socket(family->number, test_env.type | flags, 0));
}

int sock_bind(int fd, union address at_address)
{
	return bind(fd, &at_address.any, address_length(&at_address));
}

int sock_try(int fd, union address to)
{
	return connect(fd, &to.any, address_length(&to));
}

int sock_bound(void)
{
	int fd = sock_open(0);

	call(sock_bind(fd, here(0)));
	return fd;
}

int sock_listen(int backlog)
{
	int fd = sock_bound();

	call(listen(fd, backlog));
	return fd;
}

uint32_t sock_port(int fd)
{
	union address address = address_of(fd);

	return family->port(&address);
}

int sock_accept(int listener)
{
	return call(accept(listener, NULL, NULL));
}

int sock_connect(union address to)
{
	int fd = sock_open(0);

	call(sock_try(fd, to));
	return fd;
}

void sock_tell(int listener)
{
	control_write("PORT %u", sock_port(listener));
}

int sock_listen_told(int backlog)
{
	int fd = sock_listen(backlog);

	sock_tell(fd);
	return fd;
}

static int serve_datagrams(void)
{
	int fd = sock_bound();

	sock_tell(fd);
	call(sock_try(fd, sock_told()));
	control_write("CONNECTED");
	return fd;
}

static int reach_datagrams(void)
{
	union address to = sock_told();
	int fd = sock_bound();

	call(sock_try(fd, to));
	sock_tell(fd);
	control_expect("CONNECTED");
	return fd;
}

int sock_serve(void)
{
	int listener, fd;

	if (test_env.type == SOCK_DGRAM)
		return serve_datagrams();
	listener = sock_listen_told(1);
	fd = sock_accept(listener);

	close(listener);
	return fd;
}

union address sock_told(void)
{
	return peer(control_read_number("PORT"));
}

int sock_reach(void)
{
	if (test_env.type == SOCK_DGRAM)
		return reach_datagrams();
	return sock_connect(sock_told());
}

struct sock_pair sock_pair(void)
{
	int listener = sock_listen(1);
	union address address = address_of(listener);
	struct sock_pair pair;

	family->loop(&address);
	pair.left = sock_connect(address);
	pair.right = sock_accept(listener);
	close(listener);
	return pair;
}

void sock_set_nonblocking(int fd, bool on)
{
	int flags = call(fcntl(fd, F_GETFL));

	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	call(fcntl(fd, F_SETFL, flags));
}

void sock_set_timeout(int fd, int option, int ms)
{
	struct timeval time = {
		.tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000,
	};

	call(setsockopt(fd, SOL_SOCKET, option, &time, sizeof(time)));
}

void sock_set_linger(int fd, int on, int seconds)
{
	struct linger linger = { .l_onoff = on, .l_linger = seconds };

	call(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
}

int sock_get(int fd, int option)
{
	socklen_t size = sizeof(int);
	int value;

	call(getsockopt(fd, SOL_SOCKET, option, &value, &size));
	check_equal(size, sizeof(int));
	return value;
}

void sock_set(int fd, int option, int value)
{
	call(setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)));
}

int sock_error(int fd)
{
	return sock_get(fd, SO_ERROR);
}

void sock_await_bytes(int fd, int bytes)
{
	int64_t end = now_ms() + patience_ms();
	int there = -1;

	for (;;) {
		call(ioctl(fd, FIONREAD, &there));
		if (there == bytes)
			return;
		if (now_ms() > end)
			fail("FIONREAD says %d, never %d", there, bytes);
		poll(NULL, 0, 1);
	}
}

size_t sock_fill(int fd, struct pattern *pattern)
{
	/* TCP moves bytes for a moment after send(), and a ring grows: wait until that ends. */
	int settle_ms = 100 * test_env.slow;
	bool settled = false;
	struct pollfd writable = { .fd = fd, .events = POLLOUT };
	char buffer[4096];
	size_t total = 0;

	for (;;) {
		struct pattern next = *pattern;
		ssize_t n;

		pattern_fill(&next, buffer, sizeof(buffer));
		n = send(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0) {
			check_equal(errno, EAGAIN);
			if (settled)
				return total;
			/* a larger ring may be ready, which poll() does not know and send() uses */
			settled = !call(poll(&writable, 1, settle_ms));
			continue;
		}
		settled = false;
		pattern->position += n;
		total += n;
	}
}

short sock_state(int fd)
{
	struct pollfd state = { .fd = fd, .events = EVERY_EVENT };

	call(poll(&state, 1, 0));
	return state.revents;
}

bool sock_poll(struct pollfd *states, int n)
{
	int64_t start = now_ms();

	return call(poll(states, n, patience_ms())) &&
	       now_ms() - start < patience_ms();
}

short sock_await(int fd, short events)
{
	struct pollfd state = { .fd = fd, .events = events };

	if (!sock_poll(&state, 1))
		fail("poll waited in vain for any of %#x, it says %#x",
		     events, sock_state(fd));
	return state.revents;
}

void sock_await_state(int fd, short state)
{
	int64_t end = now_ms() + patience_ms();

	while (sock_state(fd) != state) {
		if (now_ms() > end)
			fail("poll says %#x, never %#x", sock_state(fd), state);
		poll(NULL, 0, 1);
	}
}
