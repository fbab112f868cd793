// SPDX-License-Identifier: GPL-2.0-only
/*
 * Channels: references, asking the peer to look, and ending what the peer broke.
 * setup.c brings them up and down, poll.c receives their events. See channel.h.
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

void sc_channel_put(struct schannel_channel *ch)
{
	if (!refcount_dec_and_test(&ch->ref))
		return;
	sc_peer_put(ch->peer);
	xa_destroy(&ch->flows);
	kvfree(ch->peer_segment);
	kvfree(ch->peer_table);
	kvfree(ch->peer_table_map);
	kvfree(ch->table);
	kfree_rcu(ch, rcu);
}
EXPORT_SYMBOL_NS_GPL(sc_channel_put, SC_NS_SOCK);

/**
 * sc_channel_post() - ask the peer to look at a flow
 * @ch:		a channel that is up and stays so during the call
 * @queue:	the queue in which it wants to be told
 * @flow:	the flow's number in its table
 * @pending:	the flow's pending
 *
 * A full barrier stands between what the peer shall see and this call. Process or
 * softirq context.
 */
void sc_channel_post(struct schannel_channel *ch, unsigned int queue, u32 flow,
		     sc_pending_t *pending)
{
	struct sc_channel_queue *q = &ch->queue[queue];
	enum sc_post post;

	spin_lock_bh(&q->lock);
	post = sc_queue_post(&q->q, flow, pending);
	spin_unlock_bh(&q->lock);
	if (post == SC_POST_NOTIFY) {
		atomic_long_inc(&ch->stats.notify_sent);
		trace_schannel_notify(ch, queue, flow);
		ch->peer->transport->notify(ch->peer, queue);
	}
}

/**
 * sc_channel_fail() - the peer broke the protocol in a way that no single flow can answer for
 * @ch:		the channel; takes no more part in anything
 * @wrong:	what was wrong, for the log
 *
 * Any context but hard interrupts.
 */
void sc_channel_fail(struct schannel_channel *ch, const char *wrong)
{
	pr_warn_ratelimited("schannel: domain %u: %s: channel reset\n",
			    ch->peer->domid, wrong);
	sc_stats_channel_failed(ch);
	ch->peer->transport->fail(ch->peer);
}
