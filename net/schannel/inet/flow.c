// SPDX-License-Identifier: GPL-2.0-only
/* A connection as the user of its flow: the functions of struct sc_flow_ops. See tcp.h. */
#include <linux/module.h>

#include "core/channel.h"
#include "core/flow.h"
#include "core/stats.h"
#include "reason.h"
#include "sock/io.h"
#include "tcp.h"
#include "trace.h"

static void sctcp_count(const struct sctcp *is, enum schannel_divert verdict)
{
	const struct net *net = sock_net(is->conn.sk);

	scinet_reason_count(net, verdict);
	if (!is->accepted)
		scinet_reason_keep(net, &is->dest, is->port, verdict);
}

/**
 * sctcp_say() - say why the bytes of a connection have not moved, unless they have before
 * @is:		the connection's end
 * @verdict:	the reason; SCHANNEL_DIVERT_OK: they can move now
 *
 * Context: process context or softirq.
 */
void sctcp_say(struct sctcp *is, enum schannel_divert verdict)
{
	bool news;

	spin_lock_bh(&is->lock);
	news = is->verdict != SCHANNEL_DIVERT_OK;
	if (news)
		is->verdict = verdict;
	spin_unlock_bh(&is->lock);
	if (news && verdict == SCHANNEL_DIVERT_OK)
		sctcp_count(is, verdict);
}

/**
 * sctcp_judge() - the connection is over: if its bytes never moved, count why
 * @is:		the connection's end
 *
 * Context: process context.
 */
void sctcp_judge(struct sctcp *is)
{
	enum schannel_divert verdict;

	spin_lock_bh(&is->lock);
	verdict = is->verdict;
	is->verdict = SCHANNEL_DIVERT_OK;	/* it is not counted again */
	spin_unlock_bh(&is->lock);
	if (verdict != SCHANNEL_DIVERT_OK)
		sctcp_count(is, verdict);
}

/**
 * sctcp_join() - give a connection a flow, to which its directions can move
 * @is:		the connection's end
 * @flow:	the flow, whose user is @is. It is closed if the connection is over
 *
 * Context: process context.
 */
void sctcp_join(struct sctcp *is, struct sc_flow *flow)
{
	bool joined;

	/* once it is published, others may close it */
	refcount_inc(&flow->ref);
	mutex_lock(&is->conn.tx_lock);
	mutex_lock(&is->conn.rx_lock);
	spin_lock_bh(&is->lock);
	joined = !is->dropped && !rcu_access_pointer(is->conn.flow);
	if (joined) {
		is->tx_gen = 0;
		is->rx_gen = 0;
		is->conn.notified_prod = 0;
		is->conn.notified_flags = 0;
		is->conn.tx_need = 0;
		WRITE_ONCE(is->again, false);
		rcu_assign_pointer(is->conn.flow, flow);
	}
	spin_unlock_bh(&is->lock);
	mutex_unlock(&is->conn.rx_lock);
	mutex_unlock(&is->conn.tx_lock);
	if (!joined) {
		sc_flow_close(flow, SCHANNEL_REASON_RETURNED);
		goto out;
	}
	/* the end that has opened it waits for the answer */
	if (!is->accepted)
		sctcp_say(is, SCHANNEL_DIVERT_OK);
	sc_stats_inc(sock_net(is->conn.sk), SCHANNEL_A_STATS_TCP_PROMOTED);
	trace_schannel_tcp_promoted(is->conn.sk, flow);
	/* it may have been answered or have ended before we had it */
	smp_mb();
	if (READ_ONCE(flow->ended)) {
		sctcp_leave(is, flow, SCTCP_CAUSE_PEER);
		goto out;
	}
	if (sc_flow_is_joined(flow))
		sctcp_look(is, flow);
	sctcp_kick(is, 0);
out:
	sc_flow_put(flow);
}

static unsigned int sctcp_flow_event(struct sc_flow *flow, void *user)
{
	struct sctcp *is = user;

	if (!sc_flow_is_joined(flow))
		return 1;
	sctcp_look(is, flow);
	sc_conn_event(&is->conn, flow);
	if (READ_ONCE(is->tx_state) == SCTCP_TX_ANNOUNCED && sctcp_heard(is, flow)) {
		sctcp_kick(is, 0);
		sc_io_write_space(is->conn.sk);
	}
	return 1;
}

static void sctcp_flow_opened(struct sc_flow *flow, void *user)
{
	struct sctcp *is = user;

	WRITE_ONCE(is->refusals, 0);
	sctcp_say(is, SCHANNEL_DIVERT_OK);
	sctcp_look(is, flow);
	sctcp_kick(is, 0);
}

/*
 * How often a flow is opened again that was refused as SOURCE: after a restore the channel may be
 * up before the peer knows our addresses.
 */
#define SCTCP_SOURCE_RETRIES	12

/* The peer has refused the flow, or it has ended: will the peer perhaps accept one later? */
static bool sctcp_may_retry(struct sctcp *is, const struct sc_flow *flow)
{
	switch (flow->refused) {
	case SCHANNEL_REASON_SOURCE:
		sctcp_say(is, SCHANNEL_DIVERT_REFUSED_SOURCE);
		WRITE_ONCE(is->refusals, is->refusals + 1);
		return is->refusals <= SCTCP_SOURCE_RETRIES;
	case 0:
		return true;	/* the flow or its channel has ended */
	case SCHANNEL_REASON_NO_MEMORY:
		sctcp_say(is, SCHANNEL_DIVERT_NO_MEMORY);
		return true;
	case SCHANNEL_REASON_RETRY:
		return true;
	case SCHANNEL_REASON_UNSUPPORTED:
		sctcp_say(is, SCHANNEL_DIVERT_UNSUPPORTED);
		return false;
	case SCHANNEL_REASON_NOT_ATTACHED:
		sctcp_say(is, SCHANNEL_DIVERT_NOT_ATTACHED);
		return false;
	case SCHANNEL_REASON_NO_LISTENER:
		/* behind that address is somebody else, unless its end is closed already */
		if (inet_sk_state_load(is->conn.sk) == TCP_ESTABLISHED)
			sctcp_say(is, SCHANNEL_DIVERT_REFUSED_SOURCE);
		return false;
	default:
		return false;
	}
}

/*
 * Its pages are still there, also if the channel is going down. Whatever else ends the flow, only a
 * peer that says so resets the connection.
 */
static void sctcp_flow_ended(struct sc_flow *flow, void *user, int err)
{
	struct sctcp *is = user;
	bool reset = flow->closed && flow->closed != SCHANNEL_REASON_RETURNED;

	if (reset)
		WRITE_ONCE(is->broken, true);
	sctcp_leave(is, flow, flow->closed ? SCTCP_CAUSE_PEER : SCTCP_CAUSE_CHANNEL);
	if (flow->closed)
		sctcp_again(is);
	if (is->accepted && !reset && sctcp_may_retry(is, flow))
		sctcp_try_open(is, READ_ONCE(is->retry));
}

/* The flow goes with it, and the peer's direction; both may move again on the next flow. */
static void sctcp_flow_returned(struct sc_flow *flow, void *user, enum sc_flow_return why)
{
	struct sctcp *is = user;

	if (why == SC_FLOW_RETURN_DEMOTED)
		WRITE_ONCE(is->demoted, true);
	sctcp_leave(is, flow, why == SC_FLOW_RETURN_PEER ? SCTCP_CAUSE_PEER : SCTCP_CAUSE_ADMIN);
	sctcp_again(is);
	if (is->accepted && why != SC_FLOW_RETURN_DEMOTED)
		sctcp_try_open(is, SCTCP_RETRY_MAX);
}

static bool sctcp_flow_get(void *user)
{
	return refcount_inc_not_zero(&((struct sctcp *)user)->ref);
}

static void sctcp_flow_put(void *user)
{
	sctcp_put(user);
}

static struct sc_conn *sctcp_conn(void *user)
{
	return &((struct sctcp *)user)->conn;
}

static void sctcp_flow_stats(void *user, struct sc_flow_stats *stats)
{
	sc_conn_stats(sctcp_conn(user), stats);
}

static struct sock *sctcp_flow_sock(void *user)
{
	return sctcp_conn(user)->sk;
}

static int sctcp_flow_tx_try(struct sc_flow *flow, void *user)
{
	return sc_conn_tx_try(sctcp_conn(user), flow);
}

static void sctcp_flow_tx_end(void *user)
{
	mutex_unlock(&sctcp_conn(user)->tx_lock);
}

static int sctcp_flow_rx_try(struct sc_flow *flow, void *user)
{
	return sc_conn_rx_try(sctcp_conn(user), flow);
}

static void sctcp_flow_rx_end(void *user)
{
	mutex_unlock(&sctcp_conn(user)->rx_lock);
}

static void sctcp_flow_wake(void *user, enum sc_flow_wake side)
{
	sc_conn_wake(sctcp_conn(user), side);
}

const struct sc_flow_ops sctcp_flow_ops = {
	.owner	= THIS_MODULE,
	.event	= sctcp_flow_event,
	.opened	= sctcp_flow_opened,
	.ended	= sctcp_flow_ended,
	.returned = sctcp_flow_returned,
	.get	= sctcp_flow_get,
	.put	= sctcp_flow_put,
	.stats	= sctcp_flow_stats,
	.sock	= sctcp_flow_sock,
	.tx_try	= sctcp_flow_tx_try,
	.tx_end	= sctcp_flow_tx_end,
	.rx_try	= sctcp_flow_rx_try,
	.rx_end	= sctcp_flow_rx_end,
	.wake	= sctcp_flow_wake,
};
