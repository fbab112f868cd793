// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sequenced packets: a connection that carries records. One send() is one record, and one
 * recv() takes one record, whole or truncated.
 */
#include <linux/pagemap.h>

#include "core/flow.h"
#include "io.h"
#include "peek.h"
#include "ring/record.h"
#include "socket.h"

/*
 * The copy of a record stopped at a missing page: fault it in and start the copy again,
 * since other calls may use the socket meanwhile.
 */
static int sc_seqpacket_fault_in(struct sc_io *io, struct iov_iter *iter,
				 const struct iov_iter *start, size_t len,
				 size_t (*fault_in)(const struct iov_iter *iter,
						    size_t len))
{
	size_t done = iov_iter_count(start) - iov_iter_count(iter);
	int err = sc_io_fault_in(io, iter, len - done, fault_in);

	*iter = *start;
	return err;
}

/* The record at a distance; @keep says that it stays the same until it is received. */
static int sc_seqpacket_next(struct sc_conn *conn, struct sc_flow *flow, u32 skip,
			     struct schannel_record *rec, bool keep)
{
	if (unlikely(keep || conn->peek))
		return sc_peek_next(conn, flow, skip, rec, keep);
	return sc_record_next(flow, skip, rec);
}

static int sc_seqpacket_copy(struct sc_conn *conn, struct sc_flow *flow,
			     struct iov_iter *to, u32 skip, u32 len, bool keep)
{
	skip += SC_RECORD_HEADER;
	if (unlikely(conn->peek))
		return sc_peek_copy(conn, flow, to, skip, len, keep);
	return sc_record_copy(flow, to, skip, len);
}

static void sc_seqpacket_consume(struct sc_conn *conn, struct sc_flow *flow, u32 len)
{
	if (unlikely(conn->peek))
		sc_peek_consume_record(conn, flow, len);
	else
		sc_record_consume(flow, len);
}

/*
 * Find the record in which a peek offset lies: @skip becomes the record's distance from
 * the first byte in the ring, @offset the position in the record.
 */
static int sc_seqpacket_find(struct sc_conn *conn, struct sc_flow *flow, u32 *skip,
			     int *offset, struct schannel_record *rec, bool keep)
{
	int err;

	*skip = 0;
	while (!(err = sc_seqpacket_next(conn, flow, *skip, rec, keep)) &&
	       *offset && *offset >= rec->len) {
		*offset -= rec->len;
		*skip += sc_record_size(rec->len);
	}
	return err;
}

/*
 * Records that were peeked past stay in the ring and may leave no space for more, so a peek
 * beyond them does not wait. Returns 1 if no record can come, else -EAGAIN.
 */
static int sc_seqpacket_past_all(struct sc_flow *flow)
{
	struct sc_flow_view view;

	sc_flow_look_data(flow, &view);
	return view.flags & SC_FLOW_FIN ? 1 : -EAGAIN;
}

int sc_seqpacket_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
			 int flags)
{
	struct sock *sk = sock->sk;
	struct sc_conn *conn = &sc_sk(sk)->conn;
	struct sc_io io = { .conn = conn, .lock = &conn->rx_lock };
	const struct iov_iter start = msg->msg_iter;
	struct schannel_record rec = {};
	bool keep = flags & MSG_PEEK;
	struct sc_flow *flow;
	u32 copied = 0;
	int offset;
	u32 skip;
	int err;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE)
		return -EAGAIN;
	io.timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	msg->msg_namelen = 0;

	mutex_lock(io.lock);
	do {
		flow = sc_io_flow(&io);
		if (!flow) {
			err = sc_io_error(&io) ?: -ENOTCONN;
			break;
		}
		offset = flags & MSG_PEEK ? max(sk_peek_offset(sk, flags), 0) : 0;
		err = sc_seqpacket_find(conn, flow, &skip, &offset, &rec, keep);
		if (!err) {
			copied = min_t(size_t, len, rec.len - offset);
			err = sc_seqpacket_copy(conn, flow, &msg->msg_iter,
						skip + offset, copied, keep);
			if (!err) {
				io.some = true;
				break;
			}
		}
		if (err == -EAGAIN)
			err = skip ? sc_seqpacket_past_all(flow) :
				     sc_io_wait_data(&io, flow, 1, 1);
		else if (err == -EFAULT)
			err = sc_seqpacket_fault_in(&io, &msg->msg_iter, &start,
						    copied,
						    fault_in_iov_iter_writeable);
		else if (err == -ECONNRESET)
			err = sc_io_lost(&io, 1);
		/* the record stays, and so must what the program has got of it: once more */
		if (err == -EFAULT && !keep) {
			keep = true;
			err = 0;
		}
	} while (!err);

	if (io.some && flags & MSG_PEEK) {
		sk_peek_offset_fwd(sk, copied);
	} else if (io.some) {
		sc_seqpacket_consume(conn, flow, rec.len);
		sk_peek_offset_bwd(sk, rec.len);
		conn->rx_count.bytes += rec.len;
		conn->rx_count.records++;
	}
	err = sc_io_recv_end(&io, err);
	if (!io.some)
		return min(err, 0);

	if (rec.flags & SCHANNEL_RECORD_EOR)
		msg->msg_flags |= MSG_EOR;
	if (copied < rec.len - offset)
		msg->msg_flags |= MSG_TRUNC;
	return flags & MSG_TRUNC ? rec.len - offset : copied;
}

int sc_seqpacket_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct sc_sock *ssk = sc_sk(sk);
	struct sc_io io = { .conn = &ssk->conn, .lock = &ssk->conn.tx_lock };
	const struct iov_iter start = msg->msg_iter;
	struct schannel_record rec = {
		.len = len,
		.flags = msg->msg_flags & MSG_EOR ? SCHANNEL_RECORD_EOR : 0,
	};
	struct sc_flow *flow;
	u32 size, want;
	int err;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (msg->msg_namelen)
		return READ_ONCE(sk->sk_state) == TCP_ESTABLISHED ?
		       -EISCONN : -EOPNOTSUPP;
	io.timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);

	mutex_lock(io.lock);
	do {
		flow = sc_io_flow(&io);
		err = sc_io_send_check(&io, flow);
		if (err)
			break;
		if (len > sc_resize_max(flow) - SC_RECORD_HEADER) {
			err = -EMSGSIZE;
			break;
		}
		size = sc_record_size(len);
		if (size > sc_flow_tx_size(flow))
			err = sc_resize_fit(flow, size);
		if (!err)
			err = sc_record_send(flow, &msg->msg_iter, &rec);
		if (!err) {
			WRITE_ONCE(ssk->conn.tx_need, 0);
			ssk->conn.tx_count.bytes += len;
			ssk->conn.tx_count.records++;
			io.some = true;
			break;
		}
		if (err == -EAGAIN && size <= sc_flow_tx_size(flow) &&
		    sc_resize_full(flow)) {
			err = 0;
		} else if (err == -EAGAIN) {
			/* until then poll() must not report space */
			want = max(sc_flow_tx_size(flow) / 2, size);
			WRITE_ONCE(ssk->conn.tx_need, want);
			err = sc_io_wait_space(&io, flow, size, want);
		} else if (err == -EFAULT) {
			err = sc_seqpacket_fault_in(&io, &msg->msg_iter, &start,
						    len,
						    fault_in_iov_iter_readable);
		} else if (err == -ECONNRESET) {
			err = sc_io_lost(&io, -EPIPE);
		}
	} while (!err);
	err = sc_io_send_end(&io, msg, err);
	return io.some ? len : err;
}

/* The bytes in all records that can be received, without headers and padding; or -ENOBUFS. */
int sc_seqpacket_inq(struct sock *sk)
{
	struct sc_conn *conn = &sc_sk(sk)->conn;
	struct sc_io io = { .conn = conn, .lock = &conn->rx_lock };
	struct sc_peek_sum sum = {};
	struct schannel_record rec;
	struct sc_flow *flow;
	int err = 0;

	mutex_lock(io.lock);
	flow = sc_io_flow(&io);
	while (flow && !sc_seqpacket_next(conn, flow, sum.size, &rec, false)) {
		sum.records++;
		sum.size += sc_record_size(rec.len);
		sum.len += rec.len;
	}
	if (sum.records)
		err = sc_peek_note_sum(conn, flow, &sum);
	mutex_unlock(io.lock);
	return err ?: sum.len;
}
