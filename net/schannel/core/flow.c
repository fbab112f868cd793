// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows: references, leaving the table, and telling the user. flow_open.c makes and
 * closes them, flow_io.c is the data path. See flow.h.
 */
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "channel.h"
#include "flow.h"
#include "stats.h"
#include "trace.h"

/* The flow with number @id, to be released with sc_flow_put(), or NULL. */
struct sc_flow *sc_flow_get(struct schannel_channel *ch, u32 id)
{
	struct sc_flow *flow;

	rcu_read_lock();
	flow = xa_load(&ch->flows, id);
	if (flow && !refcount_inc_not_zero(&flow->ref))
		flow = NULL;
	rcu_read_unlock();
	return flow;
}

void sc_flow_put(struct sc_flow *flow)
{
	if (refcount_dec_and_test(&flow->ref)) {
		sc_channel_put(flow->channel);
		kfree_rcu(flow, rcu);
	}
}

/*
 * Take it out of the table: neither side refers to it any more, or there is no
 * other side. Caller holds ctl_lock, or is the one who destroys the channel.
 */
void sc_flow_retire(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;

	if (xa_erase(&ch->flows, flow->id) != flow)
		return;
	list_del_init(&flow->post_node);
	list_del_init(&flow->resize.node);
	sc_resize_end(flow);
	sc_flow_put(flow);
}

/* ---- Telling the user -------------------------------------------------- */

/* Softirq, under rcu_read_lock(). Returns how much that was, as ops->event(). */
unsigned int sc_flow_event(struct sc_flow *flow)
{
	void *user = rcu_dereference(flow->user);

	trace_schannel_wake(flow);
	return user ? flow->ops->event(flow, user) : 1;
}

void sc_flow_opened(struct sc_flow *flow)
{
	void *user;

	WRITE_ONCE(flow->answered, true);
	user = sc_flow_user_get(flow);
	if (user) {
		flow->ops->opened(flow, user);
		sc_flow_user_put(flow, user);
	}
}

void sc_flow_ended(struct sc_flow *flow, int err)
{
	void *user;

	sc_stats_flow_over(flow, err);
	cmpxchg(&flow->ended, 0, err);
	user = sc_flow_user_get(flow);
	if (user) {
		flow->ops->ended(flow, user, err);
		sc_flow_user_put(flow, user);
	}
}
