// SPDX-License-Identifier: GPL-2.0-only
/* Diverted sockets: sending, receiving, poll() and ioctl(). See sock.h. */
#include <linux/module.h>
#include <linux/splice.h>
#include <linux/skbuff.h>
#include <linux/sockios.h>
#include <net/inet_common.h>
#include <net/tcp.h>
#include <asm/ioctls.h>

#include "core/flow.h"
#include "sock/arrival.h"
#include "sock.h"

/* Wait for a connecting socket. 0, -EPIPE if it failed, or as sk_stream_wait_connect(). */
static int scinet_wait_connect(struct sock *sk, long timeo)
{
	int err = 0;

	lock_sock(sk);
	if (sk->sk_state == TCP_SYN_SENT)
		err = sk_stream_wait_connect(sk, &timeo);
	release_sock(sk);
	return err;
}

/* acquire: a thread that sees TCP_ESTABLISHED may use both halves of the flow */
static bool scinet_in_syn_sent(const struct sock *sk)
{
	return inet_sk_state_load(sk) == TCP_SYN_SENT;
}

/* ---- Sending ----------------------------------------------------------- */

/*
 * MSG_ZEROCOPY: the bytes are copied during the call, so the pages are free when it returns.
 * The notification says that they were copied.
 */
static int scinet_send_zerocopy(struct scinet_sock *is, struct msghdr *msg,
				size_t len)
{
	struct ubuf_info *uarg = msg_zerocopy_realloc(is->conn.sk, len, NULL);
	int sent;

	if (!uarg)
		return -ENOBUFS;
	uarg_to_msgzc(uarg)->zerocopy = 0;
	sent = sc_stream_send(&is->conn, msg, len);
	if (sent > 0)
		net_zcopy_put(uarg);
	else
		net_zcopy_put_abort(uarg, true);
	return sent;
}

static int scinet_send(struct scinet_sock *is, struct msghdr *msg, size_t len)
{
	struct sock *sk = is->conn.sk;

	if (unlikely(msg->msg_flags & MSG_FASTOPEN))
		return -EISCONN;
	if (unlikely(msg->msg_flags & MSG_ZEROCOPY) && len && !msg->msg_ubuf &&
	    sock_flag(sk, SOCK_ZEROCOPY))
		return scinet_send_zerocopy(is, msg, len);
	return sc_stream_send(&is->conn, msg, len);
}

int scinet_sendmsg(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct scinet_sock *is = scinet_get(sk);
	int err = 0;

	if (unlikely(!is))
		return scinet_pass(scinet_plain(sk)->sendmsg(sk, msg, len));
	if (unlikely(scinet_in_syn_sent(sk)))
		err = scinet_wait_connect(sk, sock_sndtimeo(sk, msg->msg_flags &
							    MSG_DONTWAIT));
	if (err)
		err = sk_stream_error(sk, msg->msg_flags, err);
	else if (likely(scinet_is_diverted(sk)))
		err = scinet_send(is, msg, len);
	else
		err = scinet_plain(sk)->sendmsg(sk, msg, len);
	scinet_put(is);
	return err;
}

/* ---- Receiving --------------------------------------------------------- */

/* For TCP_INQ: the bytes that can be received; 1 for the end of the stream, as TCP does. */
static int scinet_inq_hint(struct scinet_sock *is)
{
	struct sc_flow_view view;
	int inq;

	/* the flag first: all of the bytes come before it */
	sc_conn_look(&is->conn, &view);
	inq = sc_stream_inq(&is->conn);
	return inq ?: !!(view.flags & SC_FLOW_FIN);
}

static int scinet_recv(struct scinet_sock *is, struct msghdr *msg, size_t len,
		       int flags)
{
	bool cmsg = tcp_sk(is->conn.sk)->recvmsg_inq;
	int n, inq;

	n = sc_stream_recv(&is->conn, msg, len, flags);
	if (likely(!cmsg && !msg->msg_get_inq) || n < 0)
		return n;
	inq = scinet_inq_hint(is);
	if (msg->msg_get_inq)
		msg->msg_inq = inq;
	if (cmsg)
		put_cmsg(msg, SOL_TCP, TCP_CM_INQ, sizeof(inq), &inq);
	return n;
}

int scinet_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags,
		   int *addr_len)
{
	struct scinet_sock *is = scinet_get(sk);
	int err = 0;

	if (unlikely(!is))
		return scinet_pass(scinet_plain(sk)->recvmsg(sk, msg, len,
							     flags, addr_len));
	if (unlikely(flags & MSG_ERRQUEUE)) {
		err = inet_recv_error(sk, msg, len, addr_len);
		scinet_put(is);
		return err;
	}
	if (unlikely(scinet_in_syn_sent(sk)))
		err = scinet_wait_connect(sk, sock_rcvtimeo(sk, flags &
							    MSG_DONTWAIT));
	if (err == -EPIPE)
		err = -ENOTCONN;
	else if (!err && likely(scinet_is_diverted(sk)))
		err = scinet_recv(is, msg, len, flags);
	else if (!err)
		err = scinet_plain(sk)->recvmsg(sk, msg, len, flags, addr_len);
	scinet_put(is);
	return err;
}

/* TCP moves pages into the pipe; here they are copied. */
ssize_t scinet_splice_read(struct socket *sock, loff_t *pos,
			   struct pipe_inode_info *pipe, size_t len,
			   unsigned int flags)
{
	const struct proto_ops *plain = scinet_plain_ops(sock->sk);
	struct scinet_sock *is = scinet_get(sock->sk);
	ssize_t n;

	if (is && scinet_is_diverted(sock->sk))
		n = copy_splice_read(sock->file, pos, pipe, len, flags);
	else
		n = scinet_pass(plain->splice_read(sock, pos, pipe, len,
						   flags));
	if (is)
		scinet_put(is);
	return n;
}

/* For TCP_ZEROCOPY_RECEIVE, which a diverted socket does not support. */
int scinet_mmap(struct file *file, struct socket *sock,
		struct vm_area_struct *vma)
{
	if (scinet_is_diverted(sock->sk))
		return -ENODEV;
	return scinet_plain_ops(sock->sk)->mmap(file, sock, vma);
}

/* ---- ioctl(), poll(), names -------------------------------------------- */

int scinet_ioctl(struct sock *sk, int cmd, int *arg)
{
	struct scinet_sock *is = scinet_get(sk);
	struct sc_flow_view view;
	int err = 0;

	if (!is)
		return scinet_pass(scinet_plain(sk)->ioctl(sk, cmd, arg));
	sc_conn_look(&is->conn, &view);
	switch (cmd) {
	case SIOCINQ:
		*arg = sc_stream_inq(&is->conn);
		break;
	case SIOCOUTQ:
		*arg = view.queued;
		break;
	case SIOCOUTQNSD:	/* sent bytes are visible to the peer at once */
	case SIOCATMARK:
		*arg = 0;
		break;
	default:
		err = -ENOIOCTLCMD;
	}
	scinet_put(is);
	return err;
}

/* Wakes receivers: the bytes in the ring may suffice now. lock_sock() is held. */
int scinet_set_rcvlowat(struct sock *sk, int val)
{
	if (!scinet_is_diverted(sk))
		return scinet_plain_ops(sk)->set_rcvlowat(sk, val);
	WRITE_ONCE(sk->sk_rcvlowat, val ?: 1);
	sk->sk_data_ready(sk);
	return 0;
}

/* As tcp_poll(). */
static __poll_t scinet_poll_diverted(struct scinet_sock *is,
				     const poll_table *wait)
{
	struct sock *sk = is->conn.sk;
	__poll_t mask = 0;

	switch (inet_sk_state_load(sk)) {
	case TCP_SYN_SENT:
		break;
	case TCP_ESTABLISHED:
		mask = sc_conn_poll(&is->conn, wait);
		break;
	default:
		mask = EPOLLHUP | EPOLLIN | EPOLLRDNORM | EPOLLRDHUP |
		       EPOLLOUT | EPOLLWRNORM;
	}
	if (READ_ONCE(sk->sk_err) ||
	    !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	return mask;
}

static __poll_t scinet_poll_plain(struct file *file, struct socket *sock,
				  poll_table *wait)
{
	__poll_t mask = tcp_poll(file, sock, wait);

	/* tcp_poll() reads sk_err last: poll again for the state that came with the error */
	if (unlikely(mask & EPOLLERR))
		mask = tcp_poll(file, sock, NULL);
	return mask;
}

__poll_t scinet_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct scinet_sock *is = scinet_get(sock->sk);
	__poll_t mask = EPOLLERR;	/* the module is being unloaded, see scinet_pass() */

	if (likely(is && scinet_is_diverted(sock->sk))) {
		sock_poll_wait(file, sock, wait);
		sc_arrival_poll(&is->conn, wait);
		mask = scinet_poll_diverted(is, wait);
	} else if (is) {
		mask = scinet_poll_plain(file, sock, wait);
	} else if (try_module_get(THIS_MODULE)) {
		mask = scinet_poll_plain(file, sock, wait);
		module_put(THIS_MODULE);
	}
	if (is)
		scinet_put(is);
	return mask;
}

/*
 * As TCP, getpeername() (@peer is 1) fails once both directions have ended. accept() (@peer is 2)
 * always gets the address.
 */
int scinet_getname(struct socket *sock, struct sockaddr *addr, int peer)
{
	const struct proto_ops *plain = scinet_plain_ops(sock->sk);
	struct scinet_sock *is = scinet_get(sock->sk);
	bool over = false;
	int err;

	if (!is)
		return scinet_pass(plain->getname(sock, addr, peer));
	if (peer == 1) {
		lock_sock(sock->sk);
		over = scinet_is_diverted(sock->sk) &&
		       scinet_state(is) == TCP_CLOSE;
		release_sock(sock->sk);
	}
	err = over ? -ENOTCONN : plain->getname(sock, addr, peer);
	scinet_put(is);
	return err;
}
