// SPDX-License-Identifier: GPL-2.0-only
/* Sending to TCP or to the ring, whichever the direction uses. See tcp.h. */
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/skbuff.h>
#include <net/tcp.h>

#include "capture.h"
#include "core/flow.h"
#include "core/stats.h"
#include "sock/io.h"
#include "tcp.h"
#include "trace.h"

static bool sctcp_cannot_send(const struct sock *sk)
{
	return READ_ONCE(sk->sk_err) || READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN;
}

/* TCP's sendmsg(). lock_sock() is held. */
static int sctcp_give_tcp(struct sctcp *is, struct msghdr *msg, size_t len)
{
	struct iov_iter from;
	int sent;

	if (!sctcp_is_captured_tcp(is, true))
		return tcp_sendmsg_locked(is->conn.sk, msg, len);
	from = msg->msg_iter;
	sent = tcp_sendmsg_locked(is->conn.sk, msg, len);
	if (sent > 0)
		sctcp_capture_tcp_sent(is, &from, sent);
	return sent;
}

/*
 * TCP's own: MSG_OOB, MSG_FASTOPEN, and a socket that still connects. It may sleep meanwhile.
 * lock_sock() is held.
 */
static int sctcp_send_held(struct sctcp *is, struct msghdr *msg, size_t len)
{
	int sent;

	if (msg->msg_flags & MSG_OOB)
		WRITE_ONCE(is->urgent, true);
	is->tx_holds++;
	sent = sctcp_give_tcp(is, msg, len);
	is->tx_holds--;
	return sent;
}

static int sctcp_send_now(struct sctcp *is, struct msghdr *msg, size_t len)
{
	unsigned int flags = msg->msg_flags;
	int sent;

	msg->msg_flags |= MSG_DONTWAIT;
	sent = sctcp_give_tcp(is, msg, len);
	msg->msg_flags = flags;
	/* what MSG_MORE holds back must not wait for bytes that go to the ring */
	if (sent > 0 && !(flags & MSG_MORE))
		sctcp_announce(is);
	return sent;
}

/* Into the ring, once the peer knows where TCP ends. -EAGAIN if not yet, else -ERESTART. */
int sctcp_enter_ring(struct sctcp *is)
{
	struct sc_flow *flow;
	int err = -ERESTART;

	mutex_lock(&is->conn.tx_lock);
	flow = rcu_dereference_protected(is->conn.flow, lockdep_is_held(&is->conn.tx_lock));
	if (is->tx_state == SCTCP_TX_ANNOUNCED && flow) {
		if (sctcp_heard(is, flow)) {
			WRITE_ONCE(is->tx_state, SCTCP_TX_RING);
			WRITE_ONCE(is->tx_retracts, 0);
			sc_stats_inc(sock_net(is->conn.sk), SCHANNEL_A_STATS_TCP_MOVED);
			trace_schannel_tcp_moved(is->conn.sk, sctcp_own_words(flow)->tcp_base);
			WRITE_ONCE(is->retry, SCTCP_RETRY_MIN);
		} else {
			err = -EAGAIN;
		}
	}
	mutex_unlock(&is->conn.tx_lock);
	return err;
}

/*
 * A call that must not wait for the acknowledgment takes the announcement back, but not for ever:
 * otherwise a busy sender would never move.
 */
#define SCTCP_RETRACTS	3

static bool sctcp_retracts(const struct sctcp *is)
{
	return READ_ONCE(is->tx_state) == SCTCP_TX_ANNOUNCED &&
	       READ_ONCE(is->tx_retracts) < SCTCP_RETRACTS;
}

/* In every state but RING. -ERESTART: look at the state again. */
static int sctcp_tcp_send(struct sctcp *is, struct msghdr *msg, size_t len, bool own)
{
	struct sock *sk = is->conn.sk;
	int sent;

	lock_sock(sk);
	if (msg->msg_flags & MSG_DONTWAIT && sctcp_retracts(is) &&
	    sctcp_enter_ring(is) == -EAGAIN) {
		is->tx_retracts++;
		sctcp_tx_leave(is, SCTCP_CAUSE_PROGRAM);
	}
	if (own)
		sctcp_tx_leave(is, SCTCP_CAUSE_PROGRAM);
	if (READ_ONCE(is->tx_state) == SCTCP_TX_TCP) {
		sent = own ? sctcp_send_held(is, msg, len) : sctcp_send_now(is, msg, len);
		goto out;
	}
	sent = -EPIPE;
	if (sctcp_cannot_send(sk)) {
		sent = sk_stream_error(sk, msg->msg_flags, sent);
		goto out;
	}
	if (READ_ONCE(is->tx_state) == SCTCP_TX_OWED)
		sent = sctcp_flush(is) ?: -ERESTART;
	else
		sent = sctcp_enter_ring(is);
out:
	release_sock(sk);
	return sent;
}

/* tx_lock is held. 0: no space, and the caller waits. */
static int sctcp_ring_full(struct sctcp *is, struct sc_flow *flow)
{
	u32 half = sc_flow_tx_size(flow) / 2;
	struct sc_flow_view view;

	if (sc_resize_full(flow))
		return -ERESTART;
	WRITE_ONCE(is->conn.tx_wants, half);
	return sc_flow_await_space(flow, half, &view) && view.space ? -ERESTART : -EAGAIN;
}

static int sctcp_ring_send(struct sctcp *is, struct msghdr *msg, size_t len)
{
	struct sc_conn *conn = &is->conn;
	struct sc_flow *flow;
	int sent = -ERESTART;

	mutex_lock(&conn->tx_lock);
	flow = rcu_dereference_protected(conn->flow, lockdep_is_held(&conn->tx_lock));
	if (is->tx_state == SCTCP_TX_RING && flow) {
		sent = -EPIPE;
		/* as in sc_io_send_check() */
		if (unlikely(READ_ONCE(conn->tx_look))) {
			WRITE_ONCE(conn->tx_look, false);
			sc_resize_full(flow);
		}
		if (!sctcp_cannot_send(conn->sk))
			sent = sc_flow_send(flow, &msg->msg_iter, len);
		if (sent > 0) {
			conn->tx_count.bytes += sent;
			if (sctcp_is_captured(is))
				sctcp_capture_ring_sent(is, flow, sent);
			sctcp_watch(is);
		} else if (!sent) {
			sent = sctcp_ring_full(is, flow);
		}
	}
	mutex_unlock(&conn->tx_lock);
	switch (sent) {
	case -EFAULT:
		len = min_t(size_t, len, SC_FLOW_CHUNK);
		return fault_in_iov_iter_readable(&msg->msg_iter, len) == len ? -EFAULT :
										-ERESTART;
	case -ECONNRESET:	/* the flow is lost: sctcp_flow_ended() comes */
		return -EAGAIN;
	case -EPROTO:
		sctcp_break(is);
		return -ERESTART;
	case -EPIPE:
		return sk_stream_error(conn->sk, msg->msg_flags, -EPIPE);
	default:
		return sent;
	}
}

/* Would send() make progress, or fail? */
bool sctcp_writable(struct sctcp *is)
{
	struct sock *sk = is->conn.sk;
	struct sc_flow_view view = {};
	struct sc_flow *flow;
	bool ready = true;
	u32 half;

	if (sctcp_cannot_send(sk))
		return true;
	rcu_read_lock();
	flow = rcu_dereference(is->conn.flow);
	switch (READ_ONCE(is->tx_state)) {
	case SCTCP_TX_RING:
		if (!flow)
			break;
		half = sc_flow_tx_size(flow) / 2;
		WRITE_ONCE(is->conn.tx_wants, half);
		if (!READ_ONCE(is->conn.tx_look))
			WRITE_ONCE(is->conn.tx_look, true);
		sc_flow_await_space(flow, half, &view);
		ready = view.space >= half && !(view.flags & SC_FLOW_GONE);
		break;
	case SCTCP_TX_ANNOUNCED:
		ready = !flow || sctcp_heard(is, flow) ||
			(sctcp_retracts(is) && sk_stream_is_writeable(sk));
		break;
	default:
		ready = sk_stream_is_writeable(sk) &&
			!((1 << inet_sk_state_load(sk)) & (TCPF_SYN_SENT | TCPF_SYN_RECV));
	}
	rcu_read_unlock();
	return ready;
}

/* Returns 0 or the error to return. */
static int sctcp_wait_space(struct sctcp *is, size_t done, long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	bool ring = READ_ONCE(is->tx_state) == SCTCP_TX_RING ||
		    READ_ONCE(is->tx_state) == SCTCP_TX_ANNOUNCED;
	struct sock *sk = is->conn.sk;
	int err = 0;

	/* SIGIO is sent to those that were told that there is no space */
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	if (!*timeo)
		return ring && sctcp_writable(is) ? 0 : -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(*timeo);
	add_wait_queue(sk_sleep(sk), &wait);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	smp_mb__after_atomic();	/* pairs with the waker, which looks at the bit */
	if (sctcp_may_restart(is, done)) {
		err = sctcp_restart();
	} else if (!sctcp_writable(is)) {
		is->conn.tx_count.waits++;
		*timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, *timeo);
	} else if (!ring) {
		/* TCP has space and takes nothing: it is out of memory */
		schedule_timeout_interruptible(1);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return err;
}

static int sctcp_send(struct sctcp *is, struct msghdr *msg, size_t len)
{
	struct sock *sk = is->conn.sk;
	bool own = msg->msg_flags & (MSG_OOB | MSG_FASTOPEN) ||
		   (1 << inet_sk_state_load(sk)) & (TCPF_SYN_SENT | TCPF_SYN_RECV);
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	size_t done = 0;
	int sent;

	/* TCP has a page that comes late in the same segment: no peer reads a part of it before */
	fault_in_iov_iter_readable(&msg->msg_iter, min_t(size_t, len, SC_FLOW_CHUNK));
	do {
		if (READ_ONCE(is->tx_state) == SCTCP_TX_RING && !own)
			sent = sctcp_ring_send(is, msg, len - done);
		else
			sent = sctcp_tcp_send(is, msg, len - done, own);
		if (sent > 0) {
			done += sent;
			/* the next call gets the error, and its signal */
			msg->msg_flags |= MSG_NOSIGNAL;
		} else if (sent == -EAGAIN) {
			sent = sctcp_wait_space(is, done, &timeo) ?: -ERESTART;
		}
		if (sent == -ERESTART && fatal_signal_pending(current))
			sent = -EINTR;
		cond_resched();
	} while ((sent > 0 && done < len) || sent == -ERESTART);
	if (!done)
		return sent;
	if (sent != -EPIPE)
		sctcp_keep_error(sk, sent);
	return done;
}

/*
 * As TCP, under lock_sock(): a call has a number only if it has sent something. It cannot be given
 * back later, since other calls may have later ones by then.
 */
static struct ubuf_info *sctcp_zerocopy_begin(struct sock *sk, size_t len)
{
	struct ubuf_info *uarg;

	lock_sock(sk);
	uarg = msg_zerocopy_realloc(sk, len, NULL);
	if (uarg)
		atomic_dec(&sk->sk_zckey);
	release_sock(sk);
	return uarg;
}

static void sctcp_zerocopy_end(struct sock *sk, struct ubuf_info *uarg, bool sent)
{
	struct ubuf_info_msgzc *msgzc = uarg_to_msgzc(uarg);

	msgzc->zerocopy = 0;
	if (sent) {
		lock_sock(sk);
		msgzc->id = (u32)atomic_inc_return(&sk->sk_zckey) - 1;
		release_sock(sk);
	} else {
		msgzc->len = 0;	/* no notification */
	}
	net_zcopy_put(uarg);
}

/*
 * MSG_ZEROCOPY: one notification for the call, however many pieces it sends, which says that the
 * bytes were copied.
 */
static int sctcp_send_zerocopy(struct sctcp *is, struct msghdr *msg, size_t len)
{
	struct sock *sk = is->conn.sk;
	struct ubuf_info *uarg;
	int sent;

	uarg = sctcp_zerocopy_begin(sk, len);
	if (!uarg)
		return -ENOBUFS;
	msg->msg_flags &= ~MSG_ZEROCOPY;
	sent = sctcp_send(is, msg, len);
	sctcp_zerocopy_end(sk, uarg, sent > 0);
	return sent;
}

int sctcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct sctcp *is = sctcp_get(sk);
	int sent;

	if (!is)
		return scinet_pass(scinet_plain(sk)->sendmsg(sk, msg, len));
	if (!len)
		sent = scinet_plain(sk)->sendmsg(sk, msg, len);
	else if (msg->msg_flags & MSG_ZEROCOPY && !msg->msg_ubuf && sock_flag(sk, SOCK_ZEROCOPY))
		sent = sctcp_send_zerocopy(is, msg, len);
	else
		sent = sctcp_send(is, msg, len);
	sctcp_put(is);
	return sent;
}
