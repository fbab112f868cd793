// SPDX-License-Identifier: GPL-2.0-only
/*
 * One work per channel that looks after memory: rings that are too large for what
 * flows do, segments without rings, the peer's segments that it wants back.
 *
 * It runs now and then as long as there is something of that kind, and not at all
 * for flows whose rings are as small as they may be.
 */
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "channel.h"
#include "control.h"
#include "flow.h"
#include "resize.h"
#include "peer.h"
#include "peer_segment.h"
#include "alloc.h"
#include "sysctl.h"
#include "maintain.h"

/* So long who makes room for a record is given to do it, in jiffies. */
#define SC_TEND_YIELD	(HZ / 50)

/* Two looks make a rest. */
static unsigned long sc_maintain_interval(void)
{
	return max(sc_sysctl_idle() / 2, 1UL);
}

/* There is something that has time. Any context. */
void sc_maintain_later(struct schannel_channel *ch)
{
	if (sc_channel_is_up(ch))
		queue_delayed_work(sc_wq, &ch->maintain, sc_maintain_interval());
}

/* There is something to do now. Any context. */
void sc_maintain_soon(struct schannel_channel *ch)
{
	if (sc_channel_is_up(ch))
		mod_delayed_work(sc_wq, &ch->maintain, 0);
}

/* Memory is short: idle flows are to give back what they have. */
void sc_maintain_low_memory(struct schannel_channel *ch)
{
	set_bit(SC_CHANNEL_LOW_MEMORY, &ch->flags);
	sc_maintain_soon(ch);
}

/*
 * A flow would like a ring of @order and there is no memory for it: make some ready,
 * unless there was none a moment ago. Of several that ask at once, one is heard.
 * Returns whether it is worth asking again.
 */
bool sc_maintain_grow(struct schannel_channel *ch, u8 order)
{
	if (test_bit(SC_CHANNEL_FULL, &ch->flags))
		return false;
	WRITE_ONCE(ch->grow_order, order);
	set_bit(SC_CHANNEL_GROW, &ch->flags);
	sc_maintain_soon(ch);
	return true;
}

/*
 * A record waits for a ring: have somebody make room whose ring is of @order, or
 * larger. One at a time, for the first who asks at a look. For tending.
 */
void sc_maintain_starved(struct schannel_channel *ch, u8 order)
{
	if (!sc_maintain_is_starved(ch))
		WRITE_ONCE(ch->starved_order, order);
}

/* Somebody makes room. Until the peer has read what is there, nobody else does. */
void sc_maintain_yielded(struct schannel_channel *ch)
{
	ch->yield_order = SC_ORDER_NONE;
	ch->yield_next = jiffies + SC_TEND_YIELD;
}

/* Does a record wait for a ring? Then who wants another one stands in line. */
bool sc_maintain_is_starved(const struct schannel_channel *ch)
{
	return READ_ONCE(ch->starved_order) != SC_ORDER_NONE;
}

/* The flow's rings are to be looked after, behind those of others. */
void sc_maintain_flow(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;

	spin_lock(&ch->ctl_lock);
	/* once the flow has left the table, or nobody takes the lock any more, it stays out */
	if (sc_channel_is_up(ch) && xa_load(&ch->flows, flow->id) == flow)
		list_move_tail(&flow->resize.node, &ch->maintained);
	spin_unlock(&ch->ctl_lock);
	sc_maintain_later(ch);
}

/* The next flow of the list, held, and put to the list of those looked after. */
static struct sc_flow *sc_maintain_next(struct schannel_channel *ch,
				    struct list_head *todo)
{
	struct sc_flow *flow;

	spin_lock(&ch->ctl_lock);
	flow = list_first_entry_or_null(todo, struct sc_flow, resize.node);
	if (flow) {
		list_move_tail(&flow->resize.node, &ch->maintained);
		refcount_inc(&flow->ref);
	}
	spin_unlock(&ch->ctl_lock);
	return flow;
}

/* Returns whether somebody waits for the next look. */
static bool sc_maintain_flows(struct schannel_channel *ch, bool is_time,
			  bool low_memory)
{
	struct sc_flow *flow;
	bool waits = false;
	LIST_HEAD(todo);

	spin_lock(&ch->ctl_lock);
	list_splice_init(&ch->maintained, &todo);
	spin_unlock(&ch->ctl_lock);
	while ((flow = sc_maintain_next(ch, &todo))) {
		sc_resize_maintain(flow, is_time, low_memory);
		spin_lock(&ch->ctl_lock);
		waits |= sc_resize_waits(flow);
		if (sc_resize_is_idle(flow))
			list_del_init(&flow->resize.node);
		spin_unlock(&ch->ctl_lock);
		sc_flow_put(flow);
		cond_resched();
	}
	return waits;
}

/* The peer wants a segment back: have those flows leave it that can. */
static void sc_maintain_all(struct schannel_channel *ch)
{
	struct sc_flow *flow;
	unsigned long id;

	xa_for_each(&ch->flows, id, flow) {
		flow = sc_flow_get(ch, id);
		if (!flow)
			continue;
		sc_resize_maintain(flow, false, false);
		sc_flow_put(flow);
		cond_resched();
	}
}

/* Grow the pool if somebody asked for that. Whether memory is short. */
static bool sc_maintain_pool(struct schannel_channel *ch, bool is_time)
{
	if (is_time)
		clear_bit(SC_CHANNEL_FULL, &ch->flags);
	if (!test_and_clear_bit(SC_CHANNEL_GROW, &ch->flags) ||
	    !sc_alloc_grow_pool(ch, READ_ONCE(ch->grow_order)))
		return false;
	set_bit(SC_CHANNEL_FULL, &ch->flags);
	return true;
}

void sc_maintain_work(struct work_struct *work)
{
	struct schannel_channel *ch =
		container_of(work, struct schannel_channel, maintain.work);
	bool low_memory = test_and_clear_bit(SC_CHANNEL_LOW_MEMORY, &ch->flags);
	unsigned long start = jiffies;
	bool is_time = time_after_eq(start, ch->maintain_next);
	bool waits, more;

	if (!sc_channel_is_up(ch))
		return;
	if (is_time)
		ch->maintain_next = start + sc_maintain_interval();
	low_memory |= sc_maintain_pool(ch, is_time);
	ch->yield_order = time_before(jiffies, ch->yield_next) ? SC_ORDER_NONE : ch->starved_order;
	WRITE_ONCE(ch->starved_order, SC_ORDER_NONE);
	waits = sc_maintain_flows(ch, is_time, low_memory);
	more = sc_peer_segments_reap(ch);
	/* only now and then: how often it wants some back is up to the peer */
	if (more && is_time) {
		sc_maintain_all(ch);
		more = sc_peer_segments_reap(ch);
	}
	if (is_time)
		more |= sc_pool_idle(&ch->pool);
	else
		more = true;
	sc_control_flush(ch);
	/* soon, but of all the time no more than some */
	if (waits)
		mod_delayed_work(sc_wq, &ch->maintain, 1 + 4 * (jiffies - start));
	else if (more || !list_empty(&ch->maintained))
		sc_maintain_later(ch);
}
