// SPDX-License-Identifier: GPL-2.0-only
/* One end of a connection, from the opening of its flow to the close. See conn.h. */
#include <linux/err.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "arrival.h"
#include "conn.h"
#include "core/flow.h"
#include "core/namespace.h"
#include "peek.h"

void sc_conn_init(struct sc_conn *conn, struct sock *sk,
		  void (*abort)(struct sc_conn *conn))
{
	memset(conn, 0, sizeof(*conn));
	conn->sk = sk;
	conn->abort = abort;
	mutex_init(&conn->tx_lock);
	mutex_init(&conn->rx_lock);
	spin_lock_init(&conn->arrival_lock);
	sc_conn_fresh(conn);
}
EXPORT_SYMBOL_NS_GPL(sc_conn_init, SC_NS_SOCK);

/* Reset what belongs to a single connection. No call is in the data path. */
void sc_conn_fresh(struct sc_conn *conn)
{
	conn->notified_prod = 0;
	conn->notified_flags = 0;
	conn->notified_events = 0;
	conn->tx_need = 0;
	conn->tx_look = false;
	memset(&conn->tx_count, 0, sizeof(conn->tx_count));
	memset(&conn->rx_count, 0, sizeof(conn->rx_count));
	sc_busy_poll_init(&conn->tx_busy_poll);
	sc_busy_poll_init(&conn->rx_busy_poll);
}

/**
 * sc_conn_detach() - close the flow, if there is one
 * @conn:	the connection's end; lock_sock() is held
 * @reason:	what the peer is told, see sc_flow_close()
 */
void sc_conn_detach(struct sc_conn *conn, enum schannel_reason reason)
{
	struct sc_flow *flow;

	if (!rcu_access_pointer(conn->flow))
		return;
	/* wait for the calls in the data path; later ones find no flow */
	mutex_lock(&conn->tx_lock);
	mutex_lock(&conn->rx_lock);
	flow = rcu_replace_pointer(conn->flow, NULL,
				   lockdep_is_held(&conn->rx_lock));
	sc_peek_free(conn);
	mutex_unlock(&conn->rx_lock);
	mutex_unlock(&conn->tx_lock);
	if (flow)
		sc_flow_close(flow, reason);
}

/* Wait until the peer has read what was sent, as long as SO_LINGER says. */
static void sc_conn_linger(struct sc_conn *conn, struct sc_flow *flow)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = conn->sk;
	long timeo = sk->sk_lingertime;
	struct sc_flow_view view;
	u32 size;

	mutex_lock(&conn->tx_lock);
	sc_flow_fin(flow);
	mutex_unlock(&conn->tx_lock);
	add_wait_queue(sk_sleep(sk), &wait);
	while (timeo && !signal_pending(current) &&
	       sk->sk_state == TCP_ESTABLISHED) {
		size = sc_flow_tx_size(flow);
		WRITE_ONCE(conn->tx_wants, size);
		sc_flow_await_space(flow, size, &view);
		if (!view.queued || view.flags & (SC_FLOW_GONE | SC_FLOW_PEER_SHUT))
			break;
		release_sock(sk);
		timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, timeo);
		lock_sock(sk);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
}

/**
 * sc_conn_release() - the socket is being closed
 * @conn:	the connection's end; lock_sock() is held, except while it lingers
 *
 * As TCP does: a reset if received data is unread, or if SO_LINGER is 0.
 */
void sc_conn_release(struct sc_conn *conn)
{
	struct sc_flow *flow = sc_conn_flow(conn);
	struct sock *sk = conn->sk;
	struct sc_flow_view view;
	bool reset = sk->sk_state != TCP_ESTABLISHED;

	if (!flow)
		return;
	if (!reset) {
		sc_flow_look_data(flow, &view);
		reset = view.avail ||
			(sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime);
	}
	if (!reset && sock_flag(sk, SOCK_LINGER) &&
	    !(current->flags & PF_EXITING))
		sc_conn_linger(conn, flow);
	sc_conn_detach(conn, reset ? SCHANNEL_REASON_RESET :
				     SCHANNEL_REASON_DONE);
}

/* @how: RCV_SHUTDOWN, SEND_SHUTDOWN. The connection is open, lock_sock() is held. */
void sc_conn_shutdown(struct sc_conn *conn, int how)
{
	struct sc_flow *flow = sc_conn_flow(conn);
	struct sock *sk = conn->sk;

	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | how);
	if (how & SEND_SHUTDOWN) {
		mutex_lock(&conn->tx_lock);
		sc_flow_fin(flow);
		mutex_unlock(&conn->tx_lock);
	}
	if (how & RCV_SHUTDOWN) {
		mutex_lock(&conn->rx_lock);
		sc_flow_rx_shut(flow);
		mutex_unlock(&conn->rx_lock);
	}
	sk->sk_state_change(sk);
}

/* ---- While a user owns the socket -------------------------------------- */

/*
 * The lock_sock() owner may block in a page fault that user space controls (userfaultfd,
 * FUSE), for example in setsockopt(SO_LINGER). A work must not wait for it, since that would
 * hold up other sockets' works. As TCP's softirq does, it leaves the rest to the owner,
 * whose release_cb() runs the apply function.
 */

/**
 * sc_conn_own() - lock_sock() for a work: does not wait
 * @conn:	the socket's end of the connection
 *
 * Return: false if another owns the socket; sc_conn_is_due() then tells that owner to
 * queue the work again.
 */
bool sc_conn_own(struct sc_conn *conn)
{
	struct sock *sk = conn->sk;
	bool late;

	spin_lock_bh(&sk->sk_lock.slock);
	late = sock_owned_by_user_nocheck(sk);
	if (!late)
		sk->sk_lock.owned = 1;
	conn->late = late;
	spin_unlock_bh(&sk->sk_lock.slock);
	if (late)
		return false;
	mutex_acquire(&sk->sk_lock.dep_map, 0, 1, _RET_IP_);
	return true;
}
EXPORT_SYMBOL_NS_GPL(sc_conn_own, SC_NS_SOCK);

/**
 * sc_conn_apply() - bring the socket up to date after its flow was answered or ended
 * @conn:	the socket's end of the connection
 * @apply:	changes the socket's state to what the flow has recorded. Called with the
 *		socket's spinlock: at once if the socket is not owned, else by the owner's
 *		release_cb()
 *
 * Process context.
 */
void sc_conn_apply(struct sc_conn *conn, void (*apply)(struct sc_conn *conn))
{
	struct sock *sk = conn->sk;

	spin_lock_bh(&sk->sk_lock.slock);
	if (!sock_owned_by_user_nocheck(sk))
		apply(conn);
	spin_unlock_bh(&sk->sk_lock.slock);
}

/* For an apply function of a connecting socket: must its work run? */
bool sc_conn_is_due(const struct sc_conn *conn)
{
	const struct sc_flow *flow = sc_conn_flow(conn);

	return conn->late || (flow && sc_flow_end(flow));
}

/**
 * sc_conn_refresh() - the socket is connected, or may have other options or waiters
 * @conn:	the connection's end; lock_sock() or the spinlock is held
 *
 * Of the options of SOL_SOCKET, and of users in the kernel, the family hears only in
 * release_cb().
 */
void sc_conn_refresh(struct sc_conn *conn)
{
	struct sc_flow *flow = sc_conn_flow(conn);
	struct sc_flow_view view;

	if (!flow || !sc_flow_is_joined(flow))
		return;
	sc_arrival_refresh(conn, flow);
	sc_flow_promise(flow, READ_ONCE(conn->sk->sk_rcvbuf));
	/* if SO_SNDBUF has grown, there may be space now */
	sc_flow_look(flow, &view);
	if (unlikely(view.space < view.queued))
		sc_unread_note(flow);
}
EXPORT_SYMBOL_NS_GPL(sc_conn_refresh, SC_NS_SOCK);

/**
 * sc_conn_received() - the end of a receiving call
 * @conn:	the connection's end; rx_lock is held
 * @flow:	its flow, which is open
 */
void sc_conn_received(struct sc_conn *conn, struct sc_flow *flow)
{
	/* the call may have read what another waiter was not told of yet */
	if (unlikely(sc_arrival_each(conn)))
		sc_arrival_announce(conn, flow);
	if (unlikely(sc_resize_is_offered(flow) || sc_resize_is_behind(flow)))
		sc_resize_follow(flow);
}
EXPORT_SYMBOL_NS_GPL(sc_conn_received, SC_NS_SOCK);

/* ---- Events and poll() ------------------------------------------------- */

/**
 * sc_conn_event() - the peer asked us to look at the flow
 * @conn:	the flow's user
 * @flow:	the flow
 *
 * Softirq, under RCU; calls for one flow are serialised by its event queue.
 */
void sc_conn_event(struct sc_conn *conn, struct sc_flow *flow)
{
	struct sock *sk = conn->sk;
	struct sc_flow_view view;
	u32 flags, want;

	/*
	 * A connecting socket looks at everything once it is established. The state of a TCP
	 * connection is TCP's own: bytes also arrive after the FIN in the other direction.
	 * acquire: pairs with the store of TCP_ESTABLISHED.
	 */
	if (smp_load_acquire(&sk->sk_state) != TCP_ESTABLISHED &&
	    flow->type != SCHANNEL_TYPE_TCP)
		return;

	conn->notified_events++;
	sc_flow_look_data(flow, &view);
	flags = view.flags & ~(conn->notified_flags | SC_FLOW_FULL);
	conn->notified_flags |= flags;
	if (flags)
		sk->sk_state_change(sk);
	if (sc_arrival_expected(conn)) {
		sc_arrival_announce(conn, flow);
		if (flags & SC_FLOW_FIN || view.flags & SC_FLOW_FULL)
			sk->sk_data_ready(sk);
	} else if (view.prod != READ_ONCE(conn->notified_prod) ||
		   flags & SC_FLOW_FIN || view.flags & SC_FLOW_FULL) {
		/* may lose against sc_arrival_announce() for a new waiter: one call too many */
		WRITE_ONCE(conn->notified_prod, view.prod);
		sk->sk_data_ready(sk);
	}
	/* cleared before looking: a request that is made after we looked is kept */
	want = xchg(&conn->tx_wants, 0);
	if (!want)
		return;
	if (sc_flow_await_space(flow, want, &view)) {
		sk->sk_write_space(sk);
	} else {
		cmpxchg(&conn->tx_wants, 0, want);
		/* the peer may have promised more */
		sc_unread_note(flow);
	}
}
EXPORT_SYMBOL_NS_GPL(sc_conn_event, SC_NS_SOCK);

/*
 * Is there data? If not, ask for the event. An edge-triggered poller needs the next event in
 * any case. A level-triggered one polls again, so while there is data the peer's sends
 * cost no notification.
 */
static bool sc_conn_readable(struct sc_conn *conn, struct sc_flow *flow, u32 want,
			     bool edges, struct sc_flow_view *view)
{
	if (unlikely(sc_arrival_each(conn))) {
		sc_arrival_announce(conn, flow);
		sc_flow_want(flow, want);
		return sc_flow_has_data(flow, want, view);
	}
	if (!edges && sc_flow_has_data(flow, want, view))
		return true;
	/*
	 * Receivers that sleep share the event index, and may wait for fewer bytes than
	 * the SO_RCVLOWAT that is polled for: ask for the very next byte. The receiver
	 * that empties the ring asks for the event after that itself.
	 */
	if (!sc_flow_await_data(flow, 1, view))
		return false;
	if ((edges || want > 1) && !sc_flow_await_more(flow, view))
		return true;	/* no event is sure to come: the caller polls again */
	sc_flow_want(flow, want);
	return want == 1 || sc_flow_has_data(flow, want, view);
}

/* The same for space; a sender that finds the ring full asks for the event itself. */
static bool sc_conn_writable(struct sc_conn *conn, struct sc_flow *flow)
{
	u32 want = max(sc_flow_tx_size(flow) / 2, READ_ONCE(conn->tx_need));
	struct sc_flow_view view;

	sc_flow_look(flow, &view);
	if (view.space >= want)
		return true;
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, conn->sk);
	if (!READ_ONCE(conn->tx_look))
		WRITE_ONCE(conn->tx_look, true);
	WRITE_ONCE(conn->tx_wants, want);
	if (sc_flow_await_space(flow, want, &view))
		return true;
	sc_unread_note(flow);
	return false;
}

/**
 * sc_conn_poll() - what poll() says of an open connection
 * @conn:	the connection's end
 * @wait:	of the call, after sock_poll_wait() and sc_arrival_poll()
 *
 * No locks needed.
 *
 * Return: EPOLL*.
 */
__poll_t sc_conn_poll(struct sc_conn *conn, const poll_table *wait)
{
	__poll_t events = poll_requested_events(wait);
	struct sock *sk = conn->sk;
	struct sc_flow_view view;
	struct sc_flow *flow;
	bool in_ended, out_ended;
	__poll_t mask = 0;
	u32 shutdown;
	u32 want = 1;

	rcu_read_lock();
	flow = rcu_dereference(conn->flow);
	if (!flow || !sc_flow_is_joined(flow))
		goto out;
	shutdown = READ_ONCE(sk->sk_shutdown);

	if (sk->sk_type == SOCK_STREAM)
		want = READ_ONCE(sk->sk_rcvlowat);
	if (!(events & (EPOLLIN | EPOLLRDNORM)))
		sc_flow_look_data(flow, &view);
	else if (sc_conn_readable(conn, flow, want, events & EPOLLET, &view))
		mask |= EPOLLIN | EPOLLRDNORM;
	in_ended = shutdown & RCV_SHUTDOWN || view.flags & SC_FLOW_FIN;
	out_ended = shutdown & SEND_SHUTDOWN || view.flags & SC_FLOW_PEER_SHUT;
	if (in_ended)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (in_ended && out_ended)
		mask |= EPOLLHUP;
	if (out_ended || (events & (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND) &&
			  sc_conn_writable(conn, flow)))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
out:
	rcu_read_unlock();
	return mask;
}
EXPORT_SYMBOL_NS_GPL(sc_conn_poll, SC_NS_SOCK);

/* ---- What the core asks of a flow's user -------------------------------- */

/* With one of the data locks: the connection still has this flow, and its peer. */
static bool sc_conn_has_flow(const struct sc_conn *conn, struct sc_flow *flow)
{
	return rcu_access_pointer(conn->flow) == flow && sc_flow_is_joined(flow);
}

static int sc_conn_try(struct sc_conn *conn, struct sc_flow *flow,
		       struct mutex *lock)
{
	if (!mutex_trylock(lock))
		return -EBUSY;
	if (sc_conn_has_flow(conn, flow))
		return 0;
	mutex_unlock(lock);
	return -ENOTCONN;
}

/* As tx_try and rx_try of struct sc_flow_ops. */
int sc_conn_tx_try(struct sc_conn *conn, struct sc_flow *flow)
{
	return sc_conn_try(conn, flow, &conn->tx_lock);
}
EXPORT_SYMBOL_NS_GPL(sc_conn_tx_try, SC_NS_SOCK);

int sc_conn_rx_try(struct sc_conn *conn, struct sc_flow *flow)
{
	return sc_conn_try(conn, flow, &conn->rx_lock);
}
EXPORT_SYMBOL_NS_GPL(sc_conn_rx_try, SC_NS_SOCK);

/* As wake of struct sc_flow_ops. */
void sc_conn_wake(struct sc_conn *conn, enum sc_flow_wake side)
{
	struct sock *sk = conn->sk;

	switch (side) {
	case SC_FLOW_WAKE_SENDER:
		WRITE_ONCE(conn->tx_look, true);
		/* with a sender that joins the wait queue, then looks at the resize */
		smp_mb();
		sk->sk_write_space(sk);
		break;
	case SC_FLOW_WAKE_RECEIVER:
		sk->sk_data_ready(sk);
		break;
	}
}
EXPORT_SYMBOL_NS_GPL(sc_conn_wake, SC_NS_SOCK);

/* sc_flow_look(); all zero if there is no open flow. No locks needed. */
void sc_conn_look(struct sc_conn *conn, struct sc_flow_view *view)
{
	struct sc_flow *flow;

	memset(view, 0, sizeof(*view));
	rcu_read_lock();
	flow = rcu_dereference(conn->flow);
	if (flow && sc_flow_is_joined(flow))
		sc_flow_look(flow, view);
	rcu_read_unlock();
}
EXPORT_SYMBOL_NS_GPL(sc_conn_look, SC_NS_SOCK);

static u64 sc_conn_count(const u64 *count)
{
	/* the data path adds to it without marked accesses: any value of it will do */
	return data_race(*count);
}

/**
 * sc_conn_stats() - the connection's counters
 * @conn:	the connection's end
 * @stats:	filled in
 *
 * Any context, no locks: the counters may change meanwhile, and not all are of the same moment.
 */
void sc_conn_stats(const struct sc_conn *conn, struct sc_flow_stats *stats)
{
	struct sc_flow *flow;

	*stats = (struct sc_flow_stats) {
		.tx_bytes	= sc_conn_count(&conn->tx_count.bytes),
		.rx_bytes	= sc_conn_count(&conn->rx_count.bytes),
		.tx_records	= sc_conn_count(&conn->tx_count.records),
		.rx_records	= sc_conn_count(&conn->rx_count.records),
		.tx_waits	= sc_conn_count(&conn->tx_count.waits),
		.rx_waits	= sc_conn_count(&conn->rx_count.waits),
		.rx_events	= sc_conn_count(&conn->notified_events),
		.drops		= atomic_read(&conn->sk->sk_drops),
	};
	rcu_read_lock();
	flow = rcu_dereference(conn->flow);
	if (flow)
		stats->tx_events = atomic_long_read(&flow->events);
	rcu_read_unlock();
}
EXPORT_SYMBOL_NS_GPL(sc_conn_stats, SC_NS_SOCK);
