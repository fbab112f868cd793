// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables of operations of diverted and marked sockets: copies of TCP's, with some replaced.
 * close(), disconnect and shutdown() are here; the others in connect.c, io.c and sockopt.c.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <net/inet_common.h>
#include <net/tcp.h>
#include <net/transp_v6.h>

#include "core/flow.h"
#include "sock.h"

static void scinet_close(struct sock *sk, long timeout)
{
	struct scinet_sock *is = scinet_get(sk);

	if (!is) {
		tcp_close(sk, timeout);
		return;
	}
	lock_sock(sk);
	if (scinet_is_marked(sk)) {
		scinet_put(scinet_unmark(sk));
	} else if (scinet_is_diverted(sk)) {
		sc_conn_release(&is->conn);
		/* via LAST_ACK: from ESTABLISHED TCP would count a reset */
		if (sk->sk_state == TCP_ESTABLISHED)
			tcp_set_state(sk, TCP_LAST_ACK);
		tcp_set_state(sk, TCP_CLOSE);
		scinet_put(scinet_undivert(sk));
	}
	release_sock(sk);
	scinet_connect_stop(is);
	/* the socket is TCP_CLOSE: TCP sends nothing and does not wait */
	tcp_close(sk, timeout);
	scinet_put(is);
}

/* connect(AF_UNSPEC), or after connect() failed. lock_sock() is held. */
static int scinet_disconnect(struct sock *sk, int flags)
{
	struct scinet_sock *is = scinet_sk(sk);

	if (scinet_is_marked(sk)) {
		scinet_put(scinet_unmark(sk));
		return tcp_disconnect(sk, flags);
	}
	/* TCP's own disconnect sets this when it sends a reset; here it must not send one */
	if (scinet_state(is) != TCP_CLOSE)
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	tcp_set_state(sk, TCP_CLOSE);
	scinet_undivert(sk);
	sc_conn_detach(&is->conn, SCHANNEL_REASON_RESET);
	scinet_retire(is);
	return tcp_disconnect(sk, flags);
}

/* lock_sock() is held. */
static void scinet_shutdown(struct sock *sk, int how)
{
	/* SHUT_RD: TCP does not notify its peer either */
	if (how & SEND_SHUTDOWN && sk->sk_state == TCP_ESTABLISHED)
		sc_conn_shutdown(&scinet_sk(sk)->conn, SEND_SHUTDOWN);
}

/* bind() or listen() on a socket that was marked, but whose connect() another program forbade. */
static int scinet_get_port(struct sock *sk, unsigned short port)
{
	scinet_put(scinet_unmark(sk));
	return scinet_plain(sk)->get_port(sk, port);
}

/* At the end of release_sock(). In accept() that is the first call after sk_socket is set. */
static void scinet_release_cb(struct sock *sk)
{
	if (sk->sk_socket)
		scinet_take_ops(sk);
	scinet_apply(&scinet_sk(sk)->conn);
	scinet_plain(sk)->release_cb(sk);
}

/* ---- Tables of operations ---------------------------------------------- */

static void __init scinet_init_family(int i, const struct proto *plain,
				      const struct proto_ops *ops)
{
	struct proto *proto = &scinet_proto[i];
	struct proto *marked = &scinet_marked_proto[i];

	*proto = *plain;
	proto->close = scinet_close;
	proto->disconnect = scinet_disconnect;
	proto->shutdown = scinet_shutdown;
	proto->sendmsg = scinet_sendmsg;
	proto->recvmsg = scinet_recvmsg;
	proto->ioctl = scinet_ioctl;
	proto->release_cb = scinet_release_cb;
	proto->keepalive = NULL;	/* would start TCP's timer */
	proto->splice_eof = NULL;	/* no data is held back to be pushed */
	proto->psock_update_sk_prot = NULL;	/* sockmaps refuse it */

	*marked = *plain;
	marked->close = scinet_close;
	marked->connect = scinet_connect;
	marked->disconnect = scinet_disconnect;
	marked->get_port = scinet_get_port;
	marked->psock_update_sk_prot = NULL;

	scinet_saved_ops[i] = ops;
	scinet_ops[i] = *ops;
	scinet_ops[i].owner = THIS_MODULE;
	scinet_ops[i].poll = scinet_poll;
	scinet_ops[i].getname = scinet_getname;
	scinet_ops[i].setsockopt = scinet_setsockopt;
	scinet_ops[i].getsockopt = scinet_getsockopt;
	scinet_ops[i].splice_read = scinet_splice_read;
	scinet_ops[i].mmap = scinet_mmap;
	scinet_ops[i].set_rcvlowat = scinet_set_rcvlowat;
}

/* inet6_stream_ops is not exported: get it from a socket. */
int __init scinet_ops_init(void)
{
	struct socket *sock;
	int err;

	scinet_init_family(0, &tcp_prot, &inet_stream_ops);
	err = sock_create_kern(&init_net, PF_INET6, SOCK_STREAM, IPPROTO_TCP,
			       &sock);
	if (err == -EAFNOSUPPORT)
		return 0;	/* IPv6 is disabled */
	if (err)
		return err;
	scinet_init_family(1, &tcpv6_prot, sock->ops);
	sock_release(sock);
	return 0;
}
