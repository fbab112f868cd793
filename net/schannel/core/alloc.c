// SPDX-License-Identifier: GPL-2.0-only
/* Making room. See alloc.h. Process context. */
#include <linux/err.h>
#include <linux/mutex.h>

#include "channel.h"
#include "alloc.h"
#include "segment.h"
#include "maintain.h"

/* One more segment for the pool, for rings of @order. Caller holds grow_lock. */
static int sc_alloc_segment(struct schannel_channel *ch, u8 order)
{
	u32 nr_pages = sc_pool_segment_pages(order);
	struct sc_segment *seg;
	int err;

	lockdep_assert_held(&ch->grow_lock);
	if (ch->state == SC_CHANNEL_DOWN)
		return -ECONNRESET;
	if (!sc_pool_may_grow(&ch->pool, nr_pages))
		return -ENOBUFS;
	seg = sc_segment_create(ch->peer, nr_pages);
	if (IS_ERR(seg))
		return PTR_ERR(seg);
	err = sc_pool_add(&ch->pool, &seg->pool);
	if (err)
		sc_segment_destroy(ch->peer, seg);
	return err;
}

/* The pool is to have one more segment, for rings to come of @order. 0 or -errno. */
int sc_alloc_grow_pool(struct schannel_channel *ch, u8 order)
{
	int err;

	mutex_lock(&ch->grow_lock);
	err = sc_alloc_segment(ch, order);
	mutex_unlock(&ch->grow_lock);
	return err;
}

/**
 * sc_alloc_extent() - take the pages for a ring
 * @ch:		the channel, whose pool grows if need be
 * @order:	how large it is to be
 * @order_min:	the smallest order that is accepted when memory is short
 * @extent:	filled in
 *
 * As large as memory and limits allow: rather a small ring than none. When they do
 * not, idle flows are made to give back what they have.
 *
 * Return: 0 or -errno.
 */
int sc_alloc_extent(struct schannel_channel *ch, u8 order, u8 order_min,
		  struct sc_extent *extent)
{
	int err;

	if (!sc_pool_alloc(&ch->pool, order, extent))
		return 0;
	mutex_lock(&ch->grow_lock);
	while ((err = sc_pool_alloc(&ch->pool, order, extent))) {
		err = sc_alloc_segment(ch, order);
		if (!err)
			continue;
		sc_maintain_low_memory(ch);
		if (err == -ECONNRESET || order <= order_min)
			break;
		order--;
	}
	mutex_unlock(&ch->grow_lock);
	return err;
}

/* One more page for the flow table, which had @pages. 0 or -errno. */
int sc_alloc_table(struct schannel_channel *ch, unsigned int pages)
{
	int err = 0;

	mutex_lock(&ch->grow_lock);
	if (ch->table_pages > pages)
		goto out;	/* somebody else was faster */
	err = -ECONNRESET;
	if (ch->state == SC_CHANNEL_DOWN)
		goto out;
	err = -ENOBUFS;
	if (ch->table_pages == SCHANNEL_FLOW_PAGES_MAX)
		goto out;
	err = sc_page_share(ch->peer, &ch->table[ch->table_pages]);
	if (!err)
		/* release: entries of the page are used after this */
		smp_store_release(&ch->table_pages, ch->table_pages + 1);
out:
	mutex_unlock(&ch->grow_lock);
	return err;
}

/* The ring at a place that was carved. */
void sc_extent_ring(const struct schannel_channel *ch,
		    const struct sc_extent *extent, struct sc_ring *ring)
{
	const struct sc_segment *seg = sc_segment_of(ch->pool.segment[extent->segment]);

	ring->addr = seg->addr + extent->page;
	ring->size = PAGE_SIZE << extent->order;
}
