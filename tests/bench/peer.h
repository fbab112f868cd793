/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Peers: the means of communication that are compared. Only peer.c knows how they differ;
 * all other code uses file descriptors with read() and write().
 *
 * An error ends the program with one line on standard error.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stdint.h>

/* Timeout of the server's accept() and recv(), after which it checks whether the test has ended. */
#define PEER_TIMEOUT_MS	100

/* The server's machine; only the families that can reach another machine use it. */
struct server_addr {
	const char *ip;
	uint32_t domid;		/* SC_DOMID_SELF: this domain */
};

/* One end of a flow. Only a pipe has two different descriptors. */
struct link {
	int in;
	int out;
};

struct peer;

const struct peer *peer_find(const char *name);
const char *peer_name(const struct peer *peer);
/* True if the reader gets an end of file when the writer closes. */
bool peer_has_end(const struct peer *peer);
/* True if the peer has connections: listen(), connect() and accept(). */
bool peer_connects(const struct peer *peer);

/* The server's side: first the listener or the sockets, then one flow after the other. */
struct service {
	const struct peer *peer;
	unsigned int flows;
	int *fd;		/* a listener, or a socket for each flow */
};

void service_open(struct service *service, const struct peer *peer, unsigned int flows);
struct link service_link(struct service *service, unsigned int nr);
/* Returns the next connection, or -1 after PEER_TIMEOUT_MS without one. */
int service_accept(struct service *service);
void service_close(struct service *service);

/* The client's side. */
struct link peer_link(const struct peer *peer, const struct server_addr *to, unsigned int nr);

void link_close(const struct link *link);

#endif
