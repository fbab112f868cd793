// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access to the user of a flow: references, its socket and its counters. See
 * struct sc_flow_ops.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <net/sock.h>

#include "flow.h"

/**
 * sc_flow_user_get() - take a reference to the user of a flow
 * @flow:	the flow
 *
 * Also holds the module that has the user's functions.
 *
 * Return: the user, to be released with sc_flow_user_put(), or NULL if the flow has no user
 * (any more).
 */
void *sc_flow_user_get(struct sc_flow *flow)
{
	void *user;

	rcu_read_lock();
	user = rcu_dereference(flow->user);
	if (user && !try_module_get(flow->ops->owner))
		user = NULL;
	if (user && !flow->ops->get(user)) {
		module_put(flow->ops->owner);
		user = NULL;
	}
	rcu_read_unlock();
	return user;
}

/**
 * sc_flow_user_put() - drop the reference that sc_flow_user_get() took
 * @flow:	the flow
 * @user:	its user
 */
void sc_flow_user_put(struct sc_flow *flow, void *user)
{
	flow->ops->put(user);
	module_put(flow->ops->owner);
}

/**
 * sc_flow_sock() - the socket of a flow
 * @flow:	the flow
 *
 * Context: Under rcu_read_lock(), until whose end the socket is valid.
 *
 * Return: the socket, or NULL if the flow has none (any more).
 */
struct sock *sc_flow_sock(struct sc_flow *flow)
{
	void *user = rcu_dereference(flow->user);

	return user && flow->ops->sock ? flow->ops->sock(user) : NULL;
}

/**
 * sc_flow_hold_sock() - the socket of a flow, with a reference
 * @flow:	the flow
 *
 * Return: the socket, to be released with sock_put(), or NULL if the flow has none (any
 * more).
 */
struct sock *sc_flow_hold_sock(struct sc_flow *flow)
{
	struct sock *sk;

	rcu_read_lock();
	sk = sc_flow_sock(flow);
	if (sk && !refcount_inc_not_zero(&sk->sk_refcnt))
		sk = NULL;
	rcu_read_unlock();
	return sk;
}

/**
 * sc_flow_get_stats() - the counters of a flow's user
 * @flow:	the flow
 * @stats:	filled in
 *
 * Context: Under rcu_read_lock().
 *
 * Return: false if the flow has no user (any more), or one without counters.
 */
bool sc_flow_get_stats(struct sc_flow *flow, struct sc_flow_stats *stats)
{
	void *user = rcu_dereference(flow->user);

	if (!user || !flow->ops->stats)
		return false;
	flow->ops->stats(user, stats);
	return true;
}
