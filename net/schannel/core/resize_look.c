// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is due for the rings of a flow although no program calls, in the channel's works. See
 * resize.h.
 */
#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/llist.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "channel.h"
#include "common.h"
#include "control.h"
#include "flow.h"
#include "orphan.h"
#include "resize.h"

/*
 * The ring of a closed flow shrinks when the peer has made no progress for this time, in
 * jiffies. Most peers read what is left, and close, at once.
 */
#define SC_RESIZE_CLOSED	max(HZ / 10, 1)

/*
 * The flow has no user: if its CLOSE waits until the ring has shrunk, go on with that. Peers
 * that do not answer are left to the time limit, see reap.c.
 */
static void sc_resize_look_closed(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;
	bool due, more;

	spin_lock(&ch->ctl_lock);
	due = flow->close_waits &&
	      time_after_eq(jiffies, flow->age.since + SC_RESIZE_CLOSED);
	spin_unlock(&ch->ctl_lock);
	if (!due)
		return;
	more = sc_resize_shrink(flow);
	spin_lock(&ch->ctl_lock);
	sc_orphan_resized(flow);
	if (flow->close_waits && !more)
		sc_control_close(flow, SCHANNEL_REASON_DONE);
	spin_unlock(&ch->ctl_lock);
}

/**
 * sc_resize_look() - do what is due for the rings of a flow that has a user
 * @flow:	the flow
 *
 * If one of the locks is taken, its holder may do it, or leave it to another look.
 *
 * Context: The channel's work.
 *
 * Return: false if it has no user.
 */
static bool sc_resize_look(struct sc_flow *flow)
{
	void *user = sc_resize_user_get(flow);
	bool again = false;
	int err;

	if (!user)
		return false;
	err = flow->ops->tx_try(flow, user);
	if (!err) {
		sc_resize_look_tx(flow);
		flow->ops->tx_end(user);
	} else if (err == -EBUSY) {
		again = sc_resize_is_followed(flow);
	}
	err = flow->ops->rx_try(flow, user);
	if (!err) {
		sc_resize_look_rx(flow);
		flow->ops->rx_end(user);
	} else if (err == -EBUSY) {
		again |= sc_resize_is_behind(flow);
	}
	sc_flow_user_put(flow, user);
	if (again)
		sc_resize_ask_later(flow);
	return true;
}

/* For the channel's work: look at the flows that sc_resize_ask() has listed. */
void sc_resize_look_all(struct schannel_channel *ch)
{
	struct llist_node *list = llist_del_all(&ch->looks);
	struct sc_flow *flow, *next;

	llist_for_each_entry_safe(flow, next, list, resize.look_node) {
		/* from now on it may be listed again; pairs with sc_resize_ask() */
		xchg(&flow->resize.asked, 0);
		if (!sc_resize_look(flow))
			sc_resize_look_closed(flow);
		sc_flow_put(flow);
		cond_resched();
	}
}

/* For sc_resize_ask_later(). */
void sc_resize_later_work(struct work_struct *work)
{
	struct schannel_channel *ch =
		container_of(work, struct schannel_channel, look_work.work);

	queue_work(sc_wq, &ch->work);
}

/* The channel is down and its work has ended: forget the list. */
void sc_resize_forget_looks(struct schannel_channel *ch)
{
	struct llist_node *list = llist_del_all(&ch->looks);
	struct sc_flow *flow, *next;

	llist_for_each_entry_safe(flow, next, list, resize.look_node)
		sc_flow_put(flow);
}
