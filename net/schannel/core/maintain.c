// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asking for a channel's maintenance. maintain_work.c is what it does. See maintain.h.
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

/* So long who makes room for a record is given to do it, in jiffies. */
#define SC_MAINTAIN_YIELD	(HZ / 50)

/* Two looks make a rest. */
unsigned long sc_maintain_interval(void)
{
	return max(sc_sysctl_idle() / 2, 1UL);
}

/* There is something that has time. Any context. */
void sc_maintain_later(struct schannel_channel *ch)
{
	if (sc_channel_is_up(ch))
		queue_delayed_work(sc_wq, &ch->maintain, sc_maintain_interval());
}

/* There is something to do now. Any context. */
void sc_maintain_soon(struct schannel_channel *ch)
{
	if (sc_channel_is_up(ch))
		mod_delayed_work(sc_wq, &ch->maintain, 0);
}

/* Memory is short: idle flows are to give back what they have. */
void sc_maintain_low_memory(struct schannel_channel *ch)
{
	set_bit(SC_CHANNEL_LOW_MEMORY, &ch->flags);
	sc_maintain_soon(ch);
}

/*
 * A flow would like a ring of @order and there is no memory for it: make some ready,
 * unless there was none a moment ago. Of several that ask at once, one is heard.
 * Returns whether it is worth asking again.
 */
bool sc_maintain_grow(struct schannel_channel *ch, u8 order)
{
	if (test_bit(SC_CHANNEL_FULL, &ch->flags))
		return false;
	WRITE_ONCE(ch->grow_order, order);
	set_bit(SC_CHANNEL_GROW, &ch->flags);
	sc_maintain_soon(ch);
	return true;
}

/*
 * A record waits for a ring: have somebody make room whose ring is of @order, or
 * larger. One at a time, for the first who asks at a look. For tending.
 */
void sc_maintain_starved(struct schannel_channel *ch, u8 order)
{
	if (!sc_maintain_is_starved(ch))
		WRITE_ONCE(ch->starved_order, order);
}

/* Somebody makes room. Until the peer has read what is there, nobody else does. */
void sc_maintain_yielded(struct schannel_channel *ch)
{
	ch->yield_order = SC_ORDER_NONE;
	ch->yield_next = jiffies + SC_MAINTAIN_YIELD;
}

/* Does a record wait for a ring? Then who wants another one stands in line. */
bool sc_maintain_is_starved(const struct schannel_channel *ch)
{
	return READ_ONCE(ch->starved_order) != SC_ORDER_NONE;
}

/* The flow's rings are to be looked after, behind those of others. */
void sc_maintain_flow(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;

	spin_lock(&ch->ctl_lock);
	/* once the flow has left the table, or nobody takes the lock any more, it stays out */
	if (sc_channel_is_up(ch) && xa_load(&ch->flows, flow->id) == flow)
		list_move_tail(&flow->resize.node, &ch->maintained);
	spin_unlock(&ch->ctl_lock);
	sc_maintain_later(ch);
}
