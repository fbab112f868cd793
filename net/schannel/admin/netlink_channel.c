// SPDX-License-Identifier: GPL-2.0-only
/* Channels over generic netlink. See netlink.c. */
#include <linux/err.h>
#include <linux/ktime.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "core/channel.h"
#include "core/peer.h"
#include "core/stats.h"
#include "netlink_gen.h"
#include "netlink_msg.h"

/* @sum: by SCHANNEL_A_CHANNEL_*; the numbers of both ends are added up. */
static void sc_netlink_add_counters(const struct sc_channel_stats *stats,
				    u64 *sum)
{
	sum[SCHANNEL_A_CHANNEL_OPENED] += atomic_long_read(&stats->opened);
	sum[SCHANNEL_A_CHANNEL_ACCEPTED] += atomic_long_read(&stats->accepted);
	sum[SCHANNEL_A_CHANNEL_REFUSED] += atomic_long_read(&stats->refused);
	sum[SCHANNEL_A_CHANNEL_RESET] += atomic_long_read(&stats->reset);
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
	sum[SCHANNEL_A_CHANNEL_OVER_SHARE] += atomic_long_read(&stats->over_share);
	sum[SCHANNEL_A_CHANNEL_DGRAM_NO_MEMORY] +=
		atomic_long_read(&stats->dgram_no_memory);
}

static void sc_netlink_add_notifications(const struct sc_channel_queue *q, u64 *sum)
{
	sum[SCHANNEL_A_CHANNEL_NOTIFY_SENT] += READ_ONCE(q->notify_sent);
	sum[SCHANNEL_A_CHANNEL_NOTIFY_RECEIVED] += READ_ONCE(q->notify_received);
	sum[SCHANNEL_A_CHANNEL_NOTIFY_SPURIOUS] += READ_ONCE(q->notify_spurious);
}

static void sc_netlink_add_channel(struct schannel_channel *ch, u64 *sum)
{
	struct sc_channel_traffic traffic;
	unsigned int i;

	for (i = 0; i < SC_QUEUES; i++)
		sc_netlink_add_notifications(&ch->queue[i], sum);
	sc_stats_channel_traffic(ch, &traffic);
	sum[SCHANNEL_A_CHANNEL_FLOWS] += traffic.flows;
	sum[SCHANNEL_A_CHANNEL_TX_BYTES] += traffic.tx_bytes;
	sum[SCHANNEL_A_CHANNEL_RX_BYTES] += traffic.rx_bytes;

	spin_lock_bh(&ch->pool.lock);
	sum[SCHANNEL_A_CHANNEL_POOL_SIZE] += (u64)ch->pool.nr_pages << PAGE_SHIFT;
	sum[SCHANNEL_A_CHANNEL_POOL_USED] += (u64)ch->pool.used << PAGE_SHIFT;
	sum[SCHANNEL_A_CHANNEL_POOL_LIMIT] += (u64)ch->pool.limit << PAGE_SHIFT;
	spin_unlock_bh(&ch->pool.lock);
	sum[SCHANNEL_A_CHANNEL_ORPHANS] += READ_ONCE(ch->orphans.all.nr);
	sum[SCHANNEL_A_CHANNEL_ORPHAN_MEMORY] +=
		(u64)READ_ONCE(ch->orphans.all.pages) << PAGE_SHIFT;
	sum[SCHANNEL_A_CHANNEL_PEER_POOL] +=
		(u64)atomic_read(&ch->peer_pool_pages) << PAGE_SHIFT;
	sum[SCHANNEL_A_CHANNEL_FLOW_TABLE] +=
		(u64)READ_ONCE(ch->table_pages) << PAGE_SHIFT;
	sc_netlink_add_counters(&ch->stats, sum);
}

static void sc_netlink_add_grants(struct schannel_peer *peer, u64 *sum)
{
	struct schannel_grants grants;

	sc_peer_grants(peer, &grants);
	sum[SCHANNEL_A_CHANNEL_GRANTS] = grants.used;
	sum[SCHANNEL_A_CHANNEL_GRANTS_REFUSED] = grants.refused;
	sum[SCHANNEL_A_CHANNEL_GRANTS_ALL] = grants.all;
	sum[SCHANNEL_A_CHANNEL_GRANTS_LIMIT] = grants.limit;
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
	sc_netlink_add_grants(ch->peer, sum);
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

/**
 * sc_netlink_put_channel() - put a message about a channel
 * @skb:	where to put it
 * @to:		its headers
 * @net:	the network namespace
 * @peer:	the channel's peer; both ends of the loopback channel are shown as one
 *		channel, with the sums of their numbers
 * @down:	the channel goes down
 *
 * Return: 0, or -EMSGSIZE if @skb is full.
 */
int sc_netlink_put_channel(struct sk_buff *skb, const struct sc_netlink_to *to,
			   const struct net *net, struct schannel_peer *peer,
			   bool down)
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
			    SCHANNEL_CHANNEL_STATE_UP : SCHANNEL_CHANNEL_STATE_DOWN) &&
	       (!ch || sc_netlink_fill_channel(skb, ch, remote));
	if (remote)
		sc_channel_put(remote);
	if (ch)
		sc_channel_put(ch);
	return sc_netlink_end(skb, head, done);
}

int schannel_nl_channel_get_doit(struct sk_buff *request,
				 struct genl_info *info)
{
	struct sc_netlink_to to = sc_netlink_to_reply(info);
	struct schannel_peer *peer;
	struct sk_buff *skb;
	int err = -ENOMEM;

	peer = sc_netlink_peer(info, SCHANNEL_A_CHANNEL_DOMID);
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (skb) {
		err = sc_netlink_put_channel(skb, &to, genl_info_net(info),
					     peer, false);
		err = sc_netlink_reply(skb, info, err);
	}
	sc_peer_put(peer);
	return err;
}

/* Only the channels that are up. */
int schannel_nl_channel_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb)
{
	struct sc_netlink_to to = sc_netlink_to_dump(cb);
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
