// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is counted, traced and told when connections and channels come and go.
 *
 * Nothing here is called for each byte or message: what those need is counted by
 * the sockets themselves (sc_conn_stats()). A channel's traffic is that of flows
 * that were closed, which is kept here, and that of those there are, which is added up
 * when somebody asks. Only datagrams, whose flow no socket owns, are counted in
 * the channel at once.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "channel.h"
#include "flow.h"
#include "namespace.h"
#include "net.h"
#include "observer.h"
#include "peer.h"
#include "stats.h"
#include "trace.h"

/* ---- Namespaces -------------------------------------------------------- */

void sc_stats_add(const struct net *net, enum schannel_attr_stats what, long nr)
{
	atomic_long_add(nr, &sc_net(net)->stats[what]);
}

u64 sc_stats_read(const struct net *net, enum schannel_attr_stats what)
{
	return atomic_long_read(&sc_net(net)->stats[what]);
}

/**
 * sc_stats_connect() - a connect() came to its end
 * @net:	of the socket
 * @err:	0, or why it failed, negative
 */
void sc_stats_connect(const struct net *net, int err)
{
	switch (err) {
	case 0:
		sc_stats_inc(net, SCHANNEL_A_STATS_CONNECTED);
		break;
	case -ECONNREFUSED:
		sc_stats_inc(net, SCHANNEL_A_STATS_REFUSED);
		break;
	case -EHOSTUNREACH:
		sc_stats_inc(net, SCHANNEL_A_STATS_UNREACHABLE);
		break;
	case -ETIMEDOUT:
		sc_stats_inc(net, SCHANNEL_A_STATS_TIMEOUTS);
		break;
	case -ENOBUFS:
	case -ENOMEM:
		sc_stats_inc(net, SCHANNEL_A_STATS_NO_MEMORY);
		break;
	}
}

/**
 * sc_stats_incoming() - a peer opens a flow
 * @net:	of the channel
 * @reason:	0, or enum schannel_reason: what it was refused with
 */
void sc_stats_incoming(const struct net *net, int reason)
{
	switch (reason) {
	case 0:
		sc_stats_inc(net, SCHANNEL_A_STATS_ACCEPTED);
		break;
	case SCHANNEL_REASON_NO_LISTENER:
		sc_stats_inc(net, SCHANNEL_A_STATS_NO_LISTENER);
		break;
	case SCHANNEL_REASON_BACKLOG:
		sc_stats_inc(net, SCHANNEL_A_STATS_BACKLOG_FULL);
		break;
	}
}
EXPORT_SYMBOL_NS_GPL(sc_stats_incoming, SC_NS_SOCK);

/* ---- Channels ---------------------------------------------------------- */

/**
 * sc_stats_channel() - a channel came up, or goes down
 * @ch:		the channel, still or already its peer's
 * @up:		which of the two
 */
void sc_stats_channel(struct schannel_channel *ch, bool up)
{
	struct net *net;

	if (up)
		trace_schannel_channel_up(ch);
	else
		trace_schannel_channel_down(ch);
	/* from outside, loopback's two ends are one channel */
	if (!sc_peer_is_listed(ch->peer))
		return;
	net = sc_peer_hold_net(ch->peer, ch);
	if (!net)
		return;
	if (up)
		sc_stats_inc(net, SCHANNEL_A_STATS_CHANNELS_UP);
	sc_observe_channel(net, ch->peer, up);
	put_net(net);
}

/* The peer broke the protocol. Any context but hard interrupts. */
void sc_stats_channel_failed(struct schannel_channel *ch)
{
	const struct net *net;

	if (atomic_xchg(&ch->failed, 1))
		return;
	rcu_read_lock();
	net = sc_peer_net(ch->peer, ch);
	if (net)
		sc_stats_inc(net, SCHANNEL_A_STATS_CHANNELS_FAILED);
	rcu_read_unlock();
}

static void sc_stats_sum(struct sc_flow *flow, struct sc_channel_traffic *sum)
{
	struct sc_flow_stats stats;

	rcu_read_lock();
	if (sc_flow_get_stats(flow, &stats)) {
		sum->tx_bytes += stats.tx_bytes;
		sum->rx_bytes += stats.rx_bytes;
	}
	rcu_read_unlock();
}

/**
 * sc_stats_channel_traffic() - what all flows of a channel carried so far
 * @ch:		the channel
 * @sum:	filled in
 */
void sc_stats_channel_traffic(struct schannel_channel *ch,
			      struct sc_channel_traffic *sum)
{
	struct sc_flow *flow;
	unsigned long id;

	/* a flow that is closed meanwhile is in one of the two, not in both */
	mutex_lock(&ch->traffic_lock);
	*sum = ch->traffic;
	sum->tx_bytes += atomic_long_read(&ch->stats.dgram_tx_bytes);
	sum->rx_bytes += atomic_long_read(&ch->stats.dgram_rx_bytes);
	rcu_read_lock();
	xa_for_each(&ch->flows, id, flow) {
		sc_stats_sum(flow, sum);
		sum->flows++;
	}
	rcu_read_unlock();
	mutex_unlock(&ch->traffic_lock);
}

/* ---- Flows ------------------------------------------------------------- */

/* Both ends know of each other. */
void sc_stats_flow_began(struct sc_flow *flow)
{
	struct sc_channel_stats *stats = &flow->channel->stats;
	struct sock *sk;

	atomic_long_inc(flow->opened ? &stats->opened : &stats->accepted);
	sk = sc_flow_hold_sock(flow);
	if (sk) {
		sc_observe_flow(flow, sk);
		sock_put(sk);
	}
}

/**
 * sc_stats_flow_over() - a flow ended, in order or not
 * @flow:	a flow; only the first call for it counts
 * @err:	0, or why not in order, negative
 */
void sc_stats_flow_over(struct sc_flow *flow, int err)
{
	bool reset = err && flow->accepted;
	struct sock *sk;

	if (atomic_xchg(&flow->over, 1))
		return;
	if (reset) {
		trace_schannel_reset(flow, err);
		atomic_long_inc(&flow->channel->stats.reset);
	}
	sk = sc_flow_hold_sock(flow);
	if (!sk)
		return;
	if (reset)
		sc_stats_inc(sock_net(sk), SCHANNEL_A_STATS_RESETS);
	sc_observe_flow_over(flow, sk, err);
	sock_put(sk);
}

static int sc_stats_reason_to_errno(u32 reason)
{
	switch (reason) {
	case SCHANNEL_REASON_DONE:
		return 0;
	case SCHANNEL_REASON_PROTOCOL:
		return -EPROTO;
	default:
		return -ECONNABORTED;
	}
}

/**
 * sc_stats_flow_closed() - the user is done with a flow
 * @flow:	the flow, which has no user any more after this
 * @reason:	as sc_flow_close()'s
 */
void sc_stats_flow_closed(struct sc_flow *flow, u32 reason)
{
	struct schannel_channel *ch = flow->channel;

	trace_schannel_close(flow, reason);
	sc_stats_flow_over(flow, sc_stats_reason_to_errno(reason));
	mutex_lock(&ch->traffic_lock);
	sc_stats_sum(flow, &ch->traffic);
	RCU_INIT_POINTER(flow->user, NULL);
	mutex_unlock(&ch->traffic_lock);
}
