/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The objects that messages of the kernel describe. Each function makes one object, or a list
 * of all objects in a reply. It is freed by the public _free() function.
 */
#ifndef LIB_OBJECT_H
#define LIB_OBJECT_H

#include "netlink.h"
#include "schannel.h"

/**
 * struct scl_peer - a peer, and members that are not public
 * @peer:	the public part; first, so that pointers to both convert into each other
 * @own_domid:	this domain's own id, if @owned
 * @owned:	the message had @own_domid
 * @gone:	the peer was removed
 */
struct scl_peer {
	struct schannel_peer peer;
	uint32_t own_domid;
	bool owned;
	bool gone;
};

/**
 * struct scl_flow - a flow, and a member that is not public
 * @flow:	the public part; first, so that pointers to both convert into each other
 * @ended:	the flow ended
 */
struct scl_flow {
	struct schannel_flow flow;
	bool ended;
};

/* NULL with errno set after an error. */
struct scl_peer *scl_peer_of(const struct nlmsghdr *nlh);
struct schannel_channel *scl_channel_of(const struct nlmsghdr *nlh);
struct scl_flow *scl_flow_of(const struct nlmsghdr *nlh);
struct schannel_stats *scl_stats_of(const struct nlmsghdr *nlh);
struct schannel_socket *scl_socket_of(const struct nlmsghdr *nlh);
struct schannel_diversion *scl_diversion_of(const struct nlmsghdr *nlh);

/* 0, or -1 with errno set. An empty list is NULL. */
int scl_peers_of(const struct scl_reply *reply, struct schannel_peer **list);
int scl_channels_of(const struct scl_reply *reply, struct schannel_channel **list);
int scl_flows_of(const struct scl_reply *reply, struct schannel_flow **list);
int scl_sockets_of(const struct scl_reply *reply, struct schannel_socket **list);
int scl_divert_counts_of(const struct scl_reply *reply, struct schannel_divert_count **list);

#endif
