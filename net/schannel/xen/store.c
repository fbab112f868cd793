// SPDX-License-Identifier: GPL-2.0-only
/*
 * Our own directories in xenstore: written by the two ends' drivers, watched for what the
 * control domain changes there.
 *
 * xenstored limits how many watches and nodes a domain may have. xenbus takes one watch for
 * each device, for the state of the other end. This file takes two for all devices together,
 * on the directories of all frontends and of all backends.
 *
 * When xenstored refuses one of xenbus's watches, xenbus calls the driver's remove() in the
 * middle of the probe, and forgets about the device. The key "error" then says so to the
 * control domain, and the device is probed again once there is a watch: after another
 * device was removed, or when the limit was raised.
 *
 * Contexts and locks: process. xenbus's thread calls the watches' callbacks.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/device/bus.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <xen/xenbus.h>

#include <uapi/xen/schannel.h>
#include "device.h"
#include "info.h"
#include "store.h"

/* How often to look whether xenstored accepts more watches now. */
#define SCXEN_RETRY_INTERVAL	(30 * HZ)

/* All devices with a driver. */
static LIST_HEAD(scxen_devs);
static DEFINE_MUTEX(scxen_devs_lock);

/* Both drivers' buses. */
static const struct bus_type *scxen_bus[2];

static void scxen_retry_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(scxen_retry, scxen_retry_work);

/* ---- The key "error" ------------------------------------------------------ */

static bool scxen_has_error(struct xenbus_transaction xbt, struct xenbus_device *dev)
{
	char *error = xenbus_read(xbt, dev->nodename, SCHANNEL_KEY_ERROR, NULL);
	bool has;

	if (IS_ERR(error))
		return false;
	has = *error;
	kfree(error);
	return has;
}

static int scxen_set_error(struct xenbus_transaction xbt, struct xenbus_device *dev,
			   const char *error)
{
	return xenbus_printf(xbt, dev->nodename, SCHANNEL_KEY_ERROR, "%s", error);
}

/*
 * Say that the limit of nodes is reached. The control domain has created the key, so this
 * needs no further node. Best effort: the log says it, too.
 */
static void scxen_note_nodes(struct xenbus_device *dev)
{
	dev_warn_ratelimited(&dev->dev,
			     "xenstored allows no more nodes, no channel to domain %d: raise its limit or remove pairs\n",
			     dev->otherend_id);
	if (xenbus_exists(XBT_NIL, dev->nodename, "state"))
		scxen_set_error(XBT_NIL, dev, SCHANNEL_ERROR_NODES);
}

static void scxen_note_watches(struct xenbus_device *dev)
{
	pr_warn_ratelimited("xenstored allows no more watches, no channel to domain %d: raise its limit or remove pairs\n",
			    dev->otherend_id);
	if (xenbus_exists(XBT_NIL, dev->nodename, "state"))
		scxen_set_error(XBT_NIL, dev, SCHANNEL_ERROR_WATCHES);
}

/* ---- Writing -------------------------------------------------------------- */

static int scxen_publish_all(struct scxen_dev *xd, struct xenbus_transaction xbt,
			     int (*write)(struct scxen_dev *xd,
					  struct xenbus_transaction xbt))
{
	int err;

	/* Do not recreate a directory that the toolstack has removed. */
	if (!xenbus_exists(xbt, xd->dev->nodename, "state"))
		return -ENOENT;
	err = write(xd, xbt);
	if (!err && scxen_has_error(xbt, xd->dev))
		err = scxen_set_error(xbt, xd->dev, "");
	return err;
}

/**
 * scxen_publish() - write keys of ours; the peer sees all of them or none
 * @xd:		the device
 * @write:	writes the keys in the given transaction, and may be called again
 *
 * Return: 0, or -ENOENT if the toolstack has removed the device, or another -errno.
 */
int scxen_publish(struct scxen_dev *xd,
		  int (*write)(struct scxen_dev *xd,
			       struct xenbus_transaction xbt))
{
	struct xenbus_transaction xbt;
	int err, end;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = scxen_publish_all(xd, xbt, write);
		end = xenbus_transaction_end(xbt, err != 0);
	} while (!err && end == -EAGAIN);
	err = err ?: end;
	/* oxenstored's EQUOTA is unknown to the kernel, which takes it for EINVAL */
	if (err == -ENOSPC || err == -EINVAL)
		scxen_note_nodes(xd->dev);
	return err;
}

/* ---- Watching ------------------------------------------------------------- */

/*
 * Whether a change of @path may matter to the device in @node: its directory, or one that
 * it is in, was created or removed, or has a key that the control domain writes. Our own
 * writes, which cause most of the events, do not matter.
 */
static bool scxen_concerns(const char *path, const char *node)
{
	size_t len = strlen(path);

	if (str_has_prefix(node, path) && (!node[len] || node[len] == '/'))
		return true;
	len = strlen(node);
	return str_has_prefix(path, node) && path[len] == '/' && scxen_info_is_key(path);
}

/* The device's directory may be a new one, or have new values. */
static void scxen_look(struct scxen_dev *xd)
{
	set_bit(SCXEN_OWN, &xd->flags);
	set_bit(SCXEN_INFO, &xd->flags);
	scxen_schedule(xd);
}

/* A watch fires when it is registered, too, and xenbus does that again after a restore. */
static void scxen_own_changed(struct xenbus_watch *watch, const char *path,
			      const char *token)
{
	struct scxen_dev *xd;

	mutex_lock(&scxen_devs_lock);
	list_for_each_entry(xd, &scxen_devs, node)
		if (scxen_concerns(path, xd->dev->nodename))
			scxen_look(xd);
	mutex_unlock(&scxen_devs_lock);
}

static struct xenbus_watch scxen_own_watch[] = {
	{ .node = "device/" SCHANNEL_XENBUS_TYPE, .callback = scxen_own_changed },
	{ .node = "backend/" SCHANNEL_XENBUS_TYPE, .callback = scxen_own_changed },
};

/**
 * scxen_store_add() - begin to watch a device's directory
 * @xd:		the device, whose work may run now
 */
void scxen_store_add(struct scxen_dev *xd)
{
	mutex_lock(&scxen_devs_lock);
	list_add_tail(&xd->node, &scxen_devs);
	mutex_unlock(&scxen_devs_lock);
	scxen_look(xd);
}

/**
 * scxen_store_remove() - stop watching a device's directory
 * @xd:		the device, in its driver's remove(); after return the watches do not queue
 *		its work
 */
void scxen_store_remove(struct scxen_dev *xd)
{
	mutex_lock(&scxen_devs_lock);
	list_del(&xd->node);
	mutex_unlock(&scxen_devs_lock);
}

/**
 * scxen_store_removed() - a device's driver has left its directory
 * @dev:	the device, at the end of its driver's remove(), whose work would otherwise
 *		clear the error that this writes
 */
void scxen_store_removed(struct xenbus_device *dev)
{
	if (device_is_bound(&dev->dev)) {
		/* xenbus has removed a watch: another device may have it */
		if (delayed_work_pending(&scxen_retry))
			mod_delayed_work(system_wq, &scxen_retry, 0);
		return;
	}
	/* a probe that failed after ours: xenbus could not watch the other end */
	scxen_note_watches(dev);
	queue_delayed_work(system_wq, &scxen_retry, SCXEN_RETRY_INTERVAL);
}

/* ---- Devices without a watch ------------------------------------------------ */

static void scxen_ignore(struct xenbus_watch *watch, const char *path, const char *token)
{
}

/* Does xenstored accept a watch now? */
static bool scxen_has_watch(void)
{
	struct xenbus_watch watch = { .node = "domid", .callback = scxen_ignore };

	if (register_xenbus_watch(&watch))
		return false;
	unregister_xenbus_watch(&watch);
	return true;
}

static bool scxen_is_waiting(struct device *device)
{
	struct xenbus_device *dev = to_xenbus_device(device);
	bool bound;

	if (strcmp(dev->devicetype, SCHANNEL_XENBUS_TYPE))
		return false;
	device_lock(device);
	bound = device_is_bound(device);
	device_unlock(device);
	return !bound && scxen_has_error(XBT_NIL, dev);
}

/* For bus_for_each_dev(), which returns what this does. */
static int scxen_probe_again(struct device *device, void *data)
{
	if (!scxen_is_waiting(device))
		return 0;
	if (!scxen_has_watch())
		return -ENOSPC;
	/* if this fails, remove() has asked for the next try */
	return min(device_attach(device), 0);
}

static void scxen_retry_work(struct work_struct *work)
{
	bool more = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(scxen_bus); i++)
		if (bus_for_each_dev(scxen_bus[i], NULL, NULL, scxen_probe_again))
			more = true;
	if (more)
		queue_delayed_work(system_wq, &scxen_retry, SCXEN_RETRY_INTERVAL);
}

/* For bus_for_each_dev(): without a driver there is no error. */
static int scxen_clear_error(struct device *device, void *data)
{
	struct xenbus_device *dev = to_xenbus_device(device);

	if (scxen_is_waiting(device))
		scxen_set_error(XBT_NIL, dev, "");
	return 0;
}

/**
 * scxen_store_init() - watch our directories
 * @frontend:	our frontend driver, registered, without devices
 * @backend:	our backend driver, as well
 *
 * Before the first device, so that devices leave a watch for this.
 *
 * Return: 0 or -errno.
 */
int scxen_store_init(const struct xenbus_driver *frontend,
		     const struct xenbus_driver *backend)
{
	int err;

	scxen_bus[0] = frontend->driver.bus;
	scxen_bus[1] = backend->driver.bus;
	err = register_xenbus_watch(&scxen_own_watch[0]);
	if (err)
		return err;
	err = register_xenbus_watch(&scxen_own_watch[1]);
	if (err)
		unregister_xenbus_watch(&scxen_own_watch[0]);
	return err;
}

/* Stop watching, and probe no device again. After return no callback is running. */
void scxen_store_exit(void)
{
	unsigned int i;

	disable_delayed_work_sync(&scxen_retry);
	for (i = 0; i < ARRAY_SIZE(scxen_own_watch); i++) {
		unregister_xenbus_watch(&scxen_own_watch[i]);
		bus_for_each_dev(scxen_bus[i], NULL, NULL, scxen_clear_error);
	}
}
