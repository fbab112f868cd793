// SPDX-License-Identifier: GPL-2.0-only
/* Diverted sockets, from scinet_mark() until they are TCP sockets again. See sock.h. */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include <net/transp_v6.h>

#include "core/flow.h"
#include "core/common.h"
#include "sock.h"

/* One element for IPv4, one for IPv6; ops.c fills them in. */
struct proto scinet_proto[2] __ro_after_init;
struct proto scinet_marked_proto[2] __ro_after_init;
const struct proto_ops *scinet_saved_ops[2] __ro_after_init;
struct proto_ops scinet_ops[2] __ro_after_init;

/* TCP's own operations. */
struct proto *scinet_plain(const struct sock *sk)
{
	return scinet_family(sk) ? &tcpv6_prot : &tcp_prot;
}

const struct proto_ops *scinet_plain_ops(const struct sock *sk)
{
	return scinet_saved_ops[scinet_family(sk)];
}

/* Does the socket use a feature that needs TCP itself: SMC, TCP-MD5, TCP-AO, a ULP, repair? */
bool scinet_is_claimed(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);

#if IS_ENABLED(CONFIG_SMC)
	if (tp->syn_smc)
		return true;
#endif
#ifdef CONFIG_TCP_MD5SIG
	if (rcu_access_pointer(tp->md5sig_info))
		return true;
#endif
#ifdef CONFIG_TCP_AO
	if (rcu_access_pointer(tp->ao_info))
		return true;
#endif
	return sk->sk_kern_sock || inet_csk(sk)->icsk_ulp_ops || tp->repair;
}

/**
 * scinet_dest() - the destination of a connect()
 * @sk:		the socket
 * @addr:	the address that the program gave
 * @len:	its length
 * @dest:	filled in: the address, IPv6 or v4-mapped
 * @port:	filled in: the port, host byte order
 *
 * Return: false if the address is of another family, too short, or has port 0.
 */
bool scinet_dest(const struct sock *sk, const struct sockaddr *addr, int len,
		 struct in6_addr *dest, u16 *port)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

	if (addr->sa_family != sk->sk_family)
		return false;
	if (scinet_family(sk)) {
		if (len < SIN6_LEN_RFC2133)
			return false;
		*dest = in6->sin6_addr;
		*port = ntohs(in6->sin6_port);
	} else {
		if (len < (int)sizeof(*in))
			return false;
		ipv6_addr_set_v4mapped(in->sin_addr.s_addr, dest);
		*port = ntohs(in->sin_port);
	}
	return *port;
}

/* ---- The struct -------------------------------------------------------- */

/* NULL: no memory. __module_get() cannot fail: the callers run with a module reference. */
struct scinet_sock *scinet_alloc(gfp_t gfp)
{
	struct scinet_sock *is = kzalloc(sizeof(*is), gfp | __GFP_NOWARN);

	if (is)
		__module_get(THIS_MODULE);
	return is;
}

static void scinet_retire_work(struct work_struct *work);
static void scinet_abort(struct sc_conn *conn);

/* Initialise @is for @sk. The reference that it then has is the socket's. */
void scinet_init(struct scinet_sock *is, struct sock *sk)
{
	sock_hold(sk);
	sc_conn_init(&is->conn, sk, scinet_abort);
	refcount_set(&is->ref, 1);
	INIT_WORK(&is->retire, scinet_retire_work);
}

static void scinet_free(struct rcu_head *rcu)
{
	struct scinet_sock *is = container_of(rcu, struct scinet_sock, rcu);

	/* after a grace period, since the upcall uses both under RCU */
	sock_put(is->conn.sk);
	kfree(is);
	module_put(THIS_MODULE);
}

void scinet_put(struct scinet_sock *is)
{
	if (!refcount_dec_and_test(&is->ref))
		return;
	if (is->peer)
		sc_peer_put(is->peer);
	call_rcu(&is->rcu, scinet_free);
}

/*
 * The struct scinet_sock of a marked or diverted socket, to be released with scinet_put(), or
 * NULL. No locks needed: while sk_prot is ours, icsk_ulp_data is ours or already NULL. A ULP
 * can set it only a grace period after sk_prot was restored (scinet_leave()).
 */
struct scinet_sock *scinet_get(struct sock *sk)
{
	struct scinet_sock *is = NULL;

	rcu_read_lock();
	if (scinet_is_diverted(sk) || scinet_is_marked(sk))
		is = rcu_dereference(inet_csk(sk)->icsk_ulp_data);
	if (is && !refcount_inc_not_zero(&is->ref))
		is = NULL;
	rcu_read_unlock();
	return is;
}

/* ---- Replacing and restoring a socket's operations --------------------- */

static void scinet_set_proto(struct sock *sk, struct proto *proto)
{
	/* release: pairs with scinet_load_proto() */
	smp_store_release(&sk->sk_prot, proto);
}

/*
 * Set sock->ops to ours. They work for a TCP socket that is not diverted, too, and stay until
 * the socket is closed or gets a ULP. The caller must be in a system call on the socket, so
 * that it is not being closed.
 */
void scinet_take_ops(struct sock *sk)
{
	struct socket *sock = sk->sk_socket;
	const struct proto_ops *ours = &scinet_ops[scinet_family(sk)];

	if (sock->ops == ours)
		return;
	__module_get(THIS_MODULE);	/* sock_release() puts ops->owner */
	WRITE_ONCE(sock->ops, ours);
}

/* Restore TCP's sock->ops. If they were ours, return true: the caller puts the module. */
bool scinet_leave_ops(struct sock *sk)
{
	int i = scinet_family(sk);

	if (sk->sk_socket->ops != &scinet_ops[i])
		return false;
	WRITE_ONCE(sk->sk_socket->ops, scinet_saved_ops[i]);
	return true;
}

/* Is sock->ops TCP's or ours, and not another module's? */
bool scinet_has_plain_ops(const struct sock *sk)
{
	const struct proto_ops *ops = sk->sk_socket->ops;
	int i = scinet_family(sk);

	return ops && (ops == scinet_saved_ops[i] || ops == &scinet_ops[i]);
}

/* The next connect() calls scinet_connect(). lock_sock() is held; does not sleep. */
void scinet_mark(struct scinet_sock *is)
{
	struct sock *sk = is->conn.sk;

	scinet_take_ops(sk);
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, is);
	scinet_set_proto(sk, &scinet_marked_proto[scinet_family(sk)]);
}

/* Undo scinet_mark(). The caller takes over the socket's reference, for scinet_put(). */
struct scinet_sock *scinet_unmark(struct sock *sk)
{
	struct scinet_sock *is = scinet_sk(sk);

	scinet_set_proto(sk, scinet_plain(sk));
	RCU_INIT_POINTER(inet_csk(sk)->icsk_ulp_data, NULL);
	return is;
}

/*
 * Copies of TCP's icsk_af_ops with a queue_xmit that drops. TCP has few: for IPv4, IPv6 and
 * v4-mapped sockets.
 */
static struct {
	const struct inet_connection_sock_af_ops *from;
	struct inet_connection_sock_af_ops ops;
} scinet_af_ops[4];

static DEFINE_SPINLOCK(scinet_af_ops_lock);

static int scinet_drop_xmit(struct sock *sk, struct sk_buff *skb,
			    struct flowi *fl)
{
	kfree_skb(skb);
	return 0;
}

/* The copy for @from, made when first needed. NULL: another module has set own operations. */
static const struct inet_connection_sock_af_ops *
scinet_silent(const struct inet_connection_sock_af_ops *from)
{
	const struct inet_connection_sock_af_ops *silent = NULL;
	int i;

	spin_lock_bh(&scinet_af_ops_lock);
	for (i = 0; i < ARRAY_SIZE(scinet_af_ops) && !silent; i++) {
		if (!scinet_af_ops[i].from) {
			scinet_af_ops[i].ops = *from;
			scinet_af_ops[i].ops.queue_xmit = scinet_drop_xmit;
			scinet_af_ops[i].from = from;
		}
		if (scinet_af_ops[i].from == from)
			silent = &scinet_af_ops[i].ops;
	}
	spin_unlock_bh(&scinet_af_ops_lock);
	return silent;
}

/* Drop packets that were queued before the socket was removed from TCP's table. */
static int scinet_backlog_rcv(struct sock *sk, struct sk_buff *skb)
{
	kfree_skb(skb);
	return 0;
}

/* TCP destroys the socket, whatever the reason. */
static void scinet_ulp_release(struct sock *sk)
{
	const struct tcp_ulp_ops *ulp_ops = inet_csk(sk)->icsk_ulp_ops;

	scinet_retire(scinet_undivert(sk));
	/* tcp_cleanup_ulp(), which called this, still uses icsk_ulp_ops */
	inet_csk(sk)->icsk_ulp_ops = ulp_ops;
}

/*
 * With ULP operations set, no other ULP can claim icsk_ulp_data; and TCP calls release() when it
 * destroys a socket that accept() never returned.
 */
static const struct tcp_ulp_ops scinet_ulp_ops = {
	.name		= "schannel",
	.release	= scinet_ulp_release,
};

/**
 * scinet_divert() - replace the operations of a TCP socket by ours
 * @is:		its @tuple is in the table
 *
 * lock_sock() is held, or no other thread can find the socket. The socket has its addresses and
 * is in none of TCP's tables, except that TCP keeps its port reserved.
 *
 * Return: false if another module has replaced the socket's icsk_af_ops.
 */
bool scinet_divert(struct scinet_sock *is)
{
	struct sock *sk = is->conn.sk;
	struct inet_connection_sock *icsk = inet_csk(sk);
	const struct inet_connection_sock_af_ops *silent;

	silent = scinet_silent(icsk->icsk_af_ops);
	if (!silent)
		return false;
	inet_csk_clear_xmit_timers(sk);
	is->af_ops = icsk->icsk_af_ops;
	is->backlog_rcv = sk->sk_backlog_rcv;
	WRITE_ONCE(icsk->icsk_af_ops, silent);
	sk->sk_backlog_rcv = scinet_backlog_rcv;
	icsk->icsk_ulp_ops = &scinet_ulp_ops;
	/* KCM and sockmaps refuse a socket whose sk_user_data is set */
	__rcu_assign_sk_user_data_with_flags(sk, is,
					     SK_USER_DATA_NOCOPY);
	rcu_assign_pointer(icsk->icsk_ulp_data, is);
	scinet_set_proto(sk, &scinet_proto[scinet_family(sk)]);
	return true;
}

/**
 * scinet_undivert() - restore TCP's operations
 * @sk:		a diverted socket; lock_sock() is held, or the socket is being destroyed
 *
 * Context: any; does not sleep.
 * Return: its struct scinet_sock. The caller takes over the socket's reference, for
 * scinet_retire() or scinet_put().
 */
struct scinet_sock *scinet_undivert(struct sock *sk)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct scinet_sock *is;

	/* without lockdep: a socket that is being destroyed is not locked */
	is = rcu_dereference_protected(icsk->icsk_ulp_data, 1);
	scinet_tuple_del(&is->tuple);
	scinet_set_proto(sk, scinet_plain(sk));
	RCU_INIT_POINTER(icsk->icsk_ulp_data, NULL);
	icsk->icsk_ulp_ops = NULL;
	rcu_assign_sk_user_data(sk, NULL);
	WRITE_ONCE(icsk->icsk_af_ops, is->af_ops);
	sk->sk_backlog_rcv = is->backlog_rcv;
	return is;
}

/* Stop connecting: the work does not run after this. Sleeps. */
void scinet_connect_stop(struct scinet_sock *is)
{
	if (!is->peer)
		return;
	sc_peer_unwait(is->peer, &is->waiter);
	cancel_delayed_work_sync(&is->waiter.work);
}

static void scinet_retire_work(struct work_struct *work)
{
	struct scinet_sock *is = container_of(work, struct scinet_sock, retire);

	scinet_connect_stop(is);
	sc_conn_detach(&is->conn, SCHANNEL_REASON_RESET);
	scinet_put(is);
}

/* Close the flow and put @is, in a work: the caller of scinet_undivert() may not sleep. */
void scinet_retire(struct scinet_sock *is)
{
	queue_work(sc_wq, &is->retire);
}

/* ---- Ending ------------------------------------------------------------ */

/* The peer reset the connection, or the channel ended. lock_sock() or the spinlock is held. */
void scinet_reset(struct scinet_sock *is, int err)
{
	struct sock *sk = is->conn.sk;

	WRITE_ONCE(sk->sk_err, -err);
	/* release: the error first, see sc_io_wait_data() */
	smp_store_release(&sk->sk_shutdown, SHUTDOWN_MASK);
	tcp_set_state(sk, TCP_CLOSE);
	sk->sk_state_change(sk);
	sk_error_report(sk);
}

/* The data path found an invalid index from the peer. No locks held. */
static void scinet_abort(struct sc_conn *conn)
{
	struct scinet_sock *is = container_of(conn, struct scinet_sock, conn);
	struct sock *sk = conn->sk;

	lock_sock(sk);
	if (sk->sk_state == TCP_ESTABLISHED && scinet_is_diverted(sk) &&
	    scinet_sk(sk) == is)
		scinet_reset(is, -ECONNRESET);
	sc_conn_detach(conn, SCHANNEL_REASON_PROTOCOL);
	release_sock(sk);
}

/* The state that a TCP socket would be in. lock_sock() is held. */
int scinet_state(struct scinet_sock *is)
{
	const struct sock *sk = is->conn.sk;
	struct sc_flow_view view;
	bool sent, received;

	if (sk->sk_state != TCP_ESTABLISHED)
		return sk->sk_state;
	sc_conn_look(&is->conn, &view);
	sent = sk->sk_shutdown & SEND_SHUTDOWN;
	received = view.flags & SC_FLOW_FIN;
	if (sent)
		return received ? TCP_CLOSE : TCP_FIN_WAIT2;
	return received ? TCP_CLOSE_WAIT : TCP_ESTABLISHED;
}
