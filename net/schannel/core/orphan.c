// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lists of flows that wait for one side to finish them. See orphan.h; reap.c works on
 * them. All functions but the first three need the channel's control lock.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>

#include "channel.h"
#include "common.h"
#include "flow.h"
#include "orphan.h"
#include "sysctl.h"

/* Part of the pool's limit that the rings of orphans may fill. */
#define SC_ORPHAN_SHARE		4

/* Looks at each flow before its time limit is over. */
#define SC_ORPHAN_LOOKS		4

void sc_orphan_init(struct sc_orphans *orphans, work_func_t work)
{
	INIT_LIST_HEAD(&orphans->closed);
	INIT_LIST_HEAD(&orphans->reset);
	INIT_LIST_HEAD(&orphans->taken);
	INIT_DELAYED_WORK(&orphans->work, work);
}

/* The time between two runs of the work, in jiffies. */
unsigned long sc_orphan_interval(void)
{
	return max(sc_sysctl_orphan_timeout() / SC_ORPHAN_LOOKS, 1UL);
}

/**
 * sc_orphan_schedule() - have the work run
 * @ch:		the channel
 * @delay:	after this time at the latest, in jiffies
 *
 * Context: Under the channel's control lock.
 */
void sc_orphan_schedule(struct schannel_channel *ch, unsigned long delay)
{
	struct sc_orphans *orphans = &ch->orphans;

	lockdep_assert_held(&ch->ctl_lock);
	if (ch->state != SC_CHANNEL_UP)
		return;
	/* an earlier run may be far away, if the time limit was longer when it was queued */
	if (delay < orphans->interval)
		mod_delayed_work(sc_wq, &orphans->work, delay);
	else if (!queue_delayed_work(sc_wq, &orphans->work, delay))
		return;
	orphans->interval = delay;
}

/* The consumer index of the side that still reads. */
static u32 sc_orphan_index(const struct sc_flow *flow)
{
	u32 index = 0;

	rcu_read_lock();
	if (rcu_access_pointer(flow->user))
		index = READ_ONCE(flow->rx.cons);
	else if (sc_flow_is_joined(flow) && sc_flow_is_live(flow))
		index = READ_ONCE(flow->tx.peer->rx_cons);
	rcu_read_unlock();
	return index;
}

/* Add to a sum, or modulo 2^32 subtract. Statistics read it without a lock. */
static void sc_orphan_sum_add(struct sc_orphan_sum *sum, u32 nr, u32 pages)
{
	WRITE_ONCE(sum->nr, sum->nr + nr);
	WRITE_ONCE(sum->pages, sum->pages + pages);
}

static void sc_orphan_count(struct sc_orphan_sum *sum, u32 pages)
{
	sc_orphan_sum_add(sum, 1, pages);
}

static void sc_orphan_discount(struct sc_orphan_sum *sum, u32 pages)
{
	sc_orphan_sum_add(sum, -1, -pages);
}

static void sc_orphan_begin(struct sc_flow *flow, struct list_head *list)
{
	flow->age.since = jiffies;
	flow->age.index = sc_orphan_index(flow);
	list_move_tail(&flow->age.node, list);
	sc_orphan_schedule(flow->channel, sc_orphan_interval());
}

/* The pages of the rings. By the thread that has the sender's half. */
static u32 sc_orphan_pages(const struct sc_flow *flow)
{
	u32 pages = 1U << flow->extent.order;

	if (flow->resize.leaving)
		pages += 1U << flow->resize.from.order;
	return pages;
}

/**
 * sc_orphan_add() - a flow's user has left it and the peer has not
 * @flow:	the flow
 * @may_reset:	whether the flow shall be reset at the limits; otherwise it is only counted
 */
void sc_orphan_add(struct sc_flow *flow, bool may_reset)
{
	struct sc_orphans *orphans = &flow->channel->orphans;
	u32 pages = sc_orphan_pages(flow);

	flow->age.pages = pages;
	sc_orphan_count(&orphans->all, pages);
	if (!may_reset)
		return;
	flow->age.waiting = true;
	sc_orphan_count(&orphans->waiting, pages);
	sc_orphan_begin(flow, &orphans->closed);
}

/* The ring of an orphan may have another size now. In the channel's work. */
void sc_orphan_resized(struct sc_flow *flow)
{
	struct sc_orphans *orphans = &flow->channel->orphans;
	u32 pages = sc_orphan_pages(flow);

	sc_orphan_sum_add(&orphans->all, 0, pages - flow->age.pages);
	if (flow->age.waiting)
		sc_orphan_sum_add(&orphans->waiting, 0, pages - flow->age.pages);
	flow->age.pages = pages;
}

/* The peer has reset a flow that has a user. */
void sc_orphan_add_reset(struct sc_flow *flow)
{
	sc_orphan_begin(flow, &flow->channel->orphans.reset);
}

/* The flow shall be taken away from its user, if it has one. */
void sc_orphan_take(struct sc_flow *flow)
{
	sc_orphan_unlist(flow);
	list_add_tail(&flow->age.node, &flow->channel->orphans.taken);
	sc_orphan_schedule(flow->channel, 0);
}

/**
 * sc_orphan_progressed() - note whether a flow was read from
 * @flow:	a flow in one of the lists
 *
 * Return: whether it was since the last call; the time limit begins again then.
 */
bool sc_orphan_progressed(struct sc_flow *flow)
{
	u32 index = sc_orphan_index(flow);

	if (index == flow->age.index)
		return false;
	flow->age.index = index;
	flow->age.since = jiffies;
	return true;
}

/* Remove a flow from its list. An orphan remains one. */
void sc_orphan_unlist(struct sc_flow *flow)
{
	struct sc_orphans *orphans = &flow->channel->orphans;

	list_del_init(&flow->age.node);
	if (flow->age.waiting)
		sc_orphan_discount(&orphans->waiting, flow->age.pages);
	flow->age.waiting = false;
}

/* The flow leaves the flow table. Also in schannel_channel_destroy(), without the lock. */
void sc_orphan_forget(struct sc_flow *flow)
{
	sc_orphan_unlist(flow);
	if (flow->age.pages)
		sc_orphan_discount(&flow->channel->orphans.all, flow->age.pages);
	flow->age.pages = 0;
}

/* Are there more orphans than allowed, or do they hold too much memory? */
bool sc_orphan_too_many(const struct schannel_channel *ch)
{
	const struct sc_orphan_sum *waiting = &ch->orphans.waiting;

	return waiting->nr > sc_sysctl_max_orphans() ||
	       waiting->pages > READ_ONCE(ch->pool.limit) / SC_ORPHAN_SHARE;
}
