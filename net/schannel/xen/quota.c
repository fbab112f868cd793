// SPDX-License-Identifier: GPL-2.0-only
/*
 * The grant entries of all channels. See quota.h.
 *
 * A quarter of the table, and at least SCXEN_QUOTA_RESERVE entries, is never taken. Of the
 * rest each device may always take a few, enough for a channel with one segment, as long as
 * that is no more than half of the rest for all devices together. What is left is for
 * whoever comes first.
 *
 * An entry counts until it is free again, which is when the peer has unmapped the page,
 * even if the channel, or the device, ended long before.
 */
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/spinlock.h>
#include <xen/grant_table.h>
#include <xen/interface/grant_table.h>
#include <xen/interface/xen.h>
#include <xen/page.h>
#include <asm/xen/hypercall.h>

#include "core/transport.h"
#include "quota.h"

/* Least number of entries that are left for others: eight queues of network interfaces. */
#define SCXEN_QUOTA_RESERVE	4096UL

/* What each device may take in any case: a channel's own pages and a segment of 1 MiB. */
#define SCXEN_QUOTA_LEAST	384UL

/* Protects the variables below and all quotas. */
static DEFINE_SPINLOCK(scxen_quota_lock);
static LIST_HEAD(scxen_quotas);
static unsigned long scxen_quota_limit;	/* for all devices together */
static unsigned long scxen_quota_least;	/* of that, reserved for each device */
static unsigned long scxen_quota_devices; /* devices that have not ended */
static unsigned long scxen_quota_beyond; /* entries that devices took beyond the least */
static unsigned long scxen_quota_used;	/* entries that all devices took */

/* The number of entries in a frame of the grant table. */
static unsigned long scxen_quota_per_frame(void)
{
	struct gnttab_get_version version = { .dom = DOMID_SELF };

	/* entries of version 2 are twice as large; if in doubt, assume these */
	if (HYPERVISOR_grant_table_op(GNTTABOP_get_version, &version, 1) ||
	    version.version != 1)
		return XEN_PAGE_SIZE / sizeof(union grant_entry_v2);
	return XEN_PAGE_SIZE / sizeof(struct grant_entry_v1);
}

static unsigned long scxen_quota_beyond_least(const struct scxen_quota *quota)
{
	if (quota->ended)
		return quota->used;
	return quota->used - min(quota->used, scxen_quota_least);
}

/* The number of devices or the limit has changed. */
static void scxen_quota_count(void)
{
	struct scxen_quota *quota;

	lockdep_assert_held(&scxen_quota_lock);
	scxen_quota_least = min(SCXEN_QUOTA_LEAST,
				scxen_quota_limit / 2 / max(scxen_quota_devices, 1UL));
	scxen_quota_beyond = 0;
	list_for_each_entry(quota, &scxen_quotas, node)
		scxen_quota_beyond += scxen_quota_beyond_least(quota);
}

/**
 * scxen_quota_refresh() - ask for the table's size, which a restore may have changed
 */
void scxen_quota_refresh(void)
{
	unsigned long size = gnttab_max_grant_frames() * scxen_quota_per_frame();
	unsigned long reserve = min(max(size / 4, SCXEN_QUOTA_RESERVE), size / 2);

	spin_lock_bh(&scxen_quota_lock);
	if (scxen_quota_limit != size - reserve) {
		scxen_quota_limit = size - reserve;
		scxen_quota_count();
	}
	spin_unlock_bh(&scxen_quota_lock);
}

/**
 * scxen_quota_add() - a device begins
 * @quota:	its quota, zeroed
 */
void scxen_quota_add(struct scxen_quota *quota)
{
	scxen_quota_refresh();
	spin_lock_bh(&scxen_quota_lock);
	list_add_tail(&quota->node, &scxen_quotas);
	scxen_quota_devices++;
	scxen_quota_count();
	spin_unlock_bh(&scxen_quota_lock);
}

/**
 * scxen_quota_end() - a device ends; its peer may still map pages
 * @quota:	its quota; no entry is taken any more
 */
void scxen_quota_end(struct scxen_quota *quota)
{
	spin_lock_bh(&scxen_quota_lock);
	quota->ended = true;
	scxen_quota_devices--;
	scxen_quota_count();
	spin_unlock_bh(&scxen_quota_lock);
}

/**
 * scxen_quota_remove() - forget a device
 * @quota:	its quota, after scxen_quota_end(); its entries do not count any more
 */
void scxen_quota_remove(struct scxen_quota *quota)
{
	spin_lock_bh(&scxen_quota_lock);
	list_del(&quota->node);
	scxen_quota_used -= quota->used;
	scxen_quota_count();
	spin_unlock_bh(&scxen_quota_lock);
}

/**
 * scxen_quota_take() - take an entry
 * @quota:	the quota of a device that has not ended
 *
 * Return: false if none is left for the device.
 */
bool scxen_quota_take(struct scxen_quota *quota)
{
	unsigned long used, limit;
	bool reserved, may;

	spin_lock_bh(&scxen_quota_lock);
	reserved = quota->used < scxen_quota_least;
	may = reserved || scxen_quota_least * scxen_quota_devices +
			  scxen_quota_beyond < scxen_quota_limit;
	if (may) {
		quota->used++;
		scxen_quota_used++;
		scxen_quota_beyond += !reserved;
	} else {
		quota->refused++;
	}
	used = scxen_quota_used;
	limit = scxen_quota_limit;
	spin_unlock_bh(&scxen_quota_lock);
	if (!may)
		pr_warn_ratelimited(KBUILD_MODNAME ": channels take %lu grant entries, no more than %lu are left to them: raise max_grant_frames\n",
				    used, limit);
	return may;
}

/**
 * scxen_quota_put() - give an entry back
 * @quota:	the quota from which it was taken
 */
void scxen_quota_put(struct scxen_quota *quota)
{
	spin_lock_bh(&scxen_quota_lock);
	scxen_quota_beyond -= scxen_quota_beyond_least(quota);
	quota->used--;
	scxen_quota_used--;
	scxen_quota_beyond += scxen_quota_beyond_least(quota);
	spin_unlock_bh(&scxen_quota_lock);
}

/**
 * scxen_quota_read() - the numbers, to be shown
 * @quota:	the quota of a device
 * @grants:	filled in
 */
void scxen_quota_read(const struct scxen_quota *quota, struct schannel_grants *grants)
{
	spin_lock_bh(&scxen_quota_lock);
	grants->used = quota->used;
	grants->refused = quota->refused;
	grants->all = scxen_quota_used;
	grants->limit = scxen_quota_limit;
	spin_unlock_bh(&scxen_quota_lock);
}
