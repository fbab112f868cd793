/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	include/uapi/linux/schannel.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_SCHANNEL_GEN_H
#define _LINUX_SCHANNEL_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/schannel_netlink.h>

int schannel_nl_flow_get_start(struct netlink_callback *cb);

int schannel_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info);
int schannel_nl_peer_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int schannel_nl_peer_set_doit(struct sk_buff *skb, struct genl_info *info);
int schannel_nl_channel_get_doit(struct sk_buff *skb, struct genl_info *info);
int schannel_nl_channel_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb);
int schannel_nl_flow_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int schannel_nl_flow_del_doit(struct sk_buff *skb, struct genl_info *info);
int schannel_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info);
int schannel_nl_divert_get_doit(struct sk_buff *skb, struct genl_info *info);
int schannel_nl_divert_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int schannel_nl_flow_demote_doit(struct sk_buff *skb, struct genl_info *info);
int schannel_nl_divert_detach_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	SCHANNEL_NLGRP_PEERS,
	SCHANNEL_NLGRP_FLOWS,
};

extern struct genl_family schannel_nl_family;

#endif /* _LINUX_SCHANNEL_GEN_H */
