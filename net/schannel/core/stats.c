// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters, traces and calls of observers when connections and channels come and go.
 *
 * Nothing here is called per byte or message: sockets count these themselves
 * (sc_conn_stats()). The traffic of a channel is the sum of its closed flows, which is kept
 * here, and of its open flows, which is computed on request, some flows at a time. Only
 * datagrams are counted in the channel at once, since no socket owns their flow.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
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

/**
 * sc_stats_add() - add to a counter of a namespace
 * @net:	the namespace
 * @what:	the counter
 * @nr:		the number to add; may be negative
 *
 * Context: Any context.
 */
void sc_stats_add(const struct net *net, enum schannel_attr_stats what, long nr)
{
	atomic_long_add(nr, &sc_net(net)->stats[what]);
}
EXPORT_SYMBOL_NS_GPL(sc_stats_add, SC_NS_SOCK);

/**
 * sc_stats_read() - read a counter of a namespace
 * @net:	the namespace
 * @what:	the counter
 *
 * Return: its value.
 */
u64 sc_stats_read(const struct net *net, enum schannel_attr_stats what)
{
	return atomic_long_read(&sc_net(net)->stats[what]);
}

/**
 * sc_stats_connect() - count the result of a connect()
 * @net:	the socket's namespace
 * @err:	0 or the negative error
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
 * sc_stats_incoming() - count the result of a peer's OPEN
 * @net:	the channel's namespace
 * @reason:	0 if it was accepted, else enum schannel_reason
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
 * sc_stats_channel() - count and report that a channel came up or goes down
 * @ch:		the channel, while it is the peer's @channel
 * @up:		whether it came up
 *
 * Context: Process context.
 */
void sc_stats_channel(struct schannel_channel *ch, bool up)
{
	struct net *net;

	if (up)
		trace_schannel_channel_up(ch);
	else
		trace_schannel_channel_down(ch);
	/* observers see the two ends of loopback as one channel */
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

/**
 * sc_stats_channel_failed() - count a channel whose peer broke the protocol
 * @ch:		the channel
 *
 * Context: Any but hard interrupts.
 */
void sc_stats_channel_failed(struct schannel_channel *ch)
{
	const struct net *net;

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

/* Flows that are added up at a time. A flow that is being closed waits for no more. */
#define SC_STATS_BATCH	32

/*
 * Add up some flows, from number @walk->next on. Under traffic_lock a flow that is being
 * closed is in exactly one sum: in @ch->traffic, or in the walk's. Returns false after the
 * last flow.
 */
static bool sc_stats_walk(struct schannel_channel *ch, struct sc_stats_walk *walk)
{
	int left = SC_STATS_BATCH;
	struct sc_flow *flow;
	unsigned long id;
	bool more = false;

	spin_lock(&ch->traffic_lock);
	rcu_read_lock();
	xa_for_each_start(&ch->flows, id, flow, walk->next) {
		more = !left--;
		if (more)
			break;
		sc_stats_sum(flow, &walk->sum);
		walk->sum.flows++;
		walk->next = id + 1;
	}
	rcu_read_unlock();
	if (!more)
		walk->active = false;
	spin_unlock(&ch->traffic_lock);
	return more;
}

/* Walk over all flows. Under walk_lock. */
static void sc_stats_walk_all(struct schannel_channel *ch)
{
	struct sc_stats_walk *walk = &ch->walk;

	spin_lock(&ch->traffic_lock);
	walk->sum = ch->traffic;
	walk->next = 0;
	walk->active = true;
	spin_unlock(&ch->traffic_lock);
	while (sc_stats_walk(ch, walk))
		cond_resched();
	walk->sum.tx_bytes += atomic_long_read(&ch->stats.dgram_tx_bytes);
}

/**
 * sc_stats_channel_traffic() - the traffic of all flows of a channel so far
 * @ch:		the channel
 * @sum:	filled in
 *
 * Any user may ask. Flows are closed meanwhile without waiting for the walk, and callers
 * that wait for a walk share the next one, so that each waits for two at most.
 *
 * Context: Process context.
 */
void sc_stats_channel_traffic(struct schannel_channel *ch,
			      struct sc_channel_traffic *sum)
{
	unsigned long begun = READ_ONCE(ch->walk.begun);

	mutex_lock(&ch->walk_lock);
	/* else another caller has begun a walk, and ended it, since this function was called */
	if (ch->walk.begun == begun) {
		WRITE_ONCE(ch->walk.begun, ch->walk.begun + 1);
		sc_stats_walk_all(ch);
	}
	*sum = ch->walk.sum;
	mutex_unlock(&ch->walk_lock);
}

/* ---- Flows ------------------------------------------------------------- */

/**
 * sc_stats_flow_began() - count and report that a flow was established
 * @flow:	the flow
 *
 * Context: Process context.
 */
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
 * sc_stats_flow_over() - count and report the end of a flow
 * @flow:	the flow; only the first call counts
 * @err:	0 after an orderly close, else the negative error
 *
 * Context: Process context.
 */
void sc_stats_flow_over(struct sc_flow *flow, int err)
{
	bool reset = err && READ_ONCE(flow->accepted);
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

/**
 * sc_stats_orphan_reset() - count an orphan that is reset
 * @flow:	the orphan
 * @what:	SCHANNEL_A_STATS_ORPHANS_*
 *
 * Context: Any but hard interrupts.
 */
void sc_stats_orphan_reset(struct sc_flow *flow, enum schannel_attr_stats what)
{
	const struct net *net;

	trace_schannel_reset(flow, what == SCHANNEL_A_STATS_ORPHANS_TIMED_OUT ?
			     -ETIMEDOUT : -ENOBUFS);
	rcu_read_lock();
	net = sc_peer_net(flow->channel->peer, flow->channel);
	if (net)
		sc_stats_inc(net, what);
	rcu_read_unlock();
}

static int sc_stats_reason_to_errno(u32 reason)
{
	switch (reason) {
	case SCHANNEL_REASON_DONE:
	case SCHANNEL_REASON_RETURNED:	/* its connection goes on */
		return 0;
	case SCHANNEL_REASON_PROTOCOL:
		return -EPROTO;
	default:
		return -ECONNABORTED;
	}
}

/**
 * sc_stats_flow_closed() - the user closes a flow
 * @flow:	the flow; has no user after the return
 * @reason:	as for sc_flow_close()
 *
 * Context: Process context.
 */
void sc_stats_flow_closed(struct sc_flow *flow, u32 reason)
{
	struct schannel_channel *ch = flow->channel;

	trace_schannel_close(flow, reason);
	sc_stats_flow_over(flow, sc_stats_reason_to_errno(reason));
	spin_lock(&ch->traffic_lock);
	sc_stats_sum(flow, &ch->traffic);
	/* a walk that is under way finds no user any more */
	if (ch->walk.active && flow->id >= ch->walk.next)
		sc_stats_sum(flow, &ch->walk.sum);
	RCU_INIT_POINTER(flow->user, NULL);
	spin_unlock(&ch->traffic_lock);
}
