/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages and dumps of the generic netlink family. See netlink_msg.c. */
#ifndef _SCHANNEL_NETLINK_MSG_H
#define _SCHANNEL_NETLINK_MSG_H

#include <linux/types.h>
#include <net/netlink.h>

#include "viewer.h"

struct genl_family;
struct genl_info;
struct net;
struct sc_flow;
struct schannel_peer;
struct user_namespace;

/**
 * struct sc_netlink_dump - the position of a dump of peers, channels or flows
 * @domid:	the next peer has this domid or a higher one
 * @end:	which of the two ends of the loopback channel comes next
 * @flow:	the next flow has this index in its channel's flow table or a higher one
 * @only:	the dump is of this peer only
 * @viewer:	the user that flows are shown to
 */
struct sc_netlink_dump {
	u32 domid;
	u32 end;
	u32 flow;
	bool only;
	struct sc_viewer viewer;
};

static inline struct sc_netlink_dump *
sc_netlink_dump(struct netlink_callback *cb)
{
	NL_ASSERT_DUMP_CTX_FITS(struct sc_netlink_dump);
	return (struct sc_netlink_dump *)cb->ctx;
}

/**
 * struct sc_netlink_to - the headers of a message
 * @family:	the generic netlink family
 * @portid:	the receiver; 0 for an event
 * @seq:	the sequence number of the request
 * @flags:	NLM_F_MULTI for a part of a dump
 * @cmd:	SCHANNEL_CMD_*
 */
struct sc_netlink_to {
	const struct genl_family *family;
	u32 portid;
	u32 seq;
	int flags;
	u8 cmd;
};

struct sc_netlink_to sc_netlink_to_reply(const struct genl_info *info);
struct sc_netlink_to sc_netlink_to_dump(struct netlink_callback *cb);
void *sc_netlink_begin(struct sk_buff *skb, const struct sc_netlink_to *to);
int sc_netlink_end(struct sk_buff *skb, void *head, bool complete);
int sc_netlink_reply(struct sk_buff *skb, struct genl_info *info, int err);
struct schannel_peer *sc_netlink_peer(struct genl_info *info, int attr);

/* netlink_peer.c */
int sc_netlink_put_peer(struct sk_buff *skb, const struct sc_netlink_to *to,
			struct schannel_peer *peer, bool gone);

/* netlink_channel.c */
int sc_netlink_put_channel(struct sk_buff *skb, const struct sc_netlink_to *to,
			   const struct net *net, struct schannel_peer *peer,
			   bool down);

/* netlink_flow.c */
int sc_netlink_put_flow(struct sk_buff *skb, const struct sc_netlink_to *to,
			struct sc_flow *flow, struct user_namespace *user_ns,
			const int *error);

#endif /* _SCHANNEL_NETLINK_MSG_H */
