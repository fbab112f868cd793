// SPDX-License-Identifier: GPL-2.0-only
/* schannel_inet.ko: transparent mode. tcp.h says which file does what. */
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "core/divert.h"
#include "core/flow_type.h"
#include "core/namespace.h"
#include "core/observer.h"
#include "core/peer.h"
#include "monitor.h"
#include "plain.h"
#include "reason.h"
#include "tcp.h"

/*
 * A domain, or its channel, is there, which connections may wait for that are TCP's so far.
 * Loopback does not count: a namespace has it from the beginning, and any user makes namespaces
 * and brings up their loopback, while all connections are looked at for it.
 */
static void scinet_appeared(const struct schannel_peer *peer)
{
	if (peer->domid != SC_DOMID_SELF)
		sctcp_peer_appeared();
}

static void scinet_peer(struct net *net, struct schannel_peer *peer, bool gone)
{
	if (!gone)
		scinet_appeared(peer);
}

static void scinet_channel(struct net *net, struct schannel_peer *peer, bool up)
{
	if (up)
		scinet_appeared(peer);
}

static struct sc_observer scinet_observer = {
	.peer		= scinet_peer,
	.channel	= scinet_channel,
};

static const struct sc_flow_type scinet_flow_type = {
	.owner		= THIS_MODULE,
	.incoming	= sctcp_incoming,
};

static const struct sc_divert_ops scinet_divert_ops = {
	.owner		= THIS_MODULE,
	.look		= scinet_reason_look,
	.counts		= scinet_reason_counts,
	.detach		= sctcp_detach_all,
};

static int __init scinet_main_init(void)
{
	int err;

	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		pr_err("schannel_inet: a real-time kernel (PREEMPT_RT) does not let a tracepoint allocate memory\n");
		return -EOPNOTSUPP;
	}
	err = scinet_plain_init();
	if (err)
		return err;
	err = scinet_reason_init();
	if (err)
		return err;
	err = scinet_kfunc_init();
	if (err)
		goto err_reason;
	err = scinet_monitor_init();
	if (err)
		goto err_reason;
	err = sctcp_wrap_init();
	if (err)
		goto err_monitor;
	err = sc_flow_type_register(SCHANNEL_TYPE_TCP, &scinet_flow_type);
	if (err)
		goto err_wrap;
	sc_divert_register(&scinet_divert_ops);
	sc_observer_register(&scinet_observer);
	return 0;

err_wrap:
	sctcp_wrap_exit();
err_monitor:
	scinet_monitor_exit();
err_reason:
	scinet_reason_exit();
	return err;
}

/* Sockets with our operations, and BPF programs, hold the module, so none of them is left. */
static void __exit scinet_main_exit(void)
{
	sc_observer_unregister(&scinet_observer);
	sctcp_promote_exit();
	sc_divert_unregister();
	sc_flow_type_unregister(SCHANNEL_TYPE_TCP);
	sctcp_wrap_exit();
	/* RCU callbacks and tasks that dropped the last reference may still run our code */
	rcu_barrier();
	synchronize_rcu_tasks();
	sctcp_close_wait();
	synchronize_rcu_tasks();
	scinet_monitor_exit();
	scinet_reason_exit();
}

module_init(scinet_main_init);
module_exit(scinet_main_exit);

MODULE_DESCRIPTION("SChannel: TCP connections over memory shared between Xen domains");
MODULE_LICENSE("GPL");
MODULE_VERSION(SCHANNEL_VERSION);
MODULE_IMPORT_NS(SC_NS_SOCK);
