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
#include "core/flow.h"
#include "core/stats.h"
#include "reason.h"
#include "sock/sockopt.h"
#include "tcp.h"

/* ---- The accepting end opens the flow ---------------------------------- */

/**
 * sctcp_note_first() - note the sequence numbers of the first bytes of both directions
 * @is:		of an established connection. The spinlock is held, and who owns the socket is the
 *		caller or nobody: an owner changes what this reads
 *
 * They do not change while the connection goes on, and two ends that have the same are ends of one
 * connection. TCP counts its SYN as a byte that was acknowledged at the connecting end.
 */
void sctcp_note_first(struct sctcp *is)
{
	const struct tcp_sock *tp = tcp_sk(is->conn.sk);

	is->first_sent = tp->snd_una - (u32)tp->bytes_acked + !is->accepted;
	is->first_received = tp->rcv_nxt - (u32)tp->bytes_received;
	WRITE_ONCE(is->first_known, true);
}

/* The connecting end may have a connection now. The caller owns the socket. */
void sctcp_see(struct sctcp *is)
{
	const struct sock *sk = is->conn.sk;

	if (!is->first_known &&
	    (1 << inet_sk_state_load(sk)) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT))
		sctcp_note_first(is);
}

/* Whom a TCP socket belongs to, for the peer. */
static struct sc_ids scinet_ids(const struct sock *sk)
{
	return (struct sc_ids) {
		.uid = from_kuid(&init_user_ns, sk->sk_uid),
		.gid = SCHANNEL_ID_NONE,
	};
}

/* Whether a flow can be opened for a connection now. */
enum sctcp_fitness {
	SCTCP_FITS,
	SCTCP_UNFIT,
	/* It waits for accept(), which decides whom it belongs to, and whose memory its ring is. */
	SCTCP_QUEUED,
};

/* Addresses, ports and sequence numbers. */
static enum sctcp_fitness sctcp_describe(struct sctcp *is, struct schannel_msg_open *open)
{
	enum sctcp_fitness fitness = SCTCP_UNFIT;
	struct sock *sk = is->conn.sk;

	spin_lock_bh(&sk->sk_lock.slock);
	if (sctcp_is_its(is) && sctcp_fits(is))
		fitness = sk->sk_socket ? SCTCP_FITS : SCTCP_QUEUED;
	/* pairs with sctcp_release_cb(), which has the spinlock, too */
	is->queued = fitness == SCTCP_QUEUED;
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
	return fitness;
}

/* Why an established connection does not fit, if it is for long. */
static void sctcp_say_unfit(struct sctcp *is)
{
	const struct sock *sk = is->conn.sk;

	if (sctcp_is_filtered(sk))
		sctcp_say(is, SCHANNEL_DIVERT_FILTERED);
	else if (sctcp_has_user(is) || sctcp_stays(is) || sock_flag(sk, SOCK_MEMALLOC))
		sctcp_say(is, SCHANNEL_DIVERT_SOCKET);
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

/**
 * sctcp_find_peer() - the domain that has a connection's other address
 * @sk:		the accepting end
 * @verdict:	set to SCHANNEL_DIVERT_OK, _NO_PEER or _LOCAL
 *
 * Return: the peer, to be released with sc_peer_put(), or NULL.
 */
struct schannel_peer *sctcp_find_peer(const struct sock *sk, enum schannel_divert *verdict)
{
	struct schannel_peer *peer;
	struct in6_addr from;

	scinet_peer_address(sk, &from);
	peer = scinet_reason_peer(sock_net(sk), &from, verdict);
	if (peer && *verdict) {
		sc_peer_put(peer);
		return NULL;
	}
	return peer;
}

/* Forget the peer, and its channel that is waited for. */
static void sctcp_part(struct sctcp *is)
{
	if (!is->peer)
		return;
	sc_peer_unwait(is->peer, &is->waiter);
	sc_peer_put(is->peer);
	is->peer = NULL;
}

/*
 * The domain that has the other end's address is another peer than before if its pair was made
 * again, if it was restored, perhaps under another id, or if either module was loaded again.
 * False: no domain has it.
 */
static bool sctcp_meet(struct sctcp *is)
{
	enum schannel_divert verdict;
	struct schannel_peer *peer;

	WRITE_ONCE(is->seeks, true);
	smp_mb();	/* pairs with sctcp_seek_work(): a peer is found here, or appears later */
	peer = sctcp_find_peer(is->conn.sk, &verdict);
	if (peer != is->peer) {
		sctcp_part(is);
		is->peer = peer;
	} else if (peer) {
		sc_peer_put(peer);
	}
	if (!peer) {
		sctcp_say(is, verdict);
		return false;
	}
	WRITE_ONCE(is->seeks, false);
	return true;
}

/* As sc_peer_channel(). */
static struct schannel_channel *sctcp_channel(struct sctcp *is)
{
	struct schannel_channel *ch;

	ch = sc_peer_channel(is->peer, sock_net(is->conn.sk), &is->waiter);
	if (IS_ERR(ch))
		sctcp_say(is, SCHANNEL_DIVERT_NO_CHANNEL);
	/* the next attempt is not to fail because this one did */
	if (IS_ERR(ch) && PTR_ERR(ch) != -EAGAIN)
		sc_peer_unwait(is->peer, &is->waiter);
	return ch;
}

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
	/* else the work is queued when a peer appears */
	if (!sctcp_meet(is))
		return;
	switch (sctcp_describe(is, &open)) {
	case SCTCP_QUEUED:	/* until accept() */
		return;
	case SCTCP_UNFIT:
		sctcp_say_unfit(is);
		sctcp_try_open(is, READ_ONCE(is->retry));
		return;
	case SCTCP_FITS:
		break;
	}
	ch = sctcp_channel(is);
	if (IS_ERR(ch)) {
		/* -EAGAIN: the work is queued when the channel is up */
		if (PTR_ERR(ch) != -EAGAIN)
			sctcp_try_open(is, READ_ONCE(is->retry));
		return;
	}
	if (!sctcp_is_idle(is)) {
		sctcp_again(is);
		sctcp_try_open(is, READ_ONCE(is->retry));
		goto out;
	}
	get_random_bytes(is->nonce, sizeof(is->nonce));
	memcpy(open.nonce, is->nonce, sizeof(open.nonce));
	open.rx_order = sc_sockopt_rx_order(sk, &ch->pool);
	flow = sc_flow_open(ch, &open, sc_sockopt_tx_limits(sk), &sctcp_flow_ops, is, sk);
	if (IS_ERR(flow)) {
		sctcp_say(is, SCHANNEL_DIVERT_NO_MEMORY);
		sctcp_try_open(is, READ_ONCE(is->retry));
	} else {
		sctcp_join(is, flow);
	}
out:
	sc_channel_put(ch);
}

void sctcp_promote_init(struct sctcp *is)
{
	is->retry = SCTCP_RETRY_MIN;
	INIT_LIST_HEAD(&is->waiter.node);
	INIT_DELAYED_WORK(&is->waiter.work, sctcp_open_work);
}

/* Does the end that opens no flows owe a marker, without which the other end opens none? */
static bool sctcp_owes(const struct sctcp *is)
{
	return !is->accepted && READ_ONCE(is->tx_state) == SCTCP_TX_OWED &&
	       !READ_ONCE(is->again);
}

/* Under the lock of the list of all. */
static bool sctcp_seek(struct sctcp *is, const struct net *net)
{
	enum schannel_divert verdict;
	struct schannel_peer *peer;
	bool up;

	if (!READ_ONCE(is->seeks) && !sctcp_owes(is))
		return false;
	peer = sctcp_find_peer(is->conn.sk, &verdict);
	if (!peer)
		return false;
	up = sc_peer_is_up(peer);
	sc_peer_put(peer);
	if (is->accepted)
		sctcp_try_open(is, 0);
	else if (up)
		sctcp_again(is);
	return true;
}

static void sctcp_seek_work(struct work_struct *work)
{
	smp_mb();	/* the peer before @seeks; pairs with sctcp_meet() */
	sctcp_visit_all(sctcp_seek, NULL);
}

static DECLARE_WORK(sctcp_seeker, sctcp_seek_work);

/*
 * A peer or its channel is there: have connections look for their peers that had none, and send
 * markers that were not worth it to a peer that may be dead. Any context.
 */
void sctcp_peer_appeared(void)
{
	queue_work(sc_wq, &sctcp_seeker);
}

/* sctcp_peer_appeared() is not called any more. */
void sctcp_promote_exit(void)
{
	cancel_work_sync(&sctcp_seeker);
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
	if (sctcp_is_its(is) && !is->first_known && sk->sk_state != TCP_SYN_SENT &&
	    !sock_owned_by_user_nocheck(sk))
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
	if (reason == SCHANNEL_REASON_SOURCE)
		sctcp_say(is, SCHANNEL_DIVERT_REFUSED_SOURCE);
	else if (reason == SCHANNEL_REASON_NOT_ATTACHED && !scinet_cgroup_attached(sk))
		sctcp_say(is, SCHANNEL_DIVERT_NOT_ATTACHED);
	else if (reason == SCHANNEL_REASON_NOT_ATTACHED)
		sctcp_say_unfit(is);
	return reason;
}

static int sctcp_accept(struct schannel_channel *ch, const struct schannel_msg *msg,
			struct sctcp *is)
{
	struct sock *sk = is->conn.sk;
	struct sc_flow *flow;
	int reason;

	/* the accepting end opens, so there never are two flows for one connection */
	reason = is->accepted ? SCHANNEL_REASON_NOT_ATTACHED : sctcp_check(is, &msg->open);
	if (reason)
		return reason;
	if (!sctcp_is_idle(is)) {
		sctcp_again(is);
		return SCHANNEL_REASON_RETRY;
	}
	memcpy(is->nonce, msg->open.nonce, sizeof(is->nonce));
	flow = sc_flow_accept(ch, msg, scinet_ids(sk), sc_sockopt_tx_limits(sk), &sctcp_flow_ops,
			      is, sk);
	if (IS_ERR(flow)) {
		sctcp_say(is, SCHANNEL_DIVERT_NO_MEMORY);
		return SCHANNEL_REASON_NO_MEMORY;
	}
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
