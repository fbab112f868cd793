// SPDX-License-Identifier: GPL-2.0-only
/* Shared pages and segments of ours. See segment.h. Process context. */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "namespace.h"
#include "net.h"
#include "peer.h"
#include "segment.h"
#include "sysctl.h"
#include "transport.h"

/* Pages that peers may read, or that they still map. */
static atomic_long_t sc_shared_pages;

void schannel_page_freed(void)
{
	atomic_long_dec(&sc_shared_pages);
}
EXPORT_SYMBOL_NS_GPL(schannel_page_freed, SC_NS_TRANSPORT);

/*
 * Allocations between sc_charge_begin() and sc_charge_end() are charged to @payer. They fail
 * when its memory cgroup is full: __GFP_RETRY_MAYFAIL keeps the OOM killer out.
 */
struct sc_charge {
	struct mem_cgroup *payer, *before;
	gfp_t gfp;
};

/* Shared pages are zeroed, so that the peer cannot read old kernel data. */
static void sc_charge_begin(struct sc_charge *charge,
			    const struct schannel_peer *peer)
{
	charge->gfp = GFP_KERNEL | __GFP_ZERO;
	charge->payer = sc_net_payer(peer);
	if (charge->payer)
		charge->gfp |= __GFP_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	charge->before = set_active_memcg(charge->payer);
}

static void sc_charge_end(const struct sc_charge *charge)
{
	set_active_memcg(charge->before);
	mem_cgroup_put(charge->payer);
}

/**
 * sc_page_share() - allocate a page and let a peer read it
 * @peer:	the peer
 * @p:		filled in
 *
 * Return: 0 or -errno.
 */
int sc_page_share(struct schannel_peer *peer, struct sc_page *p)
{
	struct sc_charge charge;
	int err;

	sc_charge_begin(&charge, peer);
	p->page = alloc_page(charge.gfp);
	sc_charge_end(&charge);
	if (!p->page)
		return -ENOMEM;
	p->addr = page_address(p->page);
	err = peer->transport->share(peer, p->page, &p->ref);
	if (err) {
		__free_page(p->page);
		p->page = NULL;
	} else {
		atomic_long_inc(&sc_shared_pages);
	}
	return err;
}

/* End the sharing of a page that is counted. Returns whether the peer did not map it. */
static bool sc_unshare(struct schannel_peer *peer, struct page *page, u32 ref)
{
	bool freed = peer->transport->unshare(peer, page, ref);

	if (freed)
		schannel_page_freed();
	return freed;
}

/**
 * sc_page_unshare() - pass a page to the transport, which frees it once the peer cannot read it
 * @peer:	the peer
 * @p:		from sc_page_share(); nothing is done if that was not called or failed
 *
 * Return: false if the peer still maps the page.
 */
bool sc_page_unshare(struct schannel_peer *peer, struct sc_page *p)
{
	bool freed;

	if (!p->page)
		return true;
	freed = sc_unshare(peer, p->page, p->ref);
	p->page = NULL;
	p->addr = NULL;
	return freed;
}

/*
 * Allocate @nr pages: contiguous if possible, so that one copy spans them, else one by one.
 * Contiguous pages are split, since each is freed when the peer has unmapped that page.
 */
static int sc_segment_alloc_pages(void **addr, unsigned int nr, gfp_t gfp)
{
	unsigned int order = get_order((size_t)nr << PAGE_SHIFT);
	struct page *page;
	unsigned int i;

	if (nr == 1U << order) {
		page = alloc_pages((gfp & ~__GFP_RETRY_MAYFAIL) |
				   __GFP_NOWARN | __GFP_NORETRY, order);
		if (page) {
			split_page(page, order);
			for (i = 0; i < nr; i++)
				addr[i] = page_address(page + i);
			return 0;
		}
	}
	for (i = 0; i < nr; i++) {
		page = alloc_page(gfp);
		if (!page)
			goto err;
		addr[i] = page_address(page);
	}
	return 0;

err:
	while (i--)
		free_page((unsigned long)addr[i]);
	return -ENOMEM;
}

/*
 * The limit for the shared pages of all channels that applies to a channel of this peer. Any user
 * can create network namespaces, and channels in them, so these get at most half of the
 * memory: the rest is left for the channels of the initial namespace.
 */
static long sc_segment_limit(const struct schannel_peer *peer)
{
	long total = sc_sysctl_pool_total_pages();

	return READ_ONCE(peer->net) == &init_net ? total : total / 2;
}

/**
 * sc_segment_create() - allocate a segment and share it with a peer
 * @peer:	the peer
 * @nr_pages:	1 to SCHANNEL_SEGMENT_PAGES_MAX
 *
 * Return: the segment, without a number yet, or ERR_PTR.
 */
struct sc_segment *sc_segment_create(struct schannel_peer *peer, u16 nr_pages)
{
	struct sc_charge charge;
	struct sc_segment *seg;
	u16 total = nr_pages;
	unsigned int i = 0;
	int err = -ENOMEM;

	BUILD_BUG_ON(PAGE_SIZE != SCHANNEL_PAGE_SIZE);

	if (atomic_long_add_return(nr_pages, &sc_shared_pages) > sc_segment_limit(peer)) {
		err = -ENOBUFS;
		goto err_total;
	}
	seg = kzalloc(sizeof(*seg), GFP_KERNEL);
	if (!seg)
		goto err_total;
	seg->pool.nr_pages = nr_pages;
	seg->pool.map = bitmap_zalloc(nr_pages, GFP_KERNEL);
	seg->addr = kvcalloc(nr_pages, sizeof(*seg->addr), GFP_KERNEL);
	seg->ref = kvcalloc(nr_pages, sizeof(*seg->ref), GFP_KERNEL);
	if (!seg->pool.map || !seg->addr || !seg->ref)
		goto err_free;
	err = sc_page_share(peer, &seg->list);
	if (err)
		goto err_free;
	sc_charge_begin(&charge, peer);
	err = sc_segment_alloc_pages(seg->addr, nr_pages, charge.gfp);
	sc_charge_end(&charge);
	if (err)
		goto err_list;
	for (i = 0; i < nr_pages; i++) {
		err = peer->transport->share(peer, virt_to_page(seg->addr[i]),
					     &seg->ref[i]);
		if (err)
			goto err_pages;
	}
	memcpy(seg->list.addr, seg->ref, nr_pages * sizeof(*seg->ref));
	return seg;

err_pages:
	total -= i;
	while (nr_pages-- > i)
		free_page((unsigned long)seg->addr[nr_pages]);
	while (i--)
		sc_unshare(peer, virt_to_page(seg->addr[i]), seg->ref[i]);
err_list:
	sc_page_unshare(peer, &seg->list);
err_free:
	kvfree(seg->ref);
	kvfree(seg->addr);
	bitmap_free(seg->pool.map);
	kfree(seg);
err_total:
	atomic_long_sub(total, &sc_shared_pages);
	return ERR_PTR(err);
}

/**
 * sc_segment_destroy() - unshare and free a segment
 * @peer:	the peer
 * @seg:	a segment without rings, which is not in the pool any more
 *
 * Return: false if the peer still maps pages of it.
 */
bool sc_segment_destroy(struct schannel_peer *peer, struct sc_segment *seg)
{
	bool freed = true;
	unsigned int i;

	for (i = 0; i < seg->pool.nr_pages; i++)
		freed &= sc_unshare(peer, virt_to_page(seg->addr[i]), seg->ref[i]);
	freed &= sc_page_unshare(peer, &seg->list);
	kvfree(seg->ref);
	kvfree(seg->addr);
	bitmap_free(seg->pool.map);
	kfree(seg);
	return freed;
}
