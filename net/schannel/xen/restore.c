// SPDX-License-Identifier: GPL-2.0-only
/*
 * After a save and restore this domain is another one for the toolstack: it has a
 * new number and a new directory in xenstore, with none of our devices in it until
 * somebody makes them there. xenbus keeps its devices all the same. It resumes
 * those frontends which it finds in the new directory by then, leaves the others
 * as they are, without an other end, and does not resume backends at all. A device
 * made under the name of one that was kept is not noticed, since there is one of that
 * name already; nor is a new one that was made before the watches were set again.
 *
 * So whoever is not in the new directory is unregistered here, as xenbus does
 * when it sees a device go; whoever is, but has not the other end that stands
 * there, is probed again; and what is new there is shown to xenbus.
 *
 * A watch tells when: xenbus sets all watches anew after a restore, and each
 * fires once when it is set. That is after the devices were resumed, since both
 * are done by the one thread that calls watches' callbacks. In that thread, too,
 * xenbus makes and unregisters devices, so that none changes under our hands.
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

/* Where devices of a kind are, and how they are called: see xen/schannel.h. */
static struct scxen_kind {
	const char *dir;
	const char *node;	/* of peer %s */
	const char *name;
	const char *other;	/* the key that says where the other end is */
	struct xenbus_driver *driver;
} scxen_kinds[] = {
	{ "device/" SCXEN_TYPE, "device/" SCXEN_TYPE "/%s", SCXEN_TYPE "-%s", "backend" },
	{ "backend/" SCXEN_TYPE, "backend/" SCXEN_TYPE "/%s/0", SCXEN_TYPE "-%s-0", "frontend" },
};

/* What scxen_find_stale() looks for, and finds. */
struct scxen_stale {
	const struct scxen_kind *kind;
	struct device *device;
};

static bool scxen_is_lost(struct xenbus_device *dev)
{
	return !xenbus_exists(XBT_NIL, dev->nodename, "");
}

/* Is the other end the one that our directory names now? */
static bool scxen_is_right(struct xenbus_device *dev, const char *key)
{
	char *other = xenbus_read(XBT_NIL, dev->nodename, key, NULL);
	bool right;

	if (IS_ERR(other))
		return false;
	right = dev->otherend && !strcmp(dev->otherend, other);
	kfree(other);
	return right;
}

/* For driver_for_each_device(). */
static int scxen_find_stale(struct device *device, void *data)
{
	struct scxen_stale *stale = data;

	if (scxen_is_right(to_xenbus_device(device), stale->kind->other))
		return 0;
	stale->device = get_device(device);
	return 1;
}

/* Afterwards it is right, or none of the driver's. */
static void scxen_revive(struct device *device)
{
	struct xenbus_device *dev = to_xenbus_device(device);
	int err;

	if (scxen_is_lost(dev)) {
		dev_info(device, "not there since the domain was restored\n");
		device_unregister(device);
		return;
	}
	err = device_reprobe(device);
	if (err < 0)
		dev_warn(device, "cannot be probed again: %d\n", err);
}

static void scxen_revive_all(struct scxen_kind *kind)
{
	struct scxen_stale stale = { .kind = kind };

	while (driver_for_each_device(&kind->driver->driver, NULL, &stale,
				      scxen_find_stale)) {
		scxen_revive(stale.device);
		put_device(stale.device);
	}
}

/* xenbus looks at a node, and makes its device, when something is written there. */
static void scxen_show(struct scxen_kind *kind, const char *peer)
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

static void scxen_show_all(struct scxen_kind *kind)
{
	unsigned int nr, i;
	char **peers;

	peers = xenbus_directory(XBT_NIL, kind->dir, "", &nr);
	if (IS_ERR(peers))
		return;
	for (i = 0; i < nr; i++)
		scxen_show(kind, peers[i]);
	kfree(peers);
}

static void scxen_restored(struct xenbus_watch *watch, const char *path,
			   const char *token)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(scxen_kinds); i++) {
		scxen_revive_all(&scxen_kinds[i]);
		scxen_show_all(&scxen_kinds[i]);
	}
}

/* Our number is there in every domain, and only read. */
static struct xenbus_watch scxen_watch = {
	.node		= "domid",
	.callback	= scxen_restored,
};

/**
 * scxen_restore_init() - look after devices when the domain is restored
 * @frontend: our driver of frontends, registered.
 * @backend: and of backends.
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

void scxen_restore_exit(void)
{
	unregister_xenbus_watch(&scxen_watch);
}
