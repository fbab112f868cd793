// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "schannel": peers, channels, statistics. Flows are in
 * netlink_flow.c, transparent mode in netlink_divert.c.
 *
 * A dump goes on where its last message ended: at a domid, and a number in that
 * channel's flow table. It holds nothing in between, so what comes or goes
 * meanwhile may or may not be in it; what stays is in it exactly once.
 *
 * What is shown is that of the namespace of the netlink socket that asks. Who asks for
 * flows is who opened that socket: it may have been handed to somebody else since.
 */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include <uapi/linux/schannel.h>
#include <uapi/linux/schannel_netlink.h>
#include "core/channel.h"
#include "core/observer.h"
#include "core/common.h"
#include "netlink.h"
#include "netlink_msg.h"
#include "core/peer.h"
#include "core/stats.h"
#include "core/transport.h"

static struct genl_family sc_genl;

struct sc_netlink_to sc_netlink_dump_to(struct netlink_callback *cb, u8 cmd)
{
	return (struct sc_netlink_to) {
		.portid = NETLINK_CB(cb->skb).portid,
		.seq = cb->nlh->nlmsg_seq,
		.flags = NLM_F_MULTI,
		.cmd = cmd,
	};
}

void *sc_netlink_begin(struct sk_buff *skb, const struct sc_netlink_to *to)
{
	return genlmsg_put(skb, to->portid, to->seq, &sc_genl, to->flags,
			   to->cmd);
}

/* The message is complete, or there was no room for all of it. */
int sc_netlink_end(struct sk_buff *skb, void *head, bool complete)
{
	if (!complete) {
		genlmsg_cancel(skb, head);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, head);
	return 0;
}

struct sk_buff *sc_netlink_reply(struct genl_info *info, u8 cmd,
				 struct sc_netlink_to *to)
{
	*to = (struct sc_netlink_to) {
		.portid = info->snd_portid,
		.seq = info->snd_seq,
		.cmd = cmd,
	};
	return genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
}

int sc_netlink_send(struct sk_buff *skb, struct genl_info *info, int err)
{
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	return genlmsg_reply(skb, info);
}

/* A message to all in @group, or NULL if nobody would hear it. */
struct sk_buff *sc_netlink_event(struct net *net, unsigned int group,
				 gfp_t gfp)
{
	if (!genl_has_listeners(&sc_genl, net, group))
		return NULL;
	return genlmsg_new(NLMSG_GOODSIZE, gfp);
}

/* Who does not read fast enough misses events, and is told so by ENOBUFS. */
void sc_netlink_tell(struct net *net, unsigned int group, struct sk_buff *skb,
		     int err, gfp_t gfp)
{
	if (err)
		nlmsg_free(skb);
	else
		genlmsg_multicast_netns(&sc_genl, net, skb, 0, group, gfp);
}

/* For good: a dump may be read by somebody else than who asked for it. */
void sc_netlink_who(const struct sk_buff *request,
		    struct sc_netlink_viewer *who)
{
	who->admin = netlink_net_capable(request, CAP_NET_ADMIN);
	who->uid = NETLINK_CB(request).sk->sk_uid;
}

/* @sk: the socket, or a flow's, or NULL if it has none. */
bool sc_netlink_sees(const struct sc_netlink_viewer *who, const struct sock *sk)
{
	return who->admin || (sk && uid_eq(sk->sk_uid, who->uid));
}

static struct schannel_peer *sc_netlink_peer_get(struct genl_info *info,
						 int attr)
{
	struct schannel_peer *peer;

	if (GENL_REQ_ATTR_CHECK(info, attr))
		return ERR_PTR(-EINVAL);
	peer = sc_peer_get(genl_info_net(info), nla_get_u32(info->attrs[attr]));
	if (!peer) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr],
				    "no such peer");
		return ERR_PTR(-ENOENT);
	}
	return peer;
}

/* ---- Peers ------------------------------------------------------------- */

static bool sc_netlink_fill_info(struct sk_buff *skb,
				 struct schannel_peer *peer)
{
	struct schannel_peer_info info;
	unsigned int i;

	sc_peer_info(peer, &info);
	if (*info.name && nla_put_string(skb, SCHANNEL_A_PEER_NAME, info.name))
		return false;
	if (memchr_inv(info.uuid, 0, sizeof(info.uuid)) &&
	    nla_put(skb, SCHANNEL_A_PEER_UUID, sizeof(info.uuid), info.uuid))
		return false;
	for (i = 0; i < info.nr_addresses; i++)
		if (nla_put_in6_addr(skb, SCHANNEL_A_PEER_ADDRESS,
				     &info.address[i]))
			return false;
	return true;
}

static bool sc_netlink_fill_peer(struct sk_buff *skb,
				 struct schannel_peer *peer)
{
	if (nla_put_u32(skb, SCHANNEL_A_PEER_DOMID, peer->domid) ||
	    nla_put_string(skb, SCHANNEL_A_PEER_TRANSPORT,
			   peer->transport->name) ||
	    nla_put_u32(skb, SCHANNEL_A_PEER_CHANNEL_STATE,
			sc_peer_is_up(peer) ? SCHANNEL_CHANNEL_UP :
					      SCHANNEL_CHANNEL_DOWN) ||
	    !sc_netlink_fill_info(skb, peer))
		return false;
	return peer->domid != SC_DOMID_SELF ||
	       !nla_put_u32(skb, SCHANNEL_A_PEER_OWN_DOMID, sc_own_domid());
}

static int sc_netlink_put_peer(struct sk_buff *skb,
			       const struct sc_netlink_to *to,
			       struct schannel_peer *peer)
{
	void *head = sc_netlink_begin(skb, to);

	if (!head)
		return -EMSGSIZE;
	return sc_netlink_end(skb, head, sc_netlink_fill_peer(skb, peer));
}

static int sc_netlink_get_peer(struct sk_buff *request, struct genl_info *info)
{
	struct schannel_peer *peer;
	struct sc_netlink_to to;
	struct sk_buff *skb;
	int err = -ENOMEM;

	peer = sc_netlink_peer_get(info, SCHANNEL_A_PEER_DOMID);
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	skb = sc_netlink_reply(info, SCHANNEL_CMD_PEER_GET, &to);
	if (skb) {
		err = sc_netlink_put_peer(skb, &to, peer);
		err = sc_netlink_send(skb, info, err);
	}
	sc_peer_put(peer);
	return err;
}

static int sc_netlink_dump_peers(struct sk_buff *skb,
				 struct netlink_callback *cb)
{
	struct sc_netlink_to to = sc_netlink_dump_to(cb, SCHANNEL_CMD_PEER_GET);
	struct sc_netlink_dump *at = sc_netlink_dump(cb);
	struct net *net = sock_net(skb->sk);
	struct schannel_peer *peer;
	int err = 0;

	while (!err && (peer = sc_peer_next(net, at->domid))) {
		err = sc_netlink_put_peer(skb, &to, peer);
		if (!err)
			at->domid = peer->domid + 1;
		sc_peer_put(peer);
	}
	return err;
}

static int sc_netlink_set_peer(struct sk_buff *request, struct genl_info *info)
{
	struct schannel_peer *peer;
	struct nlattr *attr;
	struct net *net;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, SCHANNEL_A_PEER_NETNS_FD))
		return -EINVAL;
	attr = info->attrs[SCHANNEL_A_PEER_NETNS_FD];
	net = get_net_ns_by_fd(nla_get_s32(attr));
	if (IS_ERR(net)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "not a network namespace");
		return PTR_ERR(net);
	}
	/* for the one it is in, GENL_UNS_ADMIN_PERM has checked it */
	err = -EPERM;
	if (!netlink_ns_capable(request, net->user_ns, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "CAP_NET_ADMIN is needed there, too");
		goto out;
	}
	peer = sc_netlink_peer_get(info, SCHANNEL_A_PEER_DOMID);
	err = PTR_ERR_OR_ZERO(peer);
	if (err)
		goto out;
	err = sc_peer_move(peer, net);
	sc_peer_put(peer);
out:
	put_net(net);
	return err;
}

/* As peer() of struct sc_observer. */
static void sc_netlink_peer(struct net *net, struct schannel_peer *peer, bool gone)
{
	struct sc_netlink_to to = { .cmd = SCHANNEL_CMD_PEER_NTF };
	struct sk_buff *skb;
	int err = -EMSGSIZE;
	void *head;
	bool done;

	skb = sc_netlink_event(net, SC_GROUP_PEERS, GFP_ATOMIC);
	if (!skb)
		return;
	head = sc_netlink_begin(skb, &to);
	if (head) {
		done = sc_netlink_fill_peer(skb, peer) &&
		       !(gone && nla_put_flag(skb, SCHANNEL_A_PEER_GONE));
		err = sc_netlink_end(skb, head, done);
	}
	sc_netlink_tell(net, SC_GROUP_PEERS, skb, err, GFP_ATOMIC);
}

/* ---- Channels ---------------------------------------------------------- */

/* @sum: by SCHANNEL_A_CHANNEL_*, what is a number and can be added up. */
static void sc_netlink_add_counters(const struct sc_channel_stats *stats,
				    u64 *sum)
{
	sum[SCHANNEL_A_CHANNEL_OPENED] += atomic_long_read(&stats->opened);
	sum[SCHANNEL_A_CHANNEL_ACCEPTED] += atomic_long_read(&stats->accepted);
	sum[SCHANNEL_A_CHANNEL_REFUSED] += atomic_long_read(&stats->refused);
	sum[SCHANNEL_A_CHANNEL_RESET] += atomic_long_read(&stats->reset);
	sum[SCHANNEL_A_CHANNEL_NOTIFY_SENT] +=
		atomic_long_read(&stats->notify_sent);
	sum[SCHANNEL_A_CHANNEL_NOTIFY_RECEIVED] +=
		atomic_long_read(&stats->notify_received);
	sum[SCHANNEL_A_CHANNEL_NOTIFY_SPURIOUS] +=
		atomic_long_read(&stats->notify_spurious);
	sum[SCHANNEL_A_CHANNEL_OVERFLOWS] += atomic_long_read(&stats->overflow);
	sum[SCHANNEL_A_CHANNEL_ERRORS] += atomic_long_read(&stats->flow_errors);
	sum[SCHANNEL_A_CHANNEL_DGRAM_SENT] +=
		atomic_long_read(&stats->dgram_sent);
	sum[SCHANNEL_A_CHANNEL_DGRAM_RECEIVED] +=
		atomic_long_read(&stats->dgram_received);
	sum[SCHANNEL_A_CHANNEL_DGRAM_DROPPED] +=
		atomic_long_read(&stats->dgram_dropped);
	sum[SCHANNEL_A_CHANNEL_DGRAM_NO_PORT] +=
		atomic_long_read(&stats->dgram_no_port);
	sum[SCHANNEL_A_CHANNEL_DGRAM_COPIED] +=
		atomic_long_read(&stats->dgram_copied);
}

static void sc_netlink_add_channel(struct schannel_channel *ch, u64 *sum)
{
	struct sc_channel_traffic traffic;

	sc_stats_channel_traffic(ch, &traffic);
	sum[SCHANNEL_A_CHANNEL_FLOWS] += traffic.flows;
	sum[SCHANNEL_A_CHANNEL_TX_BYTES] += traffic.tx_bytes;
	sum[SCHANNEL_A_CHANNEL_RX_BYTES] += traffic.rx_bytes;

	spin_lock_bh(&ch->pool.lock);
	sum[SCHANNEL_A_CHANNEL_POOL_SIZE] += (u64)ch->pool.nr_pages << PAGE_SHIFT;
	sum[SCHANNEL_A_CHANNEL_POOL_USED] += (u64)ch->pool.used << PAGE_SHIFT;
	sum[SCHANNEL_A_CHANNEL_POOL_LIMIT] += (u64)ch->pool.limit << PAGE_SHIFT;
	spin_unlock_bh(&ch->pool.lock);
	sum[SCHANNEL_A_CHANNEL_PEER_POOL] +=
		(u64)atomic_read(&ch->peer_pool_pages) << PAGE_SHIFT;
	sum[SCHANNEL_A_CHANNEL_FLOW_TABLE] +=
		(u64)READ_ONCE(ch->table_pages) << PAGE_SHIFT;
	sc_netlink_add_counters(&ch->stats, sum);
}

static bool sc_netlink_fill_channel(struct sk_buff *skb,
				    struct schannel_channel *ch,
				    struct schannel_channel *remote)
{
	u64 sum[__SCHANNEL_A_CHANNEL_MAX] = {};
	int i;

	sc_netlink_add_channel(ch, sum);
	if (remote)
		sc_netlink_add_channel(remote, sum);
	if (nla_put_u64_64bit(skb, SCHANNEL_A_CHANNEL_AGE_MS,
			      ktime_ms_delta(ktime_get_boottime(), ch->since),
			      SCHANNEL_A_CHANNEL_PAD) ||
	    nla_put_u32(skb, SCHANNEL_A_CHANNEL_QUEUES, ch->nr_queues) ||
	    nla_put_u32(skb, SCHANNEL_A_CHANNEL_FLOWS,
			sum[SCHANNEL_A_CHANNEL_FLOWS]))
		return false;
	for (i = SCHANNEL_A_CHANNEL_POOL_SIZE; i <= SCHANNEL_A_CHANNEL_MAX; i++)
		if (nla_put_u64_64bit(skb, i, sum[i],
				      SCHANNEL_A_CHANNEL_PAD))
			return false;
	return true;
}

/* Both ends of loopback's channel are ours: it is one channel, the sum of both. */
static int sc_netlink_put_channel(struct sk_buff *skb,
				  const struct sc_netlink_to *to,
				  const struct net *net,
				  struct schannel_peer *peer, bool down)
{
	struct schannel_channel *ch = NULL, *remote = NULL;
	int err = -EMSGSIZE;
	bool done;
	void *head;

	head = sc_netlink_begin(skb, to);
	if (!head)
		return err;
	if (!down)
		ch = sc_peer_channel_up(peer, net);
	if (ch && peer->remote)
		remote = sc_peer_channel_up(peer->remote, net);
	done = !nla_put_u32(skb, SCHANNEL_A_CHANNEL_DOMID, peer->domid) &&
	       !nla_put_u32(skb, SCHANNEL_A_CHANNEL_STATE, ch ?
			    SCHANNEL_CHANNEL_UP : SCHANNEL_CHANNEL_DOWN) &&
	       (!ch || sc_netlink_fill_channel(skb, ch, remote));
	if (remote)
		sc_channel_put(remote);
	if (ch)
		sc_channel_put(ch);
	return sc_netlink_end(skb, head, done);
}

static int sc_netlink_get_channel(struct sk_buff *request,
				  struct genl_info *info)
{
	struct schannel_peer *peer;
	struct sc_netlink_to to;
	struct sk_buff *skb;
	int err = -ENOMEM;

	peer = sc_netlink_peer_get(info, SCHANNEL_A_CHANNEL_DOMID);
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	skb = sc_netlink_reply(info, SCHANNEL_CMD_CHANNEL_GET, &to);
	if (skb) {
		err = sc_netlink_put_channel(skb, &to, genl_info_net(info),
					     peer, false);
		err = sc_netlink_send(skb, info, err);
	}
	sc_peer_put(peer);
	return err;
}

/* Of the channels that are up. */
static int sc_netlink_dump_channels(struct sk_buff *skb,
				    struct netlink_callback *cb)
{
	struct sc_netlink_to to = sc_netlink_dump_to(cb,
						     SCHANNEL_CMD_CHANNEL_GET);
	struct sc_netlink_dump *at = sc_netlink_dump(cb);
	struct net *net = sock_net(skb->sk);
	struct schannel_channel *ch;
	struct schannel_peer *peer;
	int err = 0;

	while (!err && (peer = sc_peer_next(net, at->domid))) {
		ch = sc_peer_channel_up(peer, net);
		if (ch) {
			err = sc_netlink_put_channel(skb, &to, net, peer,
						     false);
			sc_channel_put(ch);
		}
		if (!err)
			at->domid = peer->domid + 1;
		sc_peer_put(peer);
	}
	return err;
}

/* As channel() of struct sc_observer. */
static void sc_netlink_channel(struct net *net, struct schannel_peer *peer, bool up)
{
	struct sc_netlink_to to = { .cmd = SCHANNEL_CMD_CHANNEL_NTF };
	struct sk_buff *skb;

	skb = sc_netlink_event(net, SC_GROUP_PEERS, GFP_KERNEL);
	if (skb)
		sc_netlink_tell(net, SC_GROUP_PEERS, skb,
				sc_netlink_put_channel(skb, &to, net, peer,
						       !up), GFP_KERNEL);
}

/* ---- Statistics -------------------------------------------------------- */

static bool sc_netlink_fill_stats(struct sk_buff *skb, const struct net *net)
{
	int i;

	for (i = SCHANNEL_A_STATS_SOCKETS; i <= SCHANNEL_A_STATS_MAX; i++)
		if (nla_put_u64_64bit(skb, i, sc_stats_read(net, i),
				      SCHANNEL_A_STATS_PAD))
			return false;
	return true;
}

static int sc_netlink_get_stats(struct sk_buff *request, struct genl_info *info)
{
	struct sc_netlink_to to;
	struct sk_buff *skb;
	void *head;
	int err = -EMSGSIZE;

	skb = sc_netlink_reply(info, SCHANNEL_CMD_STATS_GET, &to);
	if (!skb)
		return -ENOMEM;
	head = sc_netlink_begin(skb, &to);
	if (head)
		err = sc_netlink_end(skb, head,
				     sc_netlink_fill_stats(skb,
							   genl_info_net(info)));
	return sc_netlink_send(skb, info, err);
}

/* ---- The family -------------------------------------------------------- */

static const struct nla_policy
sc_netlink_peer_policy[SCHANNEL_A_PEER_DOMID + 1] = {
	[SCHANNEL_A_PEER_DOMID]		= { .type = NLA_U32 },
};

static const struct nla_policy
sc_netlink_move_policy[SCHANNEL_A_PEER_NETNS_FD + 1] = {
	[SCHANNEL_A_PEER_DOMID]		= { .type = NLA_U32 },
	[SCHANNEL_A_PEER_NETNS_FD]	= { .type = NLA_S32 },
};

static const struct nla_policy
sc_netlink_channel_policy[SCHANNEL_A_CHANNEL_DOMID + 1] = {
	[SCHANNEL_A_CHANNEL_DOMID]	= { .type = NLA_U32 },
};

static const struct nla_policy
sc_netlink_flow_policy[SCHANNEL_A_FLOW_DOMID + 1] = {
	[SCHANNEL_A_FLOW_DOMID]		= { .type = NLA_U32 },
};

static const struct netlink_range_validation sc_netlink_port = {
	.min = 1,
	.max = U16_MAX,
};

static const struct nla_policy
sc_netlink_divert_policy[SCHANNEL_A_DIVERT_PORT + 1] = {
	[SCHANNEL_A_DIVERT_ADDRESS]	= NLA_POLICY_EXACT_LEN(16),
	[SCHANNEL_A_DIVERT_PORT]	= NLA_POLICY_FULL_RANGE(NLA_U32, &sc_netlink_port),
};

static const struct genl_ops sc_genl_ops[] = {
	{
		.cmd		= SCHANNEL_CMD_PEER_GET,
		.doit		= sc_netlink_get_peer,
		.dumpit		= sc_netlink_dump_peers,
		.policy		= sc_netlink_peer_policy,
		.maxattr	= SCHANNEL_A_PEER_DOMID,
	}, {
		.cmd		= SCHANNEL_CMD_PEER_SET,
		.flags		= GENL_UNS_ADMIN_PERM,
		.doit		= sc_netlink_set_peer,
		.policy		= sc_netlink_move_policy,
		.maxattr	= SCHANNEL_A_PEER_NETNS_FD,
	}, {
		.cmd		= SCHANNEL_CMD_CHANNEL_GET,
		.doit		= sc_netlink_get_channel,
		.dumpit		= sc_netlink_dump_channels,
		.policy		= sc_netlink_channel_policy,
		.maxattr	= SCHANNEL_A_CHANNEL_DOMID,
	}, {
		.cmd		= SCHANNEL_CMD_FLOW_GET,
		.start		= sc_netlink_start_flows,
		.dumpit		= sc_netlink_dump_flows,
		.policy		= sc_netlink_flow_policy,
		.maxattr	= SCHANNEL_A_FLOW_DOMID,
	}, {
		.cmd		= SCHANNEL_CMD_STATS_GET,
		.doit		= sc_netlink_get_stats,
	}, {
		.cmd		= SCHANNEL_CMD_DIVERT_GET,
		.doit		= sc_netlink_get_divert,
		.dumpit		= sc_netlink_dump_divert,
		.policy		= sc_netlink_divert_policy,
		.maxattr	= SCHANNEL_A_DIVERT_PORT,
	},
};

static const struct genl_multicast_group sc_genl_groups[] = {
	[SC_GROUP_PEERS] = { .name = SCHANNEL_GENL_GROUP_PEERS },
	[SC_GROUP_FLOWS] = {
		.name	= SCHANNEL_GENL_GROUP_FLOWS,
		.flags	= GENL_MCAST_CAP_NET_ADMIN,
	},
};

static struct genl_family sc_genl __ro_after_init = {
	.name		= SCHANNEL_GENL_NAME,
	.version	= SCHANNEL_GENL_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.ops		= sc_genl_ops,
	.n_ops		= ARRAY_SIZE(sc_genl_ops),
	.mcgrps		= sc_genl_groups,
	.n_mcgrps	= ARRAY_SIZE(sc_genl_groups),
};

/* Costs next to nothing while nobody listens to the groups. */
static struct sc_observer sc_netlink_observer = {
	.peer		= sc_netlink_peer,
	.channel	= sc_netlink_channel,
	.flow		= sc_netlink_flow,
	.flow_over	= sc_netlink_flow_over,
};

int __init sc_netlink_init(void)
{
	int err = genl_register_family(&sc_genl);

	if (!err)
		sc_observer_register(&sc_netlink_observer);
	return err;
}

void sc_netlink_exit(void)
{
	sc_observer_unregister(&sc_netlink_observer);
	genl_unregister_family(&sc_genl);
}
