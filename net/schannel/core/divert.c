// SPDX-License-Identifier: GPL-2.0-only
/* Queries and requests to transparent mode. See divert.h. */
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "divert.h"
#include "namespace.h"

static const struct sc_divert_ops __rcu *sc_divert_ops;

/**
 * sc_divert_register() - register transparent mode
 * @ops:	its operations
 *
 * For the module that has registered the flow type TCP, so there is at most one. In that
 * module's init, no step that can fail may follow: a call may be under way.
 */
void sc_divert_register(const struct sc_divert_ops *ops)
{
	rcu_assign_pointer(sc_divert_ops, ops);
}
EXPORT_SYMBOL_NS_GPL(sc_divert_register, SC_NS_SOCK);

/**
 * sc_divert_unregister() - unregister transparent mode
 *
 * To be called in the module's exit. No call is under way then, since each call holds the
 * module.
 *
 * Context: Process context. Waits for an RCU grace period.
 */
void sc_divert_unregister(void)
{
	RCU_INIT_POINTER(sc_divert_ops, NULL);
	/* wait for calls that have found the operations and are about to hold the module */
	synchronize_rcu();
}
EXPORT_SYMBOL_NS_GPL(sc_divert_unregister, SC_NS_SOCK);

/* The operations, to be released with sc_divert_put(), or NULL. */
static const struct sc_divert_ops *sc_divert_get(void)
{
	const struct sc_divert_ops *ops;

	rcu_read_lock();
	ops = rcu_dereference(sc_divert_ops);
	if (ops && !try_module_get(ops->owner))
		ops = NULL;
	rcu_read_unlock();
	return ops;
}

static void sc_divert_put(const struct sc_divert_ops *ops)
{
	module_put(ops->owner);
}

/**
 * sc_divert_look() - query what is known about a destination
 * @net:	the namespace
 * @addr:	the address, IPv6 or v4-mapped
 * @port:	the port, in host byte order
 * @view:	filled in
 *
 * Context: Process context.
 *
 * Return: 0, or -EOPNOTSUPP if transparent mode is not loaded.
 */
int sc_divert_look(struct net *net, const struct in6_addr *addr, u16 port,
		   struct sc_divert_view *view)
{
	const struct sc_divert_ops *ops = sc_divert_get();

	if (!ops)
		return -EOPNOTSUPP;
	ops->look(net, addr, port, view);
	sc_divert_put(ops);
	return 0;
}

/**
 * sc_divert_counts() - query how often each verdict was given
 * @net:	the namespace
 * @counts:	filled in, indexed by enum schannel_divert
 *
 * Context: Process context.
 *
 * Return: 0, or -EOPNOTSUPP if transparent mode is not loaded.
 */
int sc_divert_counts(const struct net *net, u64 *counts)
{
	const struct sc_divert_ops *ops = sc_divert_get();

	if (!ops)
		return -EOPNOTSUPP;
	ops->counts(net, counts);
	sc_divert_put(ops);
	return 0;
}

/**
 * sc_divert_detach() - have connections go back to TCP whose cgroup is not attached any more
 * @net:	the namespace; NULL: all
 * @left:	filled in with the number of those that are on their way
 *
 * Context: Process context.
 *
 * Return: 0, or -EOPNOTSUPP if transparent mode is not loaded.
 */
int sc_divert_detach(const struct net *net, u64 *left)
{
	const struct sc_divert_ops *ops = sc_divert_get();

	if (!ops)
		return -EOPNOTSUPP;
	ops->detach(net, left);
	sc_divert_put(ops);
	return 0;
}
