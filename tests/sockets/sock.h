/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What most cases start from: a listener, a connection, a full ring; of the type
 * of the case's group. A failure in here fails the case.
 */
#ifndef SOCK_H
#define SOCK_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "family.h"
#include "pattern.h"

/* @flags are those that go with the type: SOCK_NONBLOCK, SOCK_CLOEXEC. */
int sock_open(int flags);
/* Bound here, at a port that the kernel chose. */
int sock_bound(void);
/* Listens here, at a port that the kernel chose. */
int sock_listen(int backlog);
uint32_t sock_port(int fd);
int sock_accept(int listener);
int sock_connect(union address to);

/* Bind and connect with the length that belongs to the family. */
int sock_bind(int fd, union address at_address);
int sock_try(int fd, union address to);

/*
 * The server side: tells the client a socket's port; or all in one. With
 * datagrams, both sides' sockets are then connected to each other.
 */
void sock_tell(int listener);
int sock_listen_told(int backlog);
int sock_serve(void);
/* The client side: the address that the server sent; or connects to it. */
union address sock_told(void);
int sock_reach(void);

/* Both ends in one process, over loopback. */
struct sock_pair {
	int left;
	int right;
};

struct sock_pair sock_pair(void);

void sock_set_nonblocking(int fd, bool on);
void sock_set_timeout(int fd, int option, int ms);
void sock_set_linger(int fd, int on, int seconds);
int sock_error(int fd);		/* reads and clears SO_ERROR */

int sock_get(int fd, int option);	/* of level SOL_SOCKET */
void sock_set(int fd, int option, int value);

/* Waits until exactly this many bytes can be read. */
void sock_await_bytes(int fd, int bytes);

/* Sends until the connection takes no more; returns the number of bytes. */
size_t sock_fill(int fd, struct pattern *pattern);

/* All events that poll() reports now. */
short sock_state(int fd);
/*
 * A poll() that must be woken. At its timeout poll() checks the state again, and finds an event
 * without a wake-up, so the time is measured. Returns false without an event, or if the
 * event came with the timeout.
 */
bool sock_poll(struct pollfd *states, int n);
/* One poll() that must be woken by any of @events; returns what it said. */
short sock_await(int fd, short events);
/* Polls until the events are exactly these. */
void sock_await_state(int fd, short state);

#endif
