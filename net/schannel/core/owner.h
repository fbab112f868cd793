/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Owners: the users that the flows and rings of a channel count for. See owner.c.
 */
#ifndef _SCHANNEL_OWNER_H
#define _SCHANNEL_OWNER_H

#include <linux/uidgid.h>

#include "ring/share.h"

struct schannel_channel;
struct sock;

/**
 * struct sc_owner - a user who has flows in a channel
 * @share:	what the user has (pool lock)
 * @uid:	the user
 * @refs:	flows that count for the user (lock of the channel's @owners)
 */
struct sc_owner {
	struct sc_share share;
	kuid_t uid;
	unsigned int refs;
};

struct sc_owner *sc_owner_get(struct schannel_channel *ch, struct sock *sk);
void sc_owner_put(struct schannel_channel *ch, struct sc_owner *owner);

/* The owner's share; NULL for NULL. */
static inline struct sc_share *sc_owner_share(struct sc_owner *owner)
{
	return owner ? &owner->share : NULL;
}

#endif /* _SCHANNEL_OWNER_H */
