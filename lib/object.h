/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What messages of the kernel describe. Each of these makes one object, or a list of
 * all in a reply, to be freed by its public _free(); or NULL with errno set.
 */
#ifndef LIB_OBJECT_H
#define LIB_OBJECT_H

#include "netlink.h"
#include "schannel.h"

/**
 * struct scl_peer - a peer, with what is not for everybody
 * @peer:	first, so that one is the other
 * @own_domid:	this domain's own id, if @owned
 * @owned:	it was said
 * @gone:	the message says that it is gone
 */
struct scl_peer {
	struct schannel_peer peer;
	uint32_t own_domid;
	bool owned;
	bool gone;
};

/**
 * struct scl_flow - a flow, with what only an event has
 * @flow:	first, so that one is the other
 * @ended:	the message says that it ended
 */
struct scl_flow {
	struct schannel_flow flow;
	bool ended;
};

struct scl_peer *scl_peer_of(const struct nlmsghdr *nlh);
struct schannel_channel *scl_channel_of(const struct nlmsghdr *nlh);
struct scl_flow *scl_flow_of(const struct nlmsghdr *nlh);
struct schannel_stats *scl_stats_of(const struct nlmsghdr *nlh);
struct schannel_socket *scl_socket_of(const struct nlmsghdr *nlh);
struct schannel_diversion *scl_diversion_of(const struct nlmsghdr *nlh);

/* 0, or -1 and errno; the list is NULL if there is nothing. */
int scl_peers_of(const struct scl_reply *reply, struct schannel_peer **list);
int scl_channels_of(const struct scl_reply *reply, struct schannel_channel **list);
int scl_flows_of(const struct scl_reply *reply, struct schannel_flow **list);
int scl_sockets_of(const struct scl_reply *reply, struct schannel_socket **list);
int scl_divert_counts_of(const struct scl_reply *reply, struct schannel_divert_count **list);

#endif
