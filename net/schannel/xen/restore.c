// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices after a save and restore. The restored domain is a new one for the toolstack:
 * it has a new domain id and a new directory in xenstore, which has none of our devices
 * until the toolstack makes them there. xenbus keeps its devices all the same. It resumes
 * the frontends that it finds in the new directory at that time, leaves the other
 * frontends as they are, without an other end, and does not resume backends at all. It does
 * not notice a device in the new directory that has the name of a kept device, nor a
 * new one that was made before the watches were registered again.
 *
 * So this file unregisters each device that is not in the new directory, as xenbus does
 * when a device disappears; probes a device again that is there but whose other end
 * differs from the one that the directory names; and has xenbus look at the new devices.
 *
 * A watch gives the time: xenbus registers all watches again after a restore, and each
 * fires once when it is registered. That is after the devices were resumed, since the
 * one thread that calls the watches' callbacks does both. xenbus also makes and
 * unregisters devices in that thread, so no device changes while a callback runs.
 */
#include <linux/device.h>
#include <linux/device/bus.h>
#include <linux/device/driver.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <xen/xenbus.h>

#include <uapi/xen/schannel.h>
#include "restore.h"

#define SCXEN_TYPE	SCHANNEL_XENBUS_TYPE

/* The paths and names of frontend and backend devices: see xen/schannel.h. */
static struct scxen_kind {
	const char *dir;
	const char *node;	/* %s is the peer */
	const char *name;
	const char *other;	/* the key with the other end's path */
	struct xenbus_driver *driver;
} scxen_kinds[] = {
	{ "device/" SCXEN_TYPE, "device/" SCXEN_TYPE "/%s", SCXEN_TYPE "-%s", "backend" },
	{ "backend/" SCXEN_TYPE, "backend/" SCXEN_TYPE "/%s/0", SCXEN_TYPE "-%s-0", "frontend" },
};

/* The argument and the result of scxen_find_stale(). */
struct scxen_stale {
	const struct scxen_kind *kind;
	struct device *device;
};

static bool scxen_is_lost(struct xenbus_device *dev)
{
	return !xenbus_exists(XBT_NIL, dev->nodename, "");
}

/* Whether the device has the other end that our directory names now. */
static bool scxen_is_current(struct xenbus_device *dev, const char *key)
{
	char *other = xenbus_read(XBT_NIL, dev->nodename, key, NULL);
	bool current_end;

	if (IS_ERR(other))
		return false;
	current_end = dev->otherend && !strcmp(dev->otherend, other);
	kfree(other);
	return current_end;
}

/* For driver_for_each_device(). */
static int scxen_find_stale(struct device *device, void *data)
{
	struct scxen_stale *stale = data;

	if (scxen_is_current(to_xenbus_device(device), stale->kind->other))
		return 0;
	stale->device = get_device(device);
	return 1;
}

/* Afterwards the device is up to date, or the driver no longer has it. */
static void scxen_update(struct device *device)
{
	struct xenbus_device *dev = to_xenbus_device(device);
	int err;

	if (scxen_is_lost(dev)) {
		dev_info(device, "not in xenstore after the restore, device removed\n");
		device_unregister(device);
		return;
	}
	err = device_reprobe(device);
	if (err < 0)
		dev_warn(device, "probe after the restore failed, device unusable: %d\n", err);
}

static void scxen_update_all(struct scxen_kind *kind)
{
	struct scxen_stale stale = { .kind = kind };

	while (driver_for_each_device(&kind->driver->driver, NULL, &stale,
				      scxen_find_stale)) {
		scxen_update(stale.device);
		put_device(stale.device);
	}
}

/* A write to a node makes xenbus look at it and make its device. */
static void scxen_probe_new(struct scxen_kind *kind, const char *peer)
{
	char *node = kasprintf(GFP_KERNEL, kind->node, peer);
	char *name = kasprintf(GFP_KERNEL, kind->name, peer);
	struct device *device;

	if (!node || !name)
		goto out;
	device = bus_find_device_by_name(kind->driver->driver.bus, NULL, name);
	if (device)
		put_device(device);
	else if (xenbus_read_driver_state(node) == XenbusStateInitialising)
		xenbus_printf(XBT_NIL, node, "state", "%d",
			      XenbusStateInitialising);
out:
	kfree(name);
	kfree(node);
}

static void scxen_probe_new_all(struct scxen_kind *kind)
{
	unsigned int nr, i;
	char **peers;

	peers = xenbus_directory(XBT_NIL, kind->dir, "", &nr);
	if (IS_ERR(peers))
		return;
	for (i = 0; i < nr; i++)
		scxen_probe_new(kind, peers[i]);
	kfree(peers);
}

static void scxen_restored(struct xenbus_watch *watch, const char *path,
			   const char *token)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(scxen_kinds); i++) {
		scxen_update_all(&scxen_kinds[i]);
		scxen_probe_new_all(&scxen_kinds[i]);
	}
}

/* Every domain has this key and only reads it. */
static struct xenbus_watch scxen_watch = {
	.node		= "domid",
	.callback	= scxen_restored,
};

/**
 * scxen_restore_init() - start handling restores of the domain
 * @frontend:	our frontend driver, registered
 * @backend:	our backend driver, registered
 *
 * Return: 0 or -errno.
 */
int scxen_restore_init(struct xenbus_driver *frontend,
		       struct xenbus_driver *backend)
{
	scxen_kinds[0].driver = frontend;
	scxen_kinds[1].driver = backend;
	return register_xenbus_watch(&scxen_watch);
}

/* Stop handling restores. After return no callback is running. */
void scxen_restore_exit(void)
{
	unregister_xenbus_watch(&scxen_watch);
}
