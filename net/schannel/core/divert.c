// SPDX-License-Identifier: GPL-2.0-only
/* The border to transparent mode. See divert.h. */
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

#include <uapi/xen/schannel.h>
#include "divert.h"
#include "namespace.h"

static const struct sc_divert_ops __rcu *sc_divert_ops;

/**
 * sc_divert_register() - transparent mode is there
 * @ops:	its operations, called from now on
 *
 * The last thing that a module's init does: who fails after it must not go before the
 * calls are over.
 *
 * Return: 0, or -EBUSY if there is another.
 */
int sc_divert_register(const struct sc_divert_ops *ops)
{
	const struct sc_divert_ops __rcu *none = NULL;

	return cmpxchg(&sc_divert_ops, none, RCU_INITIALIZER(ops)) ?
		-EBUSY : 0;
}
EXPORT_SYMBOL_NS_GPL(sc_divert_register, SC_NS_SOCK);

/* In the module's exit: no call is under way, since each holds the module. */
void sc_divert_unregister(void)
{
	RCU_INIT_POINTER(sc_divert_ops, NULL);
	/* who is about to try and hold it */
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

/* As @incoming of struct sc_divert_ops. */
int sc_divert_incoming(struct schannel_channel *ch,
		       const struct schannel_msg *msg)
{
	const struct sc_divert_ops *ops = sc_divert_get();
	int reason;

	if (!ops)
		return SCHANNEL_REASON_UNSUPPORTED;
	reason = ops->incoming(ch, msg);
	sc_divert_put(ops);
	return reason;
}

void sc_divert_channel_up(struct net *net, struct schannel_peer *peer)
{
	const struct sc_divert_ops *ops = sc_divert_get();

	if (!ops)
		return;
	ops->channel_up(net, peer);
	sc_divert_put(ops);
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
