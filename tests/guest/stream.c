// SPDX-License-Identifier: GPL-2.0-only
#include "stream.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "case.h"
#include "control.h"

#define EVERY_EVENT	(POLLIN | POLLOUT | POLLRDHUP | POLLPRI)

int stream_socket(int flags)
{
	return call(socket(family->number, SOCK_STREAM | flags, 0));
}

int stream_bind(int fd, union address at_address)
{
	return bind(fd, &at_address.any, family->length);
}

int stream_try(int fd, union address to)
{
	return connect(fd, &to.any, family->length);
}

int stream_listen(int backlog)
{
	int fd = stream_socket(0);

	call(stream_bind(fd, here(0)));
	call(listen(fd, backlog));
	return fd;
}

uint32_t stream_port(int fd)
{
	union address address;
	socklen_t length = sizeof(address);

	call(getsockname(fd, &address.any, &length));
	check_equal(length, family->length);
	return family->port(&address);
}

int stream_accept(int listener)
{
	return call(accept(listener, NULL, NULL));
}

int stream_connect(union address to)
{
	int fd = stream_socket(0);

	call(stream_try(fd, to));
	return fd;
}

void stream_tell(int listener)
{
	control_write("PORT %u", stream_port(listener));
}

int stream_listen_told(int backlog)
{
	int fd = stream_listen(backlog);

	stream_tell(fd);
	return fd;
}

int stream_serve(void)
{
	int listener = stream_listen_told(1);
	int fd = stream_accept(listener);

	close(listener);
	return fd;
}

union address stream_told(void)
{
	return peer(control_read_number("PORT"));
}

int stream_reach(void)
{
	return stream_connect(stream_told());
}

/* Where the listener is bound, turned into an address one can connect to. */
static union address loopback(int listener)
{
	union address address;
	socklen_t length = sizeof(address);

	call(getsockname(listener, &address.any, &length));
	if (family_is_schannel())
		address.sc.sc_domid = SC_DOMID_SELF;
	else
		address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

struct stream_pair stream_pair(void)
{
	int listener = stream_listen(1);
	struct stream_pair pair;

	pair.left = stream_connect(loopback(listener));
	pair.right = stream_accept(listener);
	close(listener);
	return pair;
}

void stream_set_nonblocking(int fd, bool on)
{
	int flags = call(fcntl(fd, F_GETFL));

	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	call(fcntl(fd, F_SETFL, flags));
}

void stream_set_timeout(int fd, int option, int ms)
{
	struct timeval time = {
		.tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000,
	};

	call(setsockopt(fd, SOL_SOCKET, option, &time, sizeof(time)));
}

void stream_set_linger(int fd, int on, int seconds)
{
	struct linger linger = { .l_onoff = on, .l_linger = seconds };

	call(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
}

int stream_error(int fd)
{
	socklen_t length = sizeof(int);
	int error;

	call(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
	return error;
}

void stream_await_bytes(int fd, int bytes)
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

size_t stream_fill(int fd, struct pattern *pattern)
{
	/* TCP moves bytes on by itself for a moment: wait until it is still. */
	int settle_ms = family_is_schannel() ? 0 : 50;
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
			if (!call(poll(&writable, 1, settle_ms)))
				return total;
			continue;
		}
		pattern->position += n;
		total += n;
	}
}

short stream_state(int fd)
{
	struct pollfd state = { .fd = fd, .events = EVERY_EVENT };

	call(poll(&state, 1, 0));
	return state.revents;
}

bool stream_poll(struct pollfd *states, int n)
{
	int64_t start = now_ms();

	return call(poll(states, n, patience_ms())) &&
	       now_ms() - start < patience_ms();
}

short stream_await(int fd, short events)
{
	struct pollfd state = { .fd = fd, .events = events };

	if (!stream_poll(&state, 1))
		fail("poll waited in vain for any of %#x, it says %#x",
		     events, stream_state(fd));
	return state.revents;
}

void stream_await_state(int fd, short state)
{
	int64_t end = now_ms() + patience_ms();

	while (stream_state(fd) != state) {
		if (now_ms() > end)
			fail("poll says %#x, never %#x", stream_state(fd), state);
		poll(NULL, 0, 1);
	}
}
