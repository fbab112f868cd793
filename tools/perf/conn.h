/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections: whole messages over a stream socket, with every call counted
 * and every wait limited.
 */
#ifndef PERF_CONN_H
#define PERF_CONN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct conn {
	int fd;
	unsigned int timeout_s;
	uint64_t sends;		/* calls of send() and recv() so far */
	uint64_t recvs;
	char error[160];	/* the reason if the last call returned -1 */
};

void conn_init(struct conn *conn, int fd, unsigned int timeout_s);
void conn_close(struct conn *conn);

/* These return -1 after an error. The end of the stream counts as one. */
int conn_send(struct conn *conn, const void *buf, size_t len);
int conn_recv(struct conn *conn, void *buf, size_t len);
ssize_t conn_recv_some(struct conn *conn, void *buf, size_t len);

/* Records an error and returns -1. */
int conn_fail(struct conn *conn, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
