// SPDX-License-Identifier: GPL-2.0-only
/* Connections: counted and time-limited sending and receiving. */
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "conn.h"

void conn_init(struct conn *conn, int fd, unsigned int timeout_s)
{
	const struct timeval limit = { .tv_sec = timeout_s };

	*conn = (struct conn){ .fd = fd, .timeout_s = timeout_s };
	/* Without timeouts, a dead peer would block this process forever. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)))
		err(1, "cannot limit the time of socket calls");
}

void conn_close(struct conn *conn)
{
	close(conn->fd);
	conn->fd = -1;
}

int conn_fail(struct conn *conn, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(conn->error, sizeof(conn->error), fmt, ap);
	va_end(ap);
	return -1;
}

static int conn_errno(struct conn *conn, const char *what)
{
	if (errno == EAGAIN)
		return conn_fail(conn, "%s: no progress for %u s", what, conn->timeout_s);
	return conn_fail(conn, "%s: %s", what, strerror(errno));
}

int conn_send(struct conn *conn, const void *buf, size_t len)
{
	const char *p = buf;
	ssize_t n;

	while (len) {
		conn->sends++;
		n = send(conn->fd, p, len, MSG_NOSIGNAL);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return conn_errno(conn, "send");
		}
		p += n;
		len -= n;
	}
	return 0;
}

ssize_t conn_recv_some(struct conn *conn, void *buf, size_t len)
{
	ssize_t n;

	do {
		conn->recvs++;
		n = recv(conn->fd, buf, len, 0);
	} while (n < 0 && errno == EINTR);

	if (!n)
		return conn_fail(conn, "recv: the peer closed the connection");
	return n < 0 ? conn_errno(conn, "recv") : n;
}

int conn_recv(struct conn *conn, void *buf, size_t len)
{
	char *p = buf;
	ssize_t n;

	while (len) {
		n = conn_recv_some(conn, p, len);
		if (n < 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}
