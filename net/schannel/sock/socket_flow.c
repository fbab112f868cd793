// SPDX-License-Identifier: GPL-2.0-only
/*
 * An AF_SCHANNEL socket as the user of its flow: what struct sc_flow_ops asks of it.
 */
#include <linux/workqueue.h>
#include <net/sock.h>

#include "core/common.h"
#include "arrival.h"
#include "core/flow.h"
#include "socket.h"

static unsigned int sc_sock_event(struct sc_flow *flow, void *user)
{
	sc_conn_event(&sc_sk(user)->conn, flow);
	return 1;
}

static void sc_sock_is_open(struct sc_sock *ssk)
{
	struct sock *sk = &ssk->sk;

	cancel_delayed_work(&ssk->waiter.work);
	ssk->opened = true;
	sc_sock_connect_ended(ssk, ssk->peer_domid, ssk->peer_port, 0);
	sc_sock_established(ssk);
	sk->sk_state_change(sk);
	sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
}

static void sc_sock_was_reset(struct sock *sk, int err)
{
	WRITE_ONCE(sk->sk_err, -err);
	/* release: as in sc_sock_reset() */
	smp_store_release(&sk->sk_shutdown, SHUTDOWN_MASK);
	/* release: as above */
	smp_store_release(&sk->sk_state, TCP_CLOSE);
	sk->sk_state_change(sk);
	sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_HUP);
}

/* For sc_conn_apply(): must not sleep, so a failed connect() is left to the work. */
static void sc_sock_apply(struct sc_conn *conn)
{
	struct sock *sk = conn->sk;
	struct sc_sock *ssk = sc_sk(sk);
	struct sc_flow *flow = sc_conn_flow(conn);
	int err;

	if (sk->sk_state == TCP_SYN_SENT) {
		if (flow && sc_flow_is_answered(flow))
			sc_sock_is_open(ssk);
		else if (sc_conn_is_due(conn))
			mod_delayed_work(sc_wq, &ssk->waiter.work, 0);
	}
	err = flow ? sc_flow_end(flow) : 0;
	if (sk->sk_state == TCP_ESTABLISHED && err)
		sc_sock_was_reset(sk, err);
	else if (sk->sk_state == TCP_ESTABLISHED)
		sc_conn_refresh(conn);
}

/* As release_cb() of struct proto: the end of release_sock(). */
void sc_sock_release_cb(struct sock *sk)
{
	sc_sock_apply(&sc_sk(sk)->conn);
}

static void sc_sock_opened(struct sc_flow *flow, void *user)
{
	sc_conn_apply(&sc_sk(user)->conn, sc_sock_apply);
}

static void sc_sock_ended(struct sc_flow *flow, void *user, int err)
{
	sc_conn_apply(&sc_sk(user)->conn, sc_sock_apply);
}

static bool sc_sock_get(void *user)
{
	struct sock *sk = user;

	return refcount_inc_not_zero(&sk->sk_refcnt);
}

static void sc_sock_put(void *user)
{
	sock_put(user);
}

static void sc_sock_flow_stats(void *user, struct sc_flow_stats *stats)
{
	sc_conn_stats(&sc_sk(user)->conn, stats);
}

static struct sock *sc_sock_sock(void *user)
{
	return user;
}

static int sc_sock_tx_try(struct sc_flow *flow, void *user)
{
	return sc_conn_tx_try(&sc_sk(user)->conn, flow);
}

static void sc_sock_tx_end(void *user)
{
	mutex_unlock(&sc_sk(user)->conn.tx_lock);
}

static int sc_sock_rx_try(struct sc_flow *flow, void *user)
{
	return sc_conn_rx_try(&sc_sk(user)->conn, flow);
}

static void sc_sock_rx_end(void *user)
{
	mutex_unlock(&sc_sk(user)->conn.rx_lock);
}

static void sc_sock_wake(void *user, enum sc_flow_wake side)
{
	sc_conn_wake(&sc_sk(user)->conn, side);
}

const struct sc_flow_ops sc_sock_flow_ops = {
	.event	= sc_sock_event,
	.opened	= sc_sock_opened,
	.ended	= sc_sock_ended,
	.get	= sc_sock_get,
	.put	= sc_sock_put,
	.stats	= sc_sock_flow_stats,
	.sock	= sc_sock_sock,
	.tx_try	= sc_sock_tx_try,
	.tx_end	= sc_sock_tx_end,
	.rx_try	= sc_sock_rx_try,
	.rx_end	= sc_sock_rx_end,
	.wake	= sc_sock_wake,
};
