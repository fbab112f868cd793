/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which peer is meant. */
#ifndef LIB_LOOKUP_H
#define LIB_LOOKUP_H

#include "schannel.h"
#include "text.h"

/* The one peer of a list that host means; NULL with ENOENT or ENOTUNIQ. */
struct schannel_peer *scl_lookup_in(struct schannel_peer *list, const struct scl_host *host);

/* Likewise among those there are, to be freed. */
int scl_lookup(const struct scl_host *host, struct schannel_peer **peer);

#endif
