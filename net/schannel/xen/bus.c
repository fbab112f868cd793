// SPDX-License-Identifier: GPL-2.0-only
/*
 * The xenbus drivers of both ends: which peers exist. handshake.c brings the channel to
 * a peer up and down.
 *
 * Presence: a driver writes the ABI version that it speaks into its directory and
 * removes it when the driver goes. The state alone is no evidence of a driver, since the
 * toolstack writes Initialising to make xenbus look for one. For the core the peer exists
 * while the other end has such a key and a state from Initialising to Closing.
 * xenbus watches only the state, so a driver writes the state together with the key, even
 * if the state is unchanged. A driver whose key has disappeared although the driver did
 * not remove it has a new directory: the toolstack removed the pair and made it again, or
 * the domain was restored. Such a driver starts afresh.
 *
 * Contexts and locks: everything happens in the device's work, which never runs
 * concurrently with itself, so there is no lock. xenbus's watch, the core's ->open() and
 * ->fail(), which are atomic, and timeouts only queue it. remove()
 * disables the work first, and suspend() runs while its workqueue is frozen.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/pm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <xen/interface/xen.h>
#include <xen/xenbus.h>

#include <uapi/xen/schannel.h>
#include "core/transport.h"
#include "bus.h"
#include "device.h"
#include "event.h"
#include "grant.h"
#include "handshake.h"
#include "info.h"
#include "restore.h"
#include "store.h"

static struct workqueue_struct *scxen_wq;

static int scxen_open(struct schannel_peer *peer)
{
	struct scxen_dev *xd = schannel_peer_priv(peer);

	set_bit(SCXEN_WANTED, &xd->flags);
	scxen_schedule(xd);
	return 0;
}

static void scxen_fail(struct schannel_peer *peer)
{
	struct scxen_dev *xd = schannel_peer_priv(peer);

	set_bit(SCXEN_FAILED, &xd->flags);
	scxen_schedule(xd);
}

static const struct schannel_transport scxen_transport = {
	.name		= "xen",
	.owner		= THIS_MODULE,
	.open		= scxen_open,
	.fail		= scxen_fail,
	.share		= scxen_grant_share,
	.unshare	= scxen_grant_unshare,
	.map		= scxen_grant_map,
	.unmap		= scxen_grant_unmap,
	.grants		= scxen_grant_read,
	.notify		= scxen_event_notify,
};

/* The peer's driver is present: add the peer to the core. */
static int scxen_add_peer(struct scxen_dev *xd)
{
	struct schannel_peer *peer;
	unsigned int own;

	/* Our own domain id may have changed: the domain may have been restored. */
	if (xenbus_scanf(XBT_NIL, "domid", "", "%u", &own) == 1)
		schannel_domid_set(own);

	peer = schannel_peer_add(&scxen_transport, xd->dev->otherend_id, xd);
	if (IS_ERR(peer)) {
		dev_warn_ratelimited(&xd->dev->dev,
				     "cannot add domain %d as a peer, retrying: %pe\n",
				     xd->dev->otherend_id, peer);
		return PTR_ERR(peer);
	}
	xd->peer = peer;
	set_bit(SCXEN_INFO, &xd->flags);
	return 0;
}

/* Pass the peer's name, UUID and addresses to the core if they may have changed. */
static void scxen_update_info(struct scxen_dev *xd)
{
	struct schannel_peer_info info;

	if (!xd->peer || !test_and_clear_bit(SCXEN_INFO, &xd->flags))
		return;
	scxen_info_read(xd->dev, &info);
	if (schannel_peer_info_set(xd->peer, &info)) {
		set_bit(SCXEN_INFO, &xd->flags);
		scxen_schedule_after(xd, SCXEN_INTERVAL);
	}
}

/* The peer's driver, or our device, is gone: take the channel down, remove the peer. */
static void scxen_remove_peer(struct scxen_dev *xd, const char *reason)
{
	if (xd->channel)
		scxen_close(xd, reason, -EHOSTUNREACH);
	if (xd->peer)
		schannel_peer_remove(xd->peer);
	xd->peer = NULL;
	clear_bit(SCXEN_WANTED, &xd->flags);
}

static int scxen_write_presence(struct scxen_dev *xd,
				struct xenbus_transaction xbt)
{
	const char *node = xd->dev->nodename;

	return xenbus_printf(xbt, node, SCHANNEL_KEY_ABI, "%u",
			     SCHANNEL_ABI_VERSION) ?:
	       xenbus_printf(xbt, node, "state", "%d", scxen_state(xd));
}

/* Write our ABI key if our directory does not have it. */
static void scxen_announce(struct scxen_dev *xd)
{
	int err;

	if (!test_and_clear_bit(SCXEN_OWN, &xd->flags) ||
	    xenbus_exists(XBT_NIL, xd->dev->nodename, SCHANNEL_KEY_ABI))
		return;
	scxen_remove_peer(xd, "pair recreated");
	err = scxen_publish(xd, scxen_write_presence);
	/* if the directory is missing, xenbus soon removes the device, too */
	if (err && err != -ENOENT) {
		dev_warn_ratelimited(&xd->dev->dev,
				     "cannot write to xenstore, retrying: %d\n", err);
		set_bit(SCXEN_OWN, &xd->flags);
		scxen_schedule_after(xd, SCXEN_INTERVAL);
	}
}

/* The state of the other end; XenbusStateUnknown if it has no driver. */
static enum xenbus_state scxen_peer_state(struct scxen_dev *xd)
{
	const char *otherend = xd->dev->otherend;

	/* NULL if the domain was restored and has no such peer there. */
	if (!otherend || !xenbus_read_unsigned(otherend, SCHANNEL_KEY_ABI, 0))
		return XenbusStateUnknown;
	return xenbus_read_driver_state(otherend);
}

static void scxen_work(struct work_struct *work)
{
	struct scxen_dev *xd = container_of(to_delayed_work(work),
					    struct scxen_dev, work);
	enum xenbus_state theirs = scxen_peer_state(xd);
	enum xenbus_state ours = scxen_state(xd);

	scxen_announce(xd);
	if (theirs < XenbusStateInitialising || theirs > XenbusStateClosing) {
		scxen_remove_peer(xd, "peer gone");
	} else if (!xd->peer && scxen_add_peer(xd)) {
		scxen_schedule_after(xd, SCXEN_INTERVAL);
		return;
	}
	scxen_update_info(xd);

	if (xd->channel && test_bit(SCXEN_FAILED, &xd->flags))
		scxen_close(xd, "reset", -EHOSTUNREACH);
	/* xenbus itself sets the state to Closing at shutdown and after a xenstore error */
	if (xd->channel && ours != XenbusStateInitialised &&
	    ours != XenbusStateConnected)
		scxen_close(xd, "closed", -EHOSTUNREACH);

	xd->step(xd, theirs);

	if (!scxen_grant_reap(xd->grants))
		scxen_schedule_after(xd, SCXEN_INTERVAL);
	if (scxen_state(xd) != ours)
		scxen_schedule(xd);
}

static int scxen_probe(struct xenbus_device *dev,
		       void (*step)(struct scxen_dev *xd,
				    enum xenbus_state theirs))
{
	struct scxen_dev *xd;

	if (dev->otherend_id < 0 || dev->otherend_id >= DOMID_FIRST_RESERVED)
		return -EINVAL;

	xd = kzalloc(sizeof(*xd), GFP_KERNEL);
	if (!xd)
		return -ENOMEM;
	xd->grants = scxen_grant_create(dev->otherend_id);
	if (!xd->grants) {
		kfree(xd);
		return -ENOMEM;
	}
	xd->dev = dev;
	xd->wq = scxen_wq;
	xd->step = step;
	xd->not_before = jiffies;
	INIT_DELAYED_WORK(&xd->work, scxen_work);
	dev_set_drvdata(&dev->dev, xd);

	/* Start afresh, whatever state an earlier driver left. */
	xenbus_switch_state(dev, XenbusStateInitialising);
	/* the work writes our ABI key */
	scxen_store_add(xd);
	return 0;
}

static int scxen_front_probe(struct xenbus_device *dev,
			     const struct xenbus_device_id *id)
{
	return scxen_probe(dev, scxen_front_step);
}

static int scxen_back_probe(struct xenbus_device *dev,
			    const struct xenbus_device_id *id)
{
	return scxen_probe(dev, scxen_back_step);
}

/*
 * xenbus has removed its own watch already. After this function it writes Closed, which
 * makes the peer's work run.
 */
static void scxen_remove(struct xenbus_device *dev)
{
	struct scxen_dev *xd = dev_get_drvdata(&dev->dev);

	scxen_store_remove(xd);
	disable_delayed_work_sync(&xd->work);
	scxen_remove_peer(xd, "driver unloaded or pair removed");
	xenbus_rm(XBT_NIL, dev->nodename, SCHANNEL_KEY_ABI);
	scxen_store_removed(dev);
	scxen_grant_leave(xd->grants);
	dev_set_drvdata(&dev->dev, NULL);
	kfree(xd);
}

static void scxen_otherend_changed(struct xenbus_device *dev,
				   enum xenbus_state theirs)
{
	scxen_schedule(dev_get_drvdata(&dev->dev));
}

/*
 * Grants, mappings and event channels do not survive a save and restore, and
 * this domain and its peers may come back with other domain ids: remove the peers.
 * The work, once its queue is thawed, starts afresh with the devices that xenbus found;
 * restore.c handles those that it did not find.
 */
static int scxen_suspend(struct xenbus_device *dev)
{
	struct scxen_dev *xd = dev_get_drvdata(&dev->dev);

	scxen_remove_peer(xd, "suspended");
	scxen_schedule(xd);
	return 0;
}

/* xenbus's backend bus has no suspend callback; the device core has. */
static int scxen_back_freeze(struct device *dev)
{
	return scxen_suspend(to_xenbus_device(dev));
}

static const struct dev_pm_ops scxen_back_pm_ops = {
	.freeze = scxen_back_freeze,
};

/*
 * At shutdown xenbus closes frontends, but not backends. The peer must not wait for us,
 * so write Closed; nothing else matters by then.
 */
static void scxen_back_shutdown(struct device *dev)
{
	struct scxen_dev *xd = dev_get_drvdata(dev);

	disable_delayed_work_sync(&xd->work);
	xenbus_switch_state(xd->dev, XenbusStateClosed);
}

static const struct xenbus_device_id scxen_ids[] = {
	{ SCHANNEL_XENBUS_TYPE },
	{ "" }
};

static struct xenbus_driver scxen_frontend = {
	.name			= SCHANNEL_XENBUS_TYPE,
	.probe			= scxen_front_probe,
	.remove			= scxen_remove,
	.otherend_changed	= scxen_otherend_changed,
	.suspend		= scxen_suspend,
};

static struct xenbus_driver scxen_backend = {
	.name			= SCHANNEL_XENBUS_TYPE,
	.probe			= scxen_back_probe,
	.remove			= scxen_remove,
	.otherend_changed	= scxen_otherend_changed,
	.driver.pm		= &scxen_back_pm_ops,
	.driver.shutdown	= scxen_back_shutdown,
};

/*
 * Both drivers are registered without an owner module: xenbus would hold a reference
 * to it for every device, and the module could never be unloaded. No reference is
 * needed, since the devices are removed before scxen_bus_exit() returns.
 */
static int __init scxen_register(void)
{
	int err;

	err = __xenbus_register_frontend(&scxen_frontend, NULL, KBUILD_MODNAME);
	if (err)
		return err;
	err = __xenbus_register_backend(&scxen_backend, NULL, KBUILD_MODNAME);
	if (err)
		xenbus_unregister_driver(&scxen_frontend);
	return err;
}

static void scxen_unregister(void)
{
	xenbus_unregister_driver(&scxen_backend);
	xenbus_unregister_driver(&scxen_frontend);
}

/* Find the devices. */
static int __init scxen_attach_all(void)
{
	int err;

	scxen_frontend.ids = scxen_ids;
	scxen_backend.ids = scxen_ids;
	err = driver_attach(&scxen_frontend.driver);
	return err ?: driver_attach(&scxen_backend.driver);
}

/**
 * scxen_bus_init() - register the drivers, which find the peers
 *
 * The drivers are registered without ids first, and match no device then. Otherwise
 * registering a frontend driver would wait minutes for those of its devices which are not
 * Connected, and ours are not until a socket connects; and if there are many devices, they
 * would leave no watch for this module's own.
 *
 * Return: 0 or -errno.
 */
int __init scxen_bus_init(void)
{
	int err;

	scxen_wq = alloc_workqueue("schannel_xen", WQ_UNBOUND | WQ_FREEZABLE, 0);
	if (!scxen_wq)
		return -ENOMEM;
	err = scxen_register();
	if (err)
		goto err_wq;
	err = scxen_restore_init(&scxen_frontend, &scxen_backend);
	if (err)
		goto err_drivers;
	err = scxen_store_init(&scxen_frontend, &scxen_backend);
	if (err)
		goto err_restore;
	err = scxen_attach_all();
	if (err)
		goto err_store;
	return 0;

err_store:
	scxen_store_exit();
err_restore:
	scxen_restore_exit();
err_drivers:
	scxen_unregister();
	scxen_grant_exit();
err_wq:
	destroy_workqueue(scxen_wq);
	return err;
}

/* Take every channel down and remove all peers. */
void scxen_bus_exit(void)
{
	scxen_store_exit();
	scxen_restore_exit();
	scxen_unregister();
	scxen_grant_exit();
	destroy_workqueue(scxen_wq);
}
