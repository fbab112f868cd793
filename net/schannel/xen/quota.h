/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many entries of the domain's grant table our channels may take. Network and disk
 * devices of the domain need entries of the same table.
 */
#ifndef _SCHANNEL_XEN_QUOTA_H
#define _SCHANNEL_XEN_QUOTA_H

#include <linux/list.h>
#include <linux/types.h>

struct schannel_grants;

/**
 * struct scxen_quota - the grant entries of a device
 * @node:	in the list of all quotas
 * @used:	number of entries that its pages take
 * @refused:	number of times that no entry was left for it
 * @ended:	the device is gone; its peer still maps pages
 *
 * A lock in quota.c protects all members.
 */
struct scxen_quota {
	struct list_head node;
	unsigned long used;
	unsigned long refused;
	bool ended;
};

void scxen_quota_add(struct scxen_quota *quota);
void scxen_quota_end(struct scxen_quota *quota);
void scxen_quota_remove(struct scxen_quota *quota);
void scxen_quota_refresh(void);
bool scxen_quota_take(struct scxen_quota *quota);
void scxen_quota_put(struct scxen_quota *quota);
void scxen_quota_read(const struct scxen_quota *quota, struct schannel_grants *grants);

#endif /* _SCHANNEL_XEN_QUOTA_H */
