// SPDX-License-Identifier: GPL-2.0-only
/*
 * The Xen transport: channels between two domains of one host.
 *
 *	xen_bus.c	finds the peers in xenstore and brings channels up and down
 *	xen_grant.c	shares our pages and maps theirs
 *	xen_event.c	notifies the peer and is notified
 *
 * Each peer is a xenbus device (struct scxen_dev) of which this domain has
 * either the front or the back end. Apart from who begins, and who allocates the
 * event channels, the two do the same. The core calls in through the struct
 * schannel_transport in xen_bus.c.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <xen/xen.h>

#include "bus.h"
#include "core/namespace.h"

static int __init scxen_init(void)
{
	if (!xen_domain())
		return -ENODEV;
	return scxen_bus_init();
}
module_init(scxen_init);

static void __exit scxen_exit(void)
{
	scxen_bus_exit();
}
module_exit(scxen_exit);

MODULE_DESCRIPTION("SChannel: Xen transport");
MODULE_LICENSE("GPL");
MODULE_VERSION(SCHANNEL_VERSION);
MODULE_IMPORT_NS(SC_NS_TRANSPORT);
MODULE_ALIAS("xen:schannel");
MODULE_ALIAS("xen-backend:schannel");
