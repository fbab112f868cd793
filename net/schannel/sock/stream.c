// SPDX-License-Identifier: GPL-2.0-only
/* Byte streams: send and receive. io.h has what they share with seqpackets. */
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "core/flow.h"
#include "io.h"
#include "peek.h"
#include "socket.h"

/* Return: bytes received, 0 at the end of the stream, or -errno. */
static int sc_stream_recv(struct sc_conn *conn, struct msghdr *msg, size_t len, int flags)
{
	struct sc_io io = { .conn = conn, .lock = &conn->rx_lock };
	struct sock *sk = conn->sk;
	struct iov_iter *to = flags & MSG_TRUNC ? NULL : &msg->msg_iter;
	bool peek = flags & MSG_PEEK;
	struct sc_flow *flow;
	size_t copied = 0;
	size_t target;
	size_t skip;
	int err = 0;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (!len)
		return 0;
	io.timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	target = sock_rcvlowat(sk, flags & MSG_WAITALL, len);
	msg->msg_namelen = 0;

	mutex_lock(io.lock);
	skip = peek ? max(sk_peek_offset(sk, flags), 0) : 0;
	/* bytes that were peeked at stay in the ring: more than the largest one do not come */
	if (peek)
		target = min(target, SC_WANT_MAX - min_t(size_t, skip, SC_WANT_MAX - 1));
	while (!err && copied < len) {
		ssize_t n;

		flow = sc_io_flow(&io);
		if (!flow) {
			err = sc_io_error(&io) ?: -ENOTCONN;
			break;
		}
		if (unlikely(peek || conn->peek))
			n = sc_peek_recv(conn, flow, to, len - copied,
					 peek ? skip + copied : 0, peek);
		else
			n = sc_flow_recv(flow, to, len - copied, 0, true);
		if (n > 0) {
			copied += n;
			if (!peek)
				conn->rx_count.bytes += n;
			io.some = true;
			/* all that was seen is received: more would be a new arrival */
			if (copied >= target && !peek && !sc_rx_avail(&flow->rx))
				break;
			cond_resched();
		} else if (n == -EFAULT) {
			err = sc_io_fault_in(&io, to,
					     min_t(size_t, len - copied,
						   SC_FLOW_CHUNK),
					     fault_in_iov_iter_writeable);
		} else if (n < 0) {
			err = n == -ECONNRESET ? sc_io_lost(&io, 1) : n;
		} else {
			if (copied >= target)
				break;
			if (peek)
				err = sc_io_wait_data(&io, flow, skip + target,
						      skip + target);
			else
				/* take bytes as they come, even if more are wanted */
				err = sc_io_wait_data(&io, flow, 1,
						      target - copied);
		}
	}
	if (peek)
		sk_peek_offset_fwd(sk, copied);
	else
		sk_peek_offset_bwd(sk, copied);
	err = sc_io_recv_end(&io, err);
	return copied || err > 0 ? copied : err;
}

/* Return: bytes sent, or -errno. With -EPIPE the caller has got its SIGPIPE. */
static int sc_stream_send(struct sc_conn *conn, struct msghdr *msg, size_t len)
{
	struct sc_io io = { .conn = conn, .lock = &conn->tx_lock };
	struct sock *sk = conn->sk;
	struct sc_flow *flow;
	size_t sent = 0;
	u32 half;
	int err;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	io.timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);

	mutex_lock(io.lock);
	do {
		ssize_t n;

		flow = sc_io_flow(&io);
		err = sc_io_send_check(&io, flow);
		if (err || !len)
			break;
		n = sc_flow_send(flow, &msg->msg_iter, len - sent);
		if (n > 0) {
			sent += n;
			conn->tx_count.bytes += n;
			io.some = true;
			cond_resched();
		} else if (n == -EFAULT) {
			err = sc_io_fault_in(&io, &msg->msg_iter,
					     min_t(size_t, len - sent,
						   SC_FLOW_CHUNK),
					     fault_in_iov_iter_readable);
		} else if (n < 0) {
			err = n == -ECONNRESET ? sc_io_lost(&io, -EPIPE) : n;
		} else if (!sc_resize_full(flow)) {
			/*
			 * Wait for half the ring: a sender that is woken for every bit
			 * of space spends its time waking up.
			 */
			half = sc_flow_tx_size(flow) / 2;
			err = sc_io_wait_space(&io, flow,
					       min(half, SC_FLOW_CHUNK), half);
		}
	} while (!err && sent < len);
	err = sc_io_send_end(&io, msg, err);
	return sent ?: err;
}

/**
 * sc_stream_inq() - the bytes that can be received
 * @sk:		the socket
 *
 * Return: the number of bytes, 0 if there is no open connection.
 */
int sc_stream_inq(struct sock *sk)
{
	struct sc_conn *conn = &sc_sk(sk)->conn;
	struct sc_io io = { .conn = conn, .lock = &conn->rx_lock };
	struct sc_flow *flow;
	int inq = 0;

	mutex_lock(io.lock);
	flow = sc_io_flow(&io);
	if (flow)
		inq = sc_peek_inq(conn, flow);
	mutex_unlock(io.lock);
	return inq;
}

int sc_stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
		      int flags)
{
	return sc_stream_recv(&sc_sk(sock->sk)->conn, msg, len, flags);
}

int sc_stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;

	if (msg->msg_namelen)
		return READ_ONCE(sk->sk_state) == TCP_ESTABLISHED ?
		       -EISCONN : -EOPNOTSUPP;
	return sc_stream_send(&sc_sk(sk)->conn, msg, len);
}
