// SPDX-License-Identifier: GPL-2.0-only
/*
 * Creating a flow, from either side, and closing it. See flow.h.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <net/sock.h>

#include "alloc.h"
#include "channel.h"
#include "control.h"
#include "flow.h"
#include "flow_table.h"
#include "maintain.h"
#include "namespace.h"
#include "orphan.h"
#include "owner.h"
#include "peer_segment.h"
#include "reap.h"
#include "stats.h"
#include "trace.h"

/*
 * Set up the flow's entry in our flow table, its ring and its event queue. @sk: has the
 * SO_RCVBUF to promise, or NULL. Returns -ECONNRESET if the channel is down.
 */
static int sc_flow_number(struct sc_flow *flow, const struct sock *sk)
{
	struct schannel_channel *ch = flow->channel;
	struct schannel_flow *entry;
	int err = -ECONNRESET;

	rcu_read_lock();
	if (sc_channel_is_up(ch)) {
		entry = ch->table[flow->id / SCHANNEL_FLOWS_PER_PAGE].addr;
		entry += flow->id % SCHANNEL_FLOWS_PER_PAGE;
		memset(entry, 0, sizeof(*entry));
		entry->tx_event = SC_EVENT_NEVER;
		entry->rx_room = sk ? READ_ONCE(sk->sk_rcvbuf) : 0;
		flow->tx.own = entry;
		flow->rx.own = entry;
		sc_extent_ring(ch, &flow->extent, &flow->tx.ring);
		/* spread flows over the queues, which different CPUs serve */
		flow->own_queue = sc_channel_join_queue(ch, flow->id % ch->nr_queues);
		err = 0;
	}
	rcu_read_unlock();
	return err;
}

/* Count a flow that is being made. -ENOBUFS if its user has a full share. */
static int sc_flow_count(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;

	if (!sc_pool_add_flow(&ch->pool, sc_owner_share(flow->owner)))
		return 0;
	atomic_long_inc(&ch->stats.over_share);
	return -ENOBUFS;
}

/* @start: limits of the initial size of the ring. @sk: causes the flow, or NULL. */
static struct sc_flow *sc_flow_alloc(struct schannel_channel *ch, u8 type,
				     struct sc_size_limits start,
				     const struct sc_flow_ops *ops, void *user,
				     struct sock *sk)
{
	struct sc_flow *flow;
	int err;

	flow = kzalloc(sizeof(*flow), GFP_KERNEL);
	if (!flow)
		return ERR_PTR(-ENOMEM);
	flow->type = type;
	flow->channel = ch;
	flow->resize.limits = start;
	flow->resize.fixed = !ops->tx_try;
	err = sc_flow_set_owner(flow, sk);
	if (err)
		goto err_free;
	err = sc_flow_count(flow);
	if (err)
		goto err_owner;
	err = sc_alloc_extent(flow, sc_pool_order(&ch->pool, start), start.fallback,
			      &flow->extent);
	if (err)
		goto err_count;

	sc_channel_hold(ch);
	flow->ops = ops;
	RCU_INIT_POINTER(flow->user, user);
	flow->peer_id = SCHANNEL_FLOW_NONE;
	INIT_LIST_HEAD(&flow->post_node);
	INIT_LIST_HEAD(&flow->resize.node);
	INIT_LIST_HEAD(&flow->age.node);
	refcount_set(&flow->ref, 2);	/* the flow table's and the user's */

	/* reserve the number: sc_flow_publish() makes the complete flow findable */
	err = sc_flow_table_alloc(ch, &flow->id);
	if (err)
		goto err_extent;
	err = sc_flow_number(flow, sk);
	if (err)
		goto err_id;
	return flow;

err_id:
	sc_flow_table_free(ch, flow->id);
err_extent:
	sc_alloc_free(flow, &flow->extent);
	sc_channel_put(ch);
err_count:
	sc_pool_remove_flow(&ch->pool, sc_owner_share(flow->owner));
err_owner:
	sc_flow_drop_owner(flow);
err_free:
	kfree(flow);
	return ERR_PTR(err);
}

/* Undo sc_flow_alloc() for a flow that was not published. */
static void sc_flow_discard(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;

	sc_flow_table_free(ch, flow->id);
	sc_channel_leave_queue(ch, flow->own_queue);
	sc_resize_end(flow);
	sc_pool_remove_flow(&ch->pool, sc_owner_share(flow->owner));
	sc_flow_drop_owner(flow);
	sc_channel_put(ch);
	kfree(flow);
}

/* Make the flow findable and queue its first message. -ECONNRESET if the channel is down. */
static int sc_flow_publish(struct sc_flow *flow, u8 what)
{
	struct schannel_channel *ch = flow->channel;
	int err = -ECONNRESET;

	spin_lock(&ch->ctl_lock);
	if (ch->state == SC_CHANNEL_UP) {
		/* does not allocate: the entry is reserved */
		xa_store_bh(&ch->flows, flow->id, flow, GFP_ATOMIC);
		flow->posts = what;
		list_add_tail(&flow->post_node, &ch->posts);
		err = 0;
	}
	spin_unlock(&ch->ctl_lock);
	if (!err && !sc_resize_is_idle(flow))
		sc_maintain_flow(flow);
	return err;
}

/**
 * sc_flow_open() - open a flow to the peer
 * @ch:		a channel that is up
 * @open:	ports, type and @rx_order; the other members are filled in here
 * @limits:	sizes that our ring may have
 * @ops:	the user's functions
 * @user:	argument of @ops
 * @sk:		the socket that the flow is for: it counts for that socket's user, and is
 *		charged to its memory cgroup. NULL if it is for no single socket
 *
 * ops->opened or ops->ended is called later.
 *
 * Context: Process context.
 *
 * Return: the flow, or ERR_PTR(-ENOBUFS, -ENOMEM, -ECONNRESET).
 */
struct sc_flow *sc_flow_open(struct schannel_channel *ch,
			     const struct schannel_msg_open *open,
			     struct sc_size_limits limits,
			     const struct sc_flow_ops *ops, void *user,
			     struct sock *sk)
{
	struct sc_flow *flow = sc_flow_alloc(ch, open->type, limits, ops, user, sk);
	int err;

	if (IS_ERR(flow))
		return flow;
	flow->open = *open;
	flow->opened = true;
	err = sc_flow_publish(flow, SC_FLOW_POST_OPEN);
	if (err) {
		sc_flow_discard(flow);
		return ERR_PTR(err);
	}
	sc_control_flush(ch);
	return flow;
}
EXPORT_SYMBOL_NS_GPL(sc_flow_open, SC_NS_SOCK);

/* Connect our end to the peer's. -ENOMEM if the peer's memory is not mapped here. */
static int sc_flow_join(struct sc_flow *flow, u32 peer_id,
			const struct schannel_ring_at *at)
{
	struct schannel_channel *ch = flow->channel;
	const struct schannel_flow *entry;

	/* sc_message_check() has checked the number; the page may have failed to map */
	entry = ch->peer_table[peer_id / SCHANNEL_FLOWS_PER_PAGE];
	if (!entry)
		return -ENOMEM;
	entry += peer_id % SCHANNEL_FLOWS_PER_PAGE;
	flow->resize.segment = sc_peer_segment_get(ch, at, &flow->rx.ring);
	if (!flow->resize.segment)
		return -ENOMEM;
	if (at->flags & SCHANNEL_RING_INDEX) {
		entry = sc_peer_segment_entry(flow->resize.segment, at);
		flow->entry_segment = flow->resize.segment;
	}
	flow->tx.peer = entry;
	flow->rx.peer = entry;
	flow->queue = at->queue;
	flow->peer_id = peer_id;
	/* release: pairs with sc_flow_is_joined() */
	smp_store_release(&flow->joined, true);
	/* release: an event needs the remote end's number (sc_flow_say_over()) */
	smp_store_release(&flow->accepted, true);
	return 0;
}

/**
 * sc_flow_accept() - create our end of a flow that the peer opens
 * @ch:		the channel
 * @msg:	the peer's OPEN, checked
 * @ids:	whom our end belongs to
 * @limits:	sizes that our ring may have; within them, the peer's @rx_order counts
 * @ops:	the user's functions
 * @user:	argument of @ops
 * @sk:		as for sc_flow_open(); whose program decides how many there are
 *
 * The flow is open on return. Its ring has an ordinary initial size, whatever the size that was
 * asked for: it gets that when it is first found full. So a connection that no program has
 * accepted, or that nothing is sent in, costs little.
 *
 * Context: The channel's work.
 *
 * Return: the flow, or ERR_PTR.
 */
struct sc_flow *sc_flow_accept(struct schannel_channel *ch,
			       const struct schannel_msg *msg, struct sc_ids ids,
			       struct sc_size_limits limits,
			       const struct sc_flow_ops *ops, void *user,
			       struct sock *sk)
{
	struct sc_size_limits start;
	struct sc_flow *flow;
	u8 wanted = limits.min;
	int err;

	if (msg->open.rx_order != SC_ORDER_ANY) {
		wanted = clamp(msg->open.rx_order, limits.min, limits.max);
		limits.max = wanted;
	}
	start = limits;
	start.min = min(limits.min, SC_RING_START_ORDER);
	start.fallback = min(limits.fallback, start.min);
	flow = sc_flow_alloc(ch, msg->open.type, start, ops, user, sk);
	if (IS_ERR(flow))
		return flow;
	flow->resize.limits = limits;
	flow->resize.wanted = wanted;
	flow->open = msg->open;
	flow->acceptor = ids;
	err = sc_flow_join(flow, msg->src_flow, &msg->open.ring);
	if (!err)
		err = sc_flow_publish(flow, SC_FLOW_POST_ACCEPT);
	if (err) {
		sc_flow_discard(flow);
		return ERR_PTR(err);
	}
	trace_schannel_accept(ch, msg, flow->id, 0);
	sc_stats_flow_began(flow);
	sc_control_flush(ch);
	return flow;
}
EXPORT_SYMBOL_NS_GPL(sc_flow_accept, SC_NS_SOCK);

/**
 * sc_flow_answered() - the peer sent ACCEPT
 * @flow:	a flow that this side opened
 * @msg:	the message, checked
 *
 * Calls ops->opened, or resets the flow if the peer's ring is not mapped here.
 *
 * Context: The channel's work.
 */
void sc_flow_answered(struct sc_flow *flow, const struct schannel_msg *msg)
{
	int err;

	flow->acceptor.uid = msg->accept.uid;
	flow->acceptor.gid = msg->accept.gid;
	err = sc_flow_join(flow, msg->src_flow, &msg->accept.ring);
	if (err) {
		/* CLOSE needs the number of the remote end */
		flow->peer_id = msg->src_flow;
		/* release: as in sc_flow_join() */
		smp_store_release(&flow->accepted, true);
		sc_flow_ended(flow, -ENOBUFS);
	} else {
		sc_stats_flow_began(flow);
		sc_flow_opened(flow);
	}
	/* the user may have closed the flow: its CLOSE had to wait for the ACCEPT */
	sc_control_post(flow, 0);
	sc_control_flush(flow->channel);
}

/*
 * Put off the CLOSE: the ring is to shrink before, unless the peer closes soon. It knows by
 * its entry's flags that the flow is closed here. Under the control lock.
 */
static void sc_flow_let_shrink(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;

	WRITE_ONCE(flow->close_waits, true);
	list_move_tail(&flow->resize.node, &ch->maintained);
	sc_maintain_later(ch);
}

/* The user has left the flow. Returns whether the peer has to finish it. */
static bool sc_flow_left(struct sc_flow *flow, enum schannel_reason reason)
{
	struct schannel_channel *ch = flow->channel;
	bool orphan = false;

	spin_lock(&ch->ctl_lock);
	/* a flow that was refused or taken away has left the table */
	if (ch->state != SC_CHANNEL_UP || xa_load(&ch->flows, flow->id) != flow)
		goto out;
	if (flow->posts & SC_FLOW_POST_OPEN) {
		/* the peer has not heard of it, and never will */
		sc_flow_retire(flow);
		goto out;
	}
	sc_orphan_unlist(flow);
	orphan = !flow->close_received;
	if (orphan)
		sc_orphan_add(flow, reason == SCHANNEL_REASON_DONE);
	/* a peer that has closed, too, is about to finish the flow */
	if (orphan && reason == SCHANNEL_REASON_DONE && sc_resize_can_shrink(flow) &&
	    !sc_flow_is_over(flow))
		sc_flow_let_shrink(flow);
	else
		sc_control_close(flow, sc_flow_is_live(flow) ? reason : SCHANNEL_REASON_RESET);
out:
	spin_unlock(&ch->ctl_lock);
	return orphan;
}

/**
 * sc_flow_close() - close the user's end of a flow
 * @flow:	the flow; the user's reference is dropped
 * @reason:	SCHANNEL_REASON_DONE lets the peer read what was sent; any other reason
 *		resets the connection
 *
 * The user has ended its use of the data path. Its @ops may still be called until an RCU
 * grace period has passed.
 *
 * Context: Process context.
 */
void sc_flow_close(struct sc_flow *flow, enum schannel_reason reason)
{
	struct schannel_channel *ch = flow->channel;

	sc_stats_flow_closed(flow, reason);
	if (reason == SCHANNEL_REASON_DONE)
		sc_flow_finish(flow);
	if (sc_flow_left(flow, reason))
		sc_reap_limit(ch);
	sc_control_flush(ch);
	sc_flow_put(flow);
}
EXPORT_SYMBOL_NS_GPL(sc_flow_close, SC_NS_SOCK);
