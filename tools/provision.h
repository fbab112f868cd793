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
 * and in both peer-name, peer-uuid and peer-addresses, who the other one is.
 *
 * Functions return 0 or a negative errno.
 */
#ifndef TOOLS_PROVISION_H
#define TOOLS_PROVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <xenstore.h>

/* One end of a pair. */
struct pair_end {
	unsigned int domid;
	bool present;		/* its directory is there */
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

/* All pairs of this host, by backend and frontend. */
int provision_list(struct xs_handle *xs, struct pair **pairs, size_t *count);
void provision_list_free(struct pair *pairs, size_t count);

#endif
