/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One end of a connection as the data path sees it: part of an AF_SCHANNEL socket,
 * or of a TCP socket that was diverted.
 */
#ifndef _SCHANNEL_CONN_H
#define _SCHANNEL_CONN_H

#include <linux/cache.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <net/sock.h>

#include <uapi/linux/schannel.h>
#include <uapi/xen/schannel.h>
#include "busy_poll.h"
#include "core/flow.h"

struct msghdr;

/**
 * struct sc_count - of one direction of a socket, for struct sc_flow_stats
 * @bytes:	of the user's
 * @records:	where there are such
 * @waits:	times somebody went to sleep for it
 */
struct sc_count {
	u64 bytes;
	u64 records;
	u64 waits;
};

/**
 * struct sc_conn - one end of a connection
 * @sk:		whose
 * @abort:	the peer made no sense: end it. Process context, no locks held
 * @flow:	its flow, or NULL. Changes under lock_sock() and both data locks; so each
 *		of the three is enough to read it, as is the socket's spinlock while nobody
 *		owns it, and RCU. Of a TCP's that was taken back, the data locks alone
 * @late:	a work came while the socket was owned, see sc_conn_own() (slock)
 * @tx_count, @rx_count: what was sent (@tx_lock) and received (@rx_lock)
 * @tx_busy_poll, @rx_busy_poll: whether to look for space, or data, before sleeping; likewise
 * @tx_look:	who sends next is to look whether the ring moves: poll() found it full, or the
 *		peer is ready for another. Cleared by who sends
 * @notified_prod, @notified_flags: what sk_data_ready and sk_state_change were called for
 *		(softirq, serialised by the event queue)
 * @notified_events: how often the peer told us, likewise
 * @tx_wants:	somebody wants to hear when there is so much space, or 0; set by who is on
 *		the wait queue already, cleared by sc_conn_event() only
 * @tx_need:	space for the record that did not fit, until one does (@tx_lock)
 */
struct sc_conn {
	struct sock *sk;
	void (*abort)(struct sc_conn *conn);
	struct sc_flow __rcu *flow;
	bool late;

	/* two threads that send and receive do not share a cache line */
	struct mutex tx_lock ____cacheline_aligned_in_smp;	/* who sends */
	struct sc_count tx_count;
	struct sc_busy_poll tx_busy_poll;
	bool tx_look;
	struct mutex rx_lock ____cacheline_aligned_in_smp;	/* who receives */
	struct sc_count rx_count;
	struct sc_busy_poll rx_busy_poll;

	u32 notified_prod ____cacheline_aligned_in_smp;
	u32 notified_flags;
	u64 notified_events;
	u32 tx_wants;
	u32 tx_need;
};

/* The flow, or NULL. lock_sock() is held, or the socket's spinlock and nobody owns it. */
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
bool sc_conn_is_due(const struct sc_conn *conn);
void sc_conn_shutdown(struct sc_conn *conn, int how);
void sc_conn_event(struct sc_conn *conn, struct sc_flow *flow);
__poll_t sc_conn_poll(struct sc_conn *conn, __poll_t events);
int sc_conn_tx_try(struct sc_conn *conn, struct sc_flow *flow);
int sc_conn_rx_try(struct sc_conn *conn, struct sc_flow *flow);
void sc_conn_wake(struct sc_conn *conn, enum sc_flow_wake whom);
void sc_conn_look(struct sc_conn *conn, struct sc_flow_view *view);
void sc_conn_stats(const struct sc_conn *conn, struct sc_flow_stats *stats);

/* stream.c */
int sc_stream_send(struct sc_conn *conn, struct msghdr *msg, size_t len);
int sc_stream_recv(struct sc_conn *conn, struct msghdr *msg, size_t len,
		   int flags);

#endif /* _SCHANNEL_CONN_H */
