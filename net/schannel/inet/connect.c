// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connecting: a marked socket chooses its addresses as TCP does, then opens a flow. If the flow
 * does not open in time, for whatever reason, the socket connects over TCP from the same
 * address and port. A program that waits for it notices only the time.
 */
#include <linux/err.h>
#include <net/inet_hashtables.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "core/channel.h"
#include "core/common.h"
#include "core/flow.h"
#include "sock.h"
#include "reason.h"
#include "sock/sockopt.h"
#include "core/sysctl.h"

/* ---- Addresses --------------------------------------------------------- */

/*
 * Let TCP's own connect() choose route, source address and port. In repair mode it sends
 * nothing and makes the connection established. Its insertion into TCP's table shows that no TCP
 * connection has the same addresses and ports; then it is removed, so that no packet finds it.
 */
static int scinet_take_name(struct scinet_sock *is)
{
	struct sock *sk = is->conn.sk;
	struct tcp_sock *tp = tcp_sk(sk);
	int err;

	/* a packet that does find it before that must guess the sequence numbers */
	WRITE_ONCE(tp->write_seq, get_random_u32());
	WRITE_ONCE(tp->rcv_nxt, get_random_u32());
	tp->repair = 1;
	err = scinet_plain(sk)->connect(sk, &is->addr.any, is->addr_len);
	tp->repair = 0;
	if (err)
		return err;
	scinet_plain(sk)->unhash(sk);
	tcp_set_state(sk, TCP_SYN_SENT);
	scinet_tuple_of(&is->tuple, sk);
	return 0;
}

/* Undo scinet_take_name(), as TCP's connect() does when it fails late. */
static void scinet_drop_name(struct sock *sk)
{
	tcp_set_state(sk, TCP_CLOSE);
	inet_bhash2_reset_saddr(sk);
	inet_sk(sk)->inet_dport = 0;
	sk->sk_route_caps = 0;
}

/* Attempts to find a source port, if the program did not bind one. */
#define SCINET_TRIES	64

/* 0, the error of TCP's connect(), or -EBUSY: each port tried is one of a diverted connection. */
static int scinet_take_free_name(struct scinet_sock *is)
{
	struct sock *sk = is->conn.sk;
	bool bound = sk->sk_userlocks & SOCK_BINDPORT_LOCK;
	int tries = bound ? 1 : SCINET_TRIES;
	int err;

	while (tries--) {
		err = scinet_take_name(is);
		if (err)
			return err;
		if (scinet_tuple_add(&is->tuple))
			return 0;
		scinet_drop_name(sk);
	}
	return bound ? -EADDRNOTAVAIL : -EBUSY;
}

/* A loopback or link-local source address cannot be used to reach another machine. */
static bool scinet_source_fits(const struct scinet_sock *is)
{
	const struct in6_addr *from = &is->tuple.local;

	if (is->peer->domid == SC_DOMID_SELF)
		return true;
	if (ipv6_addr_v4mapped(from))
		return !ipv4_is_loopback(from->s6_addr32[3]);
	return !(ipv6_addr_type(from) &
		 (IPV6_ADDR_LOOPBACK | IPV6_ADDR_LINKLOCAL));
}

/* ---- Falling back to TCP ----------------------------------------------- */

/* Undo what TCP's connect() in repair mode has initialised. */
static void scinet_forget_tcp(struct scinet_sock *is)
{
	struct sock *sk = is->conn.sk;
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct tcp_sock *tp = tcp_sk(sk);

	if (icsk->icsk_ca_initialized) {
		if (icsk->icsk_ca_ops->release)
			icsk->icsk_ca_ops->release(sk);
		memset(icsk->icsk_ca_priv, 0, sizeof(icsk->icsk_ca_priv));
		icsk->icsk_ca_initialized = 0;
	}
	WRITE_ONCE(tp->write_seq, is->write_seq);
	WRITE_ONCE(tp->window_clamp, is->window_clamp);
}

/*
 * The socket has its route, addresses and port: TCP's connect() keeps them. A thread that polls
 * meanwhile sees TCP_SYN_SENT. Returns 0 or the error of TCP's connect().
 */
static int scinet_connect_plain(struct scinet_sock *is)
{
	struct sock *sk = is->conn.sk;
	int err;

	err = scinet_plain(sk)->connect(sk, &is->addr.any, is->addr_len);
	/*
	 * A plain TCP connection got the same addresses and ports meanwhile. The failed call has
	 * released the port, so the next one chooses another.
	 */
	if (err == -EADDRNOTAVAIL &&
	    !(sk->sk_userlocks & SOCK_BINDPORT_LOCK))
		err = scinet_plain(sk)->connect(sk, &is->addr.any,
						is->addr_len);
	return err;
}

/**
 * scinet_fall_back() - connect over TCP instead
 * @is:		a connecting socket's; lock_sock() is held. After this call only its own work, and
 *		callers that hold another reference, may use @is
 * @verdict:	why
 *
 * Return: 0 or the error of TCP's connect().
 */
static int scinet_fall_back(struct scinet_sock *is,
			    enum schannel_divert verdict)
{
	struct sock *sk = is->conn.sk;
	int err;

	scinet_count(is, verdict);
	scinet_undivert(sk);
	sc_conn_detach(&is->conn, SCHANNEL_REASON_RESET);
	scinet_forget_tcp(is);
	err = scinet_connect_plain(is);
	scinet_retire(is);
	return err;
}

/* As scinet_fall_back(), when connect() has returned or sleeps: an error goes to sk_err. */
static void scinet_fall_back_later(struct scinet_sock *is,
				   enum schannel_divert verdict)
{
	struct sock *sk = is->conn.sk;
	int err = scinet_fall_back(is, verdict);

	if (!err)
		return;
	WRITE_ONCE(sk->sk_err, -err);
	sk->sk_state_change(sk);
	sk_wake_async(sk, SOCK_WAKE_IO, POLL_ERR);
}

static enum schannel_divert scinet_reason_to_verdict(u32 reason)
{
	switch (reason) {
	case SCHANNEL_REASON_BACKLOG:
		return SCHANNEL_DIVERT_BACKLOG;
	case SCHANNEL_REASON_NO_MEMORY:
		return SCHANNEL_DIVERT_NO_MEMORY;
	case SCHANNEL_REASON_UNSUPPORTED:
		return SCHANNEL_DIVERT_UNSUPPORTED;
	case SCHANNEL_REASON_NOT_ATTACHED:
		return SCHANNEL_DIVERT_NOT_ATTACHED;
	case SCHANNEL_REASON_SOURCE:
		return SCHANNEL_DIVERT_REFUSED_SOURCE;
	case SCHANNEL_REASON_DENIED:
		return SCHANNEL_DIVERT_DENIED;
	default:
		return SCHANNEL_DIVERT_NO_LISTENER;
	}
}

static enum schannel_divert scinet_errno_to_verdict(int err)
{
	switch (err) {
	case -ENOBUFS:
	case -ENOMEM:
		return SCHANNEL_DIVERT_NO_MEMORY;
	default:
		return SCHANNEL_DIVERT_NO_CHANNEL;
	}
}

/* ---- The flow ---------------------------------------------------------- */

/* Open the flow if there is a channel. lock_sock() is held. 0 or -errno. */
static int scinet_connect_go(struct scinet_sock *is)
{
	struct sock *sk = is->conn.sk;
	struct schannel_msg_open open = {
		.src_port = is->tuple.local_port,
		.dst_port = is->tuple.remote_port,
		.type = SCHANNEL_TYPE_INET,
		.uid = scinet_ids(sk).uid,
		.gid = scinet_ids(sk).gid,
	};
	struct schannel_channel *ch;
	struct sc_flow *flow;

	memcpy(open.src_addr, &is->tuple.local, sizeof(open.src_addr));
	memcpy(open.dst_addr, &is->tuple.remote, sizeof(open.dst_addr));
	ch = sc_peer_channel(is->peer, sock_net(sk), &is->waiter);
	if (IS_ERR(ch))
		return PTR_ERR(ch) == -EAGAIN ? 0 : PTR_ERR(ch);
	open.rx_order = sc_sockopt_rx_order(sk, &ch->pool);
	flow = sc_flow_open(ch, &open, sc_sockopt_tx_limits(sk),
			    &scinet_flow_ops, is, sk);
	sc_channel_put(ch);
	if (IS_ERR(flow))
		return PTR_ERR(flow);
	rcu_assign_pointer(is->conn.flow, flow);
	return 0;
}

/* The peer refused the flow, or the flow ended or could not be opened (@err). */
static enum schannel_divert scinet_end_to_verdict(const struct sc_flow *flow,
						  int err)
{
	return flow && flow->refused ? scinet_reason_to_verdict(flow->refused) :
				       scinet_errno_to_verdict(err);
}

/* A channel came up or will not; or the flow was refused; or the time limit passed. */
static void scinet_connect_work(struct work_struct *work)
{
	struct scinet_sock *is = container_of(work, struct scinet_sock,
					      waiter.work.work);
	struct sock *sk = is->conn.sk;
	unsigned long now = jiffies;
	struct sc_flow *opening;
	int err;

	if (!sc_conn_own(&is->conn))
		return;
	if (!scinet_is_connecting(is))
		goto out;
	opening = sc_conn_flow(&is->conn);
	err = opening ? sc_flow_end(opening) : 0;
	if (!err && time_after_eq(now, is->deadline)) {
		scinet_fall_back_later(is, opening ?
				       SCHANNEL_DIVERT_TIMEOUT :
				       SCHANNEL_DIVERT_NO_CHANNEL);
		goto out;
	}
	/* first: afterwards it would delay the work that sc_peer_wake_waiters() queues */
	mod_delayed_work(sc_wq, &is->waiter.work, is->deadline - now);
	if (!opening)
		err = scinet_connect_go(is);
	if (err)
		scinet_fall_back_later(is, scinet_end_to_verdict(opening, err));
out:
	release_sock(sk);
}

void scinet_connect_init(struct scinet_sock *is)
{
	INIT_LIST_HEAD(&is->waiter.node);
	INIT_DELAYED_WORK(&is->waiter.work, scinet_connect_work);
}

/* ---- connect() --------------------------------------------------------- */

/*
 * Is this the destination that the BPF program saw? TCP fast open is checked here, since the
 * call asks for it (MSG_FASTOPEN), not the socket.
 */
static enum schannel_divert scinet_check(const struct scinet_sock *is,
					 const struct sockaddr *addr, int len)
{
	const struct sock *sk = is->conn.sk;
	struct in6_addr dest;
	u16 port;

	if (tcp_sk(sk)->fastopen_req)
		return SCHANNEL_DIVERT_SOCKET;
	if (!scinet_dest(sk, addr, len, &dest, &port) || port != is->port ||
	    !ipv6_addr_equal(&dest, &is->dest))
		return SCHANNEL_DIVERT_REWRITTEN;
	return SCHANNEL_DIVERT_OK;
}

/* The socket has its addresses: open the flow. Returns 0 or the error of connect(). */
static int scinet_connect_start(struct scinet_sock *is)
{
	struct sock *sk = is->conn.sk;
	unsigned long timeout;
	int err;

	if (!scinet_source_fits(is))
		return scinet_fall_back(is, SCHANNEL_DIVERT_SOURCE);
	timeout = sc_sysctl_divert_timeout(sock_net(sk));
	is->deadline = jiffies + timeout;
	/* before scinet_connect_go(), as in scinet_connect_work() */
	mod_delayed_work(sc_wq, &is->waiter.work, timeout);
	err = scinet_connect_go(is);
	return err ? scinet_fall_back(is, scinet_errno_to_verdict(err)) : 0;
}

/* The connect() of a marked socket. lock_sock() is held. */
int scinet_connect(struct sock *sk, struct sockaddr *addr, int addr_len)
{
	struct scinet_sock *is = scinet_unmark(sk);
	enum schannel_divert verdict = scinet_check(is, addr, addr_len);
	struct tcp_sock *tp = tcp_sk(sk);
	int err;

	if (verdict) {
		scinet_count(is, verdict);
		scinet_put(is);
		return scinet_plain(sk)->connect(sk, addr, addr_len);
	}
	is->addr_len = min_t(int, addr_len, sizeof(is->addr));
	memcpy(&is->addr, addr, is->addr_len);
	is->write_seq = tp->write_seq;
	is->window_clamp = tp->window_clamp;

	err = scinet_take_free_name(is);
	if (!err && scinet_divert(is))
		return scinet_connect_start(is);
	if (!err)
		scinet_tuple_del(&is->tuple);
	if (!err || err == -EBUSY) {
		scinet_forget_tcp(is);
		scinet_count(is, SCHANNEL_DIVERT_SOCKET);
		err = scinet_connect_plain(is);
	} else {
		WRITE_ONCE(tp->write_seq, is->write_seq);
	}
	scinet_put(is);
	return err;
}
