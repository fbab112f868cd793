/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What most cases start from: a listener, a connection, a full ring.
 * Whatever fails in here fails the case.
 */
#ifndef STREAM_H
#define STREAM_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "family.h"
#include "pattern.h"

/* @flags are those that go with the type: SOCK_NONBLOCK, SOCK_CLOEXEC. */
int stream_socket(int flags);
/* Listens here, at a port that the kernel chose. */
int stream_listen(int backlog);
uint32_t stream_port(int fd);
int stream_accept(int listener);
int stream_connect(union address to);

/* Bind and connect with the length that belongs to the family. */
int stream_bind(int fd, union address at_address);
int stream_try(int fd, union address to);

/* The server side: tells the client a listener's port; or all in one. */
void stream_tell(int listener);
int stream_listen_told(int backlog);
int stream_serve(void);
/* The client side: the address it was told; or all in one. */
union address stream_told(void);
int stream_reach(void);

/* Both ends in one process; over loopback whatever the peer is. */
struct stream_pair {
	int left;
	int right;
};

struct stream_pair stream_pair(void);

void stream_set_nonblocking(int fd, bool on);
void stream_set_timeout(int fd, int option, int ms);
void stream_set_linger(int fd, int on, int seconds);
int stream_error(int fd);		/* reads and clears SO_ERROR */

/* Waits until this many bytes are there to be read, and no more. */
void stream_await_bytes(int fd, int bytes);

/* Sends until the connection takes no more; returns how much that was. */
size_t stream_fill(int fd, struct pattern *pattern);

/* What poll() says now, of everything it can say. */
short stream_state(int fd);
/*
 * A poll() that must be woken. When its time is up, poll() looks once more and
 * finds what it was never told of: so it counts how long that took.
 * Returns false when nothing came, or only the clock did.
 */
bool stream_poll(struct pollfd *states, int n);
/* One poll() that must be woken by any of @events; returns what it said. */
short stream_await(int fd, short events);
/* Looks until the state is exactly this. */
void stream_await_state(int fd, short state);

#endif
