/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding a peer by what identifies it. */
#ifndef LIB_LOOKUP_H
#define LIB_LOOKUP_H

#include "schannel.h"
#include "text.h"

/* The only peer of a list that host identifies; NULL with ENOENT or ENOTUNIQ. */
struct schannel_peer *scl_lookup_in(struct schannel_peer *list, const struct scl_host *host);

/* The same among all peers of the network namespace. The peer is to be freed. */
int scl_lookup(const struct scl_host *host, struct schannel_peer **peer);

#endif
