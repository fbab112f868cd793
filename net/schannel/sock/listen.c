// SPDX-License-Identifier: GPL-2.0-only
/*
 * Listening sockets: the channel's work makes the connections that come in; they wait,
 * open already, for accept().
 */
#include <linux/err.h>
#include <linux/wait.h>

#include "core/channel.h"
#include "core/flow.h"
#include "core/flow_type.h"
#include "core/memcg.h"
#include "listen.h"
#include "port.h"
#include "socket.h"
#include "sockopt.h"
#include "core/stats.h"

int sc_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	struct sc_sock *ssk = sc_sk(sk);
	int err = -EINVAL;

	lock_sock(sk);
	if (sock->state != SS_UNCONNECTED)
		goto out;
	if (sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN)
		goto out;
	err = 0;
	if (!ssk->local_port)
		err = sc_port_bind(ssk, SC_DOMID_ANY, SC_PORT_ANY);
	if (err)
		goto out;
	ssk->ids = sc_sock_current_ids();
	spin_lock(&ssk->accept_lock);
	WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
	WRITE_ONCE(sk->sk_state, TCP_LISTEN);
	spin_unlock(&ssk->accept_lock);
out:
	release_sock(sk);
	return err;
}

static struct sc_sock *sc_listen_take(struct sc_sock *ssk)
{
	struct sc_sock *child;

	spin_lock(&ssk->accept_lock);
	child = list_first_entry_or_null(&ssk->accept_queue, struct sc_sock,
					 accept_node);
	if (child) {
		list_del_init(&child->accept_node);
		sk_acceptq_removed(&ssk->sk);
	}
	spin_unlock(&ssk->accept_lock);
	return child;
}

/* Needs no lock: the list's head has all its stores marked, its entries have not. */
bool sc_listen_pending(struct sock *sk)
{
	return !list_empty(&sc_sk(sk)->accept_queue);
}

/* Wait for a connection. lock_sock() is held, except while waiting. */
static int sc_accept_wait(struct sock *sk, long timeo)
{
	DEFINE_WAIT(wait);
	int err = 0;

	while (!err) {
		/* exclusive: one connection wakes one accept() */
		prepare_to_wait_exclusive(sk_sleep(sk), &wait,
					  TASK_INTERRUPTIBLE);
		if (sk->sk_state != TCP_LISTEN) {
			err = -EINVAL;
		} else if (sc_listen_pending(sk)) {
			break;
		} else if (!timeo) {
			err = -EAGAIN;
		} else if (signal_pending(current)) {
			err = sock_intr_errno(timeo);
		} else {
			release_sock(sk);
			timeo = schedule_timeout(timeo);
			lock_sock(sk);
		}
	}
	finish_wait(sk_sleep(sk), &wait);
	return err;
}

int sc_accept(struct socket *sock, struct socket *newsock,
	      struct proto_accept_arg *arg)
{
	struct sock *sk = sock->sk;
	struct sc_sock *child;
	long timeo;
	int err;

	lock_sock(sk);
	timeo = sock_rcvtimeo(sk, arg->flags & O_NONBLOCK);
	do {
		err = sc_accept_wait(sk, timeo);
		if (err) {
			release_sock(sk);
			return err;
		}
		child = sc_listen_take(sc_sk(sk));
	} while (!child);
	arg->is_empty = !sc_listen_pending(sk);
	release_sock(sk);

	lock_sock_nested(&child->sk, SINGLE_DEPTH_NESTING);
	sock_graft(&child->sk, newsock);
	newsock->state = SS_CONNECTED;
	release_sock(&child->sk);
	sock_put(&child->sk);	/* the queue's; newsock has the other */
	return 0;
}

/**
 * sc_listen_stop() - stop listening
 * @sk:		a listener; lock_sock() is held
 *
 * Connections that were not accepted are reset.
 */
void sc_listen_stop(struct sock *sk)
{
	struct sc_sock *ssk = sc_sk(sk), *child;

	spin_lock(&ssk->accept_lock);
	WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	spin_unlock(&ssk->accept_lock);
	while ((child = sc_listen_take(ssk))) {
		lock_sock_nested(&child->sk, SINGLE_DEPTH_NESTING);
		sc_conn_detach(&child->conn, SCHANNEL_REASON_RESET);
		sock_set_flag(&child->sk, SOCK_DEAD);
		release_sock(&child->sk);
		sock_put(&child->sk);	/* the queue's */
		sock_put(&child->sk);	/* its own */
	}
	sk->sk_state_change(sk);
}

static struct sc_sock *sc_listen_child(struct sock *lsk,
				       struct schannel_channel *ch,
				       const struct schannel_msg *msg)
{
	const struct sc_sock *listener = sc_sk(lsk);
	struct sc_sock *child;
	struct sock *sk;

	sk = sc_sock_alloc(sock_net(lsk), NULL, lsk->sk_prot, lsk->sk_type, 0);
	if (!sk)
		return NULL;
	/* options that a program sets on the listener apply to what it accepts, as of TCP */
	sk->sk_sndbuf = READ_ONCE(lsk->sk_sndbuf);
	sk->sk_rcvbuf = READ_ONCE(lsk->sk_rcvbuf);
	sk->sk_userlocks = lsk->sk_userlocks;
	sk->sk_rcvlowat = READ_ONCE(lsk->sk_rcvlowat);
	sk->sk_rcvtimeo = READ_ONCE(lsk->sk_rcvtimeo);
	sk->sk_sndtimeo = READ_ONCE(lsk->sk_sndtimeo);
	sk->sk_lingertime = READ_ONCE(lsk->sk_lingertime);
	sock_valbool_flag(sk, SOCK_LINGER, sock_flag(lsk, SOCK_LINGER));
	sock_valbool_flag(sk, SOCK_KEEPOPEN, sock_flag(lsk, SOCK_KEEPOPEN));
	sock_valbool_flag(sk, SOCK_URGINLINE, sock_flag(lsk, SOCK_URGINLINE));
	sk->sk_reuse = lsk->sk_reuse;
	sk->sk_mark = READ_ONCE(lsk->sk_mark);
#ifdef CONFIG_NET_RX_BUSY_POLL
	sk->sk_ll_usec = READ_ONCE(lsk->sk_ll_usec);
#endif
	security_sk_clone(lsk, sk);
	sc_memcg_inherit(sk, lsk);
	sk->sk_uid = lsk->sk_uid;	/* until accept() */

	child = sc_sk(sk);
	child->ids = listener->ids;
	child->ring_min = listener->ring_min;
	child->ring_max = listener->ring_max;
	child->local_domid = listener->local_domid;
	child->local_port = listener->local_port;
	child->peer_domid = ch->peer->domid;
	child->peer_port = msg->open.src_port;
	return child;
}

/* Reserve a place in the queue, before the peer gets an answer. */
static int sc_listen_reserve(struct sock *lsk)
{
	struct sc_sock *listener = sc_sk(lsk);
	int reason = 0;

	spin_lock(&listener->accept_lock);
	if (lsk->sk_state != TCP_LISTEN)
		reason = SCHANNEL_REASON_NO_LISTENER;
	else if (sk_acceptq_is_full(lsk))
		reason = SCHANNEL_REASON_BACKLOG;
	else
		sk_acceptq_added(lsk);
	spin_unlock(&listener->accept_lock);
	return reason;
}

static void sc_listen_unreserve(struct sock *lsk)
{
	struct sc_sock *listener = sc_sk(lsk);

	spin_lock(&listener->accept_lock);
	sk_acceptq_removed(lsk);
	spin_unlock(&listener->accept_lock);
}

/* Use the reserved place, unless the listener was closed meanwhile. */
static bool sc_listen_queue(struct sock *lsk, struct sc_sock *child)
{
	struct sc_sock *listener = sc_sk(lsk);
	bool queued = false;

	spin_lock(&listener->accept_lock);
	if (lsk->sk_state == TCP_LISTEN) {
		sock_hold(&child->sk);
		list_add_tail(&child->accept_node, &listener->accept_queue);
		queued = true;
	} else {
		sk_acceptq_removed(lsk);
	}
	spin_unlock(&listener->accept_lock);
	return queued;
}

static int sc_listen_connect(struct sock *lsk, struct schannel_channel *ch,
			     const struct schannel_msg *msg)
{
	struct sc_sock *child;
	struct sc_flow *flow;
	bool queued;

	child = sc_listen_child(lsk, ch, msg);
	if (!child)
		return SCHANNEL_REASON_NO_MEMORY;

	lock_sock_nested(&child->sk, SINGLE_DEPTH_NESTING);
	flow = sc_flow_accept(ch, msg, child->ids,
			      sc_sockopt_tx_limits(&child->sk),
			      &sc_sock_flow_ops, &child->sk, lsk);
	if (IS_ERR(flow)) {
		release_sock(&child->sk);
		sock_put(&child->sk);
		return SCHANNEL_REASON_NO_MEMORY;
	}
	rcu_assign_pointer(child->conn.flow, flow);
	sc_sock_established(child);
	queued = sc_listen_queue(lsk, child);
	if (!queued)
		sc_conn_detach(&child->conn, SCHANNEL_REASON_RESET);
	release_sock(&child->sk);
	if (queued)
		lsk->sk_data_ready(lsk);
	else
		sock_put(&child->sk);
	return 0;
}

/* The listener on a port, in the namespace that the channel belongs to. */
static struct sock *sc_listen_find(struct schannel_channel *ch, u32 port)
{
	bool loopback = ch->peer->domid == SC_DOMID_SELF;
	const struct net *net;
	struct sock *lsk = NULL;

	/* no reference to the namespace, but it stays until this ends */
	rcu_read_lock();
	net = sc_peer_net(ch->peer, ch);
	if (net)
		lsk = sc_port_listener(net, port, loopback);
	if (net && !lsk)
		sc_stats_incoming(net, SCHANNEL_REASON_NO_LISTENER);
	rcu_read_unlock();
	return lsk;
}

/* As incoming() of struct sc_flow_type. */
static int sc_listen_incoming(struct schannel_channel *ch,
			      const struct schannel_msg *msg)
{
	struct sock *lsk;
	int reason;

	lsk = sc_listen_find(ch, msg->open.dst_port);
	if (!lsk)
		return SCHANNEL_REASON_NO_LISTENER;
	if (msg->open.type == sc_sock_flow_type(lsk))
		reason = sc_listen_reserve(lsk);
	else
		reason = SCHANNEL_REASON_UNSUPPORTED;
	if (!reason) {
		reason = sc_listen_connect(lsk, ch, msg);
		if (reason)
			sc_listen_unreserve(lsk);
	}
	sc_stats_incoming(sock_net(lsk), reason);
	sock_put(lsk);
	return reason;
}

static const struct sc_flow_type sc_listen_type = {
	.incoming = sc_listen_incoming,
};

/* Connections are accepted from now on. Process context. 0 or -errno. */
int __init sc_listen_init(void)
{
	int err;

	err = sc_flow_type_register(SCHANNEL_TYPE_STREAM, &sc_listen_type);
	if (err)
		return err;
	err = sc_flow_type_register(SCHANNEL_TYPE_SEQPACKET, &sc_listen_type);
	if (err)
		sc_flow_type_unregister(SCHANNEL_TYPE_STREAM);
	return err;
}

void sc_listen_exit(void)
{
	sc_flow_type_unregister(SCHANNEL_TYPE_SEQPACKET);
	sc_flow_type_unregister(SCHANNEL_TYPE_STREAM);
}
