// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	include/uapi/linux/schannel.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/schannel_netlink.h>

/* Integer value ranges */
static const struct netlink_range_validation schannel_a_divert_port_range = {
	.min	= 1ULL,
	.max	= 65535ULL,
};

/* SCHANNEL_CMD_PEER_GET - do */
static const struct nla_policy schannel_peer_get_nl_policy[SCHANNEL_A_PEER_DOMID + 1] = {
	[SCHANNEL_A_PEER_DOMID] = { .type = NLA_U32, },
};

/* SCHANNEL_CMD_PEER_SET - do */
static const struct nla_policy schannel_peer_set_nl_policy[SCHANNEL_A_PEER_NETNS_FD + 1] = {
	[SCHANNEL_A_PEER_DOMID] = { .type = NLA_U32, },
	[SCHANNEL_A_PEER_NETNS_FD] = { .type = NLA_S32, },
};

/* SCHANNEL_CMD_CHANNEL_GET - do */
static const struct nla_policy schannel_channel_get_nl_policy[SCHANNEL_A_CHANNEL_DOMID + 1] = {
	[SCHANNEL_A_CHANNEL_DOMID] = { .type = NLA_U32, },
};

/* SCHANNEL_CMD_FLOW_GET - dump */
static const struct nla_policy schannel_flow_get_nl_policy[SCHANNEL_A_FLOW_DOMID + 1] = {
	[SCHANNEL_A_FLOW_DOMID] = { .type = NLA_U32, },
};

/* SCHANNEL_CMD_FLOW_DEL - do */
static const struct nla_policy schannel_flow_del_nl_policy[SCHANNEL_A_FLOW_OPENED + 1] = {
	[SCHANNEL_A_FLOW_DOMID] = { .type = NLA_U32, },
	[SCHANNEL_A_FLOW_ID] = { .type = NLA_U32, },
	[SCHANNEL_A_FLOW_OPENED] = { .type = NLA_FLAG, },
	[SCHANNEL_A_FLOW_LOCAL_PORT] = { .type = NLA_U32, },
	[SCHANNEL_A_FLOW_PEER_PORT] = { .type = NLA_U32, },
};

/* SCHANNEL_CMD_DIVERT_GET - do */
static const struct nla_policy schannel_divert_get_nl_policy[SCHANNEL_A_DIVERT_PORT + 1] = {
	[SCHANNEL_A_DIVERT_ADDRESS] = NLA_POLICY_EXACT_LEN(16),
	[SCHANNEL_A_DIVERT_PORT] = NLA_POLICY_FULL_RANGE(NLA_U32, &schannel_a_divert_port_range),
};

/* SCHANNEL_CMD_FLOW_DEMOTE - do */
static const struct nla_policy schannel_flow_demote_nl_policy[SCHANNEL_A_FLOW_OPENED + 1] = {
	[SCHANNEL_A_FLOW_DOMID] = { .type = NLA_U32, },
	[SCHANNEL_A_FLOW_ID] = { .type = NLA_U32, },
	[SCHANNEL_A_FLOW_OPENED] = { .type = NLA_FLAG, },
	[SCHANNEL_A_FLOW_LOCAL_PORT] = { .type = NLA_U32, },
	[SCHANNEL_A_FLOW_PEER_PORT] = { .type = NLA_U32, },
};

/* Ops table for schannel */
static const struct genl_split_ops schannel_nl_ops[] = {
	{
		.cmd		= SCHANNEL_CMD_PEER_GET,
		.doit		= schannel_nl_peer_get_doit,
		.policy		= schannel_peer_get_nl_policy,
		.maxattr	= SCHANNEL_A_PEER_DOMID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= SCHANNEL_CMD_PEER_GET,
		.dumpit	= schannel_nl_peer_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SCHANNEL_CMD_PEER_SET,
		.doit		= schannel_nl_peer_set_doit,
		.policy		= schannel_peer_set_nl_policy,
		.maxattr	= SCHANNEL_A_PEER_NETNS_FD,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SCHANNEL_CMD_CHANNEL_GET,
		.doit		= schannel_nl_channel_get_doit,
		.policy		= schannel_channel_get_nl_policy,
		.maxattr	= SCHANNEL_A_CHANNEL_DOMID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= SCHANNEL_CMD_CHANNEL_GET,
		.dumpit	= schannel_nl_channel_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SCHANNEL_CMD_FLOW_GET,
		.start		= schannel_nl_flow_get_start,
		.dumpit		= schannel_nl_flow_get_dumpit,
		.policy		= schannel_flow_get_nl_policy,
		.maxattr	= SCHANNEL_A_FLOW_DOMID,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SCHANNEL_CMD_FLOW_DEL,
		.doit		= schannel_nl_flow_del_doit,
		.policy		= schannel_flow_del_nl_policy,
		.maxattr	= SCHANNEL_A_FLOW_OPENED,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= SCHANNEL_CMD_STATS_GET,
		.doit	= schannel_nl_stats_get_doit,
		.flags	= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SCHANNEL_CMD_DIVERT_GET,
		.doit		= schannel_nl_divert_get_doit,
		.policy		= schannel_divert_get_nl_policy,
		.maxattr	= SCHANNEL_A_DIVERT_PORT,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= SCHANNEL_CMD_DIVERT_GET,
		.dumpit	= schannel_nl_divert_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SCHANNEL_CMD_FLOW_DEMOTE,
		.doit		= schannel_nl_flow_demote_doit,
		.policy		= schannel_flow_demote_nl_policy,
		.maxattr	= SCHANNEL_A_FLOW_OPENED,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= SCHANNEL_CMD_DIVERT_DETACH,
		.doit	= schannel_nl_divert_detach_doit,
		.flags	= GENL_CMD_CAP_DO,
	},
};

static const struct genl_multicast_group schannel_nl_mcgrps[] = {
	[SCHANNEL_NLGRP_PEERS] = { "peers", },
	[SCHANNEL_NLGRP_FLOWS] = { "flows", },
};

struct genl_family schannel_nl_family __ro_after_init = {
	.name		= SCHANNEL_FAMILY_NAME,
	.version	= SCHANNEL_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= schannel_nl_ops,
	.n_split_ops	= ARRAY_SIZE(schannel_nl_ops),
	.mcgrps		= schannel_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(schannel_nl_mcgrps),
};
