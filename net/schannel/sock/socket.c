// SPDX-License-Identifier: GPL-2.0-only
/* The socket: from its making until its memory goes. See socket.h. */
#include <linux/cred.h>
#include <net/sock.h>

#include "core/common.h"
#include "core/stats.h"
#include "core/trace.h"
#include "io.h"
#include "socket.h"
#include "table.h"

static void sc_sock_destruct(struct sock *sk)
{
	struct sc_sock *ssk = sc_sk(sk);

	WARN_ON_ONCE(rcu_access_pointer(ssk->conn.flow));
	/* a datagram may have been delivered while the socket was closed */
	__skb_queue_purge(&sk->sk_receive_queue);
	sk_mem_reclaim_final(sk);
	sc_table_remove(ssk);
	if (ssk->peer)
		sc_peer_put(ssk->peer);
}

/**
 * sc_sock_reset() - end a connection at once, whatever is in flight
 * @sk:		an established socket; lock_sock() is held
 * @reason:	what the peer is told, see sc_flow_close()
 * @err:	the socket's error, negative
 */
void sc_sock_reset(struct sock *sk, enum schannel_reason reason, int err)
{
	WRITE_ONCE(sk->sk_err, -err);
	/* release: a call that finds the shutdown then looks for the error (io.c) */
	smp_store_release(&sk->sk_shutdown, SHUTDOWN_MASK);
	/* release: a call that finds no open connection does the same */
	smp_store_release(&sk->sk_state, TCP_CLOSE);
	sc_conn_detach(&sc_sk(sk)->conn, reason);
	sk->sk_state_change(sk);
}

/* The data path found an invalid index from the peer. No locks held. */
static void sc_sock_abort(struct sc_conn *conn)
{
	struct sock *sk = conn->sk;

	lock_sock(sk);
	if (sk->sk_state == TCP_ESTABLISHED)
		sc_sock_reset(sk, SCHANNEL_REASON_PROTOCOL, -ECONNRESET);
	else
		sc_conn_detach(&sc_sk(sk)->conn, SCHANNEL_REASON_PROTOCOL);
	release_sock(sk);
}

/* The user of the current process, for the peer. */
struct sc_ids sc_sock_current_ids(void)
{
	return (struct sc_ids) {
		.uid = from_kuid(&init_user_ns, current_euid()),
		.gid = from_kgid(&init_user_ns, current_egid()),
	};
}

/**
 * sc_sock_alloc() - make a socket
 * @net:	its network namespace
 * @sock:	the program's socket, or NULL for a connection that waits for accept()
 * @prot:	the family's operations
 * @type:	SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM
 * @kern:	whether it is the kernel's own
 *
 * Return: the socket, or NULL.
 */
struct sock *sc_sock_alloc(struct net *net, struct socket *sock, struct proto *prot,
			   int type, int kern)
{
	struct sc_sock *ssk;
	struct sock *sk;

	sk = sk_alloc(net, sc_family(), GFP_KERNEL, prot, kern);
	if (!sk)
		return NULL;
	sock_init_data(sock, sk);
	sk->sk_type = type;
	sk->sk_destruct = sc_sock_destruct;
	sk->sk_write_space = sc_io_write_space;
	/* the upcall uses it without a reference, under RCU */
	sock_set_flag(sk, SOCK_RCU_FREE);

	ssk = sc_sk(sk);
	sc_conn_init(&ssk->conn, sk, sc_sock_abort);
	ssk->local_domid = SC_DOMID_ANY;
	ssk->local_port = 0;
	ssk->peer_domid = SC_DOMID_ANY;
	ssk->peer_port = 0;
	INIT_HLIST_NODE(&ssk->port_node);
	memset(&ssk->ring_min, 0, sizeof(ssk->ring_min));
	memset(&ssk->ring_max, 0, sizeof(ssk->ring_max));
	ssk->peer = NULL;
	ssk->opened = false;
	spin_lock_init(&ssk->accept_lock);
	INIT_LIST_HEAD(&ssk->accept_queue);
	INIT_LIST_HEAD(&ssk->accept_node);
	ssk->outbox_peer = NULL;
	INIT_LIST_HEAD(&ssk->outbox_node);
	if (sc_table_add(ssk)) {
		if (sock)
			sock->sk = NULL;
		sock_put(sk);
		return NULL;
	}
	return sk;
}

/* The flow is open. Under the socket's lock, owned or not. */
void sc_sock_established(struct sc_sock *ssk)
{
	struct sock *sk = &ssk->sk;

	sc_conn_fresh(&ssk->conn);
	/* release: a thread that sees this may use both halves of the flow */
	smp_store_release(&sk->sk_state, TCP_ESTABLISHED);
}

/**
 * sc_sock_connect_ended() - count and trace the end of a connect()
 * @ssk:	the socket, under its lock, owned or not
 * @domid:	the domain that it connected to
 * @port:	the port there
 * @err:	0 or -errno
 */
void sc_sock_connect_ended(struct sc_sock *ssk, u32 domid, u32 port, int err)
{
	sc_stats_connect(sock_net(&ssk->sk), err);
	trace_schannel_connect(ssk->local_port, domid, port, ssk->sk.sk_type, err);
}

/**
 * sc_sock_address() - check an address
 * @addr:	the address that a program gave
 * @len:	its length
 * @sc:		filled in: @addr as the family's address
 *
 * Return: 0, -EINVAL, -EAFNOSUPPORT; -EOPNOTSUPP if it uses what is reserved for extensions.
 */
int sc_sock_address(const struct sockaddr *addr, int len,
		    const struct sockaddr_sc **sc)
{
	const struct sockaddr_sc *to = (const struct sockaddr_sc *)addr;

	if (len < (int)sizeof(*to))
		return -EINVAL;
	if (to->sc_family != sc_family())
		return -EAFNOSUPPORT;
	/* an error of its own: programs forget to initialise the struct */
	if (to->sc_flags || to->sc_zero)
		return -EOPNOTSUPP;
	*sc = to;
	return 0;
}
