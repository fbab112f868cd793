// SPDX-License-Identifier: LGPL-2.1-or-later
/* Flows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>
#include <linux/schannel_netlink.h>

#include "object.h"
#include "text.h"

#define FLOW(attr, field)	\
	SCL_FIELD(SCHANNEL_A_FLOW_##attr, struct scl_flow, flow.field)

static const struct scl_field fields[] = {
	FLOW(DOMID, domid),
	FLOW(ID, id),
	FLOW(PEER_ID, peer_id),
	FLOW(TYPE, type),
	FLOW(LOCAL_PORT, local_port),
	FLOW(PEER_PORT, peer_port),
	SCL_FLAG(SCHANNEL_A_FLOW_OPENED, struct scl_flow, flow.opened),
	SCL_FLAG(SCHANNEL_A_FLOW_CLOSED, struct scl_flow, flow.closed),
	FLOW(UID, uid),
	FLOW(INODE, inode),
	FLOW(COOKIE, cookie),
	FLOW(TX_RING, tx_ring),
	FLOW(RX_RING, rx_ring),
	FLOW(TX_QUEUED, tx_queued),
	FLOW(RX_QUEUED, rx_queued),
	FLOW(ERROR, error),
};

static void flow_free(struct schannel_flow *flow)
{
	free((void *)flow->stats);
	free((char *)flow->local_address);
	free((char *)flow->peer_address);
	free(flow);
}

static int set_address(const char **field, const struct nlattr *attr)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ip;

	if (mnl_attr_get_payload_len(attr) != sizeof(ip)) {
		errno = EPROTO;
		return -1;
	}
	memcpy(&ip, mnl_attr_get_payload(attr), sizeof(ip));
	scl_ip_format(&ip, text);
	free((char *)*field);
	*field = strdup(text);
	return *field ? 0 : -1;
}

static int set_attr(struct scl_flow *self, const struct nlattr *attr)
{
	switch (mnl_attr_get_type(attr)) {
	case SCHANNEL_A_FLOW_PEER_ID:
		self->flow.answered = true;
		break;
	case SCHANNEL_A_FLOW_ERROR:
		self->ended = true;
		break;
	case SCHANNEL_A_FLOW_STATS:
		free((void *)self->flow.stats);
		self->flow.stats = scl_flow_stats(attr);
		return self->flow.stats ? 0 : -1;
	case SCHANNEL_A_FLOW_LOCAL_ADDRESS:
		return set_address(&self->flow.local_address, attr);
	case SCHANNEL_A_FLOW_PEER_ADDRESS:
		return set_address(&self->flow.peer_address, attr);
	}
	return 0;
}

struct scl_flow *scl_flow_of(const struct nlmsghdr *nlh)
{
	struct scl_flow *self = calloc(1, sizeof(*self));
	const struct nlattr *attr;

	if (!self)
		return NULL;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (scl_field_set(fields, SCL_COUNT(fields), attr, self) ||
		    set_attr(self, attr)) {
			flow_free(&self->flow);
			return NULL;
		}
	}
	return self;
}

int scl_flows_of(const struct scl_reply *reply, struct schannel_flow **list)
{
	struct schannel_flow *head = NULL, **tail = &head;
	const struct nlmsghdr *nlh;
	int left;

	scl_for_each(nlh, left, reply) {
		*tail = (struct schannel_flow *)scl_flow_of(nlh);
		if (!*tail) {
			schannel_flows_free(head);
			return -1;
		}
		tail = &(*tail)->next;
	}
	*list = head;
	return 0;
}

int schannel_flows(uint32_t domid, struct schannel_flow **list)
{
	const struct scl_attr attr = SCL_U32(SCHANNEL_A_FLOW_DOMID, domid);
	struct scl_reply reply;
	int ret;

	if (scl_genl_ask(SCHANNEL_CMD_FLOW_GET, NLM_F_DUMP, &attr, domid != SC_DOMID_ANY,
			 &reply))
		return -1;
	ret = scl_flows_of(&reply, list);
	free(reply.data);
	return ret;
}

void schannel_flows_free(struct schannel_flow *list)
{
	while (list) {
		struct schannel_flow *next = list->next;

		flow_free(list);
		list = next;
	}
}

/* Have the kernel do something to a flow. */
static int change(int command, const struct schannel_flow *flow)
{
	const struct scl_attr attrs[] = {
		SCL_U32(SCHANNEL_A_FLOW_DOMID, flow->domid),
		SCL_U32(SCHANNEL_A_FLOW_ID, flow->id),
		SCL_U32(SCHANNEL_A_FLOW_LOCAL_PORT, flow->local_port),
		SCL_U32(SCHANNEL_A_FLOW_PEER_PORT, flow->peer_port),
		{ SCHANNEL_A_FLOW_OPENED, 0, "" },
	};
	struct scl_reply reply;

	/* a flag is there or not */
	if (scl_genl_ask(command, 0, attrs, SCL_COUNT(attrs) - !flow->opened, &reply))
		return -1;
	free(reply.data);
	return 0;
}

int schannel_flow_destroy(const struct schannel_flow *flow)
{
	return change(SCHANNEL_CMD_FLOW_DEL, flow);
}

int schannel_flow_demote(const struct schannel_flow *flow)
{
	return change(SCHANNEL_CMD_FLOW_DEMOTE, flow);
}
