// SPDX-License-Identifier: GPL-2.0-only
/*
 * schannel.ko: the AF_SCHANNEL family, channels, and the loopback transport.
 *
 * README.md in this directory is the map.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>

#include <uapi/linux/schannel.h>
#include <uapi/linux/schannel_netlink.h>
#include "main.h"
#include "core/namespace.h"
#include "core/net.h"
#include "core/peer.h"
#include "sock/outbox.h"

static int family = AF_SCHANNEL_DEFAULT;
module_param(family, int, 0444);
MODULE_PARM_DESC(family, "Number of the address family (default: 18)");

struct workqueue_struct *sc_wq;
EXPORT_SYMBOL_NS_GPL(sc_wq, SC_NS_SOCK);

int sc_family(void)
{
	return family;
}

static int __init sc_init(void)
{
	int err;

	sc_wq = alloc_workqueue("schannel", WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!sc_wq)
		return -ENOMEM;
	/* before there is a peer, until there is none */
	sc_outbox_init();
	err = sc_netlink_init();
	if (err)
		goto err_outbox;
	err = sc_net_init();
	if (err)
		goto err_netlink;
	err = sc_diag_init();
	if (err)
		goto err_net;
	err = sc_socket_init();
	if (err)
		goto err_diag;
	return 0;

err_diag:
	sc_diag_exit();
err_net:
	sc_net_exit();
err_netlink:
	sc_netlink_exit();
err_outbox:
	sc_outbox_exit();
	destroy_workqueue(sc_wq);
	return err;
}

/* No socket is left, and no transport but loopback: they hold the module. */
static void __exit sc_exit(void)
{
	sc_socket_exit();
	sc_diag_exit();
	sc_net_exit();
	sc_netlink_exit();
	sc_outbox_exit();
	destroy_workqueue(sc_wq);
	rcu_barrier();	/* peers are freed by a callback of ours */
}

module_init(sc_init);
module_exit(sc_exit);

MODULE_DESCRIPTION("SChannel: sockets over memory shared between Xen domains");
MODULE_LICENSE("GPL");
MODULE_VERSION(SCHANNEL_VERSION);
MODULE_ALIAS_NETPROTO(AF_SCHANNEL_DEFAULT);
MODULE_ALIAS_GENL_FAMILY(SCHANNEL_GENL_NAME);
