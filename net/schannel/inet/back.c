// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way back: a direction leaves the ring, for whatever reason. What the peer has not consumed of
 * our ring is copied, and goes over TCP behind a marker, as soon as TCP takes it. See tcp.h.
 */
#include <linux/mm.h>
#include <linux/uio.h>
#include <net/tcp.h>

#include "core/channel.h"
#include "core/flow.h"
#include "core/stats.h"
#include "sock/peek.h"
#include "sock/io.h"
#include "tcp.h"
#include "trace.h"

/* ---- The sending direction --------------------------------------------- */

/*
 * Where the peer has read to, from its page, if what that says is valid. tx_lock is held, and the
 * page is there.
 */
u32 sctcp_consumed(const struct sc_tx *tx)
{
	/* acquire: as in sc_tx_refresh() */
	u32 cons = virt_load_acquire(&tx->peer->rx_cons);

	return tx->prod - cons > tx->prod - tx->cons ? tx->cons : cons;
}

/* tx_lock is held, and the state is RING. */
static void sctcp_keep_rest(struct sctcp *is, struct sc_flow *flow)
{
	const struct sc_tx *tx = &flow->tx;
	struct sctcp_rest *rest = &is->rest;
	u32 from, at, run;
	void *addr;

	memset(rest, 0, sizeof(*rest));
	WRITE_ONCE(is->again, false);
	from = sc_flow_is_there(flow) ? sctcp_consumed(tx) : tx->cons;
	rest->len = tx->prod - from;
	rest->marker = (struct schannel_tcp_marker) {
		.magic = SCHANNEL_TCP_MAGIC,
		.gen = is->tx_gen,
		.nonce = { is->nonce[0], is->nonce[1] },
		.from = from,
		.to = tx->prod,
	};
	if (rest->len && sc_flow_is_there(flow))
		rest->bytes = kvmalloc(rest->len, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (rest->len && !rest->bytes) {
		rest->len = 0;
		WRITE_ONCE(is->broken, true);
		return;
	}
	for (at = 0; at < rest->len; at += run) {
		run = rest->len - at;
		addr = sc_ring_run(&tx->ring, from + at, &run);
		memcpy(rest->bytes + at, addr, run);
	}
}

static void sctcp_count_back(const struct sctcp *is, enum sctcp_cause cause)
{
	const struct net *net = sock_net(is->conn.sk);

	if (READ_ONCE(is->broken))
		cause = SCTCP_CAUSE_BROKEN;
	sc_stats_inc(net, SCHANNEL_A_STATS_TCP_BACK_CHANNEL + cause);
	sc_stats_add(net, SCHANNEL_A_STATS_TCP_BACK_BYTES, is->rest.len);
	trace_schannel_tcp_back(is->conn.sk, cause, is->rest.len);
}

/* tx_lock is held. */
static void sctcp_tx_leave_flow(struct sctcp *is, struct sc_flow *flow, enum sctcp_cause cause)
{
	switch (is->tx_state) {
	case SCTCP_TX_ANNOUNCED:
		/* the ring was not used, so the peer does not expect a marker */
		WRITE_ONCE(is->tx_state, SCTCP_TX_TCP);
		break;
	case SCTCP_TX_RING:
		sctcp_keep_rest(is, flow);
		sctcp_count_back(is, cause);
		WRITE_ONCE(is->tx_state, SCTCP_TX_OWED);
		break;
	}
}

/**
 * sctcp_tx_leave() - the sending direction leaves the ring; the flow stays
 * @is:		lock_sock() is held
 * @cause:	why
 */
void sctcp_tx_leave(struct sctcp *is, enum sctcp_cause cause)
{
	struct sc_flow *flow;

	mutex_lock(&is->conn.tx_lock);
	flow = rcu_dereference_protected(is->conn.flow, lockdep_is_held(&is->conn.tx_lock));
	if (flow)
		sctcp_tx_leave_flow(is, flow, cause);
	mutex_unlock(&is->conn.tx_lock);
}

/**
 * sctcp_give() - give bytes of ours to TCP
 * @sk:		lock_sock() is held; it has no error, and is not shut down
 * @from:	the bytes
 * @len:	their number
 * @more:	MSG_MORE if more follow at once
 *
 * Return: bytes that TCP took, or -errno.
 */
static int sctcp_give(struct sock *sk, void *from, u32 len, unsigned int more)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL | more };
	struct kvec vec = { .iov_base = from, .iov_len = len };

	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, &vec, 1, len);
	return tcp_sendmsg_locked(sk, &msg, len);
}

/* The peer is there, so a marker is of use. Any context; the caller keeps @is from being freed. */
void sctcp_again(struct sctcp *is)
{
	WRITE_ONCE(is->again, true);
	sctcp_kick(is, 0);
}

/* lock_sock() is held: everything was sent, or never can be. */
static void sctcp_rest_done(struct sctcp *is)
{
	mutex_lock(&is->conn.tx_lock);
	kvfree(is->rest.bytes);
	is->rest.bytes = NULL;
	WRITE_ONCE(is->tx_state, SCTCP_TX_TCP);
	mutex_unlock(&is->conn.tx_lock);
	sctcp_came_back(is);
}

/* Returns 0 if TCP has all of it, or -errno. */
static int sctcp_give_rest(struct sctcp *is)
{
	const u32 head = sizeof(is->rest.marker);
	struct sctcp_rest *rest = &is->rest;
	struct sock *sk = is->conn.sk;
	int sent;

	while (rest->sent < head + rest->len) {
		if (rest->sent < head)
			sent = sctcp_give(sk, (void *)&rest->marker + rest->sent,
					  head - rest->sent, MSG_MORE);
		else
			sent = sctcp_give(sk, rest->bytes + rest->sent - head,
					  head + rest->len - rest->sent, 0);
		if (sent <= 0)
			return sent ?: -EAGAIN;
		rest->sent += sent;
		WRITE_ONCE(is->tx_extra, is->tx_extra + sent);
	}
	return 0;
}

/**
 * sctcp_flush() - give TCP the marker that is owed, and the rest of the ring
 * @is:		lock_sock() is held; the state is OWED
 *
 * TCP takes all of it at once, whatever SO_SNDBUF is, unless memory is short or
 * TCP_NOTSENT_LOWAT forbids it: the bytes have been in memory since the program sent them.
 *
 * Return: 0 if the direction is TCP's now, or -EAGAIN.
 */
int sctcp_flush(struct sctcp *is)
{
	struct sock *sk = is->conn.sk;
	int sndbuf = sk->sk_sndbuf;
	u8 shutdown = sk->sk_shutdown;
	int err;

	/* sk_stream_error() would take away an error that a program is to see */
	if (!sctcp_is_its(is) || sk->sk_err ||
	    !((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT))) {
		sctcp_rest_done(is);
		return 0;
	}
	/* inet_shutdown() sets it before TCP has to send the FIN */
	WRITE_ONCE(sk->sk_shutdown, shutdown & ~SEND_SHUTDOWN);
	WRITE_ONCE(sk->sk_sndbuf, INT_MAX);
	err = sctcp_give_rest(is);
	WRITE_ONCE(sk->sk_sndbuf, sndbuf);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | shutdown);
	if (err) {
		if (sk->sk_socket)
			set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		sctcp_kick(is, SCTCP_AGAIN);
		return -EAGAIN;
	}
	sctcp_rest_done(is);
	sc_io_write_space(sk);
	return 0;
}

/* ---- The receiving direction ------------------------------------------- */

void sctcp_unread_free(struct sctcp_unread *unread)
{
	kvfree(unread->bytes);
	unread->bytes = NULL;
	unread->read = 0;
	WRITE_ONCE(unread->len, 0);
}

/*
 * Keep what has arrived in the peer's ring: its owner's domain may be gone, and the connection with
 * it. What the program has peeked at is taken from that copy; what it has received of that after
 * the channel went is still in the ring. rx_lock is held. Without memory the peer's marker brings
 * the bytes once more.
 */
static void sctcp_keep_unread(struct sctcp *is, struct sc_flow *flow)
{
	struct sctcp_unread *unread = &is->unread;
	struct kvec vec;
	struct iov_iter iter;
	u32 read = sctcp_rx_pos(is) - flow->rx.cons, len = 0, seen = 0;
	ssize_t got;

	if (sc_flow_is_there(flow))
		len = sc_flow_unread(flow);
	if (len <= read)
		return;
	len -= read;
	unread->bytes = kvmalloc(len, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!unread->bytes)
		return;
	while (is->conn.peek && seen < len) {
		vec = (struct kvec) { .iov_base = unread->bytes + seen, .iov_len = len - seen };
		iov_iter_kvec(&iter, ITER_DEST, &vec, 1, vec.iov_len);
		got = sc_peek_recv(&is->conn, flow, &iter, vec.iov_len, seen, true);
		if (got <= 0)
			break;
		seen += got;
	}
	sc_flow_salvage(flow, read + seen, unread->bytes + seen, len - seen);
	unread->len = len;
	unread->read = 0;
}

/* rx_lock is held. The flow is not the connection's any more when it is released. */
static void sctcp_rx_leave_flow(struct sctcp *is, struct sc_flow *flow)
{
	spin_lock_bh(&is->lock);
	/* no new acknowledgment: what is known now is all there will be */
	rcu_assign_pointer(is->conn.flow, NULL);
	spin_unlock_bh(&is->lock);
	if (is->rx_state == SCTCP_RX_RING || (is->rx_state == SCTCP_RX_TCP && is->rx_known))
		sctcp_keep_unread(is, flow);
	sc_peek_free(&is->conn);
}

/* ---- Both directions --------------------------------------------------- */

/**
 * sctcp_leave() - both directions leave the flow, which is closed
 * @is:		no lock is needed
 * @flow:	the flow; nothing happens if it is not the connection's
 * @cause:	why
 *
 * Context: process context. Does not wait for user space.
 */
void sctcp_leave(struct sctcp *is, struct sc_flow *flow, enum sctcp_cause cause)
{
	struct sc_conn *conn = &is->conn;
	bool ours;

	mutex_lock(&conn->tx_lock);
	mutex_lock(&conn->rx_lock);
	ours = rcu_access_pointer(conn->flow) == flow;
	if (ours) {
		sctcp_tx_leave_flow(is, flow, cause);
		sctcp_rx_leave_flow(is, flow);
	}
	mutex_unlock(&conn->rx_lock);
	mutex_unlock(&conn->tx_lock);
	if (!ours)
		return;
	sc_flow_close(flow, cause == SCTCP_CAUSE_BROKEN ? SCHANNEL_REASON_PROTOCOL :
							  SCHANNEL_REASON_RETURNED);
	sctcp_kick(is, 0);
	sctcp_wake(is);
}

/* The same for whatever flow it has. */
void sctcp_leave_any(struct sctcp *is, enum sctcp_cause cause)
{
	struct sc_flow *flow;

	rcu_read_lock();
	flow = rcu_dereference(is->conn.flow);
	if (flow && !refcount_inc_not_zero(&flow->ref))
		flow = NULL;
	rcu_read_unlock();
	if (!flow)
		return;
	sctcp_leave(is, flow, cause);
	sc_flow_put(flow);
}

/* And no flow is joined any more, not even one that is being opened. */
void sctcp_leave_for_good(struct sctcp *is, enum sctcp_cause cause)
{
	mutex_lock(&is->conn.tx_lock);
	is->dropped = true;
	mutex_unlock(&is->conn.tx_lock);
	sctcp_leave_any(is, cause);
}

/* The peer broke the protocol: the connection is reset, by the socket's work. */
void sctcp_break(struct sctcp *is)
{
	WRITE_ONCE(is->broken, true);
	sctcp_leave_any(is, SCTCP_CAUSE_BROKEN);
	sctcp_kick(is, 0);
}

/* The socket has no use for the flow any more, nor for what is owed. */
void sctcp_drop(struct sctcp *is)
{
	sctcp_leave_for_good(is, SCTCP_CAUSE_END);
	/* a call that began before the socket was unwrapped may still use both */
	mutex_lock(&is->conn.tx_lock);
	kvfree(is->rest.bytes);
	is->rest.bytes = NULL;
	WRITE_ONCE(is->tx_state, SCTCP_TX_TCP);
	mutex_unlock(&is->conn.tx_lock);
	mutex_lock(&is->conn.rx_lock);
	sctcp_unread_free(&is->unread);
	mutex_unlock(&is->conn.rx_lock);
}
