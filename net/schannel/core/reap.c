// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finishing flows that one side does not finish.
 *
 * An orphan is reset after a time without progress, that is, if the peer's program neither
 * reads nor closes. If there are too many, the one without progress for the longest time is
 * reset first. The peer's kernel then answers at once, whatever its program does: it takes
 * the flow away from it. Only a peer that is paused, or hostile, does not answer. Such a peer
 * holds what it was given until the channel ends, and gets no more: an OPEN that was not
 * sent before its socket was closed is never sent.
 *
 * A flow that the peer has reset is taken away in the same way when the peer's RESET follows
 * its DONE, or after the same time without progress: a program may first read what had
 * arrived.
 *
 * To take a flow away is to mark it as dead while both data locks are held, to wait for a
 * grace period, and to send CLOSE. The program's socket keeps the struct sc_flow, whose
 * memory is then not shared memory any more. The locks are only tried; no thread holds them
 * while it waits for the peer or for user space.
 */
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "channel.h"
#include "control.h"
#include "flow.h"
#include "orphan.h"
#include "reap.h"
#include "stats.h"
#include "sysctl.h"

/* No orphan is reset for the limits before it made no progress for this time, in jiffies. */
#define SC_REAP_YOUNG		max(HZ / 10, 1)

static struct sc_flow *sc_reap_first(struct list_head *list)
{
	return list_first_entry_or_null(list, struct sc_flow, age.node);
}

/* Reset an orphan, if it can be. Under the control lock. */
static void sc_reap_reset(struct sc_flow *flow, enum schannel_attr_stats what)
{
	sc_orphan_unlist(flow);
	sc_control_reset(flow);
	sc_stats_orphan_reset(flow, what);
}

/**
 * sc_reap_limit() - reset orphans that exceed the limits
 * @ch:	the channel; the caller calls sc_control_flush() then
 *
 * Looks only at orphans that were without progress for a while when they were last looked at,
 * so it takes no time if it is called often.
 *
 * Context: Process context.
 */
void sc_reap_limit(struct schannel_channel *ch)
{
	struct list_head *list = &ch->orphans.closed;
	struct sc_flow *flow;

	spin_lock(&ch->ctl_lock);
	while (ch->state == SC_CHANNEL_UP && sc_orphan_too_many(ch)) {
		flow = sc_reap_first(list);
		if (!flow || time_before(jiffies, flow->age.since + SC_REAP_YOUNG)) {
			sc_orphan_schedule(ch, SC_REAP_YOUNG);
			break;
		}
		if (sc_orphan_progressed(flow))
			list_move_tail(&flow->age.node, list);
		else
			sc_reap_reset(flow, SCHANNEL_A_STATS_ORPHANS_OVER_LIMIT);
		cond_resched_lock(&ch->ctl_lock);
	}
	spin_unlock(&ch->ctl_lock);
}

/**
 * sc_reap_kill() - end a flow for an administrator
 * @flow:	the flow
 *
 * A TCP connection goes on without its flow: that is TCP's to end.
 *
 * Context: Process context.
 */
void sc_reap_kill(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;
	bool user;

	if (!sc_flow_take_back(flow, false))
		return;
	spin_lock(&ch->ctl_lock);
	user = rcu_access_pointer(flow->user);
	if (ch->state == SC_CHANNEL_UP && xa_load(&ch->flows, flow->id) == flow) {
		flow->killed = true;
		sc_orphan_unlist(flow);
		if (user)
			sc_orphan_take(flow);
		else
			sc_control_reset(flow);
	}
	spin_unlock(&ch->ctl_lock);
	if (user)
		sc_flow_ended(flow, -ECONNABORTED);
	sc_control_flush(ch);
}

/* ---- Flows that have a user --------------------------------------------- */

/*
 * Both data locks are held, or there is no user that could use the flow: mark it as dead.
 * Returns whether something is lost. Otherwise the program had read everything, and goes on
 * to see the end of the stream.
 */
static bool sc_reap_mark(struct sc_flow *flow)
{
	struct sc_flow_view view = {};
	bool over;

	if (sc_flow_is_joined(flow))
		sc_flow_look(flow, &view);
	over = view.flags & SC_FLOW_FIN && view.flags & SC_FLOW_PEER_SHUT &&
	       !view.avail && !flow->killed;
	sc_flow_set_dead(flow, over ? SC_FLOW_FIN | SC_FLOW_PEER_SHUT : SC_FLOW_GONE);
	return !over;
}

/* Take a flow away from its user. Returns false if another thread holds a data lock. */
static bool sc_reap_take(struct sc_flow *flow)
{
	void *user = sc_flow_user_get(flow);
	bool lost = false;
	int tx, rx = 0;

	if (!user)
		return true;	/* it is closing the flow */
	/* a user without data locks closes the flow in ops->ended() */
	tx = flow->ops->tx_try ? flow->ops->tx_try(flow, user) : -ENOTCONN;
	if (!tx)
		rx = flow->ops->rx_try(flow, user);
	if (tx != -EBUSY && rx != -EBUSY)
		lost = sc_reap_mark(flow);
	if (!tx && !rx)
		flow->ops->rx_end(user);
	if (!tx)
		flow->ops->tx_end(user);
	/* this may come before sc_reap_kill() has said so */
	if (lost)
		sc_flow_ended(flow, flow->killed ? -ECONNABORTED : -ECONNRESET);
	sc_flow_user_put(flow, user);
	return tx != -EBUSY && rx != -EBUSY;
}

/* Take the flows in the list away from their users. Under the control lock. */
static void sc_reap_taken(struct schannel_channel *ch)
{
	struct sc_flow *flow, *next;
	LIST_HEAD(todo);
	LIST_HEAD(dead);
	LIST_HEAD(busy);
	bool taken;

	list_splice_init(&ch->orphans.taken, &todo);
	while ((flow = sc_reap_first(&todo))) {
		list_move_tail(&flow->age.node, &busy);
		refcount_inc(&flow->ref);
		spin_unlock(&ch->ctl_lock);
		taken = sc_reap_take(flow);
		cond_resched();
		spin_lock(&ch->ctl_lock);
		/* unless it was closed and has left the flow table meanwhile */
		if (taken && !list_empty(&flow->age.node))
			list_move_tail(&flow->age.node, &dead);
		sc_flow_put(flow);
	}
	if (!list_empty(&dead)) {
		spin_unlock(&ch->ctl_lock);
		synchronize_rcu();
		spin_lock(&ch->ctl_lock);
	}
	list_for_each_entry_safe(flow, next, &dead, age.node) {
		list_del_init(&flow->age.node);
		sc_control_reset(flow);
	}
	list_splice(&busy, &ch->orphans.taken);
}

/* ---- The time limit ----------------------------------------------------- */

/*
 * Look at all flows of a list. Those that made progress go to its end, those that made none
 * for too long are finished. Under the control lock.
 */
static void sc_reap_expired(struct schannel_channel *ch, struct list_head *list)
{
	unsigned long timeout = sc_sysctl_orphan_timeout();
	struct sc_flow *flow;
	LIST_HEAD(todo);
	LIST_HEAD(still);

	list_splice_init(list, &todo);
	while ((flow = sc_reap_first(&todo))) {
		if (sc_orphan_progressed(flow))
			list_move_tail(&flow->age.node, list);
		else if (time_before(jiffies, flow->age.since + timeout))
			list_move_tail(&flow->age.node, &still);
		else if (list == &ch->orphans.reset)
			sc_orphan_take(flow);
		else
			sc_reap_reset(flow, SCHANNEL_A_STATS_ORPHANS_TIMED_OUT);
		cond_resched_lock(&ch->ctl_lock);
	}
	list_splice(&still, list);
}

/* The work of struct sc_orphans. Disabled before the channel's pages are unmapped. */
void sc_reap_work(struct work_struct *work)
{
	struct schannel_channel *ch = container_of(work, struct schannel_channel,
						   orphans.work.work);
	struct sc_orphans *orphans = &ch->orphans;

	spin_lock(&ch->ctl_lock);
	/* whoever wants an earlier run from now on asks for it */
	orphans->interval = ULONG_MAX;
	sc_reap_expired(ch, &orphans->closed);
	sc_reap_expired(ch, &orphans->reset);
	sc_reap_taken(ch);
	if (!list_empty(&orphans->taken))
		sc_orphan_schedule(ch, 1);
	else if (!list_empty(&orphans->closed) || !list_empty(&orphans->reset))
		sc_orphan_schedule(ch, sc_orphan_interval());
	spin_unlock(&ch->ctl_lock);
	sc_reap_limit(ch);
	sc_control_flush(ch);
}
