// SPDX-License-Identifier: GPL-2.0-only
/*
 * schannel.ko: the AF_SCHANNEL family, channels, and the loopback transport.
 *
 * README.md in this directory is the map.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <net/genetlink.h>

#include <uapi/linux/schannel.h>
#include <uapi/linux/schannel_netlink.h>
#include "admin/diag.h"
#include "admin/netlink.h"
#include "core/common.h"
#include "core/memcg.h"
#include "netns.h"
#include "sock/family.h"
#include "sock/outbox.h"
#include "sock/port.h"

static int __init sc_init(void)
{
	int err;

	err = sc_common_init();
	if (err)
		return err;
	err = sc_memcg_init();
	if (err)
		goto err_common;
	/* before there is a peer, until there is none */
	sc_port_init();
	sc_outbox_init();
	err = sc_netns_init();
	if (err)
		goto err_outbox;
	/* requests read the data of their namespace */
	err = sc_netlink_init();
	if (err)
		goto err_netns;
	err = sc_diag_init();
	if (err)
		goto err_netlink;
	err = sc_family_init();
	if (err)
		goto err_diag;
	return 0;

err_diag:
	sc_diag_exit();
err_netlink:
	sc_netlink_exit();
err_netns:
	sc_netns_exit();
err_outbox:
	sc_outbox_exit();
	sc_memcg_exit();
err_common:
	sc_common_exit();
	return err;
}

/* No socket is left, and no transport but loopback: they hold the module. */
static void __exit sc_exit(void)
{
	sc_family_exit();
	sc_diag_exit();
	sc_netlink_exit();
	sc_netns_exit();
	sc_outbox_exit();
	sc_memcg_exit();
	sc_common_exit();
}

module_init(sc_init);
module_exit(sc_exit);

MODULE_DESCRIPTION("SChannel: sockets over memory shared between Xen domains");
MODULE_LICENSE("GPL");
MODULE_VERSION(SCHANNEL_VERSION);
MODULE_ALIAS_NETPROTO(AF_SCHANNEL_DEFAULT);
MODULE_ALIAS_GENL_FAMILY(SCHANNEL_FAMILY_NAME);
