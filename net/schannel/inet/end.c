// SPDX-License-Identifier: GPL-2.0-only
/*
 * shutdown() and close(): TCP's FIN follows once the peer has read the ring, or what is left of it
 * went over TCP. And the socket's work, which does what remains to be done when no call does. See
 * tcp.h.
 */
#include <linux/sched/signal.h>
#include <linux/wait_bit.h>
#include <net/tcp.h>

#include "core/channel.h"
#include "core/flow.h"
#include "core/sysctl.h"
#include "sock/io.h"
#include "tcp.h"

/* ---- The end of sending ------------------------------------------------ */

/* Has the peer read all of the ring? If not, ask for an event. lock_sock() is held. */
static bool sctcp_is_drained(struct sctcp *is)
{
	struct sc_flow_view view = {};
	struct sc_flow *flow;

	rcu_read_lock();
	flow = rcu_dereference(is->conn.flow);
	if (flow && sc_flow_is_live(flow)) {
		WRITE_ONCE(is->conn.tx_wants, sc_flow_tx_size(flow));
		sc_flow_await_space(flow, sc_flow_tx_size(flow), &view);
	}
	rcu_read_unlock();
	return !view.queued;
}

/* Go on with a FIN that is due. lock_sock() is held. */
static void sctcp_fin_step(struct sctcp *is)
{
	struct sock *sk = is->conn.sk;

	if (!is->fin)
		return;
	if (READ_ONCE(is->tx_state) == SCTCP_TX_RING && !sctcp_is_drained(is) &&
	    time_before(jiffies, is->until)) {
		sctcp_kick(is, is->until - jiffies);
		return;
	}
	sctcp_tx_leave(is, SCTCP_CAUSE_END);
	/* nothing follows a marker without bytes: the FIN says the same */
	if (READ_ONCE(is->tx_state) == SCTCP_TX_OWED && (is->rest.len || is->rest.sent) &&
	    sctcp_flush(is))
		return;
	WRITE_ONCE(is->fin, false);
	scinet_plain(sk)->shutdown(sk, SEND_SHUTDOWN);
	sk->sk_state_change(sk);
}

/* inet_shutdown() has set sk_shutdown. lock_sock() is held. */
void sctcp_shutdown(struct sock *sk, int how)
{
	struct sctcp *is = rcu_dereference_protected(inet_csk(sk)->icsk_ulp_data,
						     lockdep_sock_is_held(sk));

	if (!(how & SEND_SHUTDOWN) || READ_ONCE(is->tx_state) == SCTCP_TX_TCP ||
	    !((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT))) {
		scinet_plain(sk)->shutdown(sk, how);
	} else if (!is->fin) {
		is->until = jiffies + SCTCP_DRAIN;
		WRITE_ONCE(is->fin, true);
		sctcp_fin_step(is);
	}
	sc_io_write_space(sk);
}

/* ---- The socket's work ------------------------------------------------- */

/* Sockets that were closed and are not TCP's orphans yet. */
static atomic_t sctcp_closing = ATOMIC_INIT(0);

/* Reset the connection, as far as this end sees it. lock_sock() is held. */
static void sctcp_reset(struct sctcp *is)
{
	struct sock *sk = is->conn.sk;

	if (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN)
		return;
	local_bh_disable();
	bh_lock_sock(sk);
	WRITE_ONCE(sk->sk_err, ECONNRESET);
	/* release: the error first */
	smp_wmb();
	tcp_done(sk);
	bh_unlock_sock(sk);
	local_bh_enable();
	sk_error_report(sk);
}

/*
 * lock_sock() for the work: false if another thread owns the socket, or if it waits for accept(),
 * when it must not be owned. Either calls release_cb() in the end, which queues the work again.
 */
static bool sctcp_own(struct sctcp *is)
{
	struct sock *sk = is->conn.sk;
	bool queued;

	spin_lock_bh(&sk->sk_lock.slock);
	queued = !sk->sk_socket && !is->closing;
	if (queued)
		is->conn.late = true;
	spin_unlock_bh(&sk->sk_lock.slock);
	return !queued && sc_conn_own(&is->conn);
}

/* Does the peer not have all yet? As TCP, which waits for the acknowledgment of its FIN. */
static bool sctcp_is_ending(const struct sctcp *is)
{
	return is->fin || (1 << is->conn.sk->sk_state) & (TCPF_FIN_WAIT1 | TCPF_CLOSING |
							  TCPF_LAST_ACK);
}

/*
 * What a closed socket has to wait for: a peer that sends its marker to a socket that TCP has
 * closed is reset, and loses what it has not read. One that has acknowledged the FIN is there, and
 * the marker comes soon or never. lock_sock() is held.
 */
static bool sctcp_has_ended(struct sctcp *is)
{
	if (is->conn.sk->sk_err || is->conn.sk->sk_state == TCP_CLOSE)
		return true;
	if (is->fin)
		return false;
	if ((!sctcp_is_ending(is) || READ_ONCE(is->detached)) &&
	    time_after(is->ends, jiffies + SCTCP_LINGER))
		is->ends = jiffies + SCTCP_LINGER;
	return sctcp_is_resolved(is) || time_after_eq(jiffies, is->ends);
}

/* After the close: the FIN, then the peer's marker, then TCP's own close. lock_sock() is held. */
static bool sctcp_close_step(struct sctcp *is)
{
	struct sock *sk = is->conn.sk;

	/* the FIN is out, so the flow is of no more use: the peer's direction leaves, too */
	if (!is->fin)
		sctcp_leave_for_good(is, SCTCP_CAUSE_END);
	if (!sctcp_has_ended(is)) {
		sctcp_kick(is, max(HZ / (sctcp_is_ending(is) ? 10 : 100), 1));
		return false;
	}
	sctcp_unwrap(sk);
	atomic_dec(&sctcp_closing);
	return true;
}

static void sctcp_settle(struct sctcp *is)
{
	if (READ_ONCE(is->broken))
		sctcp_reset(is);
	/* a stream that has ended needs no marker, but a socket that is detached has to be TCP's */
	if (!sctcp_is_resolved(is) || READ_ONCE(is->detached))
		sctcp_advance_held(is);
	sctcp_watch_step(is);
	if (is->fin)
		sctcp_fin_step(is);
	else if (READ_ONCE(is->tx_state) == SCTCP_TX_OWED && (is->rest.len || is->rest.sent))
		sctcp_flush(is);
	sctcp_announce(is);
	/* a marker is sure to follow then, even if nothing is ever sent */
	if (READ_ONCE(is->tx_state) == SCTCP_TX_ANNOUNCED)
		sctcp_enter_ring(is);
}

/*
 * A marker that nothing follows is sent once the peer is known to be there, so that the connection
 * can move again. To a domain that is gone it would be sent again and again, and TCP sends no
 * keepalive meanwhile. Not to a peer that may have closed its socket.
 */
static void sctcp_settle_again(struct sctcp *is)
{
	if (READ_ONCE(is->tx_state) == SCTCP_TX_OWED && READ_ONCE(is->again) && !is->fin &&
	    is->conn.sk->sk_state == TCP_ESTABLISHED)
		sctcp_flush(is);
}

/* Without a reader, as after close(): nobody holds rd_lock for long. */
static void sctcp_advance_closed(struct sctcp *is)
{
	mutex_lock(&is->rd_lock);
	sctcp_advance(is);
	mutex_unlock(&is->rd_lock);
}

/**
 * sctcp_work() - the socket's work: does what remains to be done when no call does
 * @work:	of a struct sctcp
 *
 * It owns the socket only if nobody else does.
 */
void sctcp_work(struct work_struct *work)
{
	struct sctcp *is = container_of(work, struct sctcp, work.work);
	struct sock *sk = is->conn.sk;
	bool ended = false, detached = false;

	if (READ_ONCE(is->closing))
		sctcp_advance_closed(is);
	if (READ_ONCE(is->detached) && sctcp_detach_step(is)) {
		sctcp_retire(is);
		return;
	}
	if (!sctcp_own(is))
		return;
	if (sctcp_is_its(is)) {
		sctcp_settle(is);
		if (is->closing)
			ended = sctcp_close_step(is);
		else if (READ_ONCE(is->detached))
			detached = sctcp_detach_owned(is);
		else
			sctcp_settle_again(is);
	}
	release_sock(sk);
	if (ended || detached)
		sctcp_retire(is);
	if (ended)
		tcp_close(sk, 0);
}

/* ---- close() ----------------------------------------------------------- */

/* As TCP: bytes that were not read make a reset of the close, and so does SO_LINGER with 0. */
static bool sctcp_is_abortive(struct sctcp *is)
{
	struct sock *sk = is->conn.sk;

	if (sctcp_inq(is)) {
		sock_set_flag(sk, SOCK_LINGER);
		sk->sk_lingertime = 0;
	}
	return sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime;
}

/* lock_sock() is held, but not while it sleeps. */
static long sctcp_linger(struct sctcp *is, long timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = is->conn.sk;

	add_wait_queue(sk_sleep(sk), &wait);
	while (sctcp_is_ending(is) && timeo && !sk->sk_err && !signal_pending(current)) {
		release_sock(sk);
		timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, timeo);
		lock_sock(sk);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return timeo;
}

/*
 * Can TCP's own close() do the rest? Once nothing more goes through the ring, the flow is left
 * before the look at the other direction: a peer whose announcement is acknowledged after it would
 * send a marker to a socket that is closed, and be reset. lock_sock() is held.
 */
static bool sctcp_close_is_plain(struct sctcp *is)
{
	if (is->fin || (READ_ONCE(is->tx_state) != SCTCP_TX_TCP &&
			!(is->conn.sk->sk_shutdown & SEND_SHUTDOWN)))
		return false;
	sctcp_leave_for_good(is, SCTCP_CAUSE_END);
	return sctcp_is_resolved(is);
}

/* How long a closed socket waits for a peer that does not answer, as one that is paused. */
static unsigned long sctcp_patience(void)
{
	if (atomic_inc_return(&sctcp_closing) > sc_sysctl_max_orphans())
		return SCTCP_LINGER;
	return max_t(unsigned long, sc_sysctl_orphan_timeout(), SCTCP_LINGER);
}

/*
 * Start the end of sending, and take the socket from its file if more is to be done. It is then
 * as a child that was not accepted: not SOCK_DEAD, so that TCP goes on. Returns whether it is done.
 */
static bool sctcp_close_start(struct sctcp *is, long *timeout)
{
	struct sock *sk = is->conn.sk;

	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 |
				     TCPF_FIN_WAIT2)) || sctcp_is_abortive(is))
		return true;
	if (sctcp_close_is_plain(is))
		return true;
	if (!(sk->sk_shutdown & SEND_SHUTDOWN)) {
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
		sctcp_shutdown(sk, SEND_SHUTDOWN);
	}
	if (sock_flag(sk, SOCK_LINGER) && !(current->flags & PF_EXITING))
		*timeout = sctcp_linger(is, *timeout);
	if (!sctcp_is_its(is) || sctcp_close_is_plain(is))
		return true;
	is->ends = jiffies + sctcp_patience();
	write_lock_bh(&sk->sk_callback_lock);
	sk_set_socket(sk, NULL);
	sk->sk_wq = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
	WRITE_ONCE(is->closing, true);
	sctcp_kick(is, 0);
	return false;
}

/* Calls that are in TCP's close() without holding the module. */
static atomic_t sctcp_closes = ATOMIC_INIT(0);

/* The socket was given back to TCP while close() was on its way. */
static void sctcp_close_plain(struct sock *sk, long timeout)
{
	atomic_inc(&sctcp_closes);
	tcp_close(sk, timeout);
	if (atomic_dec_and_test(&sctcp_closes))
		wake_up_var(&sctcp_closes);
}

/* The module is being unloaded, and synchronize_rcu_tasks() was called. */
void sctcp_close_wait(void)
{
	wait_var_event(&sctcp_closes, !atomic_read(&sctcp_closes));
}

void sctcp_close(struct sock *sk, long timeout)
{
	struct sctcp *is = sctcp_get(sk);
	bool done = true, ours;

	if (!is) {
		sctcp_close_plain(sk, timeout);
		return;
	}
	/* a marker that waits is not data that was not read */
	sctcp_advance_closed(is);
	lock_sock(sk);
	if (sctcp_is_its(is)) {
		sctcp_see(is);
		done = sctcp_close_start(is, &timeout);
	}
	/* it may have been given back to TCP meanwhile, also while this lingered */
	ours = done && sctcp_is_its(is);
	if (ours)
		sctcp_unwrap(sk);
	release_sock(sk);
	if (ours)
		sctcp_retire(is);
	if (done)
		tcp_close(sk, timeout);
	sctcp_put(is);
}
