// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests for a channel's maintenance. maintain_work.c handles them. See maintain.h.
 */
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "channel.h"
#include "common.h"
#include "flow.h"
#include "maintain.h"
#include "sysctl.h"

/* Time that a flow has to yield memory before the next flow is asked to, in jiffies. */
#define SC_MAINTAIN_YIELD	(HZ / 50)

/* The maintenance interval, in jiffies: a flow is idle after two of them. */
unsigned long sc_maintain_interval(void)
{
	return max(sc_sysctl_idle() / 2, 1UL);
}

/* Run the maintenance at the end of the interval. Any context. */
void sc_maintain_later(struct schannel_channel *ch)
{
	if (sc_channel_is_up(ch))
		queue_delayed_work(sc_wq, &ch->maintain, sc_maintain_interval());
}

/**
 * sc_maintain_soon() - run the maintenance at once, or as soon as it may
 * @ch:		the channel
 *
 * Messages of the peer cause it, and it may look at thousands of flows. After that it
 * therefore rests four times as long as it took.
 *
 * Context: Any context.
 */
void sc_maintain_soon(struct schannel_channel *ch)
{
	unsigned long rest = READ_ONCE(ch->maintain_rest), now = jiffies;

	if (sc_channel_is_up(ch))
		mod_delayed_work(sc_wq, &ch->maintain,
				 time_after(rest, now) ? rest - now : 0);
}

/* Memory is short: have idle flows shrink their rings at once. Any context. */
void sc_maintain_low_memory(struct schannel_channel *ch)
{
	set_bit(SC_CHANNEL_LOW_MEMORY, &ch->flags);
	sc_maintain_soon(ch);
}

/**
 * sc_maintain_grow() - have the pool grow for a ring
 * @ch:		the channel
 * @order:	the ring's order
 *
 * Of several requests before the next maintenance, the last one counts. Any context.
 *
 * Return: false if the pool could not grow in this maintenance interval: there is no point
 * in asking again.
 */
bool sc_maintain_grow(struct schannel_channel *ch, u8 order)
{
	if (test_bit(SC_CHANNEL_FULL, &ch->flags))
		return false;
	WRITE_ONCE(ch->grow_order, order);
	smp_mb__before_atomic();	/* pairs with test_and_clear_bit() in sc_maintain_pool() */
	set_bit(SC_CHANNEL_GROW, &ch->flags);
	sc_maintain_soon(ch);
	return true;
}

/**
 * sc_maintain_starved() - have a flow yield memory for a record that waits for a ring
 * @ch:		the channel
 * @order:	flows whose ring is of this order or larger may be asked to yield
 *
 * One flow at a time yields, for the first request in each run of the maintenance.
 *
 * Context: The channel's maintenance.
 */
void sc_maintain_starved(struct schannel_channel *ch, u8 order)
{
	if (!sc_maintain_is_starved(ch))
		WRITE_ONCE(ch->starved_order, order);
}

/*
 * A flow yields memory. No other flow is asked to for SC_MAINTAIN_YIELD, so that the peer can
 * read what is in the old ring. Called by the maintenance.
 */
void sc_maintain_yielded(struct schannel_channel *ch)
{
	ch->yield_order = SC_ORDER_NONE;
	ch->yield_next = jiffies + SC_MAINTAIN_YIELD;
}

/* Does a record wait for a ring? Then other flows must not take memory before it. */
bool sc_maintain_is_starved(const struct schannel_channel *ch)
{
	return READ_ONCE(ch->starved_order) != SC_ORDER_NONE;
}

/**
 * sc_maintain_flow() - have the rings of a flow maintained
 * @flow:	the flow; put at the end of the channel's list
 *
 * Context: Process context.
 */
void sc_maintain_flow(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;

	spin_lock(&ch->ctl_lock);
	/* a flow that has left the table, or whose channel is down, must not be listed again */
	if (sc_channel_is_up(ch) && xa_load(&ch->flows, flow->id) == flow)
		list_move_tail(&flow->resize.node, &ch->maintained);
	spin_unlock(&ch->ctl_lock);
	sc_maintain_later(ch);
}
