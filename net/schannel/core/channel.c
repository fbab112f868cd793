// SPDX-License-Identifier: GPL-2.0-only
/*
 * Channels: references, events for the peer, and the reset when the peer breaks the
 * protocol. setup.c brings channels up and down, poll.c receives events. See channel.h.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "channel.h"
#include "namespace.h"
#include "peer.h"
#include "stats.h"
#include "trace.h"
#include "transport.h"

/**
 * sc_channel_put() - drop a reference to a channel
 * @ch:	the channel
 *
 * Context: Any but hard interrupts.
 */
void sc_channel_put(struct schannel_channel *ch)
{
	if (!refcount_dec_and_test(&ch->ref))
		return;
	sc_peer_put(ch->peer);
	xa_destroy(&ch->flows);
	xa_destroy(&ch->owners);
	kvfree(ch->refused);
	kvfree(ch->refusal);
	kvfree(ch->peer_segment);
	kvfree(ch->peer_table);
	kvfree(ch->peer_table_map);
	kvfree(ch->table);
	kfree_rcu(ch, rcu);
}
EXPORT_SYMBOL_NS_GPL(sc_channel_put, SC_NS_SOCK);

/* The event queue of the control ring. */
const u8 sc_queue_ctl;

/**
 * sc_channel_post() - post an event for a flow, so that the peer looks at it
 * @ch:		a channel that is up and stays up during the call
 * @queue:	the event queue in which the peer wants events for the flow; the peer may name
 *		another one at any time
 * @flow:	the flow's number in the peer's table
 * @pending:	the flow's pending mark
 *
 * Notifies the peer if it is not looking at the queue anyway. The caller executes a full
 * barrier between its stores that the peer shall see and this call.
 *
 * Context: Process or softirq context.
 */
void sc_channel_post(struct schannel_channel *ch, const u8 *queue, u32 flow,
		     sc_pending_t *pending)
{
	struct sc_channel_queue *q;
	enum sc_post post;
	unsigned int nr;

	for (;;) {
		nr = READ_ONCE(*queue);
		q = &ch->queue[nr];
		spin_lock_bh(&q->lock);
		/* under the lock of the right queue: see sc_channel_name_queue() */
		if (likely(READ_ONCE(*queue) == nr))
			break;
		spin_unlock_bh(&q->lock);
	}
	post = sc_queue_post(&q->q, flow, pending);
	if (post == SC_POST_NOTIFY)
		WRITE_ONCE(q->notify_sent, q->notify_sent + 1);
	spin_unlock_bh(&q->lock);
	if (post == SC_POST_NOTIFY) {
		trace_schannel_notify(ch, nr, flow);
		ch->peer->transport->notify(ch->peer, nr);
	}
}

/**
 * sc_channel_name_queue() - the peer wants a flow's events in another event queue
 * @ch:		the channel
 * @queue:	the flow's queue, as for sc_channel_post()
 * @name:	the queue that the peer has named, checked
 *
 * Nothing is posted for the flow in the old queue after the return, and its pending mark, which
 * is of the old queue, is not changed by a thread that posted there.
 *
 * Context: The channel's work.
 */
void sc_channel_name_queue(struct schannel_channel *ch, u8 *queue, u8 name)
{
	struct sc_channel_queue *old = &ch->queue[*queue];

	if (*queue == name)
		return;
	spin_lock_bh(&old->lock);
	WRITE_ONCE(*queue, name);
	spin_unlock_bh(&old->lock);
}

/* ---- Our flows in the peer's event queues -------------------------------- */

/*
 * Flows that have left may have entries in the peer's queue. They count until we have
 * consumed what the peer had posted at a moment after that. Two groups: while the first one
 * waits for its moment to pass, the second one gathers.
 */
static void sc_channel_queue_settle(struct sc_channel_queue *q)
{
	int group;

	for (group = 0; group < 2 && q->leaving + q->left; group++) {
		if (q->leaving && (s32)(READ_ONCE(q->q.cons) - q->leaving_at) < 0)
			break;
		q->flows -= q->leaving;
		q->leaving = q->left;
		q->left = 0;
		/* acquire: not before we saw the CLOSE of a flow that has left */
		q->leaving_at = virt_load_acquire(&q->q.peer->prod);
	}
}

static bool sc_channel_queue_join(struct sc_channel_queue *q, bool force)
{
	bool fits;

	spin_lock_bh(&q->lock);
	sc_channel_queue_settle(q);
	fits = q->flows < q->q.peer_size;
	if (fits || force)
		q->flows++;
	spin_unlock_bh(&q->lock);
	return fits;
}

/**
 * sc_channel_join_queue() - choose the event queue for one of our flows
 * @ch:		a channel that is up and stays up during the call
 * @queue:	the preferred queue
 *
 * Chooses one that the peer can never fill. If all flows together are too many for that, the
 * queue may overflow: the peer has fewer queues than this side, or smaller ones.
 *
 * Context: Process context.
 *
 * Return: the queue; the flow leaves it with sc_channel_leave_queue().
 */
unsigned int sc_channel_join_queue(struct schannel_channel *ch, unsigned int queue)
{
	unsigned int i, q = queue;

	for (i = 0; i < ch->nr_queues; i++) {
		if (sc_channel_queue_join(&ch->queue[q], false))
			return q;
		q = (q + 1) % ch->nr_queues;
	}
	sc_channel_queue_join(&ch->queue[queue], true);
	return queue;
}

/**
 * sc_channel_leave_queue() - the peer posts no more entries for one of our flows
 * @ch:		the channel, in any state
 * @queue:	the flow's queue
 *
 * Context: Process context.
 */
void sc_channel_leave_queue(struct schannel_channel *ch, unsigned int queue)
{
	struct sc_channel_queue *q = &ch->queue[queue];

	spin_lock_bh(&q->lock);
	q->left++;
	spin_unlock_bh(&q->lock);
}

/**
 * sc_channel_note() - note down a message about shared memory for the peer
 * @ch:		the channel
 * @bitmap:	@table_again, @peer_table_answer, @peer_answer or @peer_gone
 * @nr:		the page or segment that the message is about
 *
 * sc_control_flush() sends it.
 *
 * Context: Under ctl_lock.
 */
void sc_channel_note(struct schannel_channel *ch, unsigned long *bitmap, unsigned int nr)
{
	lockdep_assert_held(&ch->ctl_lock);
	if (!__test_and_set_bit(nr, bitmap))
		ch->nr_notes++;
}

/**
 * sc_channel_fail() - reset a channel because the peer broke the protocol
 * @ch:		the channel; the transport is going to destroy it
 * @violation:	what is invalid, for the log
 *
 * For violations that affect the whole channel; a violation of a single flow resets only
 * that flow, see sc_flow_broken().
 *
 * Context: Any but hard interrupts.
 */
void sc_channel_fail(struct schannel_channel *ch, const char *violation)
{
	/* once: the transport is told of the peer, which may have the next channel by now */
	if (atomic_xchg(&ch->failed, 1))
		return;
	pr_warn_ratelimited("schannel: domain %u: %s, channel reset\n",
			    ch->peer->domid, violation);
	sc_stats_channel_failed(ch);
	ch->peer->transport->fail(ch->peer);
}
