// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events from the peer: the flows that it posted in an event queue. Softirq. See
 * schannel_channel_poll() in transport.h.
 *
 * The peer decides how many entries there are, and when the queue "overflows". So one call
 * has a budget, and useless entries cost more than useful ones: a peer that posts them in a
 * loop is served once per tick, and one that notifies for them is spurious.
 */
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "channel.h"
#include "common.h"
#include "flow.h"
#include "namespace.h"
#include "transport.h"

/* Cost of the events that one call handles before it lets other work run. */
#define SC_POLL_BUDGET		512
/* Useless entries in a row after which the queue waits for the next tick. */
#define SC_POLL_CREDIT		128
/* Useless entries that a useful one pays for. A valid peer posts some for closed flows. */
#define SC_POLL_WORTH		4
#define SC_POLL_BATCH		16U
/* Flows that are looked at together after an overflow. */
#define SC_POLL_WALK		64U

/**
 * struct sc_poll - one call of schannel_channel_poll()
 * @queue:	the event queue
 * @budget:	the rest of SC_POLL_BUDGET
 * @credit:	the rest of SC_POLL_CREDIT
 * @useful:	there was an event
 */
struct sc_poll {
	unsigned int queue;
	int budget;
	int credit;
	bool useful;
};

/* Has the peer changed its end of the flow since the last call? */
static __always_inline bool sc_poll_flow_moved(struct sc_flow *flow)
{
	return sc_flow_is_live(flow) && sc_flow_is_joined(flow) &&
	       sc_seen_moved(&flow->seen, flow->rx.peer);
}

static void sc_poll_count(struct sc_poll *poll, bool useful)
{
	if (useful) {
		poll->useful = true;
		poll->credit = min(poll->credit + SC_POLL_WORTH, SC_POLL_CREDIT);
	} else {
		poll->credit--;
	}
}

/* The work looks at the control ring itself whenever it has asked for an event. */
static bool sc_poll_control(struct schannel_channel *ch)
{
	if (!sc_seen_moved(&ch->ctl_seen, ch->ctl_rx.peer))
		return false;
	queue_work(sc_wq, &ch->work);
	return true;
}

/*
 * Handle one event. Under rcu_read_lock(). An event for a flow in any queue but its own is
 * ignored, so that ops->event() of a flow never runs on two CPUs at a time.
 */
static void sc_poll_entry(struct schannel_channel *ch, struct sc_poll *poll, u32 id)
{
	unsigned int cost = 1;
	struct sc_flow *flow;
	bool useful = false;

	if (id == SCHANNEL_FLOW_CTL) {
		useful = !poll->queue && sc_poll_control(ch);
	} else {
		flow = xa_load(&ch->flows, id);
		if (flow && flow->own_queue == poll->queue) {
			useful = sc_poll_flow_moved(flow);
			cost = sc_flow_event(flow);
		}
	}
	poll->budget -= cost;
	sc_poll_count(poll, useful);
}

/*
 * The peer's queue overflowed: any flow of the queue may have an event. Look at the next of
 * them; @walk keeps the place from call to call. Only flows that have moved are worth an
 * event: who waits for one has looked at the flow since the last.
 */
static void sc_poll_walk(struct schannel_channel *ch, struct sc_poll *poll,
			 unsigned long *walk)
{
	unsigned long id, last = *walk + SC_POLL_WALK - 1;
	struct sc_flow *flow;

	poll->budget -= SC_POLL_WALK / 2;
	if (*walk == 1 && !poll->queue)
		sc_poll_control(ch);
	xa_for_each_range(&ch->flows, id, flow, *walk, last) {
		if (flow->own_queue != poll->queue || !sc_poll_flow_moved(flow))
			continue;
		poll->budget -= sc_flow_event(flow);
		sc_poll_count(poll, true);
	}
	*walk = last + 1 < SCHANNEL_FLOWS_MAX ? last + 1 : 0;
}

static enum schannel_poll sc_channel_poll(struct schannel_channel *ch,
					  unsigned int queue)
{
	struct sc_poll poll = {
		.queue = queue,
		.budget = SC_POLL_BUDGET,
		.credit = SC_POLL_CREDIT,
	};
	struct sc_channel_queue *cq = &ch->queue[queue];
	struct sc_queue *q = &cq->q;
	u32 id[SC_POLL_BATCH] __uninitialized;
	int i, nr;

	/* the peer may have fewer queues than this side has created */
	if (!sc_channel_is_up(ch) || queue >= ch->nr_queues)
		return SCHANNEL_POLL_NONE;
	while (poll.budget > 0 && poll.credit > 0) {
		nr = sc_queue_take(q, id, SC_POLL_BATCH);
		if (nr < 0) {
			sc_channel_fail(ch, "invalid event queue index");
			return poll.useful ? SCHANNEL_POLL_DONE : SCHANNEL_POLL_NONE;
		}
		for (i = 0; i < nr; i++)
			sc_poll_entry(ch, &poll, id[i]);
		/* another overflow during the walk starts another walk, after it */
		if (!cq->walk && sc_queue_overflowed(q)) {
			atomic_long_inc(&ch->stats.overflow);
			cq->walk = 1;
		}
		if (cq->walk)
			sc_poll_walk(ch, &poll, &cq->walk);
		else if (nr < SC_POLL_BATCH && !sc_queue_arm(q))
			return poll.useful ? SCHANNEL_POLL_DONE : SCHANNEL_POLL_NONE;
	}
	return poll.useful && poll.credit > 0 ? SCHANNEL_POLL_MORE : SCHANNEL_POLL_LATER;
}

enum schannel_poll schannel_channel_poll(struct schannel_channel *ch,
					 unsigned int queue)
{
	struct sc_channel_queue *q = &ch->queue[queue];
	enum schannel_poll did;

	WRITE_ONCE(q->notify_received, q->notify_received + 1);
	rcu_read_lock();
	did = sc_channel_poll(ch, queue);
	rcu_read_unlock();
	if (did == SCHANNEL_POLL_NONE || did == SCHANNEL_POLL_LATER)
		WRITE_ONCE(q->notify_spurious, q->notify_spurious + 1);
	return did;
}
EXPORT_SYMBOL_NS_GPL(schannel_channel_poll, SC_NS_TRANSPORT);
