// SPDX-License-Identifier: GPL-2.0-only
/* Growing a full ring that the peer does not read. See resize_unread.h. */
#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/llist.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "alloc.h"
#include "channel.h"
#include "common.h"
#include "flow.h"
#include "maintain.h"
#include "owner.h"
#include "resize.h"
#include "resize_unread.h"

/* What came of growing a ring. */
enum sc_unread {
	SC_UNREAD_DONE,		/* the rest follows without sc_unread_work() */
	SC_UNREAD_AGAIN,	/* to be tried again */
	SC_UNREAD_NEVER,	/* the ring cannot grow */
};

/* Offer a ring of @order, or the largest that there is memory for. */
static enum sc_unread sc_unread_offer(struct sc_flow *flow, u8 order)
{
	struct schannel_channel *ch = flow->channel;
	struct sc_resize *resize = &flow->resize;
	int err;

	order = sc_pool_room(&ch->pool, sc_owner_share(flow->owner), flow->extent.order, order);
	if (order <= flow->extent.order)
		return SC_UNREAD_NEVER;
	err = sc_alloc_ring(flow, order, &resize->to);
	if (!err) {
		resize->unread = true;
		sc_resize_offer_to(flow);
		return SC_UNREAD_DONE;
	}
	if (err != -ENOSPC)
		return SC_UNREAD_NEVER;
	if (sc_maintain_grow(ch, order))
		return SC_UNREAD_AGAIN;
	sc_pool_note_starved(&ch->pool, flow->extent.order);
	return SC_UNREAD_NEVER;
}

/* The peer does not read. With the sender's lock. */
static enum sc_unread sc_unread_grow(struct sc_flow *flow)
{
	struct sc_resize *resize = &flow->resize;
	u8 order = 0;

	/* as in sc_resize_full() */
	if (!sc_flow_is_live(flow))
		return SC_UNREAD_DONE;
	switch (sc_resize_state(resize)) {
	case SC_RESIZE_STARVED:
	case SC_RESIZE_OFFERED:
		return SC_UNREAD_DONE;	/* sc_resize_answer() notes the flow again */
	case SC_RESIZE_READY:
		sc_resize_use(flow);
		return SC_UNREAD_AGAIN;	/* if it is still full */
	case SC_RESIZE_REFUSED:
	case SC_RESIZE_NONE:
		break;
	}
	rcu_read_lock();
	if (sc_flow_is_live(flow) && !(flow->tx.own->tx_flags & SCHANNEL_TX_FIN))
		order = sc_unread_order(flow);
	rcu_read_unlock();
	if (order <= flow->extent.order || !sc_resize_may_grow(flow))
		return SC_UNREAD_NEVER;
	/* it notes the flow again, when the peer has left the old ring */
	if (!sc_resize_free_old(flow))
		return SC_UNREAD_DONE;
	return sc_unread_offer(flow, order);
}

/* The ring cannot grow: tell the peer, if it waits for more. With the sender's lock. */
static void sc_unread_refuse(struct sc_flow *flow)
{
	rcu_read_lock();
	if (sc_flow_is_live(flow) && sc_flow_is_awaited(flow) && sc_tx_say_full(&flow->tx))
		sc_flow_post(flow);
	rcu_read_unlock();
}

/* The same with trylock(tx_lock). */
static enum sc_unread sc_unread_try(struct sc_flow *flow)
{
	enum sc_unread result = SC_UNREAD_DONE;
	void *user = sc_resize_user_get(flow);
	int err;

	if (!user)
		return SC_UNREAD_DONE;
	err = flow->ops->tx_try(flow, user);
	if (!err) {
		result = sc_unread_grow(flow);
		if (result == SC_UNREAD_NEVER)
			sc_unread_refuse(flow);
		flow->ops->tx_end(user);
	} else if (err == -EBUSY) {
		result = SC_UNREAD_AGAIN;
	}
	sc_flow_user_put(flow, user);
	return result;
}

/* Look at a flow that was listed. */
static void sc_unread_look(struct sc_flow *flow)
{
	struct sc_resize *resize = &flow->resize;
	unsigned long since = resize->unread_since;
	u32 noted = resize->unread_cons;
	enum sc_unread result = SC_UNREAD_AGAIN;
	bool full = false, awaited = false;
	u32 cons = noted;

	/* from now on it may be listed again; pairs with sc_unread_note() */
	xchg(&resize->noted, 0);
	rcu_read_lock();
	if (sc_flow_is_live(flow)) {
		/* only compared, so it needs no check */
		cons = READ_ONCE(flow->tx.peer->rx_cons);
		awaited = sc_unread_must_answer(flow);
		full = sc_unread_is_full(flow, cons, awaited);
	}
	rcu_read_unlock();
	if (!full)
		return;
	if (cons != noted)
		since = jiffies;
	if (awaited || time_after_eq(jiffies, since + SC_UNREAD_TIME))
		result = sc_unread_try(flow);
	if (result != SC_UNREAD_AGAIN)
		return;
	rcu_read_lock();
	if (sc_flow_is_live(flow))
		sc_unread_list(flow, cons, since, awaited ? 1 : SC_UNREAD_TIME);
	rcu_read_unlock();
}

void sc_unread_work(struct work_struct *work)
{
	struct schannel_channel *ch =
		container_of(work, struct schannel_channel, unread_work.work);
	struct llist_node *list = llist_del_all(&ch->unread);
	unsigned long start = jiffies, took;
	struct sc_flow *flow, *next;

	llist_for_each_entry_safe(flow, next, list, resize.unread_node) {
		sc_unread_look(flow);
		sc_flow_put(flow);
		cond_resched();
	}
	took = jiffies - start;
	if (took && !llist_empty(&ch->unread))
		mod_delayed_work(sc_wq, &ch->unread_work, 4 * took);
}

/* The channel is down and its work has ended: forget the list. */
void sc_unread_forget(struct schannel_channel *ch)
{
	struct llist_node *list = llist_del_all(&ch->unread);
	struct sc_flow *flow, *next;

	llist_for_each_entry_safe(flow, next, list, resize.unread_node)
		sc_flow_put(flow);
}
