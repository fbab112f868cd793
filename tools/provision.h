/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Provisioning: the xenbus devices that let two domains have a channel.
 *
 * A pair is two directories of xenstore. The domain with the higher id is the
 * frontend, the other the backend, so the control domain is always a backend:
 *
 *	/local/domain/FE/device/schannel/BE		backend, backend-id, state
 *	/local/domain/BE/backend/schannel/FE/0		frontend, frontend-id, online, state
 *
 * and in both peer-name, peer-uuid and peer-addresses, the identity of the other domain, and
 * pool-mib, the limit of the memory of this side.
 *
 * The pairs of schanneld are listed in a part of xenstore that no guest can read or write.
 * schanneld does not touch a pair that is not listed there.
 *
 * Functions return 0 or a negative errno.
 */
#ifndef TOOLS_PROVISION_H
#define TOOLS_PROVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <xenstore.h>

#include "identity.h"

/* Why the driver of an end cannot serve the pair. */
enum pair_error {
	PAIR_ERROR_NONE,
	PAIR_ERROR_WATCHES,	/* xenstored allows the domain no more watches */
	PAIR_ERROR_NODES,	/* xenstored allows the domain no more nodes */
};

/* One end of a pair. */
struct pair_end {
	unsigned int domid;
	bool present;		/* its directory exists */
	bool driver;		/* its domain has a driver for it */
	unsigned int state;	/* enum xenbus_state; 0 if unknown or invalid */
	enum pair_error error;
	char *name;		/* NULL if the domain was destroyed */
};

struct pair {
	struct pair_end front;
	struct pair_end back;
};

/* One end is missing: its domain was destroyed, or has removed it. */
static inline bool pair_is_stale(const struct pair *pair)
{
	return !pair->front.present || !pair->back.present;
}

/*
 * Create a pair, or replace a stale one. -EINVAL: both domains are the same. -ESRCH: one of
 * them does not run. -EEXIST: they are paired already.
 */
int provision_pair(struct xs_handle *xs, unsigned int a, unsigned int b);

/* Remove a pair. The domains need not run. -ENOENT: they are not paired. */
int provision_unpair(struct xs_handle *xs, unsigned int a, unsigned int b);

/* The terms of a pair: the identities of the domains, and their memory limits. */
struct pair_party {
	const struct identity *identity;
	unsigned int pool_mib;	/* memory limit of its side of the channel; 0: none */
};

struct pair_terms {
	struct pair_party front;
	struct pair_party back;
};

enum pair_change {
	PAIR_SAME,		/* nothing to change, or not a pair of schanneld */
	PAIR_CREATED,
	PAIR_UPDATED,
};

/*
 * For schanneld: create a pair with these terms, replace a stale one, or update the terms of
 * an existing pair of schanneld. Returns an enum pair_change or a negative errno.
 */
int provision_ensure(struct xs_handle *xs, unsigned int fe, unsigned int be,
		     const struct pair_terms *terms);

/* For schanneld: remove both ends of a pair, if it is a pair of schanneld. */
int provision_remove(struct xs_handle *xs, unsigned int fe, unsigned int be);

/* Whether both ends exist. Cheaper than provision_ensure(). */
bool provision_complete(struct xs_handle *xs, unsigned int fe, unsigned int be);

/* The domain ids of a pair. */
struct pair_ids {
	unsigned int fe;
	unsigned int be;
};

/* The pairs of schanneld, in no order, to be freed. */
int provision_managed(struct xs_handle *xs, struct pair_ids **ids, size_t *count);

/* All pairs of this host, sorted by backend, then frontend. */
int provision_list(struct xs_handle *xs, struct pair **pairs, size_t *count);
void provision_list_free(struct pair *pairs, size_t count);

#endif
