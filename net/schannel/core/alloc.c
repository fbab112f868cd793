// SPDX-License-Identifier: GPL-2.0-only
/* Allocation of rings. See alloc.h. Process context. */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/mutex.h>

#include "channel.h"
#include "alloc.h"
#include "flow.h"
#include "maintain.h"
#include "memcg.h"
#include "owner.h"
#include "segment.h"

/* For how long nothing is added after the peer could not map something, in jiffies. */
#define SC_ALLOC_BACKOFF_MIN	(HZ / 10)
#define SC_ALLOC_BACKOFF_MAX	(2 * HZ)

/**
 * sc_alloc_note_answer() - the peer has answered for memory that was added
 * @ch:		the channel
 * @mapped:	whether it could map it; if not, it is short of memory, and nothing is added
 *		for a while, which doubles each time
 *
 * Context: The channel's work.
 */
void sc_alloc_note_answer(struct schannel_channel *ch, bool mapped)
{
	unsigned long wait = 0;

	if (!mapped) {
		wait = clamp(2 * ch->grow_wait, SC_ALLOC_BACKOFF_MIN, SC_ALLOC_BACKOFF_MAX);
		WRITE_ONCE(ch->grow_next, jiffies + wait);
	}
	/* release: pairs with sc_alloc_may_grow(), which needs the time that belongs to it */
	smp_store_release(&ch->grow_wait, wait);
}

/**
 * sc_alloc_may_grow() - may memory be added to a channel?
 * @ch:		the channel
 *
 * Return: false shortly after the peer could not map something.
 */
bool sc_alloc_may_grow(const struct schannel_channel *ch)
{
	/* acquire: pairs with sc_alloc_note_answer() */
	return !smp_load_acquire(&ch->grow_wait) ||
	       time_after_eq(jiffies, READ_ONCE(ch->grow_next));
}

/* Add a segment to the pool that is large enough for a ring of @order. Under grow_lock. */
static int sc_alloc_segment(struct schannel_channel *ch, u8 order)
{
	u32 nr_pages = sc_pool_segment_pages(order);
	struct sc_segment *seg;
	int err;

	lockdep_assert_held(&ch->grow_lock);
	if (READ_ONCE(ch->state) == SC_CHANNEL_DOWN)
		return -ECONNRESET;
	if (!sc_alloc_may_grow(ch) || !sc_pool_may_grow(&ch->pool, nr_pages))
		return -ENOBUFS;
	seg = sc_segment_create(ch->peer, nr_pages);
	if (IS_ERR(seg))
		return PTR_ERR(seg);
	err = sc_pool_add(&ch->pool, &seg->pool);
	if (err)
		sc_segment_destroy(ch->peer, seg);
	return err;
}

/**
 * sc_alloc_grow_pool() - add a segment to the pool
 * @ch:		the channel
 * @order:	order of a ring that the segment must hold
 *
 * Return: 0 or -errno.
 */
int sc_alloc_grow_pool(struct schannel_channel *ch, u8 order)
{
	int err;

	mutex_lock(&ch->grow_lock);
	err = sc_alloc_segment(ch, order);
	mutex_unlock(&ch->grow_lock);
	return err;
}

/*
 * When a channel goes down, its flows lose their rings while a thread may be about to replace
 * one of them (sc_resize_end()). The pool notices what is freed twice, because it has lost its
 * segments before that. For the memory cgroup the flow counts what was charged: each page is
 * uncharged once, by whoever comes first, and the last reference takes the rest.
 */
static void sc_alloc_uncharge(struct sc_flow *flow, int pages)
{
	int charged = atomic_read(&flow->charged), part;

	do {
		part = min(pages, charged);
		if (!part)
			return;
	} while (!atomic_try_cmpxchg(&flow->charged, &charged, charged - part));
	sc_memcg_uncharge(flow->memcg, part);
}

/* Charge a ring that was allocated, or free it. 0 or -ENOMEM. */
static int sc_alloc_charge(struct sc_flow *flow, const struct sc_extent *extent)
{
	int err;

	if (!flow->rings_charged)
		return 0;
	err = sc_memcg_charge(flow->memcg, 1U << extent->order);
	if (err)
		sc_pool_free(&flow->channel->pool, extent);
	else
		atomic_add(1 << extent->order, &flow->charged);
	return err;
}

/**
 * sc_alloc_ring() - allocate the pages of a ring from the pool as it is
 * @flow:	the flow, with its owner
 * @order:	the ring's order
 * @extent:	filled in; to be freed with sc_alloc_free()
 *
 * Context: Process context; does not sleep.
 *
 * Return: 0; -ENOSPC if the pool has no space for it; -EDQUOT if the user has a full share,
 * -ENOMEM if the memory cgroup is full: then it is of no use that the pool grows, or
 * that other flows give up memory.
 */
int sc_alloc_ring(struct sc_flow *flow, u8 order, struct sc_extent *extent)
{
	int err;

	err = sc_pool_alloc(&flow->channel->pool, sc_owner_share(flow->owner), order,
			    extent);
	return err ?: sc_alloc_charge(flow, extent);
}

/* The same when the pool cannot grow. */
static int sc_alloc_anywhere(struct sc_flow *flow, u8 order, struct sc_extent *extent)
{
	int err;

	err = sc_pool_alloc_anywhere(&flow->channel->pool, sc_owner_share(flow->owner),
				     order, extent);
	return err ?: sc_alloc_charge(flow, extent);
}

/**
 * sc_alloc_smaller() - allocate the pages of a ring that replaces the flow's larger one
 * @flow:	the flow
 * @order:	the ring's order
 * @extent:	filled in; to be freed with sc_alloc_free()
 *
 * Neither the user's share nor the memory cgroup keeps a ring from shrinking.
 *
 * Context: Process context; does not sleep.
 *
 * Return: 0, or -ENOSPC if the pool has no space for it.
 */
int sc_alloc_smaller(struct sc_flow *flow, u8 order, struct sc_extent *extent)
{
	int err;

	err = sc_pool_alloc_smaller(&flow->channel->pool, &flow->extent, order, extent);
	if (!err && flow->rings_charged) {
		sc_memcg_charge_beyond(flow->memcg, 1U << order);
		atomic_add(1 << order, &flow->charged);
	}
	return err;
}

/**
 * sc_alloc_free() - free the pages of a ring
 * @flow:	the flow
 * @extent:	from sc_alloc_ring() or sc_alloc_extent()
 *
 * Context: Any but hard interrupts.
 */
void sc_alloc_free(struct sc_flow *flow, const struct sc_extent *extent)
{
	sc_pool_free(&flow->channel->pool, extent);
	if (flow->rings_charged)
		sc_alloc_uncharge(flow, 1 << extent->order);
}

/**
 * sc_alloc_extent() - allocate the pages of a ring from the pool
 * @flow:	the flow, with its owner; its channel's pool grows if necessary
 * @order:	the preferred order
 * @order_min:	the smallest order that is accepted when memory is short
 * @extent:	filled in; to be freed with sc_alloc_free()
 *
 * Tries smaller orders when memory, the limits or the user's share do not allow @order. For the
 * former two, makes idle flows shrink their rings.
 *
 * Return: 0 or -errno.
 */
int sc_alloc_extent(struct sc_flow *flow, u8 order, u8 order_min,
		    struct sc_extent *extent)
{
	struct schannel_channel *ch = flow->channel;
	int err;

	if (!sc_alloc_ring(flow, order, extent))
		return 0;
	mutex_lock(&ch->grow_lock);
	while ((err = sc_alloc_ring(flow, order, extent))) {
		if (err == -ENOSPC) {
			err = sc_alloc_segment(ch, order);
			if (!err)
				continue;
			sc_maintain_low_memory(ch);
			if (err != -ECONNRESET && !sc_alloc_anywhere(flow, order, extent)) {
				err = 0;
				break;
			}
		}
		if (err == -ECONNRESET || order <= order_min)
			break;
		order--;
	}
	mutex_unlock(&ch->grow_lock);
	if (err != -EDQUOT)
		return err;
	atomic_long_inc(&ch->stats.over_share);
	return -ENOBUFS;
}

/**
 * sc_extent_ring() - the ring at an extent of our pool
 * @ch:		the channel
 * @extent:	from sc_alloc_extent() or sc_alloc_ring()
 * @ring:	filled in
 */
void sc_extent_ring(const struct schannel_channel *ch,
		    const struct sc_extent *extent, struct sc_ring *ring)
{
	const struct sc_segment *seg = sc_segment_of(ch->pool.segment[extent->segment]);

	ring->addr = seg->addr + extent->page;
	ring->size = PAGE_SIZE << extent->order;
}
