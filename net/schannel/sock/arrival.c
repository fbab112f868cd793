// SPDX-License-Identifier: GPL-2.0-only
/* Asking the peer for an event when data arrives. See arrival.h. */
#include <linux/cache.h>
#include <linux/list.h>
#include <linux/wait.h>

#include "arrival.h"
#include "core/flow.h"
#include "core/namespace.h"

void (*sc_arrival_default)(struct sock *sk) __ro_after_init;

/* @sk: a socket as sock_init_data() leaves it. */
void __init sc_arrival_init(const struct sock *sk)
{
	sc_arrival_default = sk->sk_data_ready;
}

/* Does nobody else than its program hear of what arrives at the socket? */
bool sc_arrival_is_plain(const struct sock *sk)
{
	return READ_ONCE(sk->sk_data_ready) == sc_arrival_default;
}
EXPORT_SYMBOL_NS_GPL(sc_arrival_is_plain, SC_NS_SOCK);

/* ---- Edge-triggered waiters -------------------------------------------- */

/**
 * sc_arrival_poll() - note down an edge-triggered waiter
 * @conn:	the connection's end, in whatever state
 * @wait:	of a poll() call, which has joined the wait queue if it is to
 *
 * A call that does not join comes from a waiter which polls again. If that one is alone in
 * the queue, an event at its next poll() is enough. io_uring polls again at times, but
 * not each time: its calls differ from epoll's by EPOLLNVAL.
 */
void sc_arrival_poll(struct sc_conn *conn, const poll_table *wait)
{
	__poll_t events = poll_requested_events(wait);
	bool again = poll_does_not_wait(wait) && !(events & EPOLLNVAL);
	wait_queue_head_t *queue;

	if (!(events & EPOLLET) || events & EPOLLONESHOT ||
	    !(events & (EPOLLIN | EPOLLRDNORM)) ||
	    (again && !READ_ONCE(conn->rx_edges)))
		return;
	queue = sk_sleep(conn->sk);
	spin_lock_irq(&queue->lock);
	if (!again)
		WRITE_ONCE(conn->rx_edges, true);
	else if (list_is_singular(&queue->head))
		WRITE_ONCE(conn->rx_edges, false);
	spin_unlock_irq(&queue->lock);
	/*
	 * Pairs with the barrier in sc_rx_arm(): either a thread that moves the event index
	 * back after this call has asked for an event sees the waiter and repairs the
	 * index, or this call's request comes later.
	 */
	smp_mb();
}
EXPORT_SYMBOL_NS_GPL(sc_arrival_poll, SC_NS_SOCK);

/* All edge-triggered waiters left the queue. Softirq, under RCU. */
static void sc_arrival_forget(struct sc_conn *conn)
{
	struct socket_wq *wq = rcu_dereference(conn->sk->sk_wq);
	unsigned long flags;

	if (!wq)
		return;
	spin_lock_irqsave(&wq->wait.lock, flags);
	/* the lock orders this with a waiter that joins and then calls sc_arrival_poll() */
	if (!waitqueue_active(&wq->wait))
		WRITE_ONCE(conn->rx_edges, false);
	spin_unlock_irqrestore(&wq->wait.lock, flags);
}

/**
 * sc_arrival_expected() - must the upcall ask for the next event itself?
 * @conn:	the connection's end
 *
 * Context: softirq, under RCU.
 * Return: whether a waiter must hear of each arrival.
 */
bool sc_arrival_expected(struct sc_conn *conn)
{
	if (likely(!sc_arrival_each(conn)))
		return false;
	if (READ_ONCE(conn->rx_edges))
		sc_arrival_forget(conn);
	return sc_arrival_each(conn);
}

/* ---- Event indexes ----------------------------------------------------- */

/**
 * sc_arrival_announce() - ask for an event at the next byte; announce those that arrived
 * @conn:	the connection's end, for which sc_arrival_each() is true
 * @flow:	its flow, which is open
 *
 * No locks needed. sk_data_ready is called unless it was called for all bytes that are
 * there: the event of one that arrived while another thread was moving the index may
 * have been left out.
 */
void sc_arrival_announce(struct sc_conn *conn, struct sc_flow *flow)
{
	struct sock *sk = conn->sk;
	struct sc_flow_view view;
	bool due;

	local_bh_disable();
	/* the index never moves back: each holder of the lock sees a later tx_prod */
	spin_lock(&conn->arrival_lock);
	sc_flow_look_data(flow, &view);
	sc_flow_await_more(flow, &view);
	due = !(view.flags & SC_FLOW_GONE) && view.prod != READ_ONCE(conn->notified_prod);
	if (due)
		WRITE_ONCE(conn->notified_prod, view.prod);
	spin_unlock(&conn->arrival_lock);
	if (due)
		sk->sk_data_ready(sk);
	local_bh_enable();
}

/**
 * sc_arrival_refresh() - the socket is connected, or may have a new waiter
 * @conn:	the connection's end; lock_sock() or the spinlock is held
 * @flow:	its flow, which is open
 *
 * O_ASYNC is set, and users in the kernel replace sk_data_ready, without a call to the family
 * but release_cb(). Events that came before the socket was connected were ignored.
 */
void sc_arrival_refresh(struct sc_conn *conn, struct sc_flow *flow)
{
	if (unlikely(sc_arrival_each(conn)))
		sc_arrival_announce(conn, flow);
}

/**
 * sc_arrival_await() - sc_flow_await_data() for one of several waiters
 * @conn:	the connection's end
 * @flow:	its flow
 * @want:	as for sc_flow_await_data()
 * @view:	filled in
 *
 * Return: as sc_flow_await_data().
 */
bool sc_arrival_await(struct sc_conn *conn, struct sc_flow *flow, u32 want,
		      struct sc_flow_view *view)
{
	if (unlikely(sc_arrival_each(conn))) {
		sc_arrival_announce(conn, flow);
		sc_flow_want(flow, want);
		return sc_flow_has_data(flow, want, view);
	}
	if (sc_flow_await_data(flow, want, view))
		return true;
	/*
	 * All receivers share one event index. If others wait, for an unknown number
	 * of bytes, ask for an event at the very next byte.
	 */
	if (want <= 1 || !wq_has_sleeper(sk_sleep(conn->sk)))
		return false;
	return !sc_flow_await_more(flow, view) || view->avail >= want ||
	       view->flags & (SC_FLOW_GONE | SC_FLOW_FIN | SC_FLOW_FULL);
}
EXPORT_SYMBOL_NS_GPL(sc_arrival_await, SC_NS_SOCK);
