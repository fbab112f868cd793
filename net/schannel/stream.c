// SPDX-License-Identifier: GPL-2.0-only
/*
 * Byte streams: send, receive, and the upcall that wakes who waits.
 *
 * A reader or writer that must wait asks for an event (sc_flow_await_*()), puts
 * itself on the socket's wait queue, looks once more and only then sleeps; the upcall
 * finds the queue by the flow. Between two sleeps no events are sent and
 * nothing but the flow's own cache lines is touched.
 *
 * Copying goes on with page faults disabled, since the channel may go down
 * while somebody's page fault takes forever. A page that is not there is faulted in
 * without any lock, and the copy tried again: bytes are only consumed, or
 * published, once they were copied, so EFAULT loses none.
 */
#include <linux/err.h>
#include <linux/pagemap.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "flow.h"
#include "main.h"
#include "socket.h"

/* ---- The upcall -------------------------------------------------------- */

static void sc_stream_write_space(struct sock *sk)
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
void sc_stream_event(struct sc_flow *flow, void *user)
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

	sc_flow_look(flow, &view);
	flags = view.flags & ~ssk->told_flags;
	ssk->told_flags |= flags;
	if (flags)
		sk->sk_state_change(sk);
	if (view.prod != ssk->told_prod || flags & SC_FLOW_FIN) {
		ssk->told_prod = view.prod;
		sk->sk_data_ready(sk);
	}
	want = READ_ONCE(ssk->tx_wants);
	if (want && sc_flow_await_space(flow, want, &view)) {
		WRITE_ONCE(ssk->tx_wants, 0);
		sc_stream_write_space(sk);
	}
}

/* ---- Waiting ----------------------------------------------------------- */

/* What a call is about, as far as waiting goes. */
struct sc_stream_wait {
	struct sock *sk;
	struct mutex *lock;	/* tx_lock or rx_lock, held */
	long timeo;
	bool some;		/* the call has something to return already */
};

/*
 * Sleep until the wait queue is woken, if @ready still says no now that we are
 * on it. Returns 0, or why it must not.
 */
static int sc_stream_sleep(struct sc_stream_wait *w, struct sc_flow *flow,
			   bool (*ready)(struct sock *sk, struct sc_flow *flow,
					 u32 want), u32 want)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = w->sk;

	if (!w->timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(w->timeo);
	add_wait_queue(sk_sleep(sk), &wait);
	if (!ready(sk, flow, want)) {
		mutex_unlock(w->lock);
		w->timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, w->timeo);
		mutex_lock(w->lock);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return 0;
}

static bool sc_stream_readable(struct sock *sk, struct sc_flow *flow, u32 want)
{
	struct sc_flow_view view;

	sc_flow_look(flow, &view);
	return view.avail >= want ||
	       view.flags & (SC_FLOW_GONE | SC_FLOW_FIN) ||
	       READ_ONCE(sk->sk_err) ||
	       READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
}

static bool sc_stream_writable(struct sock *sk, struct sc_flow *flow, u32 want)
{
	struct sc_flow_view view;

	sc_flow_look(flow, &view);
	return view.space >= want ||
	       view.flags & (SC_FLOW_GONE | SC_FLOW_PEER_SHUT) ||
	       READ_ONCE(sk->sk_err) ||
	       READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN;
}

/*
 * The socket's error, which is thereby said. A call that has something to
 * return leaves it for the next one to say: else a stream that was cut off would
 * look like one that ended.
 */
static int sc_stream_error(struct sc_stream_wait *w)
{
	return w->some ? -READ_ONCE(w->sk->sk_err) : sock_error(w->sk);
}

/* The socket's flow, if it is, or was, open. */
static struct sc_flow *sc_stream_flow(struct sc_sock *ssk, struct mutex *lock)
{
	/* acquire: pairs with sc_sock_established() */
	if (smp_load_acquire(&ssk->sk.sk_state) == TCP_SYN_SENT)
		return NULL;
	return rcu_dereference_protected(ssk->flow, lockdep_is_held(lock));
}

/*
 * Have the pages that a copy stopped at brought in. Without the data lock, since
 * a page fault may take as long as somebody likes.
 */
static int sc_stream_fault_in(struct sc_stream_wait *w,
			      const struct iov_iter *iter, size_t len,
			      size_t (*fault_in)(const struct iov_iter *iter,
						 size_t len))
{
	int err = 0;

	len = min_t(size_t, len, SC_FLOW_CHUNK);
	mutex_unlock(w->lock);
	if (fault_in(iter, len) == len)
		err = -EFAULT;
	else if (fatal_signal_pending(current))
		err = -EINTR;
	mutex_lock(w->lock);
	return err;
}

/* ---- Receiving --------------------------------------------------------- */

/*
 * Look for data for a while instead of going to sleep at once, if the administrator
 * thinks that worth a processor's time. Whether there is a reason to look again.
 */
static bool sc_stream_spin(struct sc_stream_wait *w, struct sc_flow *flow)
{
	unsigned int us = sc_busy_poll_us();
	u64 end;

	if (!us || !w->timeo)
		return false;
	end = local_clock() + us * NSEC_PER_USEC;
	do {
		if (sc_stream_readable(w->sk, flow, 1))
			return true;
		cpu_relax();
	} while (local_clock() < end && !need_resched() &&
		 !signal_pending(current));
	return false;
}

/*
 * Wait for @want more bytes. 0: look again; 1: there will be none; or -errno.
 */
static int sc_stream_wait_data(struct sc_stream_wait *w, struct sc_flow *flow,
			       u32 want)
{
	struct sock *sk = w->sk;
	struct sc_flow_view view;

	/* what is there is taken first, even if more was wanted */
	if (sc_stream_spin(w, flow)) {
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
		return sc_stream_error(w);
	if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN)
		return 1;
	return sc_stream_sleep(w, flow, sc_stream_readable, want);
}

/* The flow is gone. Said once; after that there is just nothing more. */
static int sc_stream_lost(struct sc_stream_wait *w, int after)
{
	int err = sc_stream_error(w);

	if (err)
		return err;
	return READ_ONCE(w->sk->sk_state) == TCP_ESTABLISHED ? -ECONNRESET :
							       after;
}

int sc_stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
		      int flags)
{
	struct sock *sk = sock->sk;
	struct sc_sock *ssk = sc_sk(sk);
	struct sc_stream_wait w = { .sk = sk, .lock = &ssk->rx_lock };
	struct iov_iter *to = flags & MSG_TRUNC ? NULL : &msg->msg_iter;
	bool peek = flags & MSG_PEEK;
	struct sc_flow *flow;
	size_t copied = 0;
	size_t target;
	int err = 0;

	if (flags & (MSG_OOB | MSG_ERRQUEUE))
		return -EOPNOTSUPP;
	if (!len)
		return 0;
	w.timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	target = sock_rcvlowat(sk, flags & MSG_WAITALL, len);
	msg->msg_namelen = 0;

	mutex_lock(&ssk->rx_lock);
	while (!err && copied < len) {
		ssize_t n;

		flow = sc_stream_flow(ssk, &ssk->rx_lock);
		if (!flow) {
			err = sc_stream_error(&w) ?: -ENOTCONN;
			break;
		}
		/* what is peeked at stays in the ring: wait for no more than that */
		if (peek)
			target = min_t(size_t, target, flow->rx.ring.size / 2);
		n = sc_flow_recv(flow, to, len - copied, peek ? copied : 0,
				 !peek);
		if (n > 0) {
			copied += n;
			w.some = true;
			cond_resched();
		} else if (n == -EFAULT) {
			err = sc_stream_fault_in(&w, to, len - copied,
						 fault_in_iov_iter_writeable);
		} else if (n < 0) {
			err = n == -ECONNRESET ? sc_stream_lost(&w, 1) : n;
		} else {
			if (copied >= target)
				break;
			err = sc_stream_wait_data(&w, flow, peek ? target :
						  target - copied);
		}
	}
	flow = sc_stream_flow(ssk, &ssk->rx_lock);
	if (flow && sock_flag(sk, SOCK_FASYNC)) {
		struct sc_flow_view view;

		sc_flow_await_data(flow, 1, &view);
	}
	mutex_unlock(&ssk->rx_lock);

	if (err == -EPROTO) {
		sc_sock_abort(sk);
		err = sc_stream_lost(&w, 1);
	}
	if (copied || err > 0)
		return copied;
	return err;
}

/* ---- Sending ----------------------------------------------------------- */

/* Wait for space. 0: try again; or -errno. */
static int sc_stream_wait_space(struct sc_stream_wait *w, struct sc_flow *flow)
{
	struct sc_sock *ssk = sc_sk(w->sk);
	u32 want = sc_flow_tx_size(flow) / 2;
	struct sc_flow_view view;

	/*
	 * Half the ring at a time: a writer that is woken for each bit of
	 * space spends its time waking up.
	 */
	WRITE_ONCE(ssk->tx_wants, want);
	set_bit(SOCK_NOSPACE, &w->sk->sk_socket->flags);
	if (sc_flow_await_space(flow, want, &view)) {
		WRITE_ONCE(ssk->tx_wants, 0);
		return 0;
	}
	return sc_stream_sleep(w, flow, sc_stream_writable, want);
}

static int sc_stream_send_check(struct sc_stream_wait *w, struct sc_flow *flow)
{
	int err = sc_stream_error(w);

	if (err)
		return err;
	if (READ_ONCE(w->sk->sk_shutdown) & SEND_SHUTDOWN)
		return -EPIPE;
	return flow ? 0 : -ENOTCONN;
}

int sc_stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct sc_sock *ssk = sc_sk(sk);
	struct sc_stream_wait w = { .sk = sk, .lock = &ssk->tx_lock };
	struct sc_flow *flow;
	size_t sent = 0;
	int err;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (msg->msg_namelen)
		return READ_ONCE(sk->sk_state) == TCP_ESTABLISHED ?
		       -EISCONN : -EOPNOTSUPP;
	w.timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);

	mutex_lock(&ssk->tx_lock);
	do {
		ssize_t n;

		flow = sc_stream_flow(ssk, &ssk->tx_lock);
		err = sc_stream_send_check(&w, flow);
		if (err || !len)
			break;
		n = sc_flow_send(flow, &msg->msg_iter, len - sent);
		if (n > 0) {
			sent += n;
			w.some = true;
			cond_resched();
		} else if (n == -EFAULT) {
			err = sc_stream_fault_in(&w, &msg->msg_iter, len - sent,
						 fault_in_iov_iter_readable);
		} else if (n < 0) {
			err = n == -ECONNRESET ? sc_stream_lost(&w, -EPIPE) : n;
		} else {
			err = sc_stream_wait_space(&w, flow);
		}
	} while (!err && sent < len);
	mutex_unlock(&ssk->tx_lock);

	if (err == -EPROTO) {
		sc_sock_abort(sk);
		err = sc_stream_lost(&w, -EPIPE);
	}
	if (sent)
		return sent;
	if (err == -EPIPE && !(msg->msg_flags & MSG_NOSIGNAL))
		send_sig(SIGPIPE, current, 0);
	return err;
}

/**
 * sc_stream_linger() - let the peer read what was sent before closing
 * @sk:		a socket that is being closed; lock_sock() is held, but not
 *		while waiting
 * @flow:	its flow
 */
void sc_stream_linger(struct sock *sk, struct sc_flow *flow)
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
