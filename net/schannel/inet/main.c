// SPDX-License-Identifier: GPL-2.0-only
/*
 * schannel_inet.ko: transparent mode. sock.h says which file does what.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "core/divert.h"
#include "core/flow_type.h"
#include "core/namespace.h"
#include "core/observer.h"
#include "sock.h"
#include "reason.h"
#include "tcp.h"

module_param_named(promote, scinet_promote, bool, 0444);
MODULE_PARM_DESC(promote, "TCP sets up connections, and their bytes move to channels (default: off)");

module_param_named(promote_ms, scinet_promote_ms, uint, 0644);
MODULE_PARM_DESC(promote_ms, "Age at which connections move to channels, in ms (default: 20)");

static void scinet_look(struct net *net, const struct in6_addr *addr, u16 port,
			struct sc_divert_view *view)
{
	struct schannel_peer *peer = scinet_reason_look(net, addr, port, view);

	if (peer)
		sc_peer_put(peer);
}

/* Diverted connections cannot go to TCP. */
static int scinet_detach(const struct net *net, u64 *left)
{
	if (!scinet_promote)
		return -EOPNOTSUPP;
	*left = sctcp_detach_all(net);
	return 0;
}

/* A channel came up: verdicts that were remembered for this peer's addresses are obsolete. */
static void scinet_channel(struct net *net, struct schannel_peer *peer, bool up)
{
	if (up)
		scinet_reason_forget(net, peer);
}

static struct sc_observer scinet_observer = {
	.channel	= scinet_channel,
};

static const struct sc_flow_type scinet_flow_type = {
	.owner		= THIS_MODULE,
	.incoming	= scinet_incoming,
};

static const struct sc_flow_type sctcp_flow_type = {
	.owner		= THIS_MODULE,
	.incoming	= sctcp_incoming,
};

static const struct sc_divert_ops scinet_divert_ops = {
	.owner		= THIS_MODULE,
	.look		= scinet_look,
	.counts		= scinet_reason_counts,
	.detach		= scinet_detach,
};

static int __init scinet_main_init(void)
{
	int err;

	err = scinet_ops_init();
	if (err)
		return err;
	err = scinet_reason_init();
	if (err)
		return err;
	err = scinet_kfunc_init();
	if (err)
		goto err_reason;
	err = scinet_promote ? sctcp_init() : 0;
	if (err)
		goto err_reason;
	err = sc_flow_type_register(SCHANNEL_TYPE_TCP, &sctcp_flow_type);
	if (err)
		goto err_tcp;
	err = sc_flow_type_register(SCHANNEL_TYPE_INET, &scinet_flow_type);
	if (err)
		goto err_type;
	sc_divert_register(&scinet_divert_ops);
	sc_observer_register(&scinet_observer);
	return 0;

err_type:
	sc_flow_type_unregister(SCHANNEL_TYPE_TCP);
err_tcp:
	if (scinet_promote)
		sctcp_exit();
err_reason:
	scinet_reason_exit();
	return err;
}

/*
 * Marked and diverted sockets, sockets with our operations, and BPF programs hold the module, so
 * none of them is left.
 */
static void __exit scinet_main_exit(void)
{
	sc_observer_unregister(&scinet_observer);
	sc_divert_unregister();
	sc_flow_type_unregister(SCHANNEL_TYPE_INET);
	sc_flow_type_unregister(SCHANNEL_TYPE_TCP);
	if (scinet_promote)
		sctcp_exit();
	/* RCU callbacks and tasks that dropped the last reference may still run our code */
	rcu_barrier();
	synchronize_rcu_tasks();
	sctcp_close_wait();
	synchronize_rcu_tasks();
	scinet_reason_exit();
}

module_init(scinet_main_init);
module_exit(scinet_main_exit);

MODULE_DESCRIPTION("SChannel: TCP connections over memory shared between Xen domains");
MODULE_LICENSE("GPL");
MODULE_VERSION(SCHANNEL_VERSION);
MODULE_IMPORT_NS(SC_NS_SOCK);
