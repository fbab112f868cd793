// SPDX-License-Identifier: GPL-2.0-only
/* A diverted socket as the user of its flow: the functions of struct sc_flow_ops. */
#include <linux/module.h>
#include <net/tcp.h>

#include "core/common.h"
#include "core/flow.h"
#include "reason.h"
#include "sock/arrival.h"
#include "sock.h"

/* The caller holds lock_sock() or the spinlock. */
bool scinet_is_connecting(const struct scinet_sock *is)
{
	const struct sock *sk = is->conn.sk;

	return sk->sk_state == TCP_SYN_SENT && scinet_is_diverted(sk) &&
	       scinet_sk(sk) == is;
}

/* Count the result of diverting @is, and remember it. */
void scinet_count(const struct scinet_sock *is,
		  enum schannel_divert verdict)
{
	struct net *net = sock_net(is->conn.sk);

	scinet_reason_count(net, &is->dest, is->port, verdict);
	/*
	 * If the channel came up meanwhile, scinet_channel() may have run before the line
	 * above: forget the verdict here.
	 */
	if (verdict == SCHANNEL_DIVERT_NO_CHANNEL && sc_peer_is_up(is->peer))
		scinet_reason_forget(net, is->peer);
}

static void scinet_opened(struct scinet_sock *is)
{
	struct sock *sk = is->conn.sk;

	cancel_delayed_work(&is->waiter.work);
	scinet_count(is, SCHANNEL_DIVERT_OK);
	tcp_set_state(sk, TCP_ESTABLISHED);
	sk->sk_state_change(sk);
	sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
}

/* For scinet_apply(), which must not sleep. Falling back to TCP may: the work does that. */
static void scinet_connect_apply(struct scinet_sock *is)
{
	struct sc_flow *flow = sc_conn_flow(&is->conn);

	if (!scinet_is_connecting(is))
		return;
	if (flow && sc_flow_is_answered(flow))
		scinet_opened(is);
	else if (sc_conn_is_due(&is->conn))
		mod_delayed_work(sc_wq, &is->waiter.work, 0);
}

/*
 * For sc_conn_apply(). This must not own the socket: the close of a listener takes only the
 * spinlock of sockets that wait for accept(), and warns if one is owned.
 */
void scinet_apply(struct sc_conn *conn)
{
	struct scinet_sock *is = container_of(conn, struct scinet_sock, conn);
	struct sock *sk = conn->sk;
	struct sc_flow_view view;
	struct sc_flow *flow;
	int err;

	if (!scinet_is_diverted(sk) || scinet_sk(sk) != is)
		return;
	scinet_connect_apply(is);
	flow = sc_conn_flow(conn);
	if (sk->sk_state != TCP_ESTABLISHED || !flow)
		return;
	err = sc_flow_end(flow);
	if (!err) {
		sc_conn_refresh(conn);
		return;
	}
	/* EPIPE after the peer's FIN, as TCP does in CLOSE_WAIT */
	sc_conn_look(conn, &view);
	scinet_reset(is, view.flags & SC_FLOW_FIN ? -EPIPE : err);
}

/* The connection is open and waits for accept(). The socket's spinlock is held. */
void scinet_accepted(struct sock *sk)
{
	tcp_set_state(sk, TCP_ESTABLISHED);
	scinet_apply(&scinet_sk(sk)->conn);
}

static unsigned int scinet_flow_event(struct sc_flow *flow, void *user)
{
	struct scinet_sock *is = user;

	sc_conn_event(&is->conn, flow);
	return 1;
}

static void scinet_flow_opened(struct sc_flow *flow, void *user)
{
	struct scinet_sock *is = user;

	sc_conn_apply(&is->conn, scinet_apply);
}

static void scinet_flow_ended(struct sc_flow *flow, void *user, int err)
{
	struct scinet_sock *is = user;

	sc_conn_apply(&is->conn, scinet_apply);
}

static bool scinet_flow_get(void *user)
{
	struct scinet_sock *is = user;

	return refcount_inc_not_zero(&is->ref);
}

static void scinet_flow_put(void *user)
{
	scinet_put(user);
}

static void scinet_flow_stats(void *user, struct sc_flow_stats *stats)
{
	struct scinet_sock *is = user;

	sc_conn_stats(&is->conn, stats);
}

static struct sock *scinet_flow_sock(void *user)
{
	struct scinet_sock *is = user;

	return is->conn.sk;
}

static struct sc_conn *scinet_flow_conn(void *user)
{
	struct scinet_sock *is = user;

	return &is->conn;
}

static int scinet_flow_tx_try(struct sc_flow *flow, void *user)
{
	return sc_conn_tx_try(scinet_flow_conn(user), flow);
}

static void scinet_flow_tx_end(void *user)
{
	mutex_unlock(&scinet_flow_conn(user)->tx_lock);
}

static int scinet_flow_rx_try(struct sc_flow *flow, void *user)
{
	return sc_conn_rx_try(scinet_flow_conn(user), flow);
}

static void scinet_flow_rx_end(void *user)
{
	mutex_unlock(&scinet_flow_conn(user)->rx_lock);
}

static void scinet_flow_wake(void *user, enum sc_flow_wake side)
{
	sc_conn_wake(scinet_flow_conn(user), side);
}

const struct sc_flow_ops scinet_flow_ops = {
	.owner	= THIS_MODULE,
	.event	= scinet_flow_event,
	.opened	= scinet_flow_opened,
	.ended	= scinet_flow_ended,
	.get	= scinet_flow_get,
	.put	= scinet_flow_put,
	.stats	= scinet_flow_stats,
	.sock	= scinet_flow_sock,
	.tx_try	= scinet_flow_tx_try,
	.tx_end	= scinet_flow_tx_end,
	.rx_try	= scinet_flow_rx_try,
	.rx_end	= scinet_flow_rx_end,
	.wake	= scinet_flow_wake,
};
