// SPDX-License-Identifier: LGPL-2.1-or-later
/* TCP connections that are diverted, and why others are not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>
#include <linux/schannel_netlink.h>

#include "object.h"
#include "text.h"

static const struct scl_field fields[] = {
	SCL_FIELD(SCHANNEL_A_DIVERT_VERDICT, struct schannel_diversion, verdict),
	SCL_FIELD(SCHANNEL_A_DIVERT_LAST, struct schannel_diversion, last),
	SCL_FIELD(SCHANNEL_A_DIVERT_AGE_MS, struct schannel_diversion, age_ms),
	SCL_FIELD(SCHANNEL_A_DIVERT_DOMID, struct schannel_diversion, domid),
};

static const struct scl_field count_fields[] = {
	SCL_FIELD(SCHANNEL_A_DIVERT_VERDICT, struct schannel_divert_count, verdict),
	SCL_FIELD(SCHANNEL_A_DIVERT_COUNT, struct schannel_divert_count, count),
};

struct schannel_diversion *scl_diversion_of(const struct nlmsghdr *nlh)
{
	struct schannel_diversion *diversion = calloc(1, sizeof(*diversion));
	const struct nlattr *attr;

	if (!diversion)
		return NULL;
	diversion->domid = SC_DOMID_ANY;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (scl_field_set(fields, SCL_COUNT(fields), attr, diversion)) {
			free(diversion);
			return NULL;
		}
	}
	return diversion;
}

int schannel_divert_get(const char *address, uint16_t port,
			struct schannel_diversion **diversion)
{
	struct schannel_diversion *found = NULL;
	struct in6_addr ip;
	const struct scl_attr attrs[] = {
		SCL_IP(SCHANNEL_A_DIVERT_ADDRESS, &ip),
		SCL_U32(SCHANNEL_A_DIVERT_PORT, port),
	};
	const struct nlmsghdr *nlh;
	struct scl_reply reply;
	int left;

	if (!scl_ip_parse(address, strlen(address), &ip)) {
		errno = EINVAL;
		return -1;
	}
	if (scl_genl_ask(SCHANNEL_CMD_DIVERT_GET, 0, attrs, port ? 2 : 1, &reply))
		return -1;
	errno = EPROTO;
	scl_for_each(nlh, left, &reply) {
		found = scl_diversion_of(nlh);
		break;
	}
	free(reply.data);
	if (!found)
		return -1;
	*diversion = found;
	return 0;
}

void schannel_divert_free(struct schannel_diversion *diversion)
{
	free(diversion);
}

static struct schannel_divert_count *count_of(const struct nlmsghdr *nlh)
{
	struct schannel_divert_count *count = calloc(1, sizeof(*count));
	const struct nlattr *attr;

	if (!count)
		return NULL;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (scl_field_set(count_fields, SCL_COUNT(count_fields), attr, count)) {
			free(count);
			return NULL;
		}
	}
	return count;
}

int scl_divert_counts_of(const struct scl_reply *reply, struct schannel_divert_count **list)
{
	struct schannel_divert_count *head = NULL, **tail = &head;
	const struct nlmsghdr *nlh;
	int left;

	scl_for_each(nlh, left, reply) {
		*tail = count_of(nlh);
		if (!*tail) {
			schannel_divert_counts_free(head);
			return -1;
		}
		tail = &(*tail)->next;
	}
	*list = head;
	return 0;
}

int schannel_divert_counts(struct schannel_divert_count **list)
{
	struct scl_reply reply;
	int ret;

	if (scl_genl_ask(SCHANNEL_CMD_DIVERT_GET, NLM_F_DUMP, NULL, 0, &reply))
		return -1;
	ret = scl_divert_counts_of(&reply, list);
	free(reply.data);
	return ret;
}

void schannel_divert_counts_free(struct schannel_divert_count *list)
{
	while (list) {
		struct schannel_divert_count *next = list->next;

		free(list);
		list = next;
	}
}

int schannel_divert_detach(uint64_t *left)
{
	struct schannel_divert_count *reply_count = NULL;
	const struct nlmsghdr *nlh;
	struct scl_reply reply;
	int rest;

	if (scl_genl_ask(SCHANNEL_CMD_DIVERT_DETACH, 0, NULL, 0, &reply))
		return -1;
	errno = EPROTO;
	scl_for_each(nlh, rest, &reply) {
		reply_count = count_of(nlh);
		break;
	}
	free(reply.data);
	if (!reply_count)
		return -1;
	*left = reply_count->count;
	free(reply_count);
	return 0;
}
