// SPDX-License-Identifier: GPL-2.0-only
/* What sending and receiving share: waiting, and errors. See io.h. */
#include <linux/err.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "arrival.h"
#include "conn.h"
#include "core/flow.h"
#include "io.h"
#include "busy_poll.h"
#include "core/namespace.h"

/* As sk_write_space: there is space, wake all senders and pollers that wait for it. */
void sc_io_write_space(struct sock *sk)
{
	struct socket *sock;
	struct socket_wq *wq;

	rcu_read_lock();
	/* sock_orphan() does not mark its store; the struct is freed after a grace period */
	sock = data_race(READ_ONCE(sk->sk_socket));
	if (sock)
		clear_bit(SOCK_NOSPACE, &sock->flags);
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM |
					   EPOLLWRBAND);
	sk_wake_async_rcu(sk, SOCK_WAKE_SPACE, POLL_OUT);
	rcu_read_unlock();
}
EXPORT_SYMBOL_NS_GPL(sc_io_write_space, SC_NS_SOCK);

/* ---- Waiting ----------------------------------------------------------- */

/*
 * Join the wait queue and sleep until it is woken, unless @ready() then says that there is
 * no need to. @ready() asks for the event first and looks second, so whatever comes after
 * it looked wakes us. Sleeps are counted in @count. Returns 0; -EAGAIN if the call may not
 * wait; -EINTR or -ERESTARTSYS.
 */
static int sc_io_sleep(struct sc_io *io, struct sc_flow *flow,
		       bool (*ready)(struct sc_conn *conn, struct sc_flow *flow,
				     u32 want), u32 want, struct sc_count *count)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = io->conn->sk;

	if (!io->timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(io->timeo);
	add_wait_queue(sk_sleep(sk), &wait);
	smp_mb();	/* join the queue, then ask for the event */
	if (!ready(io->conn, flow, want)) {
		count->waits++;
		mutex_unlock(io->lock);
		io->timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, io->timeo);
		mutex_lock(io->lock);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return 0;
}

static bool sc_io_readable(struct sc_conn *conn, struct sc_flow *flow, u32 want)
{
	struct sock *sk = conn->sk;
	struct sc_flow_view view;

	/* the ring may have become smaller meanwhile */
	sc_flow_want(flow, want);
	return sc_flow_has_data(flow, want, &view) ||
	       READ_ONCE(sk->sk_err) ||
	       READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
}

static bool sc_io_has_space(struct sc_conn *conn, struct sc_flow *flow, u32 want)
{
	struct sock *sk = conn->sk;
	struct sc_flow_view view;

	return sc_flow_has_space(flow, want, &view) ||
	       READ_ONCE(sk->sk_err) ||
	       READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN;
}

/*
 * All senders that wait for space share @tx_wants, so only sc_conn_event() clears it, and
 * wakes them all. SOCK_NOSPACE is for users in the kernel, which send again after
 * sk_write_space has cleared it; SOCKWQ_ASYNC_NOSPACE for SIGIO. Both come first, as the event
 * may.
 */
static bool sc_io_writable(struct sc_conn *conn, struct sc_flow *flow, u32 want)
{
	struct sock *sk = conn->sk;
	struct sc_flow_view view;
	bool ready;

	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	WRITE_ONCE(conn->tx_wants, want);
	ready = sc_flow_await_space(flow, want, &view) ||
		READ_ONCE(sk->sk_err) ||
		READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN;
	if (ready)
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	return ready;
}

/**
 * sc_io_error() - take the socket's error
 * @io:	the call
 *
 * A call that has bytes to return leaves the error to the next call: otherwise a stream
 * that was cut off would look like one that ended.
 *
 * Return: 0 or -errno.
 */
int sc_io_error(struct sc_io *io)
{
	return io->some ? -READ_ONCE(io->conn->sk->sk_err) : sock_error(io->conn->sk);
}

/**
 * sc_io_lost() - the result of a call that finds the channel down
 * @io:		the call
 * @after:	the result once an earlier call has returned the error
 *
 * Return: the error, or @after.
 */
int sc_io_lost(struct sc_io *io, int after)
{
	/* the error last, as in sc_io_wait_data() */
	bool open = smp_load_acquire(&io->conn->sk->sk_state) == TCP_ESTABLISHED;

	return sc_io_error(io) ?: open ? -ECONNRESET : after;
}

/**
 * sc_io_flow() - the flow, if it is or was open
 * @io:	a call that holds its lock
 *
 * The flow says whether it is open, because the socket's state may be that of a
 * connection before or after it.
 *
 * Return: the flow, or NULL.
 */
struct sc_flow *sc_io_flow(struct sc_io *io)
{
	struct sc_flow *flow;

	flow = rcu_dereference_check(io->conn->flow, lockdep_is_held(io->lock));
	if (!flow || !sc_flow_is_joined(flow) ||
	    /* acquire: pairs with the store of TCP_ESTABLISHED */
	    smp_load_acquire(&io->conn->sk->sk_state) == TCP_SYN_SENT)
		return NULL;
	return flow;
}

/**
 * sc_io_fault_in() - fault in the pages at which a copy stopped
 * @io:		the call
 * @iter:	where it stopped
 * @len:	how much would have been copied
 * @fault_in:	fault_in_iov_iter_readable() or fault_in_iov_iter_writeable()
 *
 * Releases the data lock meanwhile, since user space controls how long a page fault takes.
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

/* Poll for a while instead of sleeping at once. Returns whether @ready() became true. */
static bool sc_io_busy_poll(struct sc_io *io, struct sc_flow *flow,
			    struct sc_busy_poll *poll,
			    bool (*ready)(struct sc_conn *conn, struct sc_flow *flow,
					  u32 want), u32 want)
{
	u64 budget, start, now;
	bool hit;

	/* a peer that shows something new each time could keep us here for ever */
	cond_resched();
	if (!io->timeo || signal_pending(current))
		return false;
	budget = sc_busy_poll_budget(poll, io->conn->sk);
	if (!budget)
		return false;
	start = local_clock();
	do {
		cpu_relax();
		hit = ready(io->conn, flow, want);
		now = local_clock();
	} while (!hit && now - start < budget && !need_resched() &&
		 !signal_pending(current));
	/* a result after the hypervisor took the processor away came too late */
	sc_busy_poll_learn(poll, hit && now - start < budget ? now - start : SC_BUSY_POLL_MISS);
	return hit;
}

/**
 * sc_io_wait_data() - wait for data
 * @io:		a call that holds rx_lock
 * @flow:	the socket's
 * @least:	bytes that end the wait, at most SC_WANT_MAX; it does not begin if they are there
 * @want:	bytes that are worth a wake-up
 *
 * Return: 0: look again; 1: no more data will come; -EAGAIN also if @least bytes do not fit
 * into the ring, whatever the peer does; or another -errno.
 */
int sc_io_wait_data(struct sc_io *io, struct sc_flow *flow, u32 least, u32 want)
{
	struct sock *sk = io->conn->sk;
	struct sc_flow_view view;

	/* a peer that shows data and takes it back must not keep a killed task here */
	if (fatal_signal_pending(current))
		return -EINTR;
	if (sc_io_busy_poll(io, flow, &io->conn->rx_busy_poll, sc_io_readable, least)) {
		sc_flow_look_data(flow, &view);
		if (view.avail >= least)
			return 0;
	}
	want = clamp(want, 1U, max(sc_flow_rx_half(flow), least));
	if (sc_arrival_await(io->conn, flow, want, &view)) {
		if (view.avail >= least || view.flags & SC_FLOW_GONE)
			return 0;
		return view.flags & SC_FLOW_FIN ? 1 : view.flags & SC_FLOW_FULL ? -EAGAIN : 0;
	}
	/* the error last: a reset sets it first, and must not read as an end of file */
	if (smp_load_acquire(&sk->sk_shutdown) & RCV_SHUTDOWN)
		return sc_io_error(io) ?: 1;
	if (READ_ONCE(sk->sk_err))
		return sc_io_error(io);
	return sc_io_sleep(io, flow, sc_io_readable, want,
			   &io->conn->rx_count);
}

/**
 * sc_io_recv_end() - the end of every receiving call
 * @io:		the call; its rx_lock is released
 * @err:	its result so far
 *
 * -EPROTO, an invalid ring index from the peer, ends the connection.
 *
 * Return: @err; after -EPROTO the socket's error, or 1 for an end of file.
 */
int sc_io_recv_end(struct sc_io *io, int err)
{
	struct sc_flow *flow = sc_io_flow(io);

	if (flow)
		sc_conn_received(io->conn, flow);
	mutex_unlock(io->lock);
	if (err == -EPROTO) {
		io->conn->abort(io->conn);
		err = sc_io_lost(io, 1);
	}
	return err;
}

/**
 * sc_io_wait_space() - wait for space
 * @io:		a call that holds tx_lock
 * @flow:	the socket's
 * @least:	bytes of space that end the wait
 * @want:	bytes of space that are worth a wake-up
 *
 * Return: 0: try again; or -errno.
 */
int sc_io_wait_space(struct sc_io *io, struct sc_flow *flow, u32 least, u32 want)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	if (sc_io_busy_poll(io, flow, &io->conn->tx_busy_poll, sc_io_has_space, least))
		return 0;
	if (!io->timeo)
		return sc_io_writable(io->conn, flow, want) ? 0 : -EAGAIN;
	return sc_io_sleep(io, flow, sc_io_writable, want, &io->conn->tx_count);
}

/**
 * sc_io_send_check() - may the call send?
 * @io:		a call that holds tx_lock
 * @flow:	the socket's, or NULL
 *
 * A sender that polls for space and sends no more than fits never finds the ring full,
 * however small it is. poll() found it full, which counts here towards a larger ring.
 *
 * Return: 0, -EPIPE, -ENOTCONN or the socket's error.
 */
int sc_io_send_check(struct sc_io *io, struct sc_flow *flow)
{
	struct sc_conn *conn = io->conn;
	/* the error last, as in sc_io_wait_data() */
	bool shut = smp_load_acquire(&conn->sk->sk_shutdown) & SEND_SHUTDOWN;
	int err = sc_io_error(io);

	if (err)
		return err;
	if (shut)
		return -EPIPE;
	if (!flow)
		return -ENOTCONN;
	if (unlikely(READ_ONCE(conn->tx_look))) {
		WRITE_ONCE(conn->tx_look, false);
		sc_resize_full(flow);
	}
	return 0;
}

/**
 * sc_io_send_end() - the end of every sending call
 * @io:		the call; its tx_lock is released
 * @msg:	for MSG_NOSIGNAL
 * @err:	its result so far
 *
 * -EPROTO, an invalid ring index from the peer, ends the connection. -EPIPE raises SIGPIPE
 * if nothing was sent; on streams only, as of AF_UNIX and AF_VSOCK.
 *
 * Return: @err; after -EPROTO the socket's error, or -EPIPE.
 */
int sc_io_send_end(struct sc_io *io, const struct msghdr *msg, int err)
{
	mutex_unlock(io->lock);
	if (err == -EPROTO) {
		io->conn->abort(io->conn);
		err = sc_io_lost(io, -EPIPE);
	}
	if (err == -EPIPE && !io->some && !(msg->msg_flags & MSG_NOSIGNAL) &&
	    io->conn->sk->sk_type == SOCK_STREAM)
		send_sig(SIGPIPE, current, 0);
	return err;
}
