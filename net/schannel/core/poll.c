// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events from the peer: the flows that it posted in an event queue. Softirq. See
 * schannel_channel_poll() in transport.h.
 */
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "channel.h"
#include "common.h"
#include "flow.h"
#include "namespace.h"
#include "transport.h"

/*
 * Handle one event. Under rcu_read_lock(). An event for a flow in any queue but its own is
 * ignored, so that ops->event() of a flow never runs on two CPUs at a time. Returns the cost
 * of the event for the budget.
 */
static unsigned int sc_channel_event(struct schannel_channel *ch,
				     unsigned int queue, u32 id)
{
	struct sc_flow *flow;

	if (id == SCHANNEL_FLOW_CTL) {
		queue_work(sc_wq, &ch->work);
		return 1;
	}
	flow = xa_load(&ch->flows, id);
	return flow && flow->own_queue == queue ? sc_flow_event(flow) : 1;
}

/* The peer's queue overflowed: any flow of the queue may have an event. */
static void sc_channel_all_events(struct schannel_channel *ch,
				  unsigned int queue)
{
	struct sc_flow *flow;
	unsigned long id;

	queue_work(sc_wq, &ch->work);
	xa_for_each(&ch->flows, id, flow)
		if (flow->own_queue == queue)
			sc_flow_event(flow);
}

/* Cost of the events that one call handles before it lets other work run. */
#define SC_POLL_BUDGET	512
#define SC_POLL_BATCH	16U

static enum schannel_poll sc_channel_poll(struct schannel_channel *ch,
					  unsigned int queue)
{
	struct sc_queue *q = &ch->queue[queue].q;
	u32 id[SC_POLL_BATCH];
	int budget = SC_POLL_BUDGET;
	enum schannel_poll did = SCHANNEL_POLL_NONE;
	int i, nr;

	/* the peer may have fewer queues than this side has created */
	if (!sc_channel_is_up(ch) || queue >= ch->nr_queues)
		return SCHANNEL_POLL_NONE;
	while (budget > 0) {
		nr = sc_queue_take(q, id, SC_POLL_BATCH);
		if (nr < 0) {
			sc_channel_fail(ch, "invalid event queue index");
			return did;
		}
		for (i = 0; i < nr; i++)
			budget -= sc_channel_event(ch, queue, id[i]);
		if (nr)
			did = SCHANNEL_POLL_DONE;
		if (sc_queue_overflowed(q)) {
			atomic_long_inc(&ch->stats.overflow);
			sc_channel_all_events(ch, queue);
			did = SCHANNEL_POLL_DONE;
			budget -= SC_POLL_BUDGET / 4;
		} else if (!nr && !sc_queue_arm(q)) {
			return did;
		}
	}
	return SCHANNEL_POLL_MORE;
}

enum schannel_poll schannel_channel_poll(struct schannel_channel *ch,
					 unsigned int queue)
{
	enum schannel_poll did;

	atomic_long_inc(&ch->stats.notify_received);
	rcu_read_lock();
	did = sc_channel_poll(ch, queue);
	rcu_read_unlock();
	if (did == SCHANNEL_POLL_NONE)
		atomic_long_inc(&ch->stats.notify_spurious);
	return did;
}
EXPORT_SYMBOL_NS_GPL(schannel_channel_poll, SC_NS_TRANSPORT);
