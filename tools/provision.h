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
 * and in both peer-name, peer-uuid and peer-addresses, who the other one is, and
 * pool-mib, how much memory it may take.
 *
 * The broker's own pairs are listed in a part of xenstore that no guest can read
 * or write. That is where it knows them by: what is not listed is not touched.
 *
 * Functions return 0 or a negative errno.
 */
#ifndef TOOLS_PROVISION_H
#define TOOLS_PROVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <xenstore.h>

#include "identity.h"

/* One end of a pair. */
struct pair_end {
	unsigned int domid;
	bool present;		/* its directory is there */
	bool driver;		/* its domain says that it has one */
	unsigned int state;	/* enum xenbus_state; 0 also for nonsense */
	char *name;		/* NULL when the domain is gone */
};

struct pair {
	struct pair_end front;
	struct pair_end back;
};

/* Half a pair is what remains of one whose other domain was destroyed. */
static inline bool pair_is_stale(const struct pair *pair)
{
	return !pair->front.present || !pair->back.present;
}

/*
 * -EINVAL: the same domain twice. -ESRCH: one of them does not run. -EEXIST:
 * they are a pair already. Half a pair is replaced.
 */
int provision_pair(struct xs_handle *xs, unsigned int a, unsigned int b);

/* -ENOENT: they are no pair. The domains may be gone. */
int provision_unpair(struct xs_handle *xs, unsigned int a, unsigned int b);

/* What the domains of a pair are told: who the other is, and what they may take. */
struct pair_party {
	const struct identity *who;
	unsigned int pool_mib;	/* memory for its side of the channel; 0: as it likes */
};

struct pair_terms {
	struct pair_party front;
	struct pair_party back;
};

enum pair_change {
	PAIR_SAME,		/* it was there and right, or is not the broker's */
	PAIR_MADE,
	PAIR_UPDATED,
};

/*
 * For the broker: have there be a pair on these terms. If there is one, its terms
 * are brought up to date, unless somebody else made it; half a pair is
 * replaced. Returns an enum pair_change or a negative errno.
 */
int provision_keep(struct xs_handle *xs, unsigned int fe, unsigned int be,
		   const struct pair_terms *terms);

/* For the broker: take away what is left of a pair, if it is its own. */
int provision_drop(struct xs_handle *xs, unsigned int fe, unsigned int be);

/* Whether both ends are there. Cheaper than finding out by provision_keep(). */
bool provision_whole(struct xs_handle *xs, unsigned int fe, unsigned int be);

/* A pair by its ids alone. */
struct pair_ids {
	unsigned int fe;
	unsigned int be;
};

/* The broker's own pairs, in no order, to be freed. */
int provision_kept(struct xs_handle *xs, struct pair_ids **ids, size_t *count);

/* All pairs of this host, by backend and frontend. */
int provision_list(struct xs_handle *xs, struct pair **pairs, size_t *count);
void provision_list_free(struct pair *pairs, size_t count);

#endif
