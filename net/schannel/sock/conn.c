// SPDX-License-Identifier: GPL-2.0-only
/* One end of a connection: from its flow's opening to its close. See conn.h. */
#include <linux/err.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "conn.h"
#include "core/flow.h"
#include "io.h"
#include "core/namespace.h"

void sc_conn_init(struct sc_conn *conn, struct sock *sk,
		  void (*abort)(struct sc_conn *conn))
{
	memset(conn, 0, sizeof(*conn));
	conn->sk = sk;
	conn->abort = abort;
	mutex_init(&conn->tx_lock);
	mutex_init(&conn->rx_lock);
	sc_conn_fresh(conn);
}
EXPORT_SYMBOL_NS_GPL(sc_conn_init, SC_NS_SOCK);

/* What is about one connection only begins anew. Nobody is in the data path. */
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
EXPORT_SYMBOL_NS_GPL(sc_conn_fresh, SC_NS_SOCK);

/**
 * sc_conn_detach() - it is done with its flow, if it has one
 * @conn:	lock_sock() is held, unless its socket was taken back
 * @reason:	as sc_flow_close()'s
 */
void sc_conn_detach(struct sc_conn *conn, enum schannel_reason reason)
{
	struct sc_flow *flow;

	if (!rcu_access_pointer(conn->flow))
		return;
	/* nobody is in its data path any more, and nobody enters */
	mutex_lock(&conn->tx_lock);
	mutex_lock(&conn->rx_lock);
	flow = rcu_replace_pointer(conn->flow, NULL,
				   lockdep_is_held(&conn->rx_lock));
	mutex_unlock(&conn->rx_lock);
	mutex_unlock(&conn->tx_lock);
	if (flow)
		sc_flow_close(flow, reason);
}
EXPORT_SYMBOL_NS_GPL(sc_conn_detach, SC_NS_SOCK);

/*
 * Let the peer read what was sent, for as long as SO_LINGER says. A TCP would wait until its
 * peer has room for the rest, not until it is read; for that passes half the ring.
 */
static void sc_conn_linger(struct sc_conn *conn, struct sc_flow *flow)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = conn->sk;
	long timeo = sk->sk_lingertime;
	struct sc_flow_view view;
	u32 size, left;

	mutex_lock(&conn->tx_lock);
	sc_flow_fin(flow);
	mutex_unlock(&conn->tx_lock);
	add_wait_queue(sk_sleep(sk), &wait);
	while (timeo && !signal_pending(current) &&
	       sk->sk_state == TCP_ESTABLISHED) {
		size = sc_flow_tx_size(flow);
		left = flow->type == SCHANNEL_TYPE_INET ? size / 2 : 0;
		WRITE_ONCE(conn->tx_wants, size - left);
		sc_flow_await_space(flow, size - left, &view);
		if (view.queued <= left ||
		    view.flags & (SC_FLOW_GONE | SC_FLOW_PEER_SHUT))
			break;
		release_sock(sk);
		timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, timeo);
		lock_sock(sk);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
}

/**
 * sc_conn_release() - the socket is being closed
 * @conn:	lock_sock() is held, but not while it lingers
 *
 * As TCP: a reset if what came was not read, or if SO_LINGER is 0.
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
		sc_flow_look(flow, &view);
		reset = view.avail ||
			(sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime);
	}
	if (!reset && sock_flag(sk, SOCK_LINGER) &&
	    !(current->flags & PF_EXITING))
		sc_conn_linger(conn, flow);
	sc_conn_detach(conn, reset ? SCHANNEL_REASON_RESET :
				     SCHANNEL_REASON_DONE);
}
EXPORT_SYMBOL_NS_GPL(sc_conn_release, SC_NS_SOCK);

/* @how: RCV_SHUTDOWN, SEND_SHUTDOWN. It is open, lock_sock() is held. */
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
EXPORT_SYMBOL_NS_GPL(sc_conn_shutdown, SC_NS_SOCK);

/* ---- While a user owns the socket -------------------------------------- */

/*
 * Whoever owns a socket may sleep in a page that comes when he likes, as in
 * setsockopt(SO_LINGER). So a work, which would hold up those of others, must not wait for
 * him. Like TCP's softirq, it leaves him what there is to do: his release_cb() settles.
 */

/**
 * sc_conn_own() - lock_sock(), for a work
 * @conn:	of the socket
 *
 * Return: false if somebody owns it already, who then finds the work due.
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
 * sc_conn_apply() - the flow was answered, or ended
 * @conn:	whose it is
 * @apply:	draws the consequences: with the socket's spinlock, while nobody owns it or
 *		at the end of release_sock(). It looks at the flow, which remembers
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
EXPORT_SYMBOL_NS_GPL(sc_conn_apply, SC_NS_SOCK);

/* While it connects: is there something that its work has to see to? For a @apply. */
bool sc_conn_is_due(const struct sc_conn *conn)
{
	const struct sc_flow *flow = sc_conn_flow(conn);

	return conn->late || (flow && READ_ONCE(flow->ended));
}
EXPORT_SYMBOL_NS_GPL(sc_conn_is_due, SC_NS_SOCK);

/* ---- Being told, and watching ------------------------------------------ */

/**
 * sc_conn_event() - the flow has something to tell
 * @conn:	whose it is
 * @flow:	the flow
 *
 * Softirq, under RCU, one at a time for a flow.
 */
void sc_conn_event(struct sc_conn *conn, struct sc_flow *flow)
{
	struct sock *sk = conn->sk;
	struct sc_flow_view view;
	u32 flags, want;

	/*
	 * Who connects looks at everything once it is told of the answer.
	 * acquire: pairs with the store when it became TCP_ESTABLISHED.
	 */
	if (smp_load_acquire(&sk->sk_state) != TCP_ESTABLISHED)
		return;

	conn->notified_events++;
	sc_flow_look(flow, &view);
	flags = view.flags & ~conn->notified_flags;
	conn->notified_flags |= flags;
	if (flags)
		sk->sk_state_change(sk);
	if (view.prod != conn->notified_prod || flags & SC_FLOW_FIN) {
		conn->notified_prod = view.prod;
		sk->sk_data_ready(sk);
	}
	/* cleared before looking: who asks anew after we looked is heard */
	want = xchg(&conn->tx_wants, 0);
	if (!want)
		return;
	if (sc_flow_await_space(flow, want, &view))
		sc_io_write_space(sk);
	else
		cmpxchg(&conn->tx_wants, 0, want);
}
EXPORT_SYMBOL_NS_GPL(sc_conn_event, SC_NS_SOCK);

/*
 * Is there something to receive? If not, the event that says so is asked for. Who is told of
 * edges needs the next one in any case; who is not is going to ask again, and what
 * the peer sends while there is something to receive costs it no notification.
 */
static bool sc_conn_readable(struct sc_flow *flow, u32 want, bool edges,
			     struct sc_flow_view *view)
{
	if (!edges && sc_flow_has_data(flow, want, view))
		return true;
	if (!sc_flow_await_data(flow, want, view))
		return false;
	/* who receives until there is nothing asks for the next himself */
	if (edges)
		sc_flow_await_more(flow, view);
	return true;
}

/* Likewise, but that who finds the ring full asks for the event himself. */
static bool sc_conn_writable(struct sc_conn *conn, struct sc_flow *flow,
			     struct sc_flow_view *view)
{
	u32 want = max(sc_flow_tx_size(flow) / 2, READ_ONCE(conn->tx_need));

	if (view->space >= want)
		return true;
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, conn->sk);
	if (!READ_ONCE(conn->tx_look))
		WRITE_ONCE(conn->tx_look, true);
	WRITE_ONCE(conn->tx_wants, want);
	return sc_flow_await_space(flow, want, view);
}

/**
 * sc_conn_poll() - what poll() says of an open connection
 * @conn:	the connection's end
 * @events:	what the caller is interested in, with EPOLLET if he is told of edges
 *
 * No locks needed.
 *
 * Return: EPOLL*.
 */
__poll_t sc_conn_poll(struct sc_conn *conn, __poll_t events)
{
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
		sc_flow_look(flow, &view);
	else if (sc_conn_readable(flow, want, events & EPOLLET, &view))
		mask |= EPOLLIN | EPOLLRDNORM;
	in_ended = shutdown & RCV_SHUTDOWN || view.flags & SC_FLOW_FIN;
	out_ended = shutdown & SEND_SHUTDOWN || view.flags & SC_FLOW_PEER_SHUT;
	if (in_ended)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	/* a TCP does not hear that its peer reads no more until it sends */
	if (in_ended && (flow->type == SCHANNEL_TYPE_INET ?
			 shutdown & SEND_SHUTDOWN : out_ended))
		mask |= EPOLLHUP;
	if (out_ended || (events & (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND) &&
			  sc_conn_writable(conn, flow, &view)))
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
void sc_conn_wake(struct sc_conn *conn, enum sc_flow_wake whom)
{
	struct sock *sk = conn->sk;

	switch (whom) {
	case SC_FLOW_WAKE_SENDER:
		WRITE_ONCE(conn->tx_look, true);
		/* with a sender that joins the wait queue, then looks at the resize */
		smp_mb();
		sc_io_write_space(sk);
		break;
	case SC_FLOW_WAKE_RECEIVER:
		sk->sk_data_ready(sk);
		break;
	}
}
EXPORT_SYMBOL_NS_GPL(sc_conn_wake, SC_NS_SOCK);

/* sc_flow_look(), or all zero if it is not, or never was, open. No locks. */
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

/**
 * sc_conn_stats() - what it did
 * @conn:	the connection's end
 * @stats:	filled in
 *
 * Any context, no locks: each number is right, if not all at the same moment.
 */
void sc_conn_stats(const struct sc_conn *conn, struct sc_flow_stats *stats)
{
	struct sc_flow *flow;

	*stats = (struct sc_flow_stats) {
		.tx_bytes	= READ_ONCE(conn->tx_count.bytes),
		.rx_bytes	= READ_ONCE(conn->rx_count.bytes),
		.tx_records	= READ_ONCE(conn->tx_count.records),
		.rx_records	= READ_ONCE(conn->rx_count.records),
		.tx_waits	= READ_ONCE(conn->tx_count.waits),
		.rx_waits	= READ_ONCE(conn->rx_count.waits),
		.rx_events	= READ_ONCE(conn->notified_events),
		.drops		= atomic_read(&conn->sk->sk_drops),
	};
	rcu_read_lock();
	flow = rcu_dereference(conn->flow);
	if (flow)
		stats->tx_events = atomic_long_read(&flow->events);
	rcu_read_unlock();
}
EXPORT_SYMBOL_NS_GPL(sc_conn_stats, SC_NS_SOCK);
