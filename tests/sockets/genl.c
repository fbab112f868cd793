// SPDX-License-Identifier: GPL-2.0-only
#include "genl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/genetlink.h>

struct request {
	struct nlmsghdr header;
	struct genlmsghdr genl;
	struct nlattr attr;
	char name[NLA_ALIGN(sizeof(SCHANNEL_FAMILY_NAME))];
};

static int ask(struct request *request, uint16_t type, uint8_t cmd, uint16_t flags,
	       genl_take take, void *arg)
{
	char buffer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	int result = -EPROTO;

	if (fd < 0)
		return -errno;
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = NLM_F_REQUEST | flags;
	request->genl.cmd = cmd;
	request->genl.version = 1;
	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		result = -errno;
	while (result == -EPROTO) {
		int left = recv(fd, buffer, sizeof(buffer), 0);
		const struct nlmsghdr *answer = (void *)buffer;

		if (left < 0)
			result = -errno;
		for (; NLMSG_OK(answer, left); answer = NLMSG_NEXT(answer, left)) {
			if (answer->nlmsg_type == NLMSG_DONE ||
			    answer->nlmsg_type == NLMSG_ERROR) {
				result = *(const int *)NLMSG_DATA(answer);
				break;
			}
			if (take)
				take(answer, arg);
		}
	}
	close(fd);
	return result;
}

static void take_family(const struct nlmsghdr *answer, void *arg)
{
	const void *id = genl_find(answer, CTRL_ATTR_FAMILY_ID, sizeof(uint16_t));

	if (id)
		memcpy(arg, id, sizeof(uint16_t));
}

static int ask_schannel(enum schannel_cmd cmd, uint16_t flags, genl_take take, void *arg)
{
	struct request request = {
		.header.nlmsg_len = sizeof(request),
		.attr.nla_type = CTRL_ATTR_FAMILY_NAME,
		.attr.nla_len = NLA_HDRLEN + sizeof(SCHANNEL_FAMILY_NAME),
		.name = SCHANNEL_FAMILY_NAME,
	};
	uint16_t id = 0;
	int err;

	err = ask(&request, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK,
		  take_family, &id);
	if (err)
		return err;
	request.header.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	return ask(&request, id, cmd, flags, take, arg);
}

int genl_dump(enum schannel_cmd cmd, genl_take take, void *arg)
{
	return ask_schannel(cmd, NLM_F_DUMP, take, arg);
}

int genl_get(enum schannel_cmd cmd, genl_take take, void *arg)
{
	return ask_schannel(cmd, NLM_F_ACK, take, arg);
}

static const struct nlattr *find(const struct nlmsghdr *answer, uint16_t type)
{
	const char *at = (const char *)NLMSG_DATA(answer) + GENL_HDRLEN;
	const char *end = (const char *)answer + answer->nlmsg_len;

	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *attr = (const void *)at;

		if (attr->nla_len < NLA_HDRLEN)
			break;
		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr;
		at += NLA_ALIGN(attr->nla_len);
	}
	return NULL;
}

const void *genl_find(const struct nlmsghdr *answer, uint16_t type, size_t size)
{
	const struct nlattr *attr = find(answer, type);

	return attr && attr->nla_len >= NLA_HDRLEN + size ?
		(const char *)attr + NLA_HDRLEN : NULL;
}

uint64_t genl_number(const struct nlmsghdr *answer, uint16_t type)
{
	const struct nlattr *attr = find(answer, type);
	uint64_t wide = 0;
	uint32_t narrow;

	if (!attr)
		return 0;
	if (attr->nla_len == NLA_HDRLEN + sizeof(narrow)) {
		memcpy(&narrow, (const char *)attr + NLA_HDRLEN, sizeof(narrow));
		return narrow;
	}
	if (attr->nla_len == NLA_HDRLEN + sizeof(wide))
		memcpy(&wide, (const char *)attr + NLA_HDRLEN, sizeof(wide));
	return wide;
}
