// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connecting: find the peer, have a channel brought up if it has none, open a flow, wait
 * for the answer. A work does what cannot be done at once, so that it goes on when the
 * caller does not wait.
 */
#include <linux/err.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "core/channel.h"
#include "core/common.h"
#include "core/flow.h"
#include "io.h"
#include "listen.h"
#include "port.h"
#include "socket.h"
#include "sockopt.h"
#include "core/stats.h"
#include "core/sysctl.h"

/**
 * sc_connect_failed() - connect() fails
 * @sk:		a socket in TCP_SYN_SENT; lock_sock() is held
 * @err:	the socket's error, negative
 */
void sc_connect_failed(struct sock *sk, int err)
{
	struct sc_sock *ssk = sc_sk(sk);

	sc_sock_connect_ended(ssk, ssk->peer_domid, ssk->peer_port, err);
	sc_peer_unwait(ssk->peer, &ssk->waiter);
	sc_conn_detach(&ssk->conn, SCHANNEL_REASON_RESET);
	WRITE_ONCE(sk->sk_err, -err);
	/* release: poll() finds the error of a socket that is not connecting any more */
	smp_store_release(&sk->sk_state, TCP_CLOSE);
	sk->sk_state_change(sk);
	sk_wake_async(sk, SOCK_WAKE_IO, POLL_ERR);
}

/* Open the flow if there is a channel, else wait for one. lock_sock() is held. 0 or -errno. */
static int sc_connect_go(struct sock *sk)
{
	struct sc_sock *ssk = sc_sk(sk);
	struct schannel_msg_open open = {
		.src_port = ssk->local_port,
		.dst_port = ssk->peer_port,
		.type = sc_sock_flow_type(sk),
		.uid = ssk->ids.uid,
		.gid = ssk->ids.gid,
	};
	struct schannel_channel *ch;
	struct sc_flow *flow;

	ch = sc_peer_channel(ssk->peer, sock_net(sk), &ssk->waiter);
	if (IS_ERR(ch))
		return PTR_ERR(ch) == -EAGAIN ? 0 : PTR_ERR(ch);
	open.rx_order = sc_sockopt_rx_order(sk, &ch->pool);
	flow = sc_flow_open(ch, &open, sc_sockopt_tx_limits(sk),
			    &sc_sock_flow_ops, sk, sk);
	sc_channel_put(ch);
	if (IS_ERR(flow))
		return PTR_ERR(flow);
	rcu_assign_pointer(ssk->conn.flow, flow);
	return 0;
}

/* How long connect() waits before it tries a full backlog again, in jiffies. */
#define SC_CONNECT_RETRY_MIN	max(HZ / 100, 1)
#define SC_CONNECT_RETRY_MAX	(HZ / 4)

/*
 * The listener's backlog is full. As TCP does, whether the program waits or not: try again, for
 * as long as connect() may take, so that a burst of connects succeeds as fast as they
 * are accepted. lock_sock() is held.
 */
static void sc_connect_retry(struct sc_sock *ssk, unsigned long now)
{
	sc_conn_detach(&ssk->conn, SCHANNEL_REASON_RESET);
	mod_delayed_work(sc_wq, &ssk->waiter.work,
			 min(ssk->retry, ssk->deadline - now));
	ssk->retry = min(2 * ssk->retry, SC_CONNECT_RETRY_MAX);
}

/* A channel came up or will not; or the flow was refused; or the time limit passed. */
static void sc_connect_work(struct work_struct *work)
{
	struct sc_sock *ssk = container_of(work, struct sc_sock,
					   waiter.work.work);
	struct sock *sk = &ssk->sk;
	unsigned long now = jiffies;
	bool backlog_full;
	struct sc_flow *flow;
	int err = 0;

	if (!sc_conn_own(&ssk->conn))
		return;
	if (sk->sk_state != TCP_SYN_SENT)
		goto out;
	flow = sc_conn_flow(&ssk->conn);
	if (flow)
		err = sc_flow_end(flow);
	backlog_full = err && flow->refused == SCHANNEL_REASON_BACKLOG;
	if ((!err || backlog_full) && time_after_eq(now, ssk->deadline)) {
		err = -ETIMEDOUT;
	} else if (backlog_full) {
		sc_connect_retry(ssk, now);
		goto out;
	}
	if (!err) {
		/* first: afterwards it would delay the work that sc_peer_wake_waiters() queues */
		mod_delayed_work(sc_wq, &ssk->waiter.work, ssk->deadline - now);
		if (!flow)
			err = sc_connect_go(sk);
	}
	if (err)
		sc_connect_failed(sk, err);
out:
	release_sock(sk);
}

/* The socket was closed and will not connect: no work runs after this. */
void sc_connect_stop(struct sc_sock *ssk)
{
	if (!ssk->peer)
		return;
	sc_peer_unwait(ssk->peer, &ssk->waiter);
	cancel_delayed_work_sync(&ssk->waiter.work);
}

/* lock_sock() is held, the socket is not connected. 0 or -errno. */
static int sc_connect_start(struct sock *sk, const struct sockaddr_sc *to)
{
	struct sc_sock *ssk = sc_sk(sk);
	struct schannel_peer *peer;
	unsigned long timeout;
	int err;

	if (to->sc_domid == SC_DOMID_ANY || to->sc_port == SC_PORT_ANY)
		return -EINVAL;
	if (ssk->local_domid == SC_DOMID_SELF && ssk->local_port &&
	    to->sc_domid != SC_DOMID_SELF && to->sc_domid != sc_own_domid())
		return -EINVAL;	/* as from 127.0.0.1 to elsewhere */
	sc_stats_inc(sock_net(sk), SCHANNEL_A_STATS_CONNECTS);
	peer = sc_peer_get(sock_net(sk), to->sc_domid);
	if (!peer)
		return -EHOSTUNREACH;
	if (!ssk->local_port) {
		err = sc_port_bind(ssk, SC_DOMID_ANY, SC_PORT_ANY);
		if (err) {
			sc_peer_put(peer);
			return err;
		}
	}
	/* the rest of an earlier connection */
	sc_conn_detach(&ssk->conn, SCHANNEL_REASON_RESET);
	if (ssk->peer) {
		sc_peer_unwait(ssk->peer, &ssk->waiter);
		sc_peer_put(ssk->peer);
	} else {
		INIT_LIST_HEAD(&ssk->waiter.node);
		INIT_DELAYED_WORK(&ssk->waiter.work, sc_connect_work);
	}
	ssk->peer = peer;
	WRITE_ONCE(ssk->peer_domid, peer->domid);
	WRITE_ONCE(ssk->peer_port, to->sc_port);
	/* includes the time to bring up a channel */
	timeout = sc_sysctl_connect_timeout(sock_net(sk));
	ssk->deadline = jiffies + timeout;
	ssk->retry = SC_CONNECT_RETRY_MIN;
	ssk->opened = false;
	sc_conn_fresh(&ssk->conn);	/* the earlier connection's counters were added up */
	WRITE_ONCE(sk->sk_err, 0);
	WRITE_ONCE(sk->sk_shutdown, 0);
	/* release: poll() finds nothing of the earlier connection in this state */
	smp_store_release(&sk->sk_state, TCP_SYN_SENT);
	/* before sc_connect_go(), as in sc_connect_work() */
	mod_delayed_work(sc_wq, &ssk->waiter.work, timeout);
	err = sc_connect_go(sk);
	if (err) {
		cancel_delayed_work(&ssk->waiter.work);
		WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	}
	return err;
}

/* connect(AF_UNSPEC): the socket is as if it had never connected, but stays bound. */
static int sc_connect_dissolve(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct sc_sock *ssk = sc_sk(sk);

	if (sk->sk_state == TCP_LISTEN)
		sc_listen_stop(sk);
	if (ssk->peer)
		sc_peer_unwait(ssk->peer, &ssk->waiter);
	sc_conn_detach(&ssk->conn, SCHANNEL_REASON_RESET);
	WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	WRITE_ONCE(sk->sk_shutdown, 0);
	WRITE_ONCE(sk->sk_err, 0);
	sock->state = SS_UNCONNECTED;
	sk->sk_state_change(sk);
	return 0;
}

/* Wait for the answer. lock_sock() is held, but not while waiting. */
static long sc_connect_wait(struct sock *sk, long timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	add_wait_queue(sk_sleep(sk), &wait);
	while (sk->sk_state == TCP_SYN_SENT && timeo && !signal_pending(current)) {
		release_sock(sk);
		timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, timeo);
		lock_sock(sk);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return timeo;
}

int sc_connect(struct socket *sock, struct sockaddr *addr, int len, int flags)
{
	struct sock *sk = sock->sk;
	struct sc_sock *ssk = sc_sk(sk);
	const struct sockaddr_sc *to;
	long timeo;
	int err;

	lock_sock(sk);
	if (len >= (int)sizeof(addr->sa_family) &&
	    addr->sa_family == AF_UNSPEC) {
		err = sc_connect_dissolve(sock);
		goto out;
	}
	err = sc_sock_address(addr, len, &to);
	if (err)
		goto out;

	if (sock->state == SS_CONNECTING && sk->sk_state == TCP_CLOSE) {
		/* an earlier attempt failed unseen: report it here, unless SO_ERROR did */
		sock->state = SS_UNCONNECTED;
		err = sock_error(sk);
		if (err)
			goto out;
	}
	switch (sock->state) {
	case SS_UNCONNECTED:
		err = -EINVAL;
		if (sk->sk_state == TCP_LISTEN)
			goto out;
		ssk->ids = sc_sock_current_ids();
		err = sc_connect_start(sk, to);
		if (err) {
			sc_sock_connect_ended(ssk, to->sc_domid, to->sc_port, err);
			goto out;
		}
		sock->state = SS_CONNECTING;
		err = -EINPROGRESS;
		break;
	case SS_CONNECTING:
		err = -EALREADY;
		break;
	default:
		err = -EISCONN;
		goto out;
	}

	timeo = sock_sndtimeo(sk, flags & O_NONBLOCK);
	if (sk->sk_state == TCP_SYN_SENT && timeo) {
		timeo = sc_connect_wait(sk, timeo);
		if (sk->sk_state == TCP_SYN_SENT && signal_pending(current))
			err = sock_intr_errno(timeo);
	}
	if (sk->sk_state == TCP_SYN_SENT)
		goto out;
	if (ssk->opened) {
		/* even if it was reset since: the next call reports that */
		sock->state = SS_CONNECTED;
		err = 0;
	} else {
		sock->state = SS_UNCONNECTED;
		err = sock_error(sk) ?: -ECONNABORTED;
	}
out:
	release_sock(sk);
	return err;
}
