// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reader's way from TCP to the ring and back: S, the marker, and what has to be skipped behind
 * it. Under rd_lock. See tcp.h.
 */
#include <linux/mm.h>
#include <net/tcp.h>

#include "core/flow.h"
#include "sock/peek.h"
#include "tcp.h"

/* ---- What TCP has ------------------------------------------------------ */

/* Sequence numbers that were received and not read, which may include the FIN's. */
u32 sctcp_space(const struct sock *sk)
{
	return READ_ONCE(tcp_sk(sk)->rcv_nxt) - READ_ONCE(tcp_sk(sk)->copied_seq);
}

/* Bytes that TCP can deliver. */
static u32 sctcp_bytes(const struct sock *sk)
{
	u32 space = sctcp_space(sk);

	return space && sock_flag(sk, SOCK_DONE) ? space - 1 : space;
}

/* Will TCP receive no more than it has? After SHUT_RD it still does. */
static bool sctcp_has_all(const struct sock *sk)
{
	return READ_ONCE(sk->sk_err) || sock_flag(sk, SOCK_DONE) ||
	       inet_sk_state_load(sk) == TCP_CLOSE;
}

/* Does recv() not wait for more than TCP has? */
bool sctcp_is_over(const struct sock *sk)
{
	return READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN || sctcp_has_all(sk);
}

/* How much may be read from TCP now: all it has, but nothing beyond S. */
u32 sctcp_limit(struct sctcp *is)
{
	const struct sock *sk = is->conn.sk;
	u32 space = sctcp_bytes(sk);

	/* if S was not known even after that, the sender has sent nothing behind it */
	smp_rmb();	/* what TCP has before whether S is known */
	/* acquire: pairs with sctcp_look() */
	if (smp_load_acquire(&is->rx_known))
		space = min(space, is->rx_base - READ_ONCE(tcp_sk(sk)->copied_seq));
	return space;
}

/* Has the reader read all that precedes the ring? */
bool sctcp_at_base(const struct sctcp *is)
{
	/* acquire: pairs with sctcp_look() */
	return smp_load_acquire(&is->rx_known) &&
	       is->rx_base == READ_ONCE(tcp_sk(is->conn.sk)->copied_seq);
}

int sctcp_tcp_recv(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	int addr_len = 0;

	return scinet_plain(sk)->recvmsg(sk, msg, len,
					 (flags & ~MSG_WAITALL) | MSG_DONTWAIT, &addr_len);
}

/* Where sctcp_read_actor() copies bytes to; NULL to skip them. */
struct sctcp_read {
	void *to;
	u32 done;
};

static int sctcp_read_actor(read_descriptor_t *desc, struct sk_buff *skb, unsigned int offset,
			    size_t len)
{
	struct sctcp_read *read = desc->arg.data;

	len = min_t(size_t, len, desc->count);
	if (read->to && skb_copy_bits(skb, offset, read->to + read->done, len))
		return -EFAULT;
	read->done += len;
	desc->count -= len;
	return len;
}

/* Copy the first bytes of what TCP has. lock_sock() is held. */
static u32 sctcp_peek_held(struct sock *sk, void *to, u32 len)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	struct sk_buff *skb;
	u32 done = 0, offset, run;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		offset = tp->copied_seq + done - TCP_SKB_CB(skb)->seq;
		if (offset >= skb->len)
			continue;
		run = min(len - done, skb->len - offset);
		if (skb_copy_bits(skb, offset, to + done, run))
			break;
		done += run;
		if (done == len)
			break;
	}
	return done;
}

/* sctcp_tcp_take() for whom lock_sock() is held: TCP's recvmsg() would wait for that. */
static int sctcp_take_held(struct sock *sk, void *to, size_t len, int flags)
{
	struct sctcp_read read = { .to = to };
	read_descriptor_t desc = { .arg.data = &read, .count = len };

	/* urgent data is not in order */
	if (tcp_sk(sk)->urg_data)
		return 0;
	if (flags & MSG_PEEK)
		return sctcp_peek_held(sk, to, len);
	tcp_read_sock(sk, &desc, sctcp_read_actor);
	return read.done;
}

/* Into a buffer of ours; NULL with MSG_TRUNC to skip. */
int sctcp_tcp_take(struct sctcp *is, void *to, size_t len, int flags)
{
	struct kvec vec = { .iov_base = to, .iov_len = len };
	struct sock *sk = is->conn.sk;
	struct msghdr msg = {};
	int offset, got;

	if (is->rd_held)
		return sctcp_take_held(sk, to, len, flags);
	iov_iter_kvec(&msg.msg_iter, ITER_DEST, &vec, 1, len);
	/* the program's SO_PEEK_OFF is not about these bytes; it may be set meanwhile */
	offset = xchg(&sk->sk_peek_off, -1);
	got = sctcp_tcp_recv(sk, &msg, len, flags);
	cmpxchg(&sk->sk_peek_off, -1, offset);
	return got;
}

/* What recv() returns where TCP has no bytes. */
int sctcp_tcp_end(struct sock *sk)
{
	int err = -EAGAIN;

	lock_sock(sk);
	if (sctcp_bytes(sk))
		err = -EAGAIN;
	else if (sock_flag(sk, SOCK_DONE))
		err = 0;
	else if (sk->sk_err)
		err = sock_error(sk);
	else if (sk->sk_shutdown & RCV_SHUTDOWN)
		err = 0;
	else if (sk->sk_state == TCP_CLOSE)
		err = -ENOTCONN;
	release_sock(sk);
	return err;
}

/* ---- From one source to the other: rd_lock ----------------------------- */

static void sctcp_rx_set(struct sctcp *is, enum sctcp_rx_state state)
{
	spin_lock_bh(&is->lock);
	WRITE_ONCE(is->rx_state, state);
	if (state == SCTCP_RX_TCP)
		WRITE_ONCE(is->rx_known, false);
	spin_unlock_bh(&is->lock);
}

/* TCP has bytes beyond S: the sender has left the ring. The flow may have gone as well. */
static void sctcp_rx_to_marker(struct sctcp *is)
{
	mutex_lock(&is->conn.rx_lock);
	sctcp_rx_set(is, SCTCP_RX_MARKER);
	sctcp_unread_free(&is->unread);
	sc_peek_free(&is->conn);
	mutex_unlock(&is->conn.rx_lock);
}

/* Consume what came over TCP instead. False if the peer has not produced as much. */
static bool sctcp_consume(struct sc_flow *flow, u32 len)
{
	ssize_t done;

	while (len) {
		done = sc_flow_recv(flow, NULL, len, 0, true);
		if (done <= 0)
			return done == -ECONNRESET;
		len -= done;
	}
	return true;
}

/* The direction is TCP's again: behind the marker's bytes, or since there is no marker. */
static void sctcp_rx_to_tcp(struct sctcp *is, u32 to)
{
	struct sc_flow *flow;
	bool bad;

	mutex_lock(&is->conn.rx_lock);
	flow = rcu_dereference_protected(is->conn.flow, lockdep_is_held(&is->conn.rx_lock));
	bad = flow && !sctcp_consume(flow, to - flow->rx.cons);
	mutex_unlock(&is->conn.rx_lock);
	sctcp_rx_set(is, SCTCP_RX_TCP);
	if (bad) {
		sctcp_break(is);
		return;
	}
	sctcp_came_back(is);
	/* the next announcement may have come meanwhile */
	rcu_read_lock();
	flow = rcu_dereference(is->conn.flow);
	if (flow && sc_flow_is_joined(flow))
		sctcp_look(is, flow);
	rcu_read_unlock();
}

/* The largest ring that a peer may have. */
#define SCTCP_RING_MAX	(SCHANNEL_PAGE_SIZE << SCHANNEL_RING_ORDER_MAX)

/* Check a marker, and start to skip what was consumed already. */
static void sctcp_marker(struct sctcp *is, const struct schannel_tcp_marker *marker)
{
	u32 skip = sctcp_rx_pos(is) - marker->from;

	if (skip > SCTCP_RING_MAX || marker->to - marker->from > SCTCP_RING_MAX ||
	    skip > marker->to - marker->from) {
		sctcp_rx_set(is, SCTCP_RX_TCP);
		sctcp_break(is);
		return;
	}
	is->rx_skip = skip;
	is->rx_to = marker->to;
	sctcp_rx_set(is, SCTCP_RX_SKIP);
	sctcp_again(is);
}

/* Returns whether there may be more to do. */
static bool sctcp_read_marker(struct sctcp *is)
{
	struct sock *sk = is->conn.sk;
	struct schannel_tcp_marker marker, want = {
		.magic = SCHANNEL_TCP_MAGIC,
		.gen = is->rx_gen,
		.nonce = { is->nonce[0], is->nonce[1] },
	};
	const size_t known = offsetof(struct schannel_tcp_marker, from);
	bool over = sctcp_has_all(sk);
	int len, got;

	smp_rmb();	/* nothing arrives after the end was seen */
	len = min_t(u32, sctcp_space(sk), sizeof(marker));
	got = len ? sctcp_tcp_take(is, &marker, len, MSG_PEEK) : 0;
	if (got < 0)
		got = 0;
	/* a marker is never cut short, but for bytes that have not arrived; urgent data cuts */
	over |= !is->rd_held && got < len;
	if (memcmp(&marker, &want, min_t(size_t, got, known)) ||
	    (got < (int)sizeof(marker) && over)) {
		bool consumed = is->conn.rx_count.bytes != is->rx_before;

		sctcp_rx_to_tcp(is, sctcp_rx_pos(is));
		if (got && consumed)
			sctcp_break(is);
		return false;
	}
	if (got < (int)sizeof(marker) ||
	    sctcp_tcp_take(is, &marker, sizeof(marker), 0) != sizeof(marker))
		return false;
	WRITE_ONCE(is->rx_extra, is->rx_extra + sizeof(marker));
	sctcp_marker(is, &marker);
	return true;
}

/* Returns whether there may be more to do. */
static bool sctcp_skip(struct sctcp *is)
{
	u32 space = sctcp_space(is->conn.sk);
	int got;

	if (!is->rx_skip) {
		sctcp_rx_to_tcp(is, is->rx_to);
		return false;
	}
	if (!space)
		return false;
	got = sctcp_tcp_take(is, NULL, min(space, is->rx_skip), MSG_TRUNC);
	if (got > 0) {
		is->rx_skip -= got;
		WRITE_ONCE(is->rx_extra, is->rx_extra + got);
	}
	return got > 0;
}

/*
 * Has the sender left the ring? What had arrived in it is read first, unless TCP has bytes: then it
 * comes once more, behind a marker.
 */
bool sctcp_has_left(const struct sctcp *is)
{
	return sctcp_bytes(is->conn.sk) ||
	       (!rcu_access_pointer(is->conn.flow) && !READ_ONCE(is->unread.len));
}

/**
 * sctcp_advance() - go from one source to the other, as far as is possible without the program
 * @is:		rd_lock is held
 */
void sctcp_advance(struct sctcp *is)
{
	bool more = true;

	while (more) {
		switch (READ_ONCE(is->rx_state)) {
		case SCTCP_RX_TCP:
			more = sctcp_at_base(is);
			if (more)
				sctcp_rx_set(is, SCTCP_RX_RING);
			break;
		case SCTCP_RX_RING:
			more = sctcp_has_left(is);
			if (more)
				sctcp_rx_to_marker(is);
			break;
		case SCTCP_RX_MARKER:
			more = sctcp_read_marker(is);
			break;
		case SCTCP_RX_SKIP:
			more = sctcp_skip(is);
			break;
		}
	}
}

/**
 * sctcp_advance_held() - sctcp_advance() for a work, unless there is a reader
 * @is:		lock_sock() is held
 *
 * A program that only sends never reads its peer's marker.
 */
void sctcp_advance_held(struct sctcp *is)
{
	if (!mutex_trylock(&is->rd_lock))
		return;
	is->rd_held = true;
	sctcp_advance(is);
	is->rd_held = false;
	mutex_unlock(&is->rd_lock);
}

/* Is the receiving direction TCP's, with no marker to come? */
bool sctcp_is_resolved(struct sctcp *is)
{
	return (READ_ONCE(is->rx_state) == SCTCP_RX_TCP && !READ_ONCE(is->rx_known)) ||
	       sctcp_has_all(is->conn.sk);
}

