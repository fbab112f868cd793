// SPDX-License-Identifier: GPL-2.0-only
/*
 * schannel.ko: the AF_SCHANNEL family, channels, and the loopback transport.
 *
 * README.md in this directory is the map.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <linux/workqueue.h>

#include "../../include/uapi/linux/schannel.h"
#include "main.h"
#include "net.h"
#include "peer.h"

static int family = AF_SCHANNEL_DEFAULT;
module_param(family, int, 0444);
MODULE_PARM_DESC(family, "Number of the address family (default: 18)");

static unsigned int pool_mib = 32;
module_param(pool_mib, uint, 0644);
MODULE_PARM_DESC(pool_mib, "Most memory of one channel's own rings, in MiB (default: 32, 1 to 256); for channels that come up later");

static unsigned int busy_poll_us;
module_param(busy_poll_us, uint, 0644);
MODULE_PARM_DESC(busy_poll_us, "How long a reader looks for data before it sleeps, in microseconds (default: 0, at most 1000)");

struct workqueue_struct *sc_wq;

int sc_family(void)
{
	return family;
}

u32 sc_pool_pages(void)
{
	return clamp(READ_ONCE(pool_mib), 1U, 256U) << (20 - PAGE_SHIFT);
}

unsigned int sc_busy_poll_us(void)
{
	return min(READ_ONCE(busy_poll_us), 1000U);
}

static int __init sc_init(void)
{
	int err;

	sc_wq = alloc_workqueue("schannel", WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!sc_wq)
		return -ENOMEM;
	err = sc_net_init();
	if (err)
		goto err_wq;
	err = sc_socket_init();
	if (err)
		goto err_net;
	return 0;

err_net:
	sc_net_exit();
err_wq:
	destroy_workqueue(sc_wq);
	return err;
}

/* No socket is left, and no transport but loopback: they hold the module. */
static void __exit sc_exit(void)
{
	sc_socket_exit();
	sc_net_exit();
	destroy_workqueue(sc_wq);
	/* flows and peers are freed after a grace period, by kfree_rcu() */
}

module_init(sc_init);
module_exit(sc_exit);

MODULE_DESCRIPTION("SChannel: sockets over memory shared between Xen domains");
MODULE_LICENSE("GPL");
MODULE_ALIAS_NETPROTO(AF_SCHANNEL_DEFAULT);
