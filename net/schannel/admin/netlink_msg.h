/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages and dumps of the generic netlink family. See netlink.c. */
#ifndef _SCHANNEL_NETLINK_MSG_H
#define _SCHANNEL_NETLINK_MSG_H

#include <linux/types.h>
#include <net/netlink.h>

#include "netlink.h"

struct genl_info;
struct sc_flow;
struct sock;

enum {
	SC_GROUP_PEERS,
	SC_GROUP_FLOWS,
};

/**
 * struct sc_netlink_dump - where a dump is, and for whom
 * @domid:	the next peer has this domid or a higher one
 * @end:	of its two ends, if it is loopback's
 * @flow:	the next flow of it has this number or a higher one
 * @only:	of this peer only
 * @who:	who asks
 */
struct sc_netlink_dump {
	u32 domid;
	u32 end;
	u32 flow;
	bool only;
	struct sc_netlink_viewer who;
};

static inline struct sc_netlink_dump *
sc_netlink_dump(struct netlink_callback *cb)
{
	NL_ASSERT_DUMP_CTX_FITS(struct sc_netlink_dump);
	return (struct sc_netlink_dump *)cb->ctx;
}

/* Whom and what a message is for. */
struct sc_netlink_to {
	u32 portid;
	u32 seq;
	int flags;
	u8 cmd;
};

struct sc_netlink_to sc_netlink_dump_to(struct netlink_callback *cb, u8 cmd);
void *sc_netlink_begin(struct sk_buff *skb, const struct sc_netlink_to *to);
int sc_netlink_end(struct sk_buff *skb, void *head, bool complete);
struct sk_buff *sc_netlink_reply(struct genl_info *info, u8 cmd,
				 struct sc_netlink_to *to);
int sc_netlink_send(struct sk_buff *skb, struct genl_info *info, int err);
struct sk_buff *sc_netlink_event(struct net *net, unsigned int group,
				 gfp_t gfp);
void sc_netlink_tell(struct net *net, unsigned int group, struct sk_buff *skb,
		     int err, gfp_t gfp);

/* netlink_flow.c */
int sc_netlink_start_flows(struct netlink_callback *cb);
int sc_netlink_dump_flows(struct sk_buff *skb, struct netlink_callback *cb);
void sc_netlink_flow(struct sc_flow *flow, struct sock *sk);
void sc_netlink_flow_over(struct sc_flow *flow, struct sock *sk, int err);

/* netlink_divert.c */
int sc_netlink_get_divert(struct sk_buff *request, struct genl_info *info);
int sc_netlink_dump_divert(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* _SCHANNEL_NETLINK_MSG_H */
