// SPDX-License-Identifier: GPL-2.0-only
/*
 * The maintenance of a channel: one work that shrinks rings which are larger than their flows
 * need, frees segments without rings, and unmaps segments that the peer wants back.
 *
 * It runs at intervals as long as one of these exists. Flows whose rings have their minimal
 * size never make it run.
 */
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/timekeeping.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "alloc.h"
#include "channel.h"
#include "common.h"
#include "control.h"
#include "flow.h"
#include "maintain.h"
#include "peer_segment.h"
#include "resize.h"

/* The user has left: if the ring shall shrink, that is up to the channel's work. */
static void sc_maintain_closed(struct sc_flow *flow)
{
	rcu_read_lock();
	if (READ_ONCE(flow->close_waits) && sc_flow_is_live(flow))
		sc_resize_ask(flow);
	rcu_read_unlock();
}

/*
 * Resize a flow's rings, if that is due. @is_time: a maintenance interval has passed.
 * @low_memory: idle flows shrink at once.
 */
static void sc_maintain_rings(struct sc_flow *flow, bool is_time, bool low_memory)
{
	void *user;

	sc_resize_try_accept(flow);
	user = sc_resize_user_get(flow);
	if (!user) {
		sc_maintain_closed(flow);
		return;
	}
	if (!flow->ops->tx_try(flow, user)) {
		sc_resize_maintain_tx(flow, user, is_time, low_memory);
		flow->ops->tx_end(user);
	}
	if (atomic_read(&flow->channel->peer_leaving) &&
	    !flow->ops->rx_try(flow, user)) {
		sc_resize_look_rx(flow);
		flow->ops->rx_end(user);
	}
	sc_flow_user_put(flow, user);
}

/*
 * The next flow of @todo, with a reference, or NULL. The flow goes back to the channel's list.
 */
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

/* Maintain all flows of the list. Returns whether a flow needs the next run soon. */
static bool sc_maintain_flows(struct schannel_channel *ch, bool is_time,
			      bool low_memory)
{
	struct sc_flow *flow;
	bool urgent = false;
	LIST_HEAD(todo);

	spin_lock(&ch->ctl_lock);
	list_splice_init(&ch->maintained, &todo);
	spin_unlock(&ch->ctl_lock);
	while ((flow = sc_maintain_next(ch, &todo))) {
		sc_maintain_rings(flow, is_time, low_memory);
		spin_lock(&ch->ctl_lock);
		urgent |= sc_resize_is_urgent(flow);
		if (sc_resize_is_idle(flow))
			list_del_init(&flow->resize.node);
		spin_unlock(&ch->ctl_lock);
		sc_flow_put(flow);
		cond_resched();
	}
	return urgent;
}

/* The peer wants a segment back: have all flows leave it that can. */
static void sc_maintain_all(struct schannel_channel *ch)
{
	struct sc_flow *flow;
	unsigned long id;

	xa_for_each(&ch->flows, id, flow) {
		flow = sc_flow_get(ch, id);
		if (!flow)
			continue;
		sc_maintain_rings(flow, false, false);
		sc_flow_put(flow);
		cond_resched();
	}
}

/* Grow the pool if that was requested. Returns whether it could not: memory is short. */
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
	bool urgent, more;
	u64 walks;

	if (!sc_channel_is_up(ch))
		return;
	if (is_time)
		ch->maintain_next = start + sc_maintain_interval();
	low_memory |= sc_maintain_pool(ch, is_time);
	ch->yield_order = time_before(jiffies, ch->yield_next) ?
			  SC_ORDER_NONE : ch->starved_order;
	WRITE_ONCE(ch->starved_order, SC_ORDER_NONE);
	walks = ktime_get_ns();
	urgent = sc_maintain_flows(ch, is_time, low_memory);
	walks = ktime_get_ns() - walks;
	more = sc_peer_segments_reap(ch);
	/* once per interval: the peer controls how often it wants segments back */
	if (more && is_time) {
		sc_maintain_all(ch);
		more = sc_peer_segments_reap(ch);
	}
	if (is_time)
		more |= sc_pool_retire_idle(&ch->pool);
	else
		more = true;
	sc_control_flush(ch);
	/* the walks take at most a fifth of the time, but for those that are short anyway */
	WRITE_ONCE(ch->maintain_rest, jiffies + nsecs_to_jiffies(4 * walks));
	if (urgent)
		mod_delayed_work(sc_wq, &ch->maintain, 1 + nsecs_to_jiffies(4 * walks));
	else if (more || !list_empty(&ch->maintained))
		sc_maintain_later(ch);
}
