// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving from TCP and from the ring, in the order of the bytes. Readers are serialised by
 * rd_lock, which they hold but while they sleep. See tcp.h.
 */
#include <linux/pagemap.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <net/tcp.h>

#include "capture.h"
#include "core/flow.h"
#include "sock/arrival.h"
#include "sock/peek.h"
#include "tcp.h"

/* ---- Receiving --------------------------------------------------------- */

/* What was kept of a ring that was left. rx_lock is held. */
static ssize_t sctcp_recv_unread(struct sctcp *is, struct iov_iter *to, size_t len, u32 skip,
				 bool consume)
{
	struct sctcp_unread *unread = &is->unread;
	size_t done;

	if (skip >= unread->len - unread->read)
		return unread->len ? 0 : -EAGAIN;
	len = min_t(size_t, len, unread->len - unread->read - skip);
	done = len;
	if (to) {
		pagefault_disable();
		done = _copy_to_iter(unread->bytes + unread->read + skip, len, to);
		pagefault_enable();
	}
	if (!done)
		return -EFAULT;
	if (consume)
		unread->read += done;
	if (unread->read == unread->len)
		sctcp_unread_free(unread);
	return done;
}

/*
 * What recv() returns where nothing was found. @over: that TCP receives no more was known before it
 * looked. Else bytes may have come into the ring since, and only then TCP's end.
 */
static int sctcp_nothing(struct sock *sk, bool over)
{
	return over ? sctcp_tcp_end(sk) : -EAGAIN;
}

/* Looks at TCP's end before the caller looks for bytes. */
static bool sctcp_over_before(const struct sock *sk)
{
	bool over = sctcp_is_over(sk);

	smp_rmb();	/* the peer has written the ring before it ended the connection */
	return over;
}

/* rx_lock is held. @flow: NULL if the ring was left. */
static ssize_t sctcp_ring_copy(struct sctcp *is, struct sc_flow *flow, struct iov_iter *to,
			       size_t len, u32 skip, bool consume)
{
	struct sc_conn *conn = &is->conn;

	if (unlikely(!flow))
		return sctcp_recv_unread(is, to, len, skip, consume);
	if (unlikely(!consume || conn->peek))
		return sc_peek_recv(conn, flow, to, len, skip, !consume);
	return sc_flow_recv(flow, to, len, 0, true);
}

/*
 * The same for bytes that are shown as well. They are copied for that first: once they are
 * consumed, the peer writes over them. If it changes them between the two copies, what is shown is
 * not what the program got, which harms nobody.
 */
static ssize_t sctcp_ring_capture(struct sctcp *is, struct sc_flow *flow, struct iov_iter *to,
				  size_t len)
{
	u32 seq = sctcp_capture_next(is);
	void *bytes = sctcp_capture_alloc(&len);
	struct kvec vec = { .iov_base = bytes, .iov_len = len };
	struct iov_iter ahead;
	ssize_t got = len;

	if (bytes) {
		iov_iter_kvec(&ahead, ITER_DEST, &vec, 1, len);
		got = flow ? sc_flow_recv(flow, &ahead, len, 0, false) :
			     sctcp_recv_unread(is, &ahead, len, 0, false);
	}
	if (got > 0)
		got = sctcp_ring_copy(is, flow, to, got, 0, true);
	if (got > 0)
		sctcp_capture_received(is, seq, bytes, got);
	kvfree(bytes);
	return got;
}

/* -EAGAIN if nothing is there. -ERESTART: look again. */
static int sctcp_ring_recv(struct sctcp *is, struct msghdr *msg, size_t len, int flags,
			   u32 peeked)
{
	struct iov_iter *to = flags & MSG_TRUNC ? NULL : &msg->msg_iter;
	struct sc_conn *conn = &is->conn;
	bool over = sctcp_over_before(conn->sk);
	bool peek = flags & MSG_PEEK;
	struct sc_flow *flow;
	ssize_t got;

	mutex_lock(&conn->rx_lock);
	flow = rcu_dereference_protected(conn->flow, lockdep_is_held(&conn->rx_lock));
	if (!peek && sctcp_is_captured(is))
		got = sctcp_ring_capture(is, flow, to, len);
	else
		got = sctcp_ring_copy(is, flow, to, len, peek ? peeked : 0, !peek);
	if (got > 0 && !peek) {
		conn->rx_count.bytes += got;
		sctcp_watch(is);
	}
	if (flow)
		sc_conn_received(conn, flow);
	mutex_unlock(&conn->rx_lock);
	switch (got) {
	case -EAGAIN:
		/* sctcp_advance() leaves a ring that was lost, but not before it was reached */
		if (READ_ONCE(is->rx_state) == SCTCP_RX_RING)
			return -ERESTART;
		fallthrough;
	case 0:
		return sctcp_nothing(conn->sk, over);
	case -EFAULT:
		len = min_t(size_t, len, SC_FLOW_CHUNK);
		mutex_unlock(&is->rd_lock);
		if (fault_in_iov_iter_writeable(&msg->msg_iter, len) != len)
			got = -ERESTART;
		mutex_lock(&is->rd_lock);
		return got;
	case -ECONNRESET:	/* the flow is lost: sctcp_flow_ended() comes */
		return -EAGAIN;
	case -EPROTO:
		sctcp_break(is);
		return -ERESTART;
	default:
		return got;
	}
}

/* Where a peek goes on: SO_PEEK_OFF moves on by itself, else behind what this call has copied. */
static u32 sctcp_peek_pos(const struct sock *sk, size_t copied)
{
	int offset = sk_peek_offset(sk, MSG_PEEK);

	return READ_ONCE(sk->sk_peek_off) < 0 ? copied : offset;
}

/**
 * struct sctcp_control - where a call has its control data
 * @at:		the program's buffer, or the kernel's
 * @room:	its size
 */
struct sctcp_control {
	void *at;
	size_t room;
};

static struct sctcp_control sctcp_control(const struct msghdr *msg)
{
	return (struct sctcp_control){ .at = msg->msg_control, .room = msg->msg_controllen };
}

static void sctcp_rewind(struct msghdr *msg, const struct sctcp_control *control)
{
	msg->msg_control = control->at;
	msg->msg_controllen = control->room;
	msg->msg_flags &= ~MSG_CTRUNC;
}

/*
 * MSG_PEEK sees the bytes of both sources in one piece. TCP's own peek begins with the first byte,
 * unless SO_PEEK_OFF is set: then what was copied is copied again.
 */
static int sctcp_peek_step(struct sctcp *is, struct msghdr *msg, size_t len, int flags,
			   size_t *copied, const struct sctcp_control *control)
{
	struct sock *sk = is->conn.sk;
	u32 pos = sctcp_peek_pos(sk, *copied), tcp = 0;
	bool tcps = READ_ONCE(is->rx_state) == SCTCP_RX_TCP;
	int got;

	/* acquire: pairs with sctcp_look() */
	if (tcps && smp_load_acquire(&is->rx_known))
		tcp = is->rx_base - READ_ONCE(tcp_sk(sk)->copied_seq);
	if (!tcps || (READ_ONCE(is->rx_known) && pos >= tcp)) {
		got = sctcp_ring_recv(is, msg, len, flags, pos - tcp);
		if (got > 0)
			sk_peek_offset_fwd(sk, got);
		return got;
	}
	if (pos >= sctcp_limit(is))
		return -EAGAIN;
	if (READ_ONCE(sk->sk_peek_off) < 0) {
		iov_iter_revert(&msg->msg_iter, *copied);
		len += *copied;
		*copied = 0;
		pos = 0;
	}
	sctcp_rewind(msg, control);
	return sctcp_tcp_recv(sk, msg, min_t(size_t, len, sctcp_limit(is) - pos), flags);
}

/* The same for bytes that TCP carries in between. MSG_TRUNC does not copy them anywhere else. */
static int sctcp_tcp_capture(struct sctcp *is, struct msghdr *msg, size_t len, int flags)
{
	u32 seq = sctcp_capture_next(is);
	void *bytes = sctcp_capture_alloc(&len);
	int got = bytes ? sctcp_tcp_take(is, bytes, len, MSG_PEEK) : -ENOMEM;

	if (got > 0) {
		len = got;
	} else {
		kvfree(bytes);
		bytes = NULL;
	}
	got = sctcp_tcp_recv(is->conn.sk, msg, len, flags);
	if (got > 0)
		sctcp_capture_received(is, seq, bytes, got);
	kvfree(bytes);
	return got;
}

/* Control data of the last piece from TCP counts. */
static int sctcp_recv_step(struct sctcp *is, struct msghdr *msg, size_t len, int flags,
			   size_t *copied, const struct sctcp_control *control)
{
	struct sock *sk = is->conn.sk;
	bool over = sctcp_over_before(sk);
	u32 limit;
	int got;

	sctcp_advance(is);
	switch (READ_ONCE(is->rx_state)) {
	case SCTCP_RX_RING:
		if (flags & MSG_PEEK)
			return sctcp_peek_step(is, msg, len, flags, copied, control);
		got = sctcp_ring_recv(is, msg, len, flags, 0);
		if (got > 0)
			sk_peek_offset_bwd(sk, got);
		return got;
	case SCTCP_RX_TCP:
		limit = sctcp_limit(is);
		if (!limit)
			return sctcp_at_base(is) ? -ERESTART : sctcp_nothing(sk, over);
		if (flags & MSG_PEEK)
			return sctcp_peek_step(is, msg, len, flags, copied, control);
		sctcp_rewind(msg, control);
		len = min_t(size_t, len, limit);
		return sctcp_is_captured_tcp(is, false) ? sctcp_tcp_capture(is, msg, len, flags) :
							  sctcp_tcp_recv(sk, msg, len, flags);
	default:
		return sctcp_nothing(sk, over);
	}
}

/* Bytes of a ring that was left. */
static u32 sctcp_kept(const struct sctcp *is)
{
	return READ_ONCE(is->unread.len) - READ_ONCE(is->unread.read);
}

/* Bytes that can be received. A hint without rd_lock. */
u32 sctcp_inq(struct sctcp *is)
{
	struct sc_flow_view view;
	u32 tcp = 0;

	sc_conn_look(&is->conn, &view);
	switch (READ_ONCE(is->rx_state)) {
	case SCTCP_RX_TCP:
		tcp = sctcp_limit(is);
		return READ_ONCE(is->rx_known) ? tcp + view.avail + sctcp_kept(is) : tcp;
	case SCTCP_RX_RING:
		return view.avail + sctcp_kept(is);
	default:
		return 0;
	}
}

/**
 * sctcp_readable() - whether recv() would return
 * @is:		rd_lock is not needed; then it is a hint
 * @want:	bytes wanted
 * @arm:	if not, ask for an event
 *
 * Return: whether it would.
 */
bool sctcp_readable(struct sctcp *is, u32 want, bool arm)
{
	struct sock *sk = is->conn.sk;
	struct sc_flow_view view = {};
	struct sc_flow *flow;
	bool full = false;
	u32 half, limit;

	rcu_read_lock();
	flow = rcu_dereference(is->conn.flow);
	if (flow && sc_flow_is_joined(flow)) {
		half = sc_flow_rx_half(flow);
		if (arm)
			sc_arrival_await(&is->conn, flow, min(want, half), &view);
		else
			sc_flow_look(flow, &view);
		/* more than that cannot be waited for, see sc_flow_rx_half() */
		full = want > half && view.avail >= half;
	}
	rcu_read_unlock();
	switch (READ_ONCE(is->rx_state)) {
	case SCTCP_RX_TCP:
		/* acquire: pairs with sctcp_look() */
		if (!smp_load_acquire(&is->rx_known))
			break;
		limit = sctcp_limit(is);
		/* the ring's bytes do not count while some of TCP's are missing before them */
		if (limit != is->rx_base - READ_ONCE(tcp_sk(sk)->copied_seq))
			return limit >= want || sctcp_is_over(sk);
		break;
	case SCTCP_RX_RING:
		full |= sctcp_has_left(is);
		break;
	case SCTCP_RX_MARKER:
		return sctcp_space(sk) >= sizeof(struct schannel_tcp_marker) || sctcp_is_over(sk);
	case SCTCP_RX_SKIP:
		return sctcp_space(sk) || sctcp_is_over(sk);
	}
	return full || sctcp_inq(is) >= want || sctcp_is_over(sk);
}

/* rd_lock is held, but not while it sleeps. Returns 0 or the error to return. */
static int sctcp_wait_data(struct sctcp *is, u32 want, size_t copied, long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = is->conn.sk;
	int err = 0;

	if (!*timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(*timeo);
	add_wait_queue(sk_sleep(sk), &wait);
	smp_mb();	/* pairs with the waker, which looks for sleepers */
	if (sctcp_may_restart(is, copied)) {
		err = sctcp_restart();
	} else if (!sctcp_readable(is, want, true)) {
		is->conn.rx_count.waits++;
		mutex_unlock(&is->rd_lock);
		*timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, *timeo);
		mutex_lock(&is->rd_lock);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return err;
}

/*
 * A peek cannot wait for more than half of a ring, see sc_flow_rx_half(), nor for what comes over
 * TCP behind a marker, which is read only when all before it was received.
 */
static bool sctcp_peeked_enough(struct sctcp *is, size_t copied)
{
	struct sc_flow *flow;
	bool enough;

	rcu_read_lock();
	flow = rcu_dereference(is->conn.flow);
	enough = !flow || sctcp_peek_pos(is->conn.sk, copied) >= sc_flow_rx_half(flow);
	rcu_read_unlock();
	return enough && !sctcp_is_resolved(is);
}

static int sctcp_recv(struct sctcp *is, struct msghdr *msg, size_t len, int flags)
{
	struct sock *sk = is->conn.sk;
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	size_t target = sock_rcvlowat(sk, flags & MSG_WAITALL, len);
	const struct sctcp_control control = sctcp_control(msg);
	size_t copied = 0;
	int got = 0;

	mutex_lock(&is->rd_lock);
	while (copied < len) {
		got = sctcp_recv_step(is, msg, len - copied, flags, &copied, &control);
		if (got > 0) {
			copied += got;
			cond_resched();
			/* TCP has returned all it had */
			if (copied >= target && sctcp_is_resolved(is))
				break;
			continue;
		}
		if (got == -ERESTART && !fatal_signal_pending(current)) {
			cond_resched();
			continue;
		}
		if (got == -EAGAIN && flags & MSG_PEEK && sctcp_is_over(sk) &&
		    sctcp_peek_pos(sk, copied) >= sctcp_inq(is))
			got = 0;
		if (got != -EAGAIN || copied >= target ||
		    (flags & MSG_PEEK && copied && sctcp_peeked_enough(is, copied)))
			break;
		got = sctcp_wait_data(is, flags & MSG_PEEK ? sctcp_peek_pos(sk, copied) + 1 : 1,
				      copied, &timeo);
		if (got)
			break;
		cond_resched();
	}
	mutex_unlock(&is->rd_lock);
	if (!copied)
		return got;
	sctcp_keep_error(sk, got);
	return copied;
}

/*
 * For TCP_INQ: the bytes that can be received; 1 for the end of the stream, as TCP does. What TCP
 * said of its own part, with timestamps, is overwritten.
 */
static void sctcp_tell_inq(struct sctcp *is, struct msghdr *msg,
			   const struct sctcp_control *control)
{
	struct sock *sk = is->conn.sk;
	int inq = sctcp_inq(is) ?: !!sock_flag(sk, SOCK_DONE);

	if (msg->msg_get_inq)
		msg->msg_inq = inq;
	if (!tcp_sk(sk)->recvmsg_inq)
		return;
	sctcp_rewind(msg, control);
	put_cmsg(msg, SOL_TCP, TCP_CM_INQ, sizeof(inq), &inq);
}

int sctcp_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags, int *addr_len)
{
	const struct sctcp_control control = sctcp_control(msg);
	struct sctcp *is = sctcp_get(sk);
	int got;

	if (!is)
		return scinet_pass(scinet_plain(sk)->recvmsg(sk, msg, len, flags, addr_len));
	if (!len && sctcp_inq(is)) {
		got = 0;
	} else if (flags & (MSG_ERRQUEUE | MSG_OOB) || !len) {
		got = scinet_plain(sk)->recvmsg(sk, msg, len, flags, addr_len);
	} else {
		got = sctcp_recv(is, msg, len, flags);
		if (got >= 0 && (msg->msg_get_inq || tcp_sk(sk)->recvmsg_inq))
			sctcp_tell_inq(is, msg, &control);
	}
	sctcp_put(is);
	return got;
}
