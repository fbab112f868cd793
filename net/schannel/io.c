// SPDX-License-Identifier: GPL-2.0-only
/*
 * What sending and receiving share, whatever the type of the socket: the upcall
 * that wakes who waits, waiting, and errors. See io.h.
 */
#include <linux/err.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "flow.h"
#include "io.h"
#include "socket.h"
#include "sysctl.h"

/* ---- The upcall -------------------------------------------------------- */

/* There is space: wake who waits for it. */
void sc_io_write_space(struct sock *sk)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM |
					   EPOLLWRBAND);
	sk_wake_async_rcu(sk, SOCK_WAKE_SPACE, POLL_OUT);
	rcu_read_unlock();
}

/* Softirq, one at a time for a flow. */
void sc_io_event(struct sc_flow *flow, void *user)
{
	struct sock *sk = user;
	struct sc_sock *ssk = sc_sk(sk);
	struct sc_flow_view view;
	u32 flags, want;

	/*
	 * Who connects looks at everything once it is told of the answer.
	 * acquire: pairs with sc_sock_established().
	 */
	if (smp_load_acquire(&sk->sk_state) != TCP_ESTABLISHED)
		return;

	ssk->told_events++;
	sc_flow_look(flow, &view);
	flags = view.flags & ~ssk->told_flags;
	ssk->told_flags |= flags;
	if (flags)
		sk->sk_state_change(sk);
	if (view.prod != ssk->told_prod || flags & SC_FLOW_FIN) {
		ssk->told_prod = view.prod;
		sk->sk_data_ready(sk);
	}
	/*
	 * Cleared first, and by nobody else: a wish that comes while we look stays,
	 * and one that was there is either heeded now or put back.
	 */
	want = xchg(&ssk->tx_wants, 0);
	if (want && sc_flow_await_space(flow, want, &view))
		sc_io_write_space(sk);
	else if (want)
		cmpxchg(&ssk->tx_wants, 0, want);
}

/* ---- Waiting ----------------------------------------------------------- */

/*
 * Sleep until the wait queue is woken, if @ready still says no now that we are
 * on it. It is counted in @count. Returns 0, or why it must not.
 */
static int sc_io_sleep(struct sc_io *io, struct sc_flow *flow,
		       bool (*ready)(struct sock *sk, struct sc_flow *flow,
				     u32 want), u32 want, struct sc_count *count)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = io->sk;

	if (!io->timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(io->timeo);
	add_wait_queue(sk_sleep(sk), &wait);
	if (!ready(sk, flow, want)) {
		count->waits++;
		mutex_unlock(io->lock);
		io->timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, io->timeo);
		mutex_lock(io->lock);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return 0;
}

static bool sc_io_readable(struct sock *sk, struct sc_flow *flow, u32 want)
{
	struct sc_flow_view view;

	sc_flow_look(flow, &view);
	return view.avail >= want ||
	       view.flags & (SC_FLOW_GONE | SC_FLOW_FIN) ||
	       READ_ONCE(sk->sk_err) ||
	       READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
}

static bool sc_io_writable(struct sock *sk, struct sc_flow *flow, u32 want)
{
	struct sc_flow_view view;

	sc_flow_look(flow, &view);
	return view.space >= want ||
	       view.flags & (SC_FLOW_GONE | SC_FLOW_PEER_SHUT) ||
	       READ_ONCE(sk->sk_err) ||
	       READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN;
}

/**
 * sc_io_error() - the socket's error, which is thereby said
 * @io:	the call
 *
 * A call that has something to return leaves it for the next one to say: else a
 * stream that was cut off would look like one that ended.
 *
 * Return: 0 or negative.
 */
int sc_io_error(struct sc_io *io)
{
	return io->some ? -READ_ONCE(io->sk->sk_err) : sock_error(io->sk);
}

/**
 * sc_io_lost() - the flow is gone
 * @io:		the call
 * @after:	what to say once that was said: there is just nothing more
 *
 * Return: the error, or @after.
 */
int sc_io_lost(struct sc_io *io, int after)
{
	int err = sc_io_error(io);

	if (err)
		return err;
	return READ_ONCE(io->sk->sk_state) == TCP_ESTABLISHED ? -ECONNRESET :
								after;
}

/* The socket's flow, if it is, or was, open. The call's lock is held. */
struct sc_flow *sc_io_flow(struct sc_io *io)
{
	/* acquire: pairs with sc_sock_established() */
	if (smp_load_acquire(&io->sk->sk_state) == TCP_SYN_SENT)
		return NULL;
	return rcu_dereference_protected(sc_sk(io->sk)->flow,
					 lockdep_is_held(io->lock));
}

/**
 * sc_io_fault_in() - have the pages that a copy stopped at brought in
 * @io:		the call
 * @iter:	where it stopped
 * @len:	how much would have been copied
 * @fault_in:	fault_in_iov_iter_readable() or fault_in_iov_iter_writeable()
 *
 * Without the data lock, since a page fault may take as long as somebody likes.
 *
 * Return: 0, -EFAULT if not even the first byte can be reached, -EINTR if the
 * caller is being killed.
 */
int sc_io_fault_in(struct sc_io *io, const struct iov_iter *iter, size_t len,
		   size_t (*fault_in)(const struct iov_iter *iter, size_t len))
{
	int err = 0;

	mutex_unlock(io->lock);
	if (fault_in(iter, len) == len)
		err = -EFAULT;
	else if (fatal_signal_pending(current))
		err = -EINTR;
	mutex_lock(io->lock);
	return err;
}

/*
 * Look for data for a while instead of going to sleep at once, if the administrator,
 * or SO_BUSY_POLL, thinks that worth a processor's time. Whether there is a reason to look again.
 */
static bool sc_io_spin(struct sc_io *io, struct sc_flow *flow)
{
	unsigned int us = sc_sysctl_busy_poll_us(sock_net(io->sk));
	u64 end;

#ifdef CONFIG_NET_RX_BUSY_POLL
	us = max(us, READ_ONCE(io->sk->sk_ll_usec));
#endif

	if (!us || !io->timeo)
		return false;
	end = local_clock() + us * NSEC_PER_USEC;
	do {
		if (sc_io_readable(io->sk, flow, 1))
			return true;
		cpu_relax();
	} while (local_clock() < end && !need_resched() &&
		 !signal_pending(current));
	return false;
}

/**
 * sc_io_wait_data() - wait for data
 * @io:		a call that holds rx_lock
 * @flow:	the socket's
 * @want:	how many more bytes
 *
 * Return: 0: look again; 1: there will be none; or negative.
 */
int sc_io_wait_data(struct sc_io *io, struct sc_flow *flow, u32 want)
{
	struct sock *sk = io->sk;
	struct sc_flow_view view;

	/* what is there is taken first, even if more was wanted */
	if (sc_io_spin(io, flow)) {
		sc_flow_look(flow, &view);
		if (view.avail)
			return 0;
	}
	want = clamp(want, 1U, flow->rx.ring.size / 2);
	if (sc_flow_await_data(flow, want, &view))
		return view.avail || view.flags & SC_FLOW_GONE ? 0 : 1;
	/*
	 * There is one event index for all who wait. If there are others, of
	 * whom we do not know what they wait for, hear of all that comes.
	 */
	if (want > 1 && wq_has_sleeper(sk_sleep(sk))) {
		sc_flow_await_more(flow, &view);
		if (view.avail >= want || view.flags)
			return 0;
	}
	if (READ_ONCE(sk->sk_err))
		return sc_io_error(io);
	if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN)
		return 1;
	return sc_io_sleep(io, flow, sc_io_readable, want,
			   &sc_sk(sk)->rx_count);
}

/**
 * sc_io_recv_end() - the end of every receiving call
 * @io:		its rx_lock is given up
 * @err:	as it stands
 *
 * Return: @err, or what becomes of it when the peer made no sense.
 */
int sc_io_recv_end(struct sc_io *io, int err)
{
	struct sc_flow *flow = sc_io_flow(io);
	struct sc_flow_view view;

	/* SIGIO comes for what comes next, without a poll() */
	if (flow && sock_flag(io->sk, SOCK_FASYNC))
		sc_flow_await_data(flow, 1, &view);
	mutex_unlock(io->lock);
	if (err == -EPROTO) {
		sc_sock_abort(io->sk);
		err = sc_io_lost(io, 1);
	}
	return err;
}

/**
 * sc_io_wait_space() - wait for space
 * @io:		a call that holds tx_lock
 * @flow:	the socket's
 * @want:	how many bytes
 *
 * Return: 0: try again; or negative.
 */
int sc_io_wait_space(struct sc_io *io, struct sc_flow *flow, u32 want)
{
	struct sc_sock *ssk = sc_sk(io->sk);
	struct sc_flow_view view;

	WRITE_ONCE(ssk->tx_wants, want);
	set_bit(SOCK_NOSPACE, &io->sk->sk_socket->flags);
	/* even then it stays: others may be waiting, too */
	if (sc_flow_await_space(flow, want, &view))
		return 0;
	return sc_io_sleep(io, flow, sc_io_writable, want, &ssk->tx_count);
}

/* May the call send? 0, -EPIPE, -ENOTCONN or the socket's error. */
int sc_io_send_check(struct sc_io *io, struct sc_flow *flow)
{
	int err = sc_io_error(io);

	if (err)
		return err;
	if (READ_ONCE(io->sk->sk_shutdown) & SEND_SHUTDOWN)
		return -EPIPE;
	return flow ? 0 : -ENOTCONN;
}

/**
 * sc_io_send_end() - the end of every sending call
 * @io:		its tx_lock is given up
 * @msg:	for MSG_NOSIGNAL
 * @err:	as it stands
 *
 * Return: @err, or what becomes of it. EPIPE was signalled if nothing was sent.
 */
int sc_io_send_end(struct sc_io *io, const struct msghdr *msg, int err)
{
	mutex_unlock(io->lock);
	if (err == -EPROTO) {
		sc_sock_abort(io->sk);
		err = sc_io_lost(io, -EPIPE);
	}
	if (err == -EPIPE && !io->some && !(msg->msg_flags & MSG_NOSIGNAL))
		send_sig(SIGPIPE, current, 0);
	return err;
}

/**
 * sc_io_linger() - let the peer read what was sent before closing
 * @sk:		a socket that is being closed; lock_sock() is held, but not
 *		while waiting
 * @flow:	its flow
 */
void sc_io_linger(struct sock *sk, struct sc_flow *flow)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sc_sock *ssk = sc_sk(sk);
	long timeo = sk->sk_lingertime;
	struct sc_flow_view view;

	mutex_lock(&ssk->tx_lock);
	sc_flow_fin(flow);
	mutex_unlock(&ssk->tx_lock);
	add_wait_queue(sk_sleep(sk), &wait);
	while (timeo && !signal_pending(current) &&
	       sk->sk_state == TCP_ESTABLISHED) {
		WRITE_ONCE(ssk->tx_wants, sc_flow_tx_size(flow));
		if (sc_flow_await_space(flow, sc_flow_tx_size(flow), &view))
			break;
		release_sock(sk);
		timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, timeo);
		lock_sock(sk);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
}
