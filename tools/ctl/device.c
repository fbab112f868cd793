// SPDX-License-Identifier: GPL-2.0-only
/*
 * Monitor devices, over rtnetlink. A device that device_start() has set up has ALIAS, and a packet
 * socket as long as its program lives: one without is abandoned. No process id is needed for
 * that, which would have another meaning in a container.
 */
#include <err.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

#define KIND	"schannelmon"
#define ALIAS	"schannelctl capture"

/* Large enough for the message about one link, with all of its statistics. */
#define BUFFER_SIZE	32768

static struct nlmsghdr *put_request(char *buffer, uint16_t type, uint16_t flags,
				    const struct ifinfomsg *link)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = 1;
	memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof(*link)), link, sizeof(*link));
	return nlh;
}

static void put_kind(struct nlmsghdr *nlh)
{
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);

	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, KIND);
	mnl_attr_nest_end(nlh, info);
}

/* Up to the acknowledgment, or the end of a dump. */
static bool receive(struct mnl_socket *socket, mnl_cb_t heard, void *data)
{
	char buffer[BUFFER_SIZE];
	ssize_t len;
	int more = MNL_CB_OK;

	while (more == MNL_CB_OK) {
		len = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return false;
		more = mnl_cb_run(buffer, len, 1, mnl_socket_get_portid(socket), heard, data);
	}
	return more == MNL_CB_STOP;
}

/* heard gets each answer. */
static bool ask(struct nlmsghdr *nlh, mnl_cb_t heard, void *data)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	bool done;
	int error;

	if (!socket)
		return false;
	done = !mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) &&
	       mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) >= 0 &&
	       receive(socket, heard, data);
	error = errno;
	mnl_socket_close(socket);
	errno = error;
	return done;
}

static int note_device(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(nlh);
	struct device *device = data;
	const struct nlattr *attr;

	device->index = link->ifi_index;
	mnl_attr_for_each(attr, nlh, sizeof(*link))
		if (mnl_attr_get_type(attr) == IFLA_IFNAME)
			snprintf(device->name, sizeof(device->name), "%s",
				 mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

bool device_create(struct device *device)
{
	char buffer[BUFFER_SIZE];
	const struct ifinfomsg link = { 0 };
	struct nlmsghdr *nlh = put_request(buffer, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE |
					   NLM_F_EXCL | NLM_F_ECHO, &link);

	put_kind(nlh);
	*device = (struct device){ 0 };
	if (!ask(nlh, note_device, device))
		return false;
	errno = EPROTO;
	return device->index;
}

bool device_start(const struct device *device)
{
	char buffer[BUFFER_SIZE];
	const struct ifinfomsg link = {
		.ifi_index = device->index,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};
	struct nlmsghdr *nlh = put_request(buffer, RTM_SETLINK, NLM_F_ACK, &link);

	mnl_attr_put_strz(nlh, IFLA_IFALIAS, ALIAS);
	return ask(nlh, NULL, NULL);
}

static bool remove_link(int index)
{
	char buffer[BUFFER_SIZE];
	const struct ifinfomsg link = { .ifi_index = index };

	return ask(put_request(buffer, RTM_DELLINK, NLM_F_ACK, &link), NULL, NULL);
}

bool device_remove(const struct device *device)
{
	return remove_link(device->index);
}

static int note_dropped(const struct nlmsghdr *nlh, void *data)
{
	struct rtnl_link_stats64 stats = { 0 };
	uint64_t *dropped = data;
	const struct nlattr *attr;
	size_t len;

	mnl_attr_for_each(attr, nlh, sizeof(struct ifinfomsg)) {
		if (mnl_attr_get_type(attr) != IFLA_STATS64)
			continue;
		len = mnl_attr_get_payload_len(attr);
		memcpy(&stats, mnl_attr_get_payload(attr),
		       len < sizeof(stats) ? len : sizeof(stats));
		*dropped = stats.rx_dropped + stats.tx_dropped;
	}
	return MNL_CB_OK;
}

bool device_dropped(const struct device *device, uint64_t *dropped)
{
	char buffer[BUFFER_SIZE];
	const struct ifinfomsg link = { .ifi_index = device->index };

	return ask(put_request(buffer, RTM_GETLINK, NLM_F_ACK, &link), note_dropped, dropped);
}

/* ---- Abandoned devices -------------------------------------------------- */

#define ABANDONED_MAX	64	/* at a time; the next program removes others */

struct candidates {
	int index[ABANDONED_MAX];
	size_t n;
};

static bool is_kind(const struct nlattr *info)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, info)
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			return !strcmp(mnl_attr_get_str(attr), KIND);
	return false;
}

/* Those that device_start() has set up. */
static int note_candidate(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(nlh);
	bool kind = false, alias = false;
	struct candidates *found = data;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(*link)) {
		if (mnl_attr_get_type(attr) == IFLA_LINKINFO)
			kind = is_kind(attr);
		else if (mnl_attr_get_type(attr) == IFLA_IFALIAS)
			alias = !strcmp(mnl_attr_get_str(attr), ALIAS);
	}
	if (kind && alias && link->ifi_flags & IFF_UP && found->n < ABANDONED_MAX)
		found->index[found->n++] = link->ifi_index;
	return MNL_CB_OK;
}

/* Leave out those that a packet socket is bound to. */
static void forget_bound(struct candidates *found, FILE *sockets)
{
	char line[256];
	size_t i, kept;
	int index;

	while (fgets(line, sizeof(line), sockets)) {
		if (sscanf(line, "%*s %*d %*d %*x %d", &index) != 1)
			continue;
		for (i = 0, kept = 0; i < found->n; i++)
			if (found->index[i] != index)
				found->index[kept++] = found->index[i];
		found->n = kept;
	}
}

void device_remove_abandoned(void)
{
	char buffer[BUFFER_SIZE];
	const struct ifinfomsg link = { 0 };
	struct nlmsghdr *nlh = put_request(buffer, RTM_GETLINK, NLM_F_DUMP, &link);
	struct candidates found = { 0 };
	FILE *sockets;
	size_t i;

	put_kind(nlh);
	if (!ask(nlh, note_candidate, &found) || !found.n)
		return;
	/* after the devices: one that was up then, and has no socket now, is not in use */
	sockets = fopen("/proc/self/net/packet", "re");
	if (!sockets)
		return;
	forget_bound(&found, sockets);
	for (i = 0; !ferror(sockets) && i < found.n; i++)
		remove_link(found.index[i]);
	fclose(sockets);
}
