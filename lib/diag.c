// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sockets, from sock_diag(7). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/sock_diag.h>
#include <linux/schannel_diag.h>

#include "object.h"

#define RCV_SHUTDOWN	1
#define SEND_SHUTDOWN	2

static void socket_free(struct schannel_socket *self)
{
	free((void *)self->stats);
	free((void *)self->meminfo);
	free(self);
}

static uint32_t *meminfo_of(const struct nlattr *attr)
{
	uint32_t *meminfo = calloc(SK_MEMINFO_VARS, sizeof(*meminfo));
	size_t size = SK_MEMINFO_VARS * sizeof(*meminfo);
	size_t len = mnl_attr_get_payload_len(attr);

	if (meminfo)
		memcpy(meminfo, mnl_attr_get_payload(attr), len < size ? len : size);
	return meminfo;
}

static int set_attr(struct schannel_socket *self, const struct nlattr *attr)
{
	switch (mnl_attr_get_type(attr)) {
	case SC_DIAG_MEMINFO:
		free((void *)self->meminfo);
		self->meminfo = meminfo_of(attr);
		return self->meminfo ? 0 : -1;
	case SC_DIAG_STATS:
		free((void *)self->stats);
		self->stats = scl_flow_stats(attr);
		return self->stats ? 0 : -1;
	}
	return 0;
}

static void set_fields(struct schannel_socket *self, const struct sc_diag_msg *msg)
{
	*self = (struct schannel_socket){
		.local = {
			.sc_family = msg->sdiag_family,
			.sc_domid = msg->local_domid,
			.sc_port = msg->local_port,
		},
		.peer = {
			.sc_family = msg->sdiag_family,
			.sc_domid = msg->peer_domid,
			.sc_port = msg->peer_port,
		},
		.type = msg->type,
		.state = msg->state,
		.shutdown_rd = msg->shutdown & RCV_SHUTDOWN,
		.shutdown_wr = msg->shutdown & SEND_SHUTDOWN,
		.rqueue = msg->rqueue,
		.wqueue = msg->wqueue,
		.uid = msg->uid,
		.inode = msg->inode,
		.cookie = msg->cookie[0] | (uint64_t)msg->cookie[1] << 32,
	};
}

struct schannel_socket *scl_socket_of(const struct nlmsghdr *nlh)
{
	const struct sc_diag_msg *msg = mnl_nlmsg_get_payload(nlh);
	struct schannel_socket *self;
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*msg)) {
		errno = EPROTO;
		return NULL;
	}
	self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	set_fields(self, msg);
	mnl_attr_for_each(attr, nlh, sizeof(*msg)) {
		if (set_attr(self, attr)) {
			socket_free(self);
			return NULL;
		}
	}
	return self;
}

int scl_sockets_of(const struct scl_reply *reply, struct schannel_socket **list)
{
	struct schannel_socket *head = NULL, **tail = &head;
	const struct nlmsghdr *nlh;
	int left;

	scl_for_each(nlh, left, reply) {
		*tail = scl_socket_of(nlh);
		if (!*tail) {
			schannel_sockets_free(head);
			return -1;
		}
		tail = &(*tail)->next;
	}
	*list = head;
	return 0;
}

static int ask(uint16_t type, uint16_t flags, const void *request, size_t size,
	       struct scl_reply *reply)
{
	char buffer[SCL_REQUEST_MAX] __attribute__((aligned(MNL_ALIGNTO)));
	struct mnl_socket *socket = scl_netlink_open(NETLINK_SOCK_DIAG);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	int error, ret;

	if (!socket)
		return -1;
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	memcpy(mnl_nlmsg_put_extra_header(nlh, size), request, size);
	ret = scl_netlink_ask(socket, nlh, reply);
	error = errno;
	mnl_socket_close(socket);
	errno = error;
	return ret;
}

int schannel_sockets(uint32_t types, uint32_t states, struct schannel_socket **list)
{
	int family = schannel_family();
	const struct sc_diag_req request = {
		.sdiag_family = family,
		.types = types,
		.states = states,
		.show = SC_DIAG_SHOW_MEMINFO | SC_DIAG_SHOW_STATS,
	};
	struct scl_reply reply;
	int ret;

	if (family < 0)
		return -1;
	if (ask(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request), &reply)) {
		/* The module has no sock_diag handler for this family. */
		if (errno == ENOENT)
			errno = EOPNOTSUPP;
		return -1;
	}
	ret = scl_sockets_of(&reply, list);
	free(reply.data);
	return ret;
}

void schannel_sockets_free(struct schannel_socket *list)
{
	while (list) {
		struct schannel_socket *next = list->next;

		socket_free(list);
		list = next;
	}
}

int schannel_socket_destroy(uint64_t cookie)
{
	int family = schannel_family();
	const struct sc_diag_destroy request = {
		.sdiag_family = family,
		.cookie = { cookie, cookie >> 32 },
	};
	struct scl_reply reply;

	if (family < 0 || ask(SOCK_DESTROY, NLM_F_ACK, &request, sizeof(request), &reply))
		return -1;
	free(reply.data);
	return 0;
}
