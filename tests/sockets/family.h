/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The address family under test.
 *
 * The cases speak of "here", "the peer" and "nowhere"; this turns that into
 * addresses of AF_SCHANNEL, or of a reference: AF_INET for streams and
 * datagrams, AF_UNIX for records and datagrams. A case that expects the same of
 * both is checked against the reference, on any machine. The bytes of TCP's
 * connections may move to channels, and then TCP is under test itself: over AF_INET,
 * AF_INET6, and AF_INET6 sockets with IPv4's addresses.
 */
#ifndef FAMILY_H
#define FAMILY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/schannel.h>

union address {
	struct sockaddr any;
	struct sockaddr_sc sc;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

struct family {
	const char *name;
	int number;
	socklen_t length;		/* of an address */
	socklen_t shortest;		/* that is taken for one, 0: that length */
	int protocol;			/* what SO_PROTOCOL says */
	uint32_t first_ephemeral;	/* no chosen port is below */
	uint32_t last_ephemeral;
	bool (*set_peer)(struct family *family, const char *peer);
	void (*here)(union address *address, uint32_t port);
	void (*peer)(union address *address, uint32_t port);
	void (*nowhere)(union address *address, uint32_t port);
	uint32_t (*port)(const union address *address);
	bool (*is_peer)(const union address *address);
	/* Turns the address that a socket is bound to into the one to reach it. */
	void (*loop)(union address *address);
};

extern const struct family *family;

/*
 * Chooses what all cases use. @peer is the other domain's id or address, NULL
 * for this one. Prints an error to stderr if it returns false.
 */
bool family_choose(const char *name, const char *peer);

bool family_is_schannel(void);
bool family_is_unix(void);
bool family_is_inet(void);	/* inet, inet6 or mapped */
/* The peer is this domain itself, even if the two sides were started apart. */
bool family_peer_is_here(void);

union address here(uint32_t port);
union address peer(uint32_t port);
union address nowhere(uint32_t port);

/* The length that bind() and connect() take with it. */
socklen_t address_length(const union address *address);
/* Of a socket that is bound. */
union address address_of(int fd);

#endif
