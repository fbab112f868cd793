// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TCP socket gets our operations before a program can use it: a thread that sleeps in TCP's
 * own recvmsg() could not be moved to a ring. At the connecting end the BPF program of the
 * attached cgroup has it wrapped in connect(); at the accepting end the tracepoint
 * inet_sock_set_state tells when a child becomes established. See tcp.h.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include <net/transp_v6.h>

#include "cgroup.h"
#include "core/common.h"
#include "core/sysctl.h"
#include "reason.h"
#include "sock/arrival.h"
#include "tcp.h"

/* ---- The struct -------------------------------------------------------- */

static void sctcp_retire_work(struct work_struct *work)
{
	struct sctcp *is = container_of(work, struct sctcp, retire);

	/* first: the work may begin to wait */
	disable_delayed_work_sync(&is->waiter.work);
	if (is->peer)
		sc_peer_unwait(is->peer, &is->waiter);
	disable_delayed_work_sync(&is->watch);
	disable_delayed_work_sync(&is->work);
	sctcp_drop(is);
	/* a connect() that failed has made no connection */
	if (READ_ONCE(is->first_known))
		sctcp_judge(is);
	sctcp_put(is);
}

static struct sctcp *sctcp_alloc(struct sock *sk, gfp_t gfp)
{
	struct sctcp *is = kzalloc(sizeof(*is), gfp | __GFP_NOWARN);

	if (!is)
		return NULL;
	/* the tracepoint may come while the module is being unloaded */
	if (!try_module_get(THIS_MODULE)) {
		kfree(is);
		return NULL;
	}
	sock_hold(sk);
	/* errors of the data path are handled where they are found, see sctcp_break() */
	sc_conn_init(&is->conn, sk, NULL);
	refcount_set(&is->ref, 1);
	mutex_init(&is->rd_lock);
	spin_lock_init(&is->lock);
	INIT_WORK(&is->retire, sctcp_retire_work);
	INIT_DELAYED_WORK(&is->work, sctcp_work);
	sctcp_promote_init(is);
	sctcp_watch_init(is);
	sctcp_list_add(is);
	return is;
}

/* ---- Wrapping and unwrapping ------------------------------------------- */

/*
 * These operations have TCP's owner, so sock_release() does not put our module: what is wrapped
 * holds it, and sctcp_unwrap() restores them.
 */
static void sctcp_take_ops(struct sock *sk)
{
	struct socket *sock = sk->sk_socket;
	const struct proto_ops *ours = &sctcp_ops[scinet_family(sk)];

	if (sock->ops == ours)
		return;
	WRITE_ONCE(sock->ops, ours);
	/* also options of SOL_SOCKET */
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
}

/* TCP destroys the socket, whatever the reason. */
static void sctcp_ulp_release(struct sock *sk)
{
	const struct tcp_ulp_ops *ulp_ops = inet_csk(sk)->icsk_ulp_ops;

	sctcp_retire(sctcp_unwrap(sk));
	/* tcp_cleanup_ulp(), which called this, still uses icsk_ulp_ops */
	inet_csk(sk)->icsk_ulp_ops = ulp_ops;
}

/* With ULP operations set no other ULP claims icsk_ulp_data, and TCP tells of the socket's end. */
static const struct tcp_ulp_ops sctcp_ulp_ops = {
	.name		= "schannel",
	.release	= sctcp_ulp_release,
};

/* lock_sock() is held, or the spinlock of a child that no program has yet. */
static void sctcp_wrap(struct sctcp *is)
{
	struct sock *sk = is->conn.sk;
	struct inet_connection_sock *icsk = inet_csk(sk);

	icsk->icsk_ulp_ops = &sctcp_ulp_ops;
	write_lock_bh(&sk->sk_callback_lock);
	is->write_space = sk->sk_write_space;
	sk->sk_write_space = sctcp_write_space;
	/* KCM and sockmaps refuse a socket whose sk_user_data is set */
	__rcu_assign_sk_user_data_with_flags(sk, is, SK_USER_DATA_NOCOPY);
	write_unlock_bh(&sk->sk_callback_lock);
	rcu_assign_pointer(icsk->icsk_ulp_data, is);
	/* release: pairs with scinet_load_proto() */
	smp_store_release(&sk->sk_prot, &sctcp_proto[scinet_family(sk)]);
}

/**
 * sctcp_wrap_connecting() - wrap a socket that is about to connect
 * @sk:		a TCP socket in connect(); lock_sock() is held
 * @dest:	where to, for those who ask why it was not diverted
 * @port:	the port
 * @known:	SCHANNEL_DIVERT_OK, or _NO_PEER: the domain there is not known yet
 *
 * Context: does not sleep.
 *
 * Return: SCHANNEL_DIVERT_OK, _SOCKET or _NO_MEMORY.
 */
enum schannel_divert sctcp_wrap_connecting(struct sock *sk, const struct in6_addr *dest,
					   u16 port, enum schannel_divert known)
{
	struct sctcp *is;

	/* one of the kernel's own, which may read with tcp_read_sock() later: NVMe, SMC */
	if (!sk->sk_socket->file)
		return SCHANNEL_DIVERT_SOCKET;
	is = sctcp_alloc(sk, GFP_ATOMIC | __GFP_ACCOUNT);
	if (!is)
		return SCHANNEL_DIVERT_NO_MEMORY;
	is->dest = *dest;
	is->port = port;
	is->verdict = known ?: SCHANNEL_DIVERT_NOT_OFFERED;
	sctcp_take_ops(sk);
	sctcp_wrap(is);
	return SCHANNEL_DIVERT_OK;
}

/* A child that a fast open has made may be in use already. */
static bool sctcp_child_fits(const struct sock *sk)
{
	return sk->sk_prot == scinet_plain(sk) && !sk->sk_socket && !scinet_is_claimed(sk) &&
	       !sk->sk_user_data && sc_arrival_is_plain(sk);
}

/* The child's spinlock is held. @ahead: wrap it also if its peer is not known yet. */
static enum schannel_divert sctcp_wrap_child(struct sock *sk, bool ahead)
{
	enum schannel_divert known;
	struct schannel_peer *peer;
	struct sctcp *is;

	if (!sctcp_child_fits(sk))
		return SCHANNEL_DIVERT_SOCKET;
	peer = sctcp_find_peer(sk, &known);
	if (peer)
		sc_peer_put(peer);
	if (known && !(known == SCHANNEL_DIVERT_NO_PEER && ahead))
		return known;
	is = sctcp_alloc(sk, GFP_ATOMIC);
	if (!is)
		return SCHANNEL_DIVERT_NO_MEMORY;
	is->accepted = true;
	is->verdict = known ?: SCHANNEL_DIVERT_BRIEF;
	sctcp_note_first(is);
	sctcp_wrap(is);
	/* a flow costs more than it saves a connection that is over at once */
	sctcp_try_open(is, sc_sysctl_divert_delay(sock_net(sk)));
	return SCHANNEL_DIVERT_OK;
}

/* The child's spinlock is held. Of two sockets that connect to each other none is a child. */
static void sctcp_state(void *data, const struct sock *csk, const int old, const int new)
{
	struct sock *sk = (struct sock *)csk;
	enum schannel_divert verdict;
	bool ahead;

	if (old != TCP_SYN_RECV || new != TCP_ESTABLISHED || sk->sk_protocol != IPPROTO_TCP ||
	    sctcp_is_wrapped(sk) || !scinet_cgroup_wants(sk, &ahead))
		return;
	verdict = sctcp_wrap_child(sk, ahead);
	/* one that is wrapped gets its verdict later */
	if (verdict)
		scinet_reason_count(sock_net(sk), verdict);
}

/* ---- Operations that are about wrapping -------------------------------- */

/* At the end of release_sock(). In accept() that is the first call after sk_socket is set. */
static void sctcp_release_cb(struct sock *sk)
{
	struct sctcp *is = rcu_dereference_protected(inet_csk(sk)->icsk_ulp_data,
						     lockdep_sock_is_held(sk));

	if (sk->sk_socket)
		sctcp_take_ops(sk);
	if (unlikely(!is->first_known))
		sctcp_see(is);
	if (unlikely(is->queued) && sk->sk_socket) {
		is->queued = false;
		sctcp_try_open(is, 0);
	}
	if (is->conn.late) {
		is->conn.late = false;
		sctcp_kick(is, 0);
	}
	/* O_ASYNC or the buffers' sizes may have been set */
	rcu_read_lock();
	sc_conn_refresh(&is->conn);
	rcu_read_unlock();
	scinet_plain(sk)->release_cb(sk);
}

/* Just before connect() runs the BPF programs: what an earlier connect() was told, which failed. */
static int sctcp_pre_connect(struct sock *sk, struct sockaddr *addr, int len)
{
	if (sk->sk_state == TCP_CLOSE)
		sctcp_retire(sctcp_unwrap(sk));
	return scinet_plain(sk)->pre_connect(sk, addr, len);
}

/* connect(AF_UNSPEC), or a failed connect(). */
static int sctcp_disconnect(struct sock *sk, int flags)
{
	sctcp_retire(sctcp_unwrap(sk));
	return tcp_disconnect(sk, flags);
}

/* bind() or listen(), after connect() failed or was forbidden. */
static int sctcp_get_port(struct sock *sk, unsigned short port)
{
	sctcp_retire(sctcp_unwrap(sk));
	return scinet_plain(sk)->get_port(sk, port);
}

/*
 * A listener is not wrapped: it was not listening when the caller loaded our operations, which the
 * new socket would keep.
 */
static int sctcp_accept_call(struct socket *sock, struct socket *newsock,
			     struct proto_accept_arg *arg)
{
	return -EINVAL;
}

static void __init sctcp_init_family(int i, const struct proto *plain,
				     const struct proto_ops *ops)
{
	struct proto *proto = &sctcp_proto[i];

	*proto = *plain;
	proto->close = sctcp_close;
	proto->pre_connect = sctcp_pre_connect;
	proto->disconnect = sctcp_disconnect;
	proto->get_port = sctcp_get_port;
	proto->shutdown = sctcp_shutdown;
	proto->sendmsg = sctcp_sendmsg;
	proto->recvmsg = sctcp_recvmsg;
	proto->ioctl = sctcp_ioctl;
	proto->release_cb = sctcp_release_cb;
	proto->psock_update_sk_prot = NULL;	/* sockmaps refuse it */

	sctcp_ops[i] = *ops;
	sctcp_ops[i].accept = sctcp_accept_call;
	sctcp_ops[i].poll = sctcp_poll;
	sctcp_ops[i].splice_read = sctcp_splice_read;
	sctcp_ops[i].mmap = sctcp_mmap;
	sctcp_ops[i].setsockopt = sctcp_setsockopt;
	sctcp_ops[i].getsockopt = sctcp_getsockopt;
}

static struct tracepoint *sctcp_tracepoint;

static void __init sctcp_find(struct tracepoint *tp, void *priv)
{
	if (!strcmp(tp->name, "inet_sock_set_state"))
		sctcp_tracepoint = tp;
}

/* After scinet_plain_init(). */
int __init sctcp_wrap_init(void)
{
	sctcp_init_family(0, &tcp_prot, scinet_saved_ops[0]);
	if (scinet_saved_ops[1])
		sctcp_init_family(1, &tcpv6_prot, scinet_saved_ops[1]);
	for_each_kernel_tracepoint(sctcp_find, NULL);
	if (!sctcp_tracepoint)
		return -ENOENT;
	return tracepoint_probe_register(sctcp_tracepoint, sctcp_state, NULL);
}

void sctcp_wrap_exit(void)
{
	tracepoint_probe_unregister(sctcp_tracepoint, sctcp_state, NULL);
	tracepoint_synchronize_unregister();
}
