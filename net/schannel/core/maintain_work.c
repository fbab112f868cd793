// SPDX-License-Identifier: GPL-2.0-only
/*
 * The maintenance of a channel: one work that takes care of memory, that is rings that are
 * larger than their flows need, segments without rings, and segments that the peer wants
 * back.
 *
 * It runs at intervals as long as there is something of that kind, and never for flows
 * whose rings are as small as they may be.
 */
#include <linux/jiffies.h>
#include <linux/list.h>
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

/*
 * Resize a flow's rings, if that is due. @is_time: an interval has passed since the last
 * look. @low_memory: idle flows give back what they can.
 */
static void sc_maintain_rings(struct sc_flow *flow, bool is_time, bool low_memory)
{
	void *user;

	sc_resize_try_accept(flow);
	user = sc_resize_user_get(flow);
	if (!user)
		return;
	if (!flow->ops->tx_try(flow, user)) {
		sc_resize_maintain_tx(flow, user, is_time, low_memory);
		flow->ops->tx_end(user);
	}
	if (atomic_read(&flow->channel->peer_leaving) &&
	    !flow->ops->rx_try(flow, user)) {
		sc_resize_maintain_rx(flow);
		flow->ops->rx_end(user);
	}
	sc_flow_user_put(flow, user);
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
		sc_maintain_rings(flow, is_time, low_memory);
		spin_lock(&ch->ctl_lock);
		waits |= sc_resize_is_urgent(flow);
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
		sc_maintain_rings(flow, false, false);
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
