// SPDX-License-Identifier: LGPL-2.1-or-later
/* Connected and listening sockets in one call. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "deadline.h"
#include "schannel.h"

/* Close a socket after an error, and keep errno. */
static int failed(int fd)
{
	int error = errno;

	close(fd);
	errno = error;
	return -1;
}

static bool is_datagram(int type)
{
	return (type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) == SOCK_DGRAM;
}

int schannel_listen(const char *address, int type, int backlog)
{
	struct sockaddr_sc here;
	int fd;

	if (schannel_parse(address, &here))
		return -1;
	fd = socket(here.sc_family, type, 0);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&here, sizeof(here)) ||
	    (!is_datagram(type) && listen(fd, backlog)))
		return failed(fd);
	return fd;
}

/* Wait until a non-blocking connect() has succeeded or failed. */
static int await(int fd, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(errno);
	int error, ready;

	ready = poll(&poll_fd, 1, timeout_ms);
	if (ready < 0)
		return -1;
	if (!ready) {
		errno = ETIMEDOUT;
		return -1;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
		return -1;
	errno = error;
	return error ? -1 : 0;
}

int schannel_connect(const char *address, int type, int timeout_ms)
{
	struct sockaddr_sc there;
	int fd, flags;

	if (schannel_parse(address, &there))
		return -1;
	fd = socket(there.sc_family, type | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&there, sizeof(there))) {
		if (errno != EINPROGRESS)
			return failed(fd);
		if (timeout_ms == 0 && type & SOCK_NONBLOCK)
			return fd;
		if (await(fd, timeout_ms))
			return failed(fd);
	}
	if (!(type & SOCK_NONBLOCK)) {
		flags = fcntl(fd, F_GETFL);
		if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK))
			return failed(fd);
	}
	return fd;
}

/* Checked first: on other descriptors, poll() would wait without end. */
static bool listens(int fd)
{
	socklen_t len = sizeof(int);
	int listening;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len))
		return false;
	errno = EINVAL;
	return listening;
}

int schannel_accept(int fd, struct sockaddr_sc *peer, int flags, int timeout_ms)
{
	const struct timespec deadline = scl_deadline(timeout_ms);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct sockaddr_sc from;
	socklen_t len;
	int ready, taken;

	if (!listens(fd))
		return -1;
	for (;;) {
		ready = poll(&poll_fd, 1, scl_deadline_left(&deadline, timeout_ms));
		if (ready < 0)
			return -1;
		if (!ready) {
			errno = EAGAIN;
			return -1;
		}
		len = sizeof(from);
		taken = accept4(fd, (struct sockaddr *)&from, &len, flags);
		if (taken >= 0 && peer)
			*peer = from;
		/* EAGAIN: on a non-blocking listener, another thread took the connection. */
		if (taken >= 0 || errno != EAGAIN)
			return taken;
	}
}
