/* SPDX-License-Identifier: GPL-2.0-only */
/* Who a domain is: what its peers are told about it. */
#ifndef TOOLS_IDENTITY_H
#define TOOLS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <netinet/in.h>
#include <xenstore.h>

#include "domain.h"

#define IDENTITY_NAME_MAX	127
#define IDENTITY_ADDRESSES_MAX	16

/* What is not known, or makes no sense, is empty. */
struct identity {
	char name[IDENTITY_NAME_MAX + 1];
	char uuid[DOMAIN_UUID_LEN + 1];
	char addresses[IDENTITY_ADDRESSES_MAX * INET6_ADDRSTRLEN];
};

/* What the control domain's part of xenstore says of a domain. */
void identity_read(struct identity *identity, struct xs_handle *xs, xs_transaction_t t,
		   unsigned int domid);

/*
 * Append the IP addresses in text, separated by white space, to what is known. Each
 * is written in its usual form; those that can be no domain's are left out.
 */
void identity_add_addresses(struct identity *identity, const char *text);

/* Whether a domain may have this name for its peers. */
bool identity_name_valid(const char *name);

#endif
