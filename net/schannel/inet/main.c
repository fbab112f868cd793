// SPDX-License-Identifier: GPL-2.0-only
/*
 * schannel_inet.ko: transparent mode.
 *
 * README.md in this directory is the map.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "core/divert.h"
#include "core/namespace.h"
#include "sock.h"
#include "reason.h"

static void scinet_look(struct net *net, const struct in6_addr *addr, u16 port,
			struct sc_divert_view *view)
{
	struct schannel_peer *peer = scinet_reason_look(net, addr, port, view);

	if (peer)
		sc_peer_put(peer);
}

static const struct sc_divert_ops scinet_divert_ops = {
	.owner		= THIS_MODULE,
	.incoming	= scinet_incoming,
	.channel_up	= scinet_reason_forget,
	.look		= scinet_look,
	.counts		= scinet_reason_counts,
};

static int __init scinet_main_init(void)
{
	int err;

	err = scinet_sock_init();
	if (err)
		return err;
	err = scinet_reason_init();
	if (err)
		return err;
	err = scinet_kfunc_init();
	if (err)
		goto err_reason;
	err = sc_divert_register(&scinet_divert_ops);
	if (err)
		goto err_reason;
	return 0;

err_reason:
	scinet_reason_exit();
	return err;
}

/* No socket is left that is, or may be, diverted, and no program: they hold the module. */
static void __exit scinet_main_exit(void)
{
	sc_divert_unregister();
	/* who has just let go of the module, and is on its way out of it */
	rcu_barrier();
	synchronize_rcu_tasks();
	scinet_reason_exit();
}

module_init(scinet_main_init);
module_exit(scinet_main_exit);

MODULE_DESCRIPTION("SChannel: TCP connections over memory shared between Xen domains");
MODULE_LICENSE("GPL");
MODULE_VERSION(SCHANNEL_VERSION);
MODULE_IMPORT_NS(SC_NS_SOCK);
