// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows: references, removal from the flow table, events, and the calls to the user. flow_open.c
 * creates and closes flows, flow_io.c is the data path. See flow.h.
 */
#include <linux/err.h>
#include <linux/memcontrol.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "channel.h"
#include "flow.h"
#include "flow_table.h"
#include "memcg.h"
#include "net.h"
#include "owner.h"
#include "peer.h"
#include "stats.h"
#include "trace.h"
#include "namespace.h"

/**
 * sc_flow_get() - find a flow by its number
 * @ch:		the channel
 * @id:		the flow's number in our flow table
 *
 * Return: the flow, to be released with sc_flow_put(), or NULL.
 */
struct sc_flow *sc_flow_get(struct schannel_channel *ch, u32 id)
{
	struct sc_flow *flow;

	rcu_read_lock();
	flow = xa_load(&ch->flows, id);
	if (flow && !refcount_inc_not_zero(&flow->ref))
		flow = NULL;
	rcu_read_unlock();
	return flow;
}

/**
 * sc_flow_put() - drop a reference to a flow
 * @flow:	the flow
 */
void sc_flow_put(struct sc_flow *flow)
{
	if (refcount_dec_and_test(&flow->ref)) {
		sc_flow_drop_owner(flow);
		sc_channel_put(flow->channel);
		kfree_rcu(flow, rcu);
	}
}
EXPORT_SYMBOL_NS_GPL(sc_flow_put, SC_NS_SOCK);

/**
 * sc_flow_set_dead() - keep the data path away from a flow's shared memory
 * @flow:	the flow; only the first call counts
 * @flags:	SC_FLOW_* that sc_flow_look() reports from now on
 *
 * After an RCU grace period no thread accesses the flow's entries and rings any more.
 *
 * Context: Any context.
 */
void sc_flow_set_dead(struct sc_flow *flow, u8 flags)
{
	cmpxchg(&flow->dead, 0, flags);
}

/*
 * Nobody writes the flow's entry any more: its number is free. Drops the flow table's
 * reference. Softirq.
 */
static void sc_flow_forget(struct rcu_head *rcu)
{
	struct sc_flow *flow = container_of(rcu, struct sc_flow, rcu);

	sc_flow_table_forget(flow->channel, flow->id);
	sc_flow_put(flow);
}

/**
 * sc_flow_retire() - remove a flow from the flow table
 * @flow:	a flow that neither side refers to any more, or whose channel is destroyed
 *
 * Upcalls and poll() find flows under RCU and write event indexes to their entries. One that
 * has found this flow may still do so, so its number is free only after a grace period. A new
 * flow with the same entry would miss the event for which it had stored the index.
 *
 * Context: Under the channel's control lock, or in schannel_channel_destroy().
 */
void sc_flow_retire(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;

	if (!sc_flow_table_remove(flow))
		return;
	sc_flow_set_dead(flow, SC_FLOW_GONE);
	list_del_init(&flow->post_node);
	list_del_init(&flow->resize.node);
	sc_channel_leave_queue(ch, flow->own_queue);
	sc_orphan_forget(flow);
	sc_resize_end(flow);
	sc_pool_remove_flow(&ch->pool, sc_owner_share(flow->owner));
	call_rcu(&flow->rcu, sc_flow_forget);
}

/**
 * sc_flow_set_owner() - decide who a new flow counts for, and is charged to
 * @flow:	the flow, with its channel and nothing else
 * @sk:		the socket that causes the flow, or NULL if no single socket does
 *
 * Return: 0 or -ENOMEM.
 */
int sc_flow_set_owner(struct sc_flow *flow, struct sock *sk)
{
	struct schannel_channel *ch = flow->channel;

	flow->owner = sc_owner_get(ch, sk);
	if (IS_ERR(flow->owner))
		return PTR_ERR(flow->owner);
	flow->memcg = sc_memcg_get(sk);
	flow->rings_charged = !sc_net_has_payer(ch->peer);
	/* for the flow, and for the socket if the peer opens it */
	if (!sc_memcg_charge(flow->memcg, 1))
		return 0;
	mem_cgroup_put(flow->memcg);
	sc_owner_put(ch, flow->owner);
	return -ENOMEM;
}

/*
 * Undo sc_flow_set_owner(). The flow has no rings any more, but one that was charged while the
 * channel went down may still count. Any context but hard interrupts.
 */
void sc_flow_drop_owner(struct sc_flow *flow)
{
	sc_memcg_uncharge(flow->memcg, 1 + atomic_read(&flow->charged));
	mem_cgroup_put(flow->memcg);
	sc_owner_put(flow->channel, flow->owner);
}

/**
 * sc_flow_post() - post an event, so that the peer looks at the flow
 * @flow:	the flow, whose remote end is known
 *
 * The caller executes a full barrier between its stores that the peer shall see and this
 * call.
 *
 * Context: Under rcu_read_lock(), the channel is up.
 */
void sc_flow_post(struct sc_flow *flow)
{
	atomic_long_inc(&flow->events);
	sc_channel_post(flow->channel, &flow->queue, flow->peer_id, &flow->pending);
}
EXPORT_SYMBOL_NS_GPL(sc_flow_post, SC_NS_SOCK);

/**
 * sc_flow_broken() - the peer wrote an invalid index or record header
 * @flow:	the flow
 *
 * Counts and logs it; the user resets the flow.
 *
 * Return: -EPROTO.
 */
int sc_flow_broken(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;

	atomic_long_inc(&ch->stats.flow_errors);
	pr_warn_ratelimited("schannel: domain %u: flow %u: invalid ring index or record from peer, connection reset\n",
			    ch->peer->domid, flow->id);
	return -EPROTO;
}
EXPORT_SYMBOL_NS_GPL(sc_flow_broken, SC_NS_SOCK);

/* ---- Calls to the user ------------------------------------------------- */

/**
 * sc_flow_event() - the peer posted an event for a flow
 * @flow:	the flow
 *
 * Context: Softirq, under rcu_read_lock().
 *
 * Return: the cost of the call, as ops->event().
 */
unsigned int sc_flow_event(struct sc_flow *flow)
{
	void *user = rcu_dereference(flow->user);

	trace_schannel_wake(flow);
	if (sc_flow_is_live(flow) && sc_flow_is_joined(flow))
		sc_resize_event(flow);
	return user ? flow->ops->event(flow, user) : 1;
}

/**
 * sc_flow_opened() - call ops->opened: the peer accepted the flow
 * @flow:	the flow
 *
 * Context: The channel's work.
 */
void sc_flow_opened(struct sc_flow *flow)
{
	void *user;

	/* release: who sees it uses the peer's end, see sc_flow_is_answered() */
	smp_store_release(&flow->answered, true);
	user = sc_flow_user_get(flow);
	if (user) {
		flow->ops->opened(flow, user);
		sc_flow_user_put(flow, user);
	}
}

/* Call ops->returned of a flow of type TCP. Returns false if it has no user. */
static bool sc_flow_return(struct sc_flow *flow, enum sc_flow_return why)
{
	void *user = sc_flow_user_get(flow);

	if (!user)
		return false;
	flow->ops->returned(flow, user, why);
	sc_flow_user_put(flow, user);
	return true;
}

/**
 * sc_flow_returned() - our bytes are to go over TCP again
 * @flow:	the flow
 *
 * Context: Process context.
 *
 * Return: NULL, or the protocol violation.
 */
const char *sc_flow_returned(struct sc_flow *flow)
{
	if (flow->type != SCHANNEL_TYPE_TCP)
		return "RETURN for a flow that carries no TCP connection";
	sc_flow_return(flow, SC_FLOW_RETURN_PEER);
	return NULL;
}

/**
 * sc_flow_take_back() - an administrator wants our bytes over TCP again
 * @flow:	the flow
 * @stay:	and they are to stay there
 *
 * Context: Process context.
 *
 * Return: 0, or -EOPNOTSUPP if it carries no TCP connection.
 */
int sc_flow_take_back(struct sc_flow *flow, bool stay)
{
	if (flow->type != SCHANNEL_TYPE_TCP ||
	    !sc_flow_return(flow, stay ? SC_FLOW_RETURN_DEMOTED : SC_FLOW_RETURN_KILLED))
		return -EOPNOTSUPP;
	return 0;
}

/**
 * sc_flow_ended() - call ops->ended: the flow was refused or reset, or its channel is gone
 * @flow:	the flow
 * @err:	the negative error for the user
 *
 * @flow->ended keeps the error of the first call.
 *
 * Context: Process context.
 */
void sc_flow_ended(struct sc_flow *flow, int err)
{
	bool returned;
	void *user;

	/* a connection that goes back to TCP is not reset */
	returned = flow->type == SCHANNEL_TYPE_TCP && flow->closed == SCHANNEL_REASON_RETURNED;
	sc_stats_flow_over(flow, returned ? 0 : err);
	/* ordered after @refused; pairs with sc_flow_end() */
	cmpxchg(&flow->ended, 0, err);
	user = sc_flow_user_get(flow);
	if (user) {
		flow->ops->ended(flow, user, err);
		sc_flow_user_put(flow, user);
	}
}
