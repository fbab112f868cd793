/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asking the peer for an event when data arrives.
 *
 * Most waiters look again after they were woken, and ask for the next event when they find
 * too little data. So a receiver that is busy costs its peer no notifications. Three kinds
 * of waiters do not ask again, since with other families they are called for each arrival:
 *
 *	- SIGIO (O_ASYNC);
 *	- users in the kernel that have replaced sk_data_ready;
 *	- edge-triggered waiters that stay in the wait queue and do not poll again: io_uring's
 *	  multishot requests. A poll() call that joins the queue does not tell them from an
 *	  edge-triggered epoll set, but the set polls again for each event that it reports.
 *
 * While a connection has one of them, the event index always is at the newest byte: the
 * upcall asks for the next event before it calls sk_data_ready, and so does everything
 * else that would change the index.
 */
#ifndef _SCHANNEL_ARRIVAL_H
#define _SCHANNEL_ARRIVAL_H

#include <linux/poll.h>
#include <net/sock.h>

#include "conn.h"

/* The kernel's own sk_data_ready, which it does not export. */
extern void (*sc_arrival_default)(struct sock *sk);

/* Has the connection a waiter that must hear of each arrival? */
static inline bool sc_arrival_each(const struct sc_conn *conn)
{
	const struct sock *sk = conn->sk;

	return sock_flag(sk, SOCK_FASYNC) || READ_ONCE(conn->rx_edges) ||
	       READ_ONCE(sk->sk_data_ready) != sc_arrival_default;
}

void sc_arrival_init(const struct sock *sk);
bool sc_arrival_is_plain(const struct sock *sk);
void sc_arrival_poll(struct sc_conn *conn, const poll_table *wait);
bool sc_arrival_expected(struct sc_conn *conn);
void sc_arrival_announce(struct sc_conn *conn, struct sc_flow *flow);
void sc_arrival_refresh(struct sc_conn *conn, struct sc_flow *flow);
bool sc_arrival_await(struct sc_conn *conn, struct sc_flow *flow, u32 want,
		      struct sc_flow_view *view);

#endif /* _SCHANNEL_ARRIVAL_H */
