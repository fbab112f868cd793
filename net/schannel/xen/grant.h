/* SPDX-License-Identifier: GPL-2.0-only */
/* Grants: our pages granted to a peer, a peer's pages mapped here. */
#ifndef _SCHANNEL_XEN_GRANT_H
#define _SCHANNEL_XEN_GRANT_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "quota.h"

struct page;
struct schannel_grants;
struct schannel_mapping;
struct schannel_peer;

/**
 * struct scxen_grants - a device's pages that are shared, or that the peer still maps
 * @lock:	protects @lingering
 * @lingering:	pages that we no longer share but the peer still maps: struct page by its
 *		lru, with the grant reference in its private
 * @domid:	the peer
 * @quota:	the grant entries of all of them
 * @node:	in the list of those whose device is gone
 */
struct scxen_grants {
	spinlock_t lock;	/* protects @lingering */
	struct list_head lingering;
	unsigned int domid;
	struct scxen_quota quota;
	struct list_head node;
};

struct scxen_grants *scxen_grant_create(unsigned int domid);
bool scxen_grant_is_left(unsigned int domid);
bool scxen_grant_reap(struct scxen_grants *grants);
void scxen_grant_leave(struct scxen_grants *grants);
void scxen_grant_exit(void);

int scxen_grant_share(struct schannel_peer *peer, struct page *page, u32 *ref);
bool scxen_grant_unshare(struct schannel_peer *peer, struct page *page,
			 u32 ref);
void scxen_grant_read(struct schannel_peer *peer, struct schannel_grants *grants);

struct schannel_mapping *scxen_grant_map(struct schannel_peer *peer,
					 const u32 *refs, unsigned int nr);
void scxen_grant_unmap(struct schannel_peer *peer, struct schannel_mapping *m);

#endif /* _SCHANNEL_XEN_GRANT_H */
