/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Peers: what is measured against each other. Only peer.c knows how they differ;
 * everything else sees file descriptors to read and write.
 *
 * Errors end the program with one line.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stdint.h>

/* How long a server waits for what may never come before it looks at the time. */
#define PEER_PATIENCE_MS	100

/* Where the other side is, for peers that may be in another machine. */
struct place {
	const char *ip;
	uint32_t domid;		/* SC_DOMID_SELF: here */
};

/* One end of a flow. The descriptors are the same unless it is a pipe. */
struct link {
	int in;
	int out;
};

struct peer;

const struct peer *peer_find(const char *name);
const char *peer_name(const struct peer *peer);
/* Does the reader see that the writer has closed? */
bool peer_has_end(const struct peer *peer);
/* Are there connections, which take time to be made? */
bool peer_connects(const struct peer *peer);

/* The server's side: first something to connect to, then one flow after the other. */
struct service {
	const struct peer *peer;
	unsigned int flows;
	int *fd;		/* a listener, or a socket for each flow */
};

void service_open(struct service *service, const struct peer *peer, unsigned int flows);
struct link service_link(struct service *service, unsigned int nr);
/* The next connection; -1 if there was none for PEER_PATIENCE_MS. */
int service_accept(struct service *service);
void service_close(struct service *service);

/* The client's side. */
struct link peer_link(const struct peer *peer, const struct place *to, unsigned int nr);

void link_close(const struct link *link);

#endif
