/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One end of a connection as the data path sees it: part of an AF_SCHANNEL socket, or of
 * a diverted TCP socket.
 */
#ifndef _SCHANNEL_CONN_H
#define _SCHANNEL_CONN_H

#include <linux/cache.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <net/sock.h>

#include <uapi/linux/schannel.h>
#include <uapi/xen/schannel.h>
#include "busy_poll.h"
#include "core/flow.h"
#include "core/lines.h"

struct msghdr;
struct sc_peek;

/**
 * struct sc_count - counters of one direction of a socket, for struct sc_flow_stats
 * @bytes:	bytes of the program's
 * @records:	records, of a socket that has them
 * @waits:	times that a call slept
 */
struct sc_count {
	u64 bytes;
	u64 records;
	u64 waits;
};

/**
 * struct sc_conn - one end of a connection
 * @sk:		the socket
 * @abort:	AF_SCHANNEL: ends the connection after an invalid index from the peer. Process
 *		context, no locks held
 * @flow:	the flow, or NULL. Changes under lock_sock() and both data locks, so each of
 *		the three is enough to read it, as is RCU, or the socket's spinlock while
 *		it is not owned. In a TCP socket it changes under both data locks and a
 *		lock of its own
 * @late:	a work found the socket owned, see sc_conn_own() (the socket's spinlock)
 * @rx_edges:	an edge-triggered waiter may not poll again after an event, see arrival.h
 *		(the wait queue's lock)
 * @tx_lock:	serialises senders
 * @tx_count:	what was sent (@tx_lock)
 * @tx_need:	space for the record that did not fit, until one does (@tx_lock)
 * @tx_look:	the next sender looks whether the ring is resized: poll() found it full, or
 *		the peer is ready for another ring. Cleared by the sender
 * @tx_busy_poll: whether polling for space pays (@tx_lock)
 * @rx_lock:	serialises receivers
 * @peek:	what was peeked at and not received yet, or NULL (@rx_lock)
 * @rx_count:	what was received (@rx_lock)
 * @rx_busy_poll: whether polling for data pays (@rx_lock)
 * @notified_prod: the peer's producer index when sk_data_ready was last called (softirq,
 *		serialised by the event queue; @arrival_lock while sc_arrival_each())
 * @notified_flags: SC_FLOW_* for which sk_state_change was called (softirq)
 * @notified_events: events received from the peer (softirq)
 * @tx_wants:	a waiter wants an event when there is this much space; 0 if none does. Set
 *		after joining the wait queue, cleared by sc_conn_event() only
 * @arrival_lock: serialises sc_arrival_announce(). Softirq
 */
struct sc_conn {
	struct sock *sk;
	void (*abort)(struct sc_conn *conn);
	struct sc_flow __rcu *flow;
	bool late;
	bool rx_edges;

	/*
	 * Two threads that send and receive do not share a cache line. In each half first what
	 * every call touches: one line.
	 */
	struct mutex tx_lock ____cacheline_aligned_in_smp;	/* senders */
	struct sc_count tx_count;
	u32 tx_need;
	bool tx_look;
	struct sc_busy_poll tx_busy_poll;
	struct mutex rx_lock ____cacheline_aligned_in_smp;	/* receivers */
	struct sc_peek *peek;
	struct sc_count rx_count;
	struct sc_busy_poll rx_busy_poll;

	u32 notified_prod ____cacheline_aligned_in_smp;
	u32 notified_flags;
	u64 notified_events;
	u32 tx_wants;
	spinlock_t arrival_lock;	/* see above */
};

/* What both directions read, what senders write, what receivers write, what the upcall writes. */
SC_ASSERT_ONE_LINE(struct sc_conn, sk, rx_edges);
SC_ASSERT_ONE_LINE(struct sc_conn, tx_lock, tx_look);
SC_ASSERT_ONE_LINE(struct sc_conn, rx_lock, rx_count);
SC_ASSERT_APART(struct sc_conn, rx_edges, tx_lock);
SC_ASSERT_APART(struct sc_conn, tx_busy_poll, rx_lock);
SC_ASSERT_APART(struct sc_conn, rx_busy_poll, notified_prod);

/* The flow, or NULL. With lock_sock(), or the spinlock of a socket that is not owned. */
static inline struct sc_flow *sc_conn_flow(const struct sc_conn *conn)
{
	return rcu_dereference_protected(conn->flow,
					 lockdep_sock_is_held(conn->sk));
}

void sc_conn_init(struct sc_conn *conn, struct sock *sk,
		  void (*abort)(struct sc_conn *conn));
void sc_conn_fresh(struct sc_conn *conn);
void sc_conn_detach(struct sc_conn *conn, enum schannel_reason reason);
void sc_conn_release(struct sc_conn *conn);
bool sc_conn_own(struct sc_conn *conn);
void sc_conn_apply(struct sc_conn *conn, void (*apply)(struct sc_conn *conn));
void sc_conn_refresh(struct sc_conn *conn);
bool sc_conn_is_due(const struct sc_conn *conn);
void sc_conn_shutdown(struct sc_conn *conn, int how);
void sc_conn_received(struct sc_conn *conn, struct sc_flow *flow);
void sc_conn_event(struct sc_conn *conn, struct sc_flow *flow);
__poll_t sc_conn_poll(struct sc_conn *conn, const poll_table *wait);
int sc_conn_tx_try(struct sc_conn *conn, struct sc_flow *flow);
int sc_conn_rx_try(struct sc_conn *conn, struct sc_flow *flow);
void sc_conn_wake(struct sc_conn *conn, enum sc_flow_wake side);
void sc_conn_look(struct sc_conn *conn, struct sc_flow_view *view);
void sc_conn_stats(const struct sc_conn *conn, struct sc_flow_stats *stats);

#endif /* _SCHANNEL_CONN_H */
