/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The address family under test.
 *
 * The cases speak of "here", "the peer" and "nowhere"; this turns that into
 * addresses of AF_SCHANNEL, or of TCP/IP: a case that expects the same of
 * both is checked against TCP, on any machine.
 */
#ifndef FAMILY_H
#define FAMILY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/schannel.h>

union address {
	struct sockaddr any;
	struct sockaddr_sc sc;
	struct sockaddr_in in;
};

struct family {
	const char *name;
	int number;
	socklen_t length;		/* of an address */
	int protocol;			/* what SO_PROTOCOL says */
	uint32_t first_ephemeral;	/* no chosen port is below */
	uint32_t last_ephemeral;
	bool (*set_peer)(struct family *family, const char *peer);
	void (*here)(union address *address, uint32_t port);
	void (*peer)(union address *address, uint32_t port);
	void (*nowhere)(union address *address, uint32_t port);
	uint32_t (*port)(const union address *address);
	bool (*is_peer)(const union address *address);
};

extern const struct family *family;

/*
 * Chooses what all cases use. @peer is the other domain's id or address, NULL
 * for this one. Says on stderr what is wrong when it returns false.
 */
bool family_choose(const char *name, const char *peer);

bool family_is_schannel(void);
/* The peer is this domain itself, even if the two sides were started apart. */
bool family_peer_is_here(void);

union address here(uint32_t port);
union address peer(uint32_t port);
union address nowhere(uint32_t port);

#endif
