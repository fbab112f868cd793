// SPDX-License-Identifier: GPL-2.0-only
/*
 * The Xen transport: channels between two domains of one host.
 *
 *	bus.c		finds the peers in xenstore
 *	handshake.c	brings the channel to a peer up and down
 *	info.c		reads the peer's name, UUID, addresses and memory limit
 *	store.c		writes and watches our directories in xenstore, knows its limits
 *	restore.c	finds lost and new devices after a save and restore
 *	grant.c		grants our pages and maps the peer's
 *	event.c		sends and receives notifications
 *
 * Each peer is a xenbus device (struct scxen_dev, device.h) of which this domain has
 * either the frontend or the backend. The two differ only in which one makes the offer
 * and allocates the event channels. The core calls the transport through the struct
 * schannel_transport in bus.c.
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
