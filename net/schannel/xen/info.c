// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer's name, UUID and addresses, and the memory limit of a channel to it: the keys that
 * the control domain writes into this end's own directory, where the peer cannot write. They
 * are untrusted text all the same: a value that does not parse completely is ignored.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/inet.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uuid.h>
#include <net/ipv6.h>
#include <xen/xenbus.h>

#include <uapi/xen/schannel.h>
#include "core/transport.h"
#include "info.h"

/**
 * scxen_info_is_key() - whether a path is one of the keys that scxen_info_read() reads
 * @path:	a xenstore path
 *
 * Return: whether its last component is the name of such a key.
 */
bool scxen_info_is_key(const char *path)
{
	const char *key = kbasename(path);

	return !strcmp(key, SCHANNEL_KEY_PEER_NAME) ||
	       !strcmp(key, SCHANNEL_KEY_PEER_UUID) ||
	       !strcmp(key, SCHANNEL_KEY_PEER_ADDRESSES) ||
	       !strcmp(key, SCHANNEL_KEY_POOL);
}

static void scxen_info_invalid(struct xenbus_device *dev, const char *key)
{
	dev_warn_ratelimited(&dev->dev, "invalid %s in xenstore, ignored\n", key);
}

/* The key's value, which the caller frees; NULL if missing or empty. */
static char *scxen_info_text(struct xenbus_device *dev, const char *key)
{
	char *s;

	s = xenbus_read(XBT_NIL, dev->nodename, key, NULL);
	return XENBUS_IS_ERR_READ(s) ? NULL : s;
}

static void scxen_info_name(struct xenbus_device *dev,
			    struct schannel_peer_info *info)
{
	char *s = scxen_info_text(dev, SCHANNEL_KEY_PEER_NAME);

	/* a truncated name could be another domain's */
	if (s && strscpy(info->name, s, sizeof(info->name)) < 0) {
		info->name[0] = '\0';
		scxen_info_invalid(dev, SCHANNEL_KEY_PEER_NAME);
	}
	kfree(s);
}

static void scxen_info_uuid(struct xenbus_device *dev,
			    struct schannel_peer_info *info)
{
	char *s = scxen_info_text(dev, SCHANNEL_KEY_PEER_UUID);
	uuid_t uuid;

	if (s && strlen(s) == UUID_STRING_LEN && !uuid_parse(s, &uuid))
		export_uuid(info->uuid, &uuid);
	else if (s)
		scxen_info_invalid(dev, SCHANNEL_KEY_PEER_UUID);
	kfree(s);
}

static bool scxen_info_address(const char *s, struct in6_addr *address)
{
	const char *end;
	__be32 v4;

	/* both parsers may succeed before the end of the string */
	if (in4_pton(s, -1, (u8 *)&v4, -1, &end) && !*end) {
		ipv6_addr_set_v4mapped(v4, address);
		return true;
	}
	return in6_pton(s, -1, address->s6_addr, -1, &end) && !*end;
}

static void scxen_info_addresses(struct xenbus_device *dev,
				 struct schannel_peer_info *info)
{
	char *s = scxen_info_text(dev, SCHANNEL_KEY_PEER_ADDRESSES);
	char *rest = s, *word;

	while ((word = strsep(&rest, " "))) {
		if (!*word)
			continue;
		if (info->nr_addresses < SCHANNEL_ADDRESSES_MAX &&
		    scxen_info_address(word, &info->address[info->nr_addresses]))
			info->nr_addresses++;
		else
			scxen_info_invalid(dev, SCHANNEL_KEY_PEER_ADDRESSES);
	}
	kfree(s);
}

static void scxen_info_pool(struct xenbus_device *dev,
			    struct schannel_peer_info *info)
{
	char *s = scxen_info_text(dev, SCHANNEL_KEY_POOL);

	if (s && *s && kstrtou32(s, 10, &info->pool_mib)) {
		info->pool_mib = 0;
		scxen_info_invalid(dev, SCHANNEL_KEY_POOL);
	}
	kfree(s);
}

/**
 * scxen_info_read() - read what the control domain published about the peer
 * @dev:	this end's device
 * @info:	receives the values; a missing or invalid one is empty or 0
 */
void scxen_info_read(struct xenbus_device *dev,
		     struct schannel_peer_info *info)
{
	memset(info, 0, sizeof(*info));
	scxen_info_name(dev, info);
	scxen_info_uuid(dev, info);
	scxen_info_addresses(dev, info);
	scxen_info_pool(dev, info);
}
