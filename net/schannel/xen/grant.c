// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grants: our pages are granted to a peer, a peer's pages are mapped here. Both
 * read-only.
 *
 * The grant of a page which the peer still maps cannot be revoked, and the page must not
 * be freed: the peer could read whatever the page is used for next. The two ends take a
 * channel down in no fixed order, so this is common and no sign of a hostile peer. Such
 * pages linger on the device's list until the peer has unmapped them. No other channel is
 * set up before that (handshake.c), so a peer which never unmaps them costs at most one
 * channel's pages. When the device is removed, they linger without it. All of them count
 * against the limits for grant entries (quota.h) and for shared pages until they are free.
 *
 * Unloading the module does not wait for a peer that is paused or hostile: after a moment
 * the remaining pages go to the kernel's own list, which looks at grant_table's
 * free_per_iteration pages a second (10), for as long as it takes. They are the pages of one
 * channel for each such peer, and there is no next channel before it unpauses and sees that
 * its peer is gone.
 *
 * Contexts: process. The core calls the transport's operations from any thread.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/workqueue.h>
#include <xen/grant_table.h>
#include <xen/page.h>

#include "core/transport.h"
#include "device.h"
#include "grant.h"
#include "quota.h"

/* How long unloading the module waits for all peers to unmap our pages. */
#define SCXEN_DRAIN_TIME	HZ

/*
 * How often the pages of devices that are gone are looked at: a peer that runs unmaps them
 * at once, another one may take any time.
 */
#define SCXEN_LEFT_SOON		max(HZ / 50, 1)
#define SCXEN_LEFT_MAX		(5 * HZ)

#define SCXEN_MAP_FLAGS		(GNTMAP_host_map | GNTMAP_readonly)

/**
 * struct scxen_mapping - pages of a peer that are mapped here
 * @m:		the core's part
 * @pages:	the address space that they are mapped into
 * @unmap:	the unmap operation of each; prepared by the map, so that unmapping needs
 *		no memory
 */
struct scxen_mapping {
	struct schannel_mapping m;
	struct page **pages;
	struct gnttab_unmap_grant_ref *unmap;
};

/* Pages of devices that are gone. The lock protects the list and the interval. */
static LIST_HEAD(scxen_left);
static DEFINE_MUTEX(scxen_left_lock);
static unsigned long scxen_left_interval;	/* until the work looks again, jiffies */
static void scxen_grant_left_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(scxen_left_work, scxen_grant_left_work);

/**
 * scxen_grant_create() - begin to share pages with a peer
 * @domid:	the peer's domain id
 *
 * Return: a struct for scxen_grant_leave() to free, or NULL.
 */
struct scxen_grants *scxen_grant_create(unsigned int domid)
{
	struct scxen_grants *grants = kzalloc(sizeof(*grants), GFP_KERNEL);

	if (!grants)
		return NULL;
	grants->domid = domid;
	spin_lock_init(&grants->lock);
	INIT_LIST_HEAD(&grants->lingering);
	scxen_quota_add(&grants->quota);
	return grants;
}

/**
 * scxen_grant_share() - let the peer read a page
 * @peer:	the peer
 * @page:	the page
 * @ref:	where to store the grant reference
 *
 * The transport's ->share().
 *
 * Return: 0, or -ENOBUFS if the limit is reached or the grant table is full.
 */
int scxen_grant_share(struct schannel_peer *peer, struct page *page, u32 *ref)
{
	struct scxen_dev *xd = schannel_peer_priv(peer);
	int ret;

	/* Xen frames and grants are 4 KiB, whatever the page size */
	BUILD_BUG_ON(PAGE_SIZE != XEN_PAGE_SIZE);

	if (!scxen_quota_take(&xd->grants->quota))
		return -ENOBUFS;
	ret = gnttab_grant_foreign_access(schannel_peer_domid(peer),
					  xen_page_to_gfn(page), 1);
	if (ret < 0) {
		scxen_quota_put(&xd->grants->quota);
		return -ENOBUFS;
	}
	*ref = ret;
	return 0;
}

/**
 * scxen_grant_unshare() - revoke the grant and free the page as soon as possible
 * @peer:	the peer
 * @page:	the page; takes over the caller's reference
 * @ref:	its grant reference
 *
 * The transport's ->unshare().
 *
 * Return: whether the page was freed now.
 */
bool scxen_grant_unshare(struct schannel_peer *peer, struct page *page, u32 ref)
{
	struct scxen_dev *xd = schannel_peer_priv(peer);
	struct scxen_grants *grants = xd->grants;

	if (gnttab_try_end_foreign_access(ref)) {
		put_page(page);
		scxen_quota_put(&grants->quota);
		return true;
	}

	set_page_private(page, ref);
	spin_lock(&grants->lock);
	list_add_tail(&page->lru, &grants->lingering);
	spin_unlock(&grants->lock);
	return false;
}

/**
 * scxen_grant_reap() - free the lingering pages which the peer has unmapped
 * @grants:	the list
 *
 * Return: whether the list is empty now.
 */
bool scxen_grant_reap(struct scxen_grants *grants)
{
	struct page *page, *next;
	LIST_HEAD(pages);
	bool empty;

	spin_lock(&grants->lock);
	list_splice_init(&grants->lingering, &pages);
	spin_unlock(&grants->lock);

	list_for_each_entry_safe(page, next, &pages, lru) {
		if (!gnttab_try_end_foreign_access(page_private(page)))
			continue;
		list_del(&page->lru);
		set_page_private(page, 0);
		put_page(page);
		scxen_quota_put(&grants->quota);
		schannel_page_freed();
	}

	spin_lock(&grants->lock);
	list_splice(&pages, &grants->lingering);
	empty = list_empty(&grants->lingering);
	spin_unlock(&grants->lock);
	return empty;
}

static void scxen_grant_destroy(struct scxen_grants *grants)
{
	scxen_quota_remove(&grants->quota);
	kfree(grants);
}

/**
 * scxen_grant_leave() - the device is gone
 * @grants:	from scxen_grant_create(); no page is shared any more
 *
 * Does not wait for the peer, which has just seen the channel go down: pages that it still
 * maps linger until it does not.
 */
void scxen_grant_leave(struct scxen_grants *grants)
{
	scxen_quota_end(&grants->quota);
	if (scxen_grant_reap(grants)) {
		scxen_grant_destroy(grants);
		return;
	}
	mutex_lock(&scxen_left_lock);
	list_add_tail(&grants->node, &scxen_left);
	scxen_left_interval = SCXEN_LEFT_SOON;
	mod_delayed_work(system_wq, &scxen_left_work, scxen_left_interval);
	mutex_unlock(&scxen_left_lock);
}

/**
 * scxen_grant_is_left() - does a domain map pages that were shared with an earlier device?
 * @domid:	the domain id
 *
 * Return: whether it does; the work looks again soon.
 */
bool scxen_grant_is_left(unsigned int domid)
{
	struct scxen_grants *grants;
	bool found = false;

	mutex_lock(&scxen_left_lock);
	list_for_each_entry(grants, &scxen_left, node)
		found |= grants->domid == domid;
	mutex_unlock(&scxen_left_lock);
	return found;
}

/* Free what peers have unmapped of the pages. Returns whether that is all. */
static bool scxen_grant_reap_left(void)
{
	struct scxen_grants *grants, *next;

	lockdep_assert_held(&scxen_left_lock);
	list_for_each_entry_safe(grants, next, &scxen_left, node) {
		if (!scxen_grant_reap(grants))
			continue;
		list_del(&grants->node);
		scxen_grant_destroy(grants);
	}
	return list_empty(&scxen_left);
}

static void scxen_grant_left_work(struct work_struct *work)
{
	mutex_lock(&scxen_left_lock);
	if (!scxen_grant_reap_left()) {
		scxen_left_interval = min(2 * scxen_left_interval, SCXEN_LEFT_MAX);
		queue_delayed_work(system_wq, &scxen_left_work, scxen_left_interval);
	}
	mutex_unlock(&scxen_left_lock);
}

/* Pass the pages that a peer still maps to the kernel. Returns their number. */
static unsigned long scxen_grant_give_up(struct scxen_grants *grants)
{
	struct page *page, *next;
	unsigned long nr = 0;

	list_for_each_entry_safe(page, next, &grants->lingering, lru) {
		u32 ref = page_private(page);

		list_del(&page->lru);
		set_page_private(page, 0);
		gnttab_end_foreign_access(ref, page);
		schannel_page_freed();
		nr++;
	}
	return nr;
}

/**
 * scxen_grant_exit() - free all pages, or pass those that peers still map to the kernel
 *
 * No device is left. Waits up to SCXEN_DRAIN_TIME.
 */
void scxen_grant_exit(void)
{
	unsigned long deadline = jiffies + SCXEN_DRAIN_TIME;
	struct scxen_grants *grants, *next;
	unsigned long nr = 0;

	disable_delayed_work_sync(&scxen_left_work);
	mutex_lock(&scxen_left_lock);
	while (!scxen_grant_reap_left() && time_before(jiffies, deadline))
		fsleep(10 * USEC_PER_MSEC);
	list_for_each_entry_safe(grants, next, &scxen_left, node) {
		nr += scxen_grant_give_up(grants);
		list_del(&grants->node);
		scxen_grant_destroy(grants);
	}
	mutex_unlock(&scxen_left_lock);
	if (nr)
		pr_info("peers still map %lu pages: the kernel frees them later, at grant_table.free_per_iteration a second\n",
			nr);
}

/**
 * scxen_grant_read() - the numbers of a device's grant entries
 * @peer:	the peer
 * @grants:	filled in
 *
 * The transport's ->grants().
 */
void scxen_grant_read(struct schannel_peer *peer, struct schannel_grants *grants)
{
	struct scxen_dev *xd = schannel_peer_priv(peer);

	scxen_quota_read(&xd->grants->quota, grants);
}

static int scxen_page_cmp(const void *a, const void *b)
{
	unsigned long pa = page_to_pfn(*(struct page * const *)a);
	unsigned long pb = page_to_pfn(*(struct page * const *)b);

	return pa < pb ? -1 : pa > pb;
}

static void scxen_mapping_free(struct scxen_mapping *map)
{
	kvfree(map->unmap);
	kvfree(map->pages);
	kvfree(map->m.addr);
	kfree(map);
}

static struct scxen_mapping *scxen_mapping_alloc(unsigned int nr)
{
	struct scxen_mapping *map;
	int err;

	map = kzalloc(sizeof(*map), GFP_KERNEL);
	if (!map)
		return ERR_PTR(-ENOMEM);
	map->m.nr = nr;
	map->m.addr = kvcalloc(nr, sizeof(*map->m.addr), GFP_KERNEL);
	map->pages = kvcalloc(nr, sizeof(*map->pages), GFP_KERNEL);
	map->unmap = kvcalloc(nr, sizeof(*map->unmap), GFP_KERNEL);
	err = -ENOMEM;
	if (map->m.addr && map->pages && map->unmap)
		err = gnttab_alloc_pages(nr, map->pages);
	if (err) {
		scxen_mapping_free(map);
		return ERR_PTR(err);
	}
	/* gnttab_alloc_pages() returns them in descending order. */
	sort(map->pages, nr, sizeof(*map->pages), scxen_page_cmp, NULL);
	return map;
}

/* Unmap the first @mapped of @map->pages and free everything. */
static void scxen_mapping_undo(struct scxen_mapping *map, unsigned int mapped)
{
	unsigned int i;
	int err;

	err = gnttab_unmap_refs(map->unmap, NULL, map->pages, mapped);
	for (i = 0; i < mapped; i++)
		if (map->unmap[i].status != GNTST_okay)
			err = -EIO;
	/*
	 * A peer cannot make this fail. If it does fail, leak the address space: it may
	 * still map a foreign page and must not be reused.
	 */
	if (!WARN_ONCE(err, "cannot unmap grants: %d\n", err))
		gnttab_free_pages(map->m.nr, map->pages);
	scxen_mapping_free(map);
}

/**
 * scxen_grant_map() - map pages of the peer
 * @peer:	the peer
 * @refs:	its grant references
 * @nr:		number of references
 *
 * The transport's ->map().
 *
 * Return: the mapping, or ERR_PTR(-ENXIO) if a reference is not granted to this
 * domain, or ERR_PTR(-ENOSPC) if Xen has no room for more mappings, or ERR_PTR(-ENOMEM).
 */
struct schannel_mapping *scxen_grant_map(struct schannel_peer *peer,
					 const u32 *refs, unsigned int nr)
{
	struct gnttab_map_grant_ref *op;
	struct scxen_mapping *map;
	unsigned int i, mapped = 0;
	int err;

	op = kvcalloc(nr, sizeof(*op), GFP_KERNEL);
	if (!op)
		return ERR_PTR(-ENOMEM);
	map = scxen_mapping_alloc(nr);
	if (IS_ERR(map)) {
		kvfree(op);
		return ERR_CAST(map);
	}

	for (i = 0; i < nr; i++) {
		map->m.addr[i] = page_address(map->pages[i]);
		gnttab_set_map_op(&op[i], (unsigned long)map->m.addr[i],
				  SCXEN_MAP_FLAGS, refs[i],
				  schannel_peer_domid(peer));
	}
	err = gnttab_map_refs(op, NULL, map->pages, nr);

	/* Move the mapped pages to the front; if all are mapped, none moves. */
	for (i = 0; i < nr; i++) {
		if (op[i].status != GNTST_okay) {
			err = op[i].status == GNTST_no_device_space ? -ENOSPC :
								      -ENXIO;
			continue;
		}
		gnttab_set_unmap_op(&map->unmap[mapped],
				    (unsigned long)map->m.addr[i],
				    SCXEN_MAP_FLAGS, op[i].handle);
		swap(map->pages[mapped], map->pages[i]);
		mapped++;
	}
	kvfree(op);
	if (err) {
		scxen_mapping_undo(map, mapped);
		return ERR_PTR(err);
	}
	return &map->m;
}

/**
 * scxen_grant_unmap() - unmap pages of the peer
 * @peer:	the peer
 * @m:		from scxen_grant_map()
 *
 * The transport's ->unmap(). Only the core uses these pages, and it only copies from
 * them, so there is no other user to wait for.
 */
void scxen_grant_unmap(struct schannel_peer *peer, struct schannel_mapping *m)
{
	struct scxen_mapping *map = container_of(m, struct scxen_mapping, m);

	scxen_mapping_undo(map, m->nr);
}
