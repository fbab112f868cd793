// SPDX-License-Identifier: GPL-2.0-only
/* Questions to transparent mode. See divert.h. */
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "divert.h"
#include "namespace.h"

static const struct sc_divert_ops __rcu *sc_divert_ops;

/**
 * sc_divert_register() - transparent mode answers from now on
 * @ops:	its operations
 *
 * For the acceptor of flows of type INET, of whom there is one. Its module's init must
 * not fail after this: a call may be under way.
 */
void sc_divert_register(const struct sc_divert_ops *ops)
{
	rcu_assign_pointer(sc_divert_ops, ops);
}
EXPORT_SYMBOL_NS_GPL(sc_divert_register, SC_NS_SOCK);

/* For the module's exit, when no call is under way: each call holds the module. */
void sc_divert_unregister(void)
{
	RCU_INIT_POINTER(sc_divert_ops, NULL);
	/* a call that has found the operations and is about to hold the module */
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

/* 0, or -EOPNOTSUPP without transparent mode. */
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

/* @counts: by enum schannel_divert. 0, or -EOPNOTSUPP without transparent mode. */
int sc_divert_counts(const struct net *net, u64 *counts)
{
	const struct sc_divert_ops *ops = sc_divert_get();

	if (!ops)
		return -EOPNOTSUPP;
	ops->counts(net, counts);
	sc_divert_put(ops);
	return 0;
}
