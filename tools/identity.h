/* SPDX-License-Identifier: GPL-2.0-only */
/* The identity of a domain, as published to its peers. */
#ifndef TOOLS_IDENTITY_H
#define TOOLS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <netinet/in.h>
#include <xenstore.h>

#include "domain.h"

#define IDENTITY_NAME_MAX	127
#define IDENTITY_ADDRESSES_MAX	16

/* A member that is unknown or invalid is empty. */
struct identity {
	char name[IDENTITY_NAME_MAX + 1];
	char uuid[DOMAIN_UUID_LEN + 1];
	char addresses[IDENTITY_ADDRESSES_MAX * INET6_ADDRSTRLEN];
};

/* Read the identity of a domain from nodes that only the control domain writes. */
void identity_read(struct identity *identity, struct xs_handle *xs, xs_transaction_t t,
		   unsigned int domid);

/*
 * Add the IP addresses in text, separated by white space, in their canonical form. Addresses
 * that cannot belong to one domain, such as 127.0.0.1, are skipped.
 */
void identity_add_addresses(struct identity *identity, const char *text);

/* Whether this name may be published to peers. */
bool identity_name_valid(const char *name);

#endif
