// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promotion: the accepting end opens a flow for an established connection, the other finds its
 * socket and checks that they are the two ends of one connection. Then each direction may move
 * (move.c). See tcp.h.
 */
#include <linux/err.h>
#include <linux/random.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "cgroup.h"
#include "core/channel.h"
#include "core/common.h"
#include "core/divert.h"
#include "core/flow.h"
#include "core/stats.h"
#include "reason.h"
#include "sock/sockopt.h"
#include "sock/io.h"
#include "tcp.h"
#include "trace.h"

/* ---- The flow as the user sees it -------------------------------------- */

/* The flow is @is's from now on. */
static void sctcp_join(struct sctcp *is, struct sc_flow *flow)
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
	sctcp_look(is, flow);
	sctcp_kick(is, 0);
}

/*
 * How often a flow is opened again that was refused as SOURCE: after a restore the channel may be
 * up before the peer knows our addresses.
 */
#define SCTCP_SOURCE_RETRIES	12

/* Will the peer perhaps accept a flow later? */
static bool sctcp_may_retry(struct sctcp *is, const struct sc_flow *flow)
{
	switch (flow->refused) {
	case SCHANNEL_REASON_SOURCE:
		WRITE_ONCE(is->refusals, is->refusals + 1);
		return is->refusals <= SCTCP_SOURCE_RETRIES;
	case 0:
		return true;	/* the flow or its channel has ended */
	case SCHANNEL_REASON_RETRY:
	case SCHANNEL_REASON_BACKLOG:
	case SCHANNEL_REASON_NO_MEMORY:
		return true;
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
	if (sctcp_is_opener(is) && !reset && sctcp_may_retry(is, flow))
		sctcp_try_open(is, is->retry);
}

/* The flow goes with it, and the peer's direction; both may move again on the next flow. */
static void sctcp_flow_returned(struct sc_flow *flow, void *user, enum sc_flow_return why)
{
	struct sctcp *is = user;

	if (why == SC_FLOW_RETURN_DEMOTED)
		WRITE_ONCE(is->demoted, true);
	sctcp_leave(is, flow, why == SC_FLOW_RETURN_PEER ? SCTCP_CAUSE_PEER : SCTCP_CAUSE_ADMIN);
	sctcp_again(is);
	if (sctcp_is_opener(is) && why != SC_FLOW_RETURN_DEMOTED)
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

static const struct sc_flow_ops sctcp_flow_ops = {
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

/* ---- The accepting end opens the flow ---------------------------------- */

/**
 * sctcp_note_first() - note the sequence numbers of the first bytes of both directions
 * @is:		of an established connection. The spinlock is held, and who owns the socket is the
 *		caller or nobody: an owner changes what this reads
 *
 * They do not change while the connection goes on, and two ends that have the same are ends of one
 * connection. TCP counts its SYN as a byte that was acknowledged at the connecting end, which
 * has no @is->peer.
 */
void sctcp_note_first(struct sctcp *is)
{
	const struct tcp_sock *tp = tcp_sk(is->conn.sk);

	is->first_sent = tp->snd_una - (u32)tp->bytes_acked + !is->peer;
	is->first_received = tp->rcv_nxt - (u32)tp->bytes_received;
	is->first_known = true;
}

/* Addresses, ports and sequence numbers. False if the connection is not to be carried now. */
static bool sctcp_describe(struct sctcp *is, struct schannel_msg_open *open)
{
	struct sock *sk = is->conn.sk;
	bool fits;

	spin_lock_bh(&sk->sk_lock.slock);
	fits = sctcp_is_its(is) && sctcp_fits(is);
	open->src_port = sk->sk_num;
	open->dst_port = ntohs(sk->sk_dport);
	if (sk->sk_family == AF_INET6) {
		memcpy(open->src_addr, &sk->sk_v6_rcv_saddr, sizeof(open->src_addr));
		memcpy(open->dst_addr, &sk->sk_v6_daddr, sizeof(open->dst_addr));
	} else {
		ipv6_addr_set_v4mapped(sk->sk_rcv_saddr, (struct in6_addr *)open->src_addr);
		ipv6_addr_set_v4mapped(sk->sk_daddr, (struct in6_addr *)open->dst_addr);
	}
	open->seq = is->first_sent;
	open->ack = is->first_received;
	spin_unlock_bh(&sk->sk_lock.slock);
	return fits;
}

/*
 * Whether it is worth trying. The tracepoint comes just before the state is stored, under the
 * spinlock that sctcp_describe() takes.
 */
static bool sctcp_is_alive(const struct sctcp *is)
{
	return sctcp_is_wrapped(is->conn.sk) && !sctcp_stays(is) &&
	       !READ_ONCE(is->closing) &&
	       (1 << inet_sk_state_load(is->conn.sk)) &
	       (TCPF_SYN_RECV | TCPF_ESTABLISHED | TCPF_CLOSE_WAIT);
}

/* Try to open a flow later. */
void sctcp_try_open(struct sctcp *is, unsigned long delay)
{
	if (delay)
		is->retry = min(2 * delay, SCTCP_RETRY_MAX);
	mod_delayed_work(sc_wq, &is->waiter.work, delay);
}

/**
 * sctcp_find_peer() - the domain that has a connection's other address
 * @sk:		the accepting end
 *
 * Return: the peer, to be released with sc_peer_put(), or NULL.
 */
struct schannel_peer *sctcp_find_peer(const struct sock *sk)
{
	struct sc_divert_view view;
	struct schannel_peer *peer;
	struct in6_addr from;

	if (sk->sk_family == AF_INET6)
		from = sk->sk_v6_daddr;
	else
		ipv6_addr_set_v4mapped(sk->sk_daddr, &from);
	peer = scinet_reason_look(sock_net(sk), &from, ntohs(sk->sk_dport), &view);
	if (peer && view.verdict && view.verdict != SCHANNEL_DIVERT_RECENT) {
		sc_peer_put(peer);
		return NULL;
	}
	return peer;
}

/*
 * As sc_peer_channel(). The domain has another peer than before if its pair was made again, if it
 * was restored, perhaps under another id, or if either module was loaded again.
 */
static struct schannel_channel *sctcp_channel(struct sctcp *is)
{
	struct schannel_peer *peer = sctcp_find_peer(is->conn.sk), *old = is->peer;
	struct schannel_channel *ch;

	if (peer != old)
		sc_peer_unwait(old, &is->waiter);
	if (!peer)
		return ERR_PTR(-EHOSTUNREACH);
	WRITE_ONCE(is->peer, peer);
	sc_peer_put(old);
	ch = sc_peer_channel(peer, sock_net(is->conn.sk), &is->waiter);
	/* the next attempt is not to fail because this one did */
	if (IS_ERR(ch) && PTR_ERR(ch) != -EAGAIN)
		sc_peer_unwait(peer, &is->waiter);
	return ch;
}

/* How often what this side waits for is looked at. */
#define SCTCP_LOOK	HZ

static void sctcp_open_work(struct work_struct *work)
{
	struct sctcp *is = container_of(work, struct sctcp, waiter.work.work);
	struct schannel_msg_open open = {
		.type = SCHANNEL_TYPE_TCP,
		.uid = scinet_ids(is->conn.sk).uid,
		.gid = scinet_ids(is->conn.sk).gid,
	};
	struct sock *sk = is->conn.sk;
	struct schannel_channel *ch;
	struct sc_flow *flow;

	if (rcu_access_pointer(is->conn.flow) || !sctcp_is_alive(is))
		return;
	if (!sctcp_describe(is, &open)) {
		sctcp_try_open(is, min(is->retry, SCTCP_LOOK));
		return;
	}
	ch = sctcp_channel(is);
	if (IS_ERR(ch)) {
		/* -EAGAIN: the work is queued when the channel is up */
		if (PTR_ERR(ch) != -EAGAIN)
			sctcp_try_open(is, min(is->retry, SCTCP_LOOK));
		return;
	}
	if (!sctcp_is_idle(is)) {
		sctcp_again(is);
		sctcp_try_open(is, min(is->retry, SCTCP_LOOK));
		goto out;
	}
	get_random_bytes(is->nonce, sizeof(is->nonce));
	memcpy(open.nonce, is->nonce, sizeof(open.nonce));
	open.rx_order = sc_sockopt_rx_order(sk, &ch->pool);
	flow = sc_flow_open(ch, &open, sc_sockopt_tx_limits(sk), &sctcp_flow_ops, is, sk);
	if (IS_ERR(flow))
		sctcp_try_open(is, is->retry);
	else
		sctcp_join(is, flow);
out:
	sc_channel_put(ch);
}

void sctcp_promote_init(struct sctcp *is)
{
	is->retry = SCTCP_RETRY_MIN;
	INIT_LIST_HEAD(&is->waiter.node);
	INIT_DELAYED_WORK(&is->waiter.work, sctcp_open_work);
}

/* ---- The connecting end is asked --------------------------------------- */

/* The socket for the OPEN, with a reference, or NULL. */
static struct sock *sctcp_find(struct net *net, const struct schannel_msg_open *open)
{
	const struct in6_addr *from = (const struct in6_addr *)open->src_addr;
	const struct in6_addr *to = (const struct in6_addr *)open->dst_addr;
	struct inet_hashinfo *hashinfo = net->ipv4.tcp_death_row.hashinfo;
	struct sock *sk;

	local_bh_disable();
	if (ipv6_addr_v4mapped(from))
		sk = __inet_lookup_established(net, hashinfo, from->s6_addr32[3],
					       htons(open->src_port), to->s6_addr32[3],
					       open->dst_port, 0, 0);
	else
		sk = __inet6_lookup_established(net, hashinfo, from, htons(open->src_port), to,
						open->dst_port, 0, 0);
	local_bh_enable();
	if (sk && !sk_fullsock(sk)) {
		sock_gen_put(sk);
		sk = NULL;
	}
	return sk;
}

static int sctcp_check(struct sctcp *is, const struct schannel_msg_open *open)
{
	struct sock *sk = is->conn.sk;
	int reason = 0;

	spin_lock_bh(&sk->sk_lock.slock);
	if (!is->first_known && sk->sk_state != TCP_SYN_SENT && !sock_owned_by_user_nocheck(sk))
		sctcp_note_first(is);
	if (!sctcp_is_its(is) || !scinet_cgroup_attached(sk))
		reason = SCHANNEL_REASON_NOT_ATTACHED;
	else if (!is->first_known)
		reason = SCHANNEL_REASON_RETRY;
	else if (open->seq != is->first_received || open->ack != is->first_sent)
		reason = SCHANNEL_REASON_SOURCE;
	else if (!sctcp_fits(is))
		reason = SCHANNEL_REASON_NOT_ATTACHED;
	spin_unlock_bh(&sk->sk_lock.slock);
	return reason;
}

static int sctcp_accept(struct schannel_channel *ch, const struct schannel_msg *msg,
			struct sctcp *is)
{
	struct sock *sk = is->conn.sk;
	struct sc_flow *flow;
	int reason;

	/* the accepting end opens, so there never are two flows for one connection */
	reason = sctcp_is_opener(is) ? SCHANNEL_REASON_NOT_ATTACHED : sctcp_check(is, &msg->open);
	if (reason)
		return reason;
	if (!sctcp_is_idle(is)) {
		sctcp_again(is);
		return SCHANNEL_REASON_RETRY;
	}
	memcpy(is->nonce, msg->open.nonce, sizeof(is->nonce));
	flow = sc_flow_accept(ch, msg, scinet_ids(sk), sc_sockopt_tx_limits(sk), &sctcp_flow_ops,
			      is, sk);
	if (IS_ERR(flow))
		return SCHANNEL_REASON_NO_MEMORY;
	scinet_reason_count(sock_net(sk), &is->dest, is->port, SCHANNEL_DIVERT_OK);
	sctcp_join(is, flow);
	return 0;
}

/* 0, or the reason for refusing what the addresses alone say. */
static int sctcp_check_addresses(struct schannel_channel *ch, struct net *net,
				 const struct schannel_msg_open *open)
{
	const struct in6_addr *from = (const struct in6_addr *)open->src_addr;
	const struct in6_addr *to = (const struct in6_addr *)open->dst_addr;

	if (open->src_port > U16_MAX || open->dst_port > U16_MAX ||
	    ipv6_addr_v4mapped(from) != ipv6_addr_v4mapped(to))
		return SCHANNEL_REASON_SOURCE;
	if (ch->peer->domid == SC_DOMID_SELF ? !scinet_reason_is_local(net, from) :
					       !sc_peer_has_address(ch->peer, from))
		return SCHANNEL_REASON_SOURCE;
	return scinet_reason_is_local(net, to) ? 0 : SCHANNEL_REASON_NO_LISTENER;
}

/**
 * sctcp_incoming() - the peer opens a flow for a connection that exists
 * @ch:		the channel
 * @msg:	the peer's OPEN, after sc_message_check()
 *
 * Context: the channel's work.
 *
 * Return: 0, or the enum schannel_reason for refusing the flow.
 */
int sctcp_incoming(struct schannel_channel *ch, const struct schannel_msg *msg)
{
	struct net *net = sc_peer_hold_net(ch->peer, ch);
	struct sctcp *is;
	struct sock *sk;
	int reason;

	if (!net)
		return SCHANNEL_REASON_NO_LISTENER;
	reason = sctcp_check_addresses(ch, net, &msg->open);
	sk = reason ? NULL : sctcp_find(net, &msg->open);
	if (sk) {
		is = sctcp_get(sk);
		reason = is ? sctcp_accept(ch, msg, is) : SCHANNEL_REASON_NOT_ATTACHED;
		if (is)
			sctcp_put(is);
		sock_put(sk);
	} else if (!reason) {
		reason = SCHANNEL_REASON_NO_LISTENER;
	}
	sc_stats_incoming(net, reason);
	put_net(net);
	return reason;
}
