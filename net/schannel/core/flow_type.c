// SPDX-License-Identifier: GPL-2.0-only
/* The table of flow types. See flow_type.h. */
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

#include <uapi/xen/schannel.h>
#include "flow_type.h"
#include "namespace.h"

static const struct sc_flow_type __rcu *sc_flow_types[SCHANNEL_TYPE_TCP + 1];

/**
 * sc_flow_type_register() - accept flows of a type from now on
 * @type:	SCHANNEL_TYPE_*
 * @ops:	the acceptor
 *
 * In the init of a module other than schannel.ko, no step that can fail may follow: a call
 * may be under way as soon as this function returns.
 *
 * Return: 0, or -EBUSY if the type has an acceptor.
 */
int sc_flow_type_register(u8 type, const struct sc_flow_type *ops)
{
	const struct sc_flow_type __rcu *none = NULL;

	return cmpxchg(&sc_flow_types[type], none, RCU_INITIALIZER(ops)) ?
		-EBUSY : 0;
}
EXPORT_SYMBOL_NS_GPL(sc_flow_type_register, SC_NS_SOCK);

/**
 * sc_flow_type_unregister() - stop accepting flows of a type
 * @type:	SCHANNEL_TYPE_*, registered by the caller
 *
 * To be called in the module's exit. No call is under way then, since each call holds the
 * module.
 *
 * Context: Process context. Waits for an RCU grace period.
 */
void sc_flow_type_unregister(u8 type)
{
	RCU_INIT_POINTER(sc_flow_types[type], NULL);
	/* wait for calls that have found the acceptor and are about to hold its module */
	synchronize_rcu();
}
EXPORT_SYMBOL_NS_GPL(sc_flow_type_unregister, SC_NS_SOCK);

/**
 * sc_flow_type_incoming() - pass the peer's OPEN to the acceptor of its type
 * @ch:		the channel
 * @msg:	the OPEN, checked
 *
 * Context: The channel's work.
 *
 * Return: 0, or the enum schannel_reason to refuse the flow with.
 */
int sc_flow_type_incoming(struct schannel_channel *ch, const struct schannel_msg *msg)
{
	const struct sc_flow_type *ops = NULL;
	int reason;

	rcu_read_lock();
	if (msg->open.type < ARRAY_SIZE(sc_flow_types))
		ops = rcu_dereference(sc_flow_types[msg->open.type]);
	if (ops && !try_module_get(ops->owner))
		ops = NULL;
	rcu_read_unlock();
	if (!ops)
		return SCHANNEL_REASON_UNSUPPORTED;
	reason = ops->incoming(ch, msg);
	module_put(ops->owner);
	return reason;
}
