// SPDX-License-Identifier: GPL-2.0-only
/*
 * The user of a flow, as the core sees it: a reference, a socket to show, numbers. See
 * struct sc_flow_ops.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <net/sock.h>

#include "flow.h"

/* Its user with a reference, or NULL if it has none (any more). */
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

void sc_flow_user_put(struct sc_flow *flow, void *user)
{
	flow->ops->put(user);
	module_put(flow->ops->owner);
}

/* The flow's socket, or NULL if it has none (any more). Under rcu_read_lock(). */
struct sock *sc_flow_sock(struct sc_flow *flow)
{
	void *user = rcu_dereference(flow->user);

	return user && flow->ops->sock ? flow->ops->sock(user) : NULL;
}

/* The same with a reference. */
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

/* What its user counted. False if it has none (any more). Under rcu_read_lock(). */
bool sc_flow_get_stats(struct sc_flow *flow, struct sc_flow_stats *stats)
{
	void *user = rcu_dereference(flow->user);

	if (!user || !flow->ops->stats)
		return false;
	flow->ops->stats(user, stats);
	return true;
}
