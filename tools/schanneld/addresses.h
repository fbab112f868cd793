/* SPDX-License-Identifier: GPL-2.0-only */
/* Who has which address: nobody has one that somebody else claims with the same right. */
#ifndef SCHANNELD_ADDRESSES_H
#define SCHANNELD_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <xenstore.h>

#include "../identity.h"

struct domains;

/* Where a domain announces its addresses. */
#define ADDRESSES_ANNOUNCED	"/local/domain/%u/data/schannel/addresses"

/* More than any honest list of IDENTITY_ADDRESSES_MAX takes. */
#define ADDRESSES_ANNOUNCED_MAX	1024U

/*
 * Take the addresses from what a domain announced. Anything may stand there: it is a
 * list of nothing but addresses, or it is nothing. Returns which.
 */
bool addresses_parse_announced(struct identity *identity, const char *text, size_t len);

void addresses_read_announced(struct identity *identity, struct xs_handle *xs,
			      unsigned int domid);

/* Out of all claims, decide what the domains' peers are told. */
void addresses_settle(struct domains *domains);

#endif
