// SPDX-License-Identifier: LGPL-2.1-or-later
#include "netlink.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>
#include <linux/schannel_netlink.h>

#include "schannel.h"

/* The kernel fills at most this much in one recv(). */
#define BUFFER_SIZE	32768

/* How often a dump that was interrupted by changes is repeated. */
#define ATTEMPTS	10

struct mnl_socket *scl_netlink_open(int bus)
{
	struct mnl_socket *socket = mnl_socket_open2(bus, SOCK_CLOEXEC);

	if (socket && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int error = errno;

		mnl_socket_close(socket);
		errno = error;
		return NULL;
	}
	return socket;
}

static int append(struct scl_reply *reply, const struct nlmsghdr *nlh)
{
	size_t size = MNL_ALIGN(nlh->nlmsg_len);
	char *data;

	if (size > INT_MAX - reply->len) {
		errno = ENOMEM;
		return -1;
	}
	data = realloc(reply->data, reply->len + size);
	if (!data)
		return -1;
	reply->data = data;
	memset(data + reply->len, 0, size);
	memcpy(data + reply->len, nlh, nlh->nlmsg_len);
	reply->len += size;
	return 0;
}

/* The error of an NLMSG_ERROR or NLMSG_DONE message; 0: none. */
static int message_error(const struct nlmsghdr *nlh)
{
	int32_t error = 0;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
	else if (nlh->nlmsg_type == NLMSG_ERROR)
		error = -EPROTO;
	return error < 0 ? -error : error;
}

enum progress { MORE, FINISHED, FAILED };

static enum progress collect(const char *buffer, int left, uint32_t seq, uint32_t portid,
			     struct scl_reply *reply, bool *changed)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buffer;

	for (; scl_message_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		/* Skip messages that are not a reply to this request. */
		if (nlh->nlmsg_seq != seq || nlh->nlmsg_pid != portid)
			continue;
		/* Read to the end of the dump: until then, the kernel accepts no other one. */
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			*changed = true;
		switch (nlh->nlmsg_type) {
		case NLMSG_NOOP:
			break;
		case NLMSG_ERROR:
		case NLMSG_DONE:
			errno = message_error(nlh);
			if (!errno && *changed)
				errno = EAGAIN;
			return errno ? FAILED : FINISHED;
		default:
			if (append(reply, nlh))
				return FAILED;
			break;
		}
	}
	return MORE;
}

static int ask_once(struct mnl_socket *socket, struct nlmsghdr *request, char *buffer,
		    struct scl_reply *reply)
{
	uint32_t portid = mnl_socket_get_portid(socket);
	enum progress progress = MORE;
	bool changed = false;
	ssize_t got;

	request->nlmsg_seq++;
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return -1;
	while (progress == MORE) {
		got = mnl_socket_recvfrom(socket, buffer, BUFFER_SIZE);
		if (got > 0)
			progress = collect(buffer, got, request->nlmsg_seq, portid, reply,
					   &changed);
		else if (got < 0 && errno != EINTR)
			return -1;
	}
	return progress == FINISHED ? 0 : -1;
}

int scl_netlink_ask(struct mnl_socket *socket, struct nlmsghdr *request,
		    struct scl_reply *reply)
{
	char *buffer = malloc(BUFFER_SIZE);
	int i, ret = -1;

	*reply = (struct scl_reply){ 0 };
	if (!buffer)
		return -1;
	for (i = 0; i < ATTEMPTS; i++) {
		ret = ask_once(socket, request, buffer, reply);
		if (!ret)
			break;
		free(reply->data);
		*reply = (struct scl_reply){ 0 };
		if (errno != EAGAIN)
			break;
	}
	free(buffer);
	return ret;
}

static struct nlmsghdr *genl_request(void *buffer, uint16_t id, uint8_t cmd, uint8_t version,
				     uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = id;
	/* NLM_F_ACK, so that the reply has an end. A dump has one anyway. */
	nlh->nlmsg_flags = NLM_F_REQUEST | (flags ? flags : NLM_F_ACK);
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = version;
	return nlh;
}

static uint32_t u32_of(const struct nlattr *attr)
{
	return mnl_attr_validate(attr, MNL_TYPE_U32) < 0 ? 0 : mnl_attr_get_u32(attr);
}

static bool named(const struct nlattr *attr, const char *name)
{
	return mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 &&
	       !strcmp(mnl_attr_get_str(attr), name);
}

/* The id of a group in CTRL_ATTR_MCAST_GROUPS; 0 if it is not there. */
static uint32_t group_find(const struct nlattr *groups, const char *name)
{
	const struct nlattr *group, *attr;

	mnl_attr_for_each_nested(group, groups) {
		uint32_t id = 0;
		bool found = false;

		mnl_attr_for_each_nested(attr, group) {
			if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_ID)
				id = u32_of(attr);
			else if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_NAME)
				found = named(attr, name);
		}
		if (found)
			return id;
	}
	return 0;
}

/* Resolve the family: its id is assigned when the module is loaded. */
static int resolve(struct mnl_socket *socket, struct scl_reply *reply)
{
	char buffer[SCL_REQUEST_MAX] __attribute__((aligned(MNL_ALIGNTO)));
	struct nlmsghdr *nlh = genl_request(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 2, 0);

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, SCHANNEL_FAMILY_NAME);
	if (!scl_netlink_ask(socket, nlh, reply))
		return 0;
	if (errno == ENOENT && schannel_family() >= 0)
		errno = EOPNOTSUPP;
	return -1;
}

/* The first attribute of this type in a reply to resolve(). */
static const struct nlattr *resolved(const struct scl_reply *reply, uint16_t type)
{
	const struct nlmsghdr *nlh;
	const struct nlattr *attr;
	int left;

	scl_for_each(nlh, left, reply) {
		mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
			if (mnl_attr_get_type(attr) == type)
				return attr;
		}
	}
	return NULL;
}

static uint16_t genl_id(struct mnl_socket *socket)
{
	const struct nlattr *attr;
	struct scl_reply reply;
	uint16_t id = 0;

	if (resolve(socket, &reply))
		return 0;
	attr = resolved(&reply, CTRL_ATTR_FAMILY_ID);
	if (attr && mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
		id = mnl_attr_get_u16(attr);
	else
		errno = EPROTO;
	free(reply.data);
	return id;
}

uint32_t scl_genl_group(struct mnl_socket *socket, const char *group)
{
	const struct nlattr *attr;
	struct scl_reply reply;
	uint32_t id = 0;

	if (resolve(socket, &reply))
		return 0;
	attr = resolved(&reply, CTRL_ATTR_MCAST_GROUPS);
	if (attr)
		id = group_find(attr, group);
	if (!id)
		errno = EOPNOTSUPP;
	free(reply.data);
	return id;
}

int scl_genl_ask(uint8_t cmd, uint16_t flags, const struct scl_attr *attrs, size_t n_attrs,
		 struct scl_reply *reply)
{
	char buffer[SCL_REQUEST_MAX] __attribute__((aligned(MNL_ALIGNTO)));
	struct mnl_socket *socket = scl_netlink_open(NETLINK_GENERIC);
	struct nlmsghdr *nlh;
	int error, ret = -1;
	uint16_t id;
	size_t i;

	if (!socket)
		return -1;
	id = genl_id(socket);
	if (id) {
		nlh = genl_request(buffer, id, cmd, SCHANNEL_FAMILY_VERSION, flags);
		for (i = 0; i < n_attrs; i++)
			mnl_attr_put(nlh, attrs[i].type, attrs[i].size, attrs[i].data);
		ret = scl_netlink_ask(socket, nlh, reply);
	}
	error = errno;
	mnl_socket_close(socket);
	errno = error;
	return ret;
}

uint8_t scl_genl_cmd(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type < NLMSG_MIN_TYPE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl))
		return 0;
	return genl->cmd;
}

int scl_field_set(const struct scl_field *fields, size_t n_fields,
		  const struct nlattr *attr, void *object)
{
	size_t i;

	for (i = 0; i < n_fields; i++) {
		if (fields[i].type != mnl_attr_get_type(attr))
			continue;
		if (mnl_attr_get_payload_len(attr) != fields[i].size) {
			errno = EPROTO;
			return -1;
		}
		if (fields[i].size)
			memcpy((char *)object + fields[i].offset, mnl_attr_get_payload(attr),
			       fields[i].size);
		else
			*(bool *)((char *)object + fields[i].offset) = true;
		break;
	}
	return 0;
}

struct sc_flow_stats *scl_flow_stats(const struct nlattr *attr)
{
	struct sc_flow_stats *stats = calloc(1, sizeof(*stats));
	size_t len = mnl_attr_get_payload_len(attr);

	if (stats)
		memcpy(stats, mnl_attr_get_payload(attr),
		       len < sizeof(*stats) ? len : sizeof(*stats));
	return stats;
}
