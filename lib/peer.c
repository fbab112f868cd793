// SPDX-License-Identifier: LGPL-2.1-or-later
/* Peers, and the id of this domain. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>
#include <linux/schannel_netlink.h>

#include "object.h"
#include "text.h"

static const struct scl_field fields[] = {
	SCL_FIELD(SCHANNEL_A_PEER_DOMID, struct scl_peer, peer.domid),
	SCL_FIELD(SCHANNEL_A_PEER_OWN_DOMID, struct scl_peer, own_domid),
	SCL_FLAG(SCHANNEL_A_PEER_GONE, struct scl_peer, gone),
};

/* The fields are const for the program, but allocated here. */
static void set_text(const char **field, const char *text, size_t len)
{
	free((char *)*field);
	*field = strndup(text, len);
}

static void peer_free(struct schannel_peer *peer)
{
	const char *const *each;

	for (each = peer->addresses; each && *each; each++)
		free((char *)*each);
	free((void *)peer->addresses);
	free((char *)peer->name);
	free((char *)peer->uuid);
	free((char *)peer->transport);
	free(peer);
}

static int add_address(struct schannel_peer *peer, const struct nlattr *attr)
{
	char text[INET6_ADDRSTRLEN];
	const char **addresses = (const char **)peer->addresses;
	struct in6_addr ip;
	size_t n = 0;

	while (addresses[n])
		n++;
	addresses = realloc(addresses, (n + 2) * sizeof(*addresses));
	if (!addresses)
		return -1;
	peer->addresses = addresses;
	memcpy(&ip, mnl_attr_get_payload(attr), sizeof(ip));
	scl_ip_format(&ip, text);
	addresses[n] = strdup(text);
	addresses[n + 1] = NULL;
	return addresses[n] ? 0 : -1;
}

static int set_attr(struct scl_peer *self, const struct nlattr *attr)
{
	struct schannel_peer *peer = &self->peer;
	const char *data = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);
	char uuid[SCL_UUID_TEXT];

	errno = EPROTO;
	switch (mnl_attr_get_type(attr)) {
	case SCHANNEL_A_PEER_NAME:
		set_text(&peer->name, data, len);
		return peer->name ? 0 : -1;
	case SCHANNEL_A_PEER_TRANSPORT:
		set_text(&peer->transport, data, len);
		return peer->transport ? 0 : -1;
	case SCHANNEL_A_PEER_UUID:
		if (len != 16)
			return -1;
		scl_uuid_format((const uint8_t *)data, uuid);
		set_text(&peer->uuid, uuid, sizeof(uuid));
		return peer->uuid ? 0 : -1;
	case SCHANNEL_A_PEER_ADDRESS:
		return len == sizeof(struct in6_addr) ? add_address(peer, attr) : -1;
	case SCHANNEL_A_PEER_CHANNEL_STATE:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
			return -1;
		peer->channel_up = mnl_attr_get_u32(attr) == SCHANNEL_CHANNEL_STATE_UP;
		return 0;
	case SCHANNEL_A_PEER_OWN_DOMID:
		self->owned = true;
	}
	return 0;
}

struct scl_peer *scl_peer_of(const struct nlmsghdr *nlh)
{
	struct scl_peer *self = calloc(1, sizeof(*self));
	const struct nlattr *attr;

	if (!self)
		return NULL;
	self->peer.addresses = calloc(1, sizeof(*self->peer.addresses));
	if (!self->peer.addresses)
		goto failed;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (scl_field_set(fields, SCL_COUNT(fields), attr, self) ||
		    set_attr(self, attr))
			goto failed;
	}
	return self;
failed:
	peer_free(&self->peer);
	return NULL;
}

int scl_peers_of(const struct scl_reply *reply, struct schannel_peer **list)
{
	struct schannel_peer *head = NULL, **tail = &head;
	const struct nlmsghdr *nlh;
	int left;

	scl_for_each(nlh, left, reply) {
		*tail = (struct schannel_peer *)scl_peer_of(nlh);
		if (!*tail) {
			schannel_peers_free(head);
			return -1;
		}
		tail = &(*tail)->next;
	}
	*list = head;
	return 0;
}

int schannel_peers(struct schannel_peer **list)
{
	struct scl_reply reply;
	int ret;

	if (scl_genl_ask(SCHANNEL_CMD_PEER_GET, NLM_F_DUMP, NULL, 0, &reply))
		return -1;
	ret = scl_peers_of(&reply, list);
	free(reply.data);
	return ret;
}

void schannel_peers_free(struct schannel_peer *list)
{
	while (list) {
		struct schannel_peer *next = list->next;

		peer_free(list);
		list = next;
	}
}

int schannel_peer_move(uint32_t domid, int netns)
{
	const struct scl_attr attrs[] = {
		SCL_U32(SCHANNEL_A_PEER_DOMID, domid),
		SCL_U32(SCHANNEL_A_PEER_NETNS_FD, netns),
	};
	struct scl_reply reply;

	if (scl_genl_ask(SCHANNEL_CMD_PEER_SET, 0, attrs, SCL_COUNT(attrs), &reply))
		return -1;
	free(reply.data);
	return 0;
}

int schannel_domid(uint32_t *domid)
{
	struct schannel_peer *list, *each;
	int ret = -1;

	if (schannel_peers(&list))
		return -1;
	for (each = list; each; each = each->next) {
		const struct scl_peer *self = (const struct scl_peer *)each;

		/* Outside of Xen, the own id is SC_DOMID_SELF. */
		if (self->owned && self->own_domid != SC_DOMID_SELF) {
			*domid = self->own_domid;
			ret = 0;
		}
	}
	schannel_peers_free(list);
	if (ret)
		errno = ENODATA;
	return ret;
}
