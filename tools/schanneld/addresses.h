/* SPDX-License-Identifier: GPL-2.0-only */
/* Which domain has which address. An address that two domains claim equally belongs to none. */
#ifndef SCHANNELD_ADDRESSES_H
#define SCHANNELD_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <xenstore.h>

#include "../identity.h"

struct domains;

/* The node where a domain announces its addresses. */
#define ADDRESSES_ANNOUNCED	"/local/domain/%u/data/schannel/addresses"

/* Longer than any list of IDENTITY_ADDRESSES_MAX addresses. */
#define ADDRESSES_ANNOUNCED_MAX	1024U

/*
 * Add the addresses that a domain announced. The domain controls the text: unless it has
 * the characters of an address list only, all of it is ignored. Returns whether it was used.
 */
bool addresses_parse_announced(struct identity *identity, const char *text, size_t len);

void addresses_read_announced(struct identity *identity, struct xs_handle *xs,
			      unsigned int domid);

/* From all claims, decide which addresses of each domain are published to its peers. */
void addresses_assign(struct domains *domains);

#endif
