// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is due for the rings of a flow although no program calls, in the channel's works. See
 * resize.h.
 */
#include <linux/atomic.h>
#include <linux/llist.h>
#include <linux/sched.h>

#include "channel.h"
#include "flow.h"
#include "maintain.h"
#include "resize.h"

/**
 * sc_resize_look() - do what is due for the rings of a flow
 * @flow:	the flow
 *
 * Context: The channel's work and its maintenance.
 */
void sc_resize_look(struct sc_flow *flow)
{
	bool tx_busy, rx_busy;
	void *user = sc_resize_user_get(flow);
	int err;

	if (!user)
		return;
	err = flow->ops->tx_try(flow, user);
	tx_busy = err == -EBUSY;
	if (!err) {
		sc_resize_look_tx(flow);
		flow->ops->tx_end(user);
	}
	err = flow->ops->rx_try(flow, user);
	rx_busy = err == -EBUSY && sc_resize_is_behind(flow);
	if (!err) {
		sc_resize_look_rx(flow);
		flow->ops->rx_end(user);
	}
	WRITE_ONCE(flow->resize.busy, tx_busy || rx_busy);
	sc_flow_user_put(flow, user);
}

/* For the channel's work: look at the flows that sc_resize_ask() has listed. */
void sc_resize_look_all(struct schannel_channel *ch)
{
	struct llist_node *list = llist_del_all(&ch->looks);
	struct sc_flow *flow, *next;

	llist_for_each_entry_safe(flow, next, list, resize.look_node) {
		/* from now on it may be listed again; pairs with sc_resize_ask() */
		xchg(&flow->resize.asked, 0);
		sc_resize_look(flow);
		if (READ_ONCE(flow->resize.busy)) {
			sc_maintain_flow(flow);
			sc_maintain_soon(ch);
		}
		sc_flow_put(flow);
		cond_resched();
	}
}

/* The channel is down and its work has ended: forget the list. */
void sc_resize_forget_looks(struct schannel_channel *ch)
{
	struct llist_node *list = llist_del_all(&ch->looks);
	struct sc_flow *flow, *next;

	llist_for_each_entry_safe(flow, next, list, resize.look_node)
		sc_flow_put(flow);
}
