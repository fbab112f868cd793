// SPDX-License-Identifier: GPL-2.0-only
/* The socket family: what a program calls, whatever the type of the socket. */
#include <linux/poll.h>
#include <linux/sockios.h>
#include <asm/ioctls.h>

#include "core/common.h"
#include "core/net.h"
#include "core/sysctl.h"
#include "arrival.h"
#include "family.h"
#include "inbox.h"
#include "listen.h"
#include "port.h"
#include "socket.h"
#include "sockopt.h"

static struct proto sc_proto;
static const struct proto_ops sc_stream_ops, sc_seqpacket_ops, sc_dgram_ops;

/* ---- socket() and close() ---------------------------------------------- */

static int sc_create(struct net *net, struct socket *sock, int protocol,
		     int kern)
{
	if (protocol && protocol != sc_family())
		return -EPROTONOSUPPORT;
	switch (sock->type) {
	case SOCK_STREAM:
		sock->ops = &sc_stream_ops;
		break;
	case SOCK_SEQPACKET:
		sock->ops = &sc_seqpacket_ops;
		break;
	case SOCK_DGRAM:
		sock->ops = &sc_dgram_ops;
		break;
	default:
		return -ESOCKTNOSUPPORT;
	}
	sock->state = SS_UNCONNECTED;
	sc_net_charge(net);
	return sc_sock_alloc(net, sock, &sc_proto, sock->type, kern) ? 0 : -ENOMEM;
}

static int sc_release(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct sc_sock *ssk;

	if (!sk)
		return 0;
	ssk = sc_sk(sk);
	lock_sock(sk);
	if (sk->sk_state == TCP_LISTEN)
		sc_listen_stop(sk);
	sc_conn_release(&ssk->conn);
	WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (!hlist_unhashed(&ssk->port_node))
		sc_port_unbind(ssk);
	sock_orphan(sk);
	sock->sk = NULL;
	release_sock(sk);
	sc_connect_stop(ssk);
	if (sk->sk_type == SOCK_DGRAM)
		sc_dgram_release(ssk);
	sock_put(sk);
	return 0;
}

/* ---- Addresses --------------------------------------------------------- */

static int sc_bind(struct socket *sock, struct sockaddr *addr, int len)
{
	struct sock *sk = sock->sk;
	const struct sockaddr_sc *to;
	int err;

	err = sc_sock_address(addr, len, &to);
	if (err)
		return err;
	if (to->sc_port > S32_MAX)
		return -EINVAL;
	lock_sock(sk);
	if (sc_sk(sk)->local_port)
		err = -EINVAL;
	else
		err = sc_port_bind(sc_sk(sk), to->sc_domid, to->sc_port);
	release_sock(sk);
	return err;
}

static int sc_getname(struct socket *sock, struct sockaddr *addr, int peer)
{
	struct sockaddr_sc *to = (struct sockaddr_sc *)addr;
	struct sock *sk = sock->sk;
	struct sc_sock *ssk = sc_sk(sk);
	int len = sizeof(*to);

	memset(to, 0, sizeof(*to));
	to->sc_family = sc_family();
	lock_sock(sk);
	if (peer) {
		to->sc_domid = ssk->peer_domid;
		to->sc_port = ssk->peer_port;
		if (sk->sk_state != TCP_ESTABLISHED)
			len = -ENOTCONN;
	} else {
		to->sc_domid = ssk->local_domid;
		to->sc_port = ssk->local_port;
		/* a connection has one local address, whatever was bound */
		if (sk->sk_state == TCP_ESTABLISHED)
			to->sc_domid = ssk->peer_domid == SC_DOMID_SELF ?
				       SC_DOMID_SELF : sc_own_domid();
	}
	release_sock(sk);
	return len;
}

/* ---- poll() ------------------------------------------------------------ */

static __poll_t sc_poll(struct file *file, struct socket *sock,
			poll_table *wait)
{
	struct sock *sk = sock->sk;
	__poll_t mask = 0;
	int state;

	sock_poll_wait(file, sock, wait);
	sc_arrival_poll(&sc_sk(sk)->conn, wait);
	/* acquire: pairs with sc_sock_established() */
	state = smp_load_acquire(&sk->sk_state);

	if (READ_ONCE(sk->sk_err))
		mask |= EPOLLERR;
	switch (state) {
	case TCP_LISTEN:
		if (sc_listen_pending(sk))
			mask |= EPOLLIN | EPOLLRDNORM;
		break;
	case TCP_ESTABLISHED:
		mask |= sc_conn_poll(&sc_sk(sk)->conn, wait);
		break;
	case TCP_SYN_SENT:
		break;
	default:
		mask |= EPOLLHUP | EPOLLOUT | EPOLLWRNORM;
		/* after a connection: a read returns data, the error or the end */
		if (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN ||
		    READ_ONCE(sk->sk_err))
			mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
		break;
	}
	return mask;
}

/* ---- Other calls ------------------------------------------------------- */

static int sc_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	struct sc_sock *ssk = sc_sk(sk);
	int err = 0;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	how++;	/* to RCV_SHUTDOWN and SEND_SHUTDOWN */

	lock_sock(sk);
	switch (sk->sk_state) {
	case TCP_LISTEN:
		if (how & RCV_SHUTDOWN)
			sc_listen_stop(sk);
		break;
	case TCP_ESTABLISHED:
		sc_conn_shutdown(&ssk->conn, how);
		break;
	default:
		err = -ENOTCONN;
	}
	release_sock(sk);
	return err;
}

static int sc_inq(struct sock *sk)
{
	return sk->sk_type == SOCK_SEQPACKET ? sc_seqpacket_inq(sk) :
	       sc_stream_inq(sk);
}

static int sc_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct sock *sk = sock->sk;
	struct sc_flow_view view;
	int amount;

	if (cmd != SIOCINQ && cmd != SIOCOUTQ)
		return -ENOIOCTLCMD;
	if (READ_ONCE(sk->sk_state) == TCP_LISTEN)
		return -EINVAL;
	if (cmd == SIOCINQ) {
		amount = sc_inq(sk);
	} else {
		sc_conn_look(&sc_sk(sk)->conn, &view);
		amount = view.queued;
	}
	return amount < 0 ? amount : put_user(amount, (int __user *)arg);
}

/* As UDP does: the program sees an error and may go on using the socket. */
static void sc_abort_dgram(struct sock *sk, int error)
{
	WRITE_ONCE(sk->sk_err, error);
	WRITE_ONCE(sk->sk_state, TCP_CLOSE);
	sk->sk_socket->state = SS_UNCONNECTED;
	sk_error_report(sk);
}

/* As diag_destroy() of struct proto: an administrator ends the socket. @error: positive. */
static int sc_abort(struct sock *sk, int error)
{
	int err = 0;

	lock_sock(sk);
	if (sock_flag(sk, SOCK_DEAD)) {
		err = -ENOENT;
		goto out;
	}
	if (sk->sk_type == SOCK_DGRAM) {
		sc_abort_dgram(sk, error);
		goto out;
	}
	switch (sk->sk_state) {
	case TCP_LISTEN:
		sc_listen_stop(sk);
		break;
	case TCP_SYN_SENT:
		sc_connect_failed(sk, -error);
		break;
	case TCP_ESTABLISHED:
		sc_sock_reset(sk, SCHANNEL_REASON_RESET, -error);
		break;
	default:
		err = -ENOTCONN;
	}
out:
	release_sock(sk);
	return err;
}

/* ---- Operations -------------------------------------------------------- */

/* Memory in receive queues: datagrams only. */
static atomic_long_t sc_memory_allocated;
static DEFINE_PER_CPU(int, sc_memory_fw_alloc);

/* Above three quarters of the limit, only a socket with less than this gets more memory. */
static int sc_memory_least = PAGE_SIZE;

static struct proto sc_proto = {
	.name			= "SCHANNEL",
	.owner			= THIS_MODULE,
	.obj_size		= sizeof(struct sc_sock),
	.memory_allocated	= &sc_memory_allocated,
	.per_cpu_fw_alloc	= &sc_memory_fw_alloc,
	.sysctl_mem		= sc_sysctl_dgram_mem,
	.sysctl_rmem		= &sc_memory_least,
	.sysctl_wmem		= &sc_memory_least,
	.release_cb		= sc_sock_release_cb,
	.diag_destroy		= sc_abort,
};

static const struct proto_ops sc_stream_ops = {
	/* .family is known when the module is loaded; nothing reads it */
	.owner		= THIS_MODULE,
	.release	= sc_release,
	.bind		= sc_bind,
	.connect	= sc_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sc_accept,
	.getname	= sc_getname,
	.poll		= sc_poll,
	.ioctl		= sc_ioctl,
	.listen		= sc_listen,
	.shutdown	= sc_shutdown,
	.setsockopt	= sc_setsockopt,
	.getsockopt	= sc_getsockopt,
	.sendmsg	= sc_stream_sendmsg,
	.recvmsg	= sc_stream_recvmsg,
	.mmap		= sock_no_mmap,
	.set_peek_off	= sk_set_peek_off,
};

static const struct proto_ops sc_seqpacket_ops = {
	/* .family is known when the module is loaded; nothing reads it */
	.owner		= THIS_MODULE,
	.release	= sc_release,
	.bind		= sc_bind,
	.connect	= sc_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sc_accept,
	.getname	= sc_getname,
	.poll		= sc_poll,
	.ioctl		= sc_ioctl,
	.listen		= sc_listen,
	.shutdown	= sc_shutdown,
	.setsockopt	= sc_setsockopt,
	.getsockopt	= sc_getsockopt,
	.sendmsg	= sc_seqpacket_sendmsg,
	.recvmsg	= sc_seqpacket_recvmsg,
	.mmap		= sock_no_mmap,
	.set_peek_off	= sk_set_peek_off,
};

static const struct proto_ops sc_dgram_ops = {
	.owner		= THIS_MODULE,
	.release	= sc_release,
	.bind		= sc_bind,
	.connect	= sc_dgram_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sock_no_accept,
	.getname	= sc_getname,
	.poll		= sc_dgram_poll,
	.ioctl		= sc_dgram_ioctl,
	.listen		= sock_no_listen,
	.shutdown	= sc_dgram_shutdown,
	.setsockopt	= sc_setsockopt,
	.getsockopt	= sc_getsockopt,
	.sendmsg	= sc_dgram_sendmsg,
	.recvmsg	= sc_dgram_recvmsg,
	.mmap		= sock_no_mmap,
	.set_peek_off	= sk_set_peek_off,
};

static struct net_proto_family sc_family_ops __ro_after_init = {
	.create		= sc_create,
	.owner		= THIS_MODULE,
};

/* sock_init_data() knows functions that the kernel does not export. 0 or -ENOMEM. */
static int __init sc_family_learn(void)
{
	struct sock *sk = sk_alloc(&init_net, sc_family(), GFP_KERNEL, &sc_proto, 1);

	if (!sk)
		return -ENOMEM;
	sock_init_data(NULL, sk);
	sc_arrival_init(sk);
	sock_put(sk);
	return 0;
}

/* Process context. 0 or -errno. */
int __init sc_family_init(void)
{
	int err;

	err = proto_register(&sc_proto, 1);
	if (err)
		return err;
	err = sc_family_learn();
	if (err)
		goto err_proto;
	err = sc_inbox_init();
	if (err)
		goto err_proto;
	err = sc_listen_init();
	if (err)
		goto err_inbox;
	sc_family_ops.family = sc_family();
	err = sock_register(&sc_family_ops);
	if (err) {
		pr_err("schannel: address family %d is taken; load with family=22, or another retired one\n",
		       sc_family());
		goto err_listen;
	}
	return 0;

err_listen:
	sc_listen_exit();
err_inbox:
	sc_inbox_exit();
err_proto:
	proto_unregister(&sc_proto);
	return err;
}

void sc_family_exit(void)
{
	sock_unregister(sc_family());
	sc_listen_exit();
	sc_inbox_exit();
	proto_unregister(&sc_proto);
}
