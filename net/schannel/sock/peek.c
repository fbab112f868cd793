// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a program has seen of data that it has not received: of bytes that it peeked at, and of
 * records whose lengths it has added up.
 *
 * The ring is the peer's memory, and the peer can change it at any time. What was peeked at
 * must nevertheless be what is received: programs look at a message, check it, and only then
 * receive it. So a peek copies from the ring once, into pages of the connection, and from
 * there to the program. A receive takes these bytes first, and consumes as many in the ring
 * without reading them again.
 *
 * The pages form a ring, too, in which a byte has the position that it has in the peer's
 * ring. They hold everything from the first unread byte to the last one that was peeked at, so
 * they are bounded by the peer's ring, and they are charged to the program's memory cgroup.
 * They outlive the peer's ring: what was peeked at can still be received after the channel is
 * gone.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "conn.h"
#include "core/flow.h"
#include "peek.h"
#include "ring/record.h"
#include "core/namespace.h"

#define SC_PEEK_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

/**
 * struct sc_peek - the copy of what was peeked at
 * @ring:	the pages, by position; NULL where there is none
 * @pos:	position of the first unread byte: as long as the channel is up, the flow's
 *		consumer index
 * @end:	position behind the last byte that was copied; no more than @ring.size less one
 *		page behind @pos, so that no page holds bytes of both ends
 * @sum:	records from @pos on, of which the program knows the sum of the lengths
 *
 * All of it: rx_lock.
 */
struct sc_peek {
	struct sc_ring ring;
	u32 pos;
	u32 end;
	struct sc_peek_sum sum;
};

static u32 sc_peek_have(const struct sc_peek *p)
{
	return p->end - p->pos;
}

static void **sc_peek_page(const struct sc_ring *ring, u32 pos)
{
	return (void **)&ring->addr[(pos & (ring->size - 1)) >> PAGE_SHIFT];
}

static struct sc_peek *sc_peek_get(struct sc_conn *conn, struct sc_flow *flow)
{
	struct sc_peek *p = conn->peek;

	if (p)
		return p;
	p = kzalloc(sizeof(*p), SC_PEEK_GFP);
	if (p) {
		p->pos = flow->rx.cons;
		p->end = p->pos;
		conn->peek = p;
	}
	return p;
}

/* Free the pages before @end, which is in one of them or behind them. */
static void sc_peek_free_pages(struct sc_peek *p, u32 end)
{
	u32 at;

	for (at = round_down(p->pos, PAGE_SIZE); at != round_down(end, PAGE_SIZE);
	     at += PAGE_SIZE) {
		void **page = sc_peek_page(&p->ring, at);

		free_page((unsigned long)*page);
		*page = NULL;
	}
}

static void sc_peek_free_ring(struct sc_peek *p)
{
	if (p->ring.size)
		sc_peek_free_pages(p, p->pos + p->ring.size);
	kvfree(p->ring.addr);
	p->ring = (struct sc_ring){};
}

/**
 * sc_peek_free() - forget what was peeked at
 * @conn:	the connection's end
 */
void sc_peek_free(struct sc_conn *conn)
{
	struct sc_peek *p = conn->peek;

	if (!p)
		return;
	conn->peek = NULL;
	sc_peek_free_ring(p);
	kfree(p);
}
EXPORT_SYMBOL_NS_GPL(sc_peek_free, SC_NS_SOCK);

/* Have places for the pages of @len bytes from @pos on. 0 or -ENOBUFS. */
static int sc_peek_reserve(struct sc_peek *p, u32 len)
{
	struct sc_ring ring = { .size = roundup_pow_of_two(len + PAGE_SIZE) };
	u32 first = round_down(p->pos, PAGE_SIZE);
	u32 at;

	if (ring.size <= p->ring.size)
		return 0;
	ring.addr = kvcalloc(ring.size >> PAGE_SHIFT, sizeof(*ring.addr), SC_PEEK_GFP);
	if (!ring.addr)
		return -ENOBUFS;
	for (at = 0; at < p->ring.size; at += PAGE_SIZE)
		*sc_peek_page(&ring, first + at) = *sc_peek_page(&p->ring, first + at);
	kvfree(p->ring.addr);
	p->ring = ring;
	return 0;
}

/*
 * Copy on from the ring until there are @len bytes, or fewer if the ring has not as many.
 * Returns 0 or -errno; some bytes may have been copied before an error.
 */
static int sc_peek_fill(struct sc_peek *p, struct sc_flow *flow, u32 len)
{
	ssize_t n;

	if (sc_peek_have(p) >= len)
		return 0;
	/* the peer's index is read and checked, if it was not far enough */
	n = sc_flow_recv(flow, NULL, 1, len - 1, false);
	if (n < 0)
		return n;
	len = min(len, sc_rx_avail(&flow->rx));
	n = sc_peek_reserve(p, len);
	while (!n && sc_peek_have(p) < len) {
		u32 in_page = offset_in_page(p->end);
		u32 run = min_t(u32, PAGE_SIZE - in_page, len - sc_peek_have(p));
		void **page = sc_peek_page(&p->ring, p->end);
		struct iov_iter to;
		struct kvec vec;

		if (!*page)
			*page = (void *)__get_free_page(SC_PEEK_GFP);
		if (!*page)
			return -ENOBUFS;
		vec.iov_base = *page + in_page;
		vec.iov_len = run;
		iov_iter_kvec(&to, ITER_DEST, &vec, 1, run);
		n = sc_flow_recv(flow, &to, run, sc_peek_have(p), false);
		if (n <= 0)
			break;
		p->end += n;
		n = 0;
		cond_resched();
	}
	return n;
}

/* Consume bytes that were received. */
static void sc_peek_consume(struct sc_conn *conn, struct sc_flow *flow, u32 len)
{
	struct sc_peek *p = conn->peek;

	sc_flow_consume(flow, len);
	if (sc_peek_have(p) > len) {
		sc_peek_free_pages(p, p->pos + len);
		p->pos += len;
		return;
	}
	/* the rest, if there is one, was never copied */
	sc_peek_free_ring(p);
	p->pos += len;
	p->end = p->pos;
	if (!p->sum.records)
		sc_peek_free(conn);
}

/* Copy to user memory. Returns the number of bytes copied. */
static u32 sc_peek_copy_out(const struct sc_peek *p, struct iov_iter *to, u32 skip,
			    u32 len)
{
	u32 done = 0;

	while (done < len) {
		u32 n = min(len - done, SC_FLOW_CHUNK);
		u32 copied = sc_flow_copy_out(&p->ring, p->pos + skip + done, to, n);

		done += copied;
		if (copied < n)
			break;
		cond_resched();
	}
	return done;
}

/* ---- Streams ----------------------------------------------------------- */

/**
 * sc_peek_recv() - as sc_flow_recv(), for a peek or after one
 * @conn:	the connection's end
 * @flow:	its flow
 * @to:		destination; advanced by the bytes copied. NULL to discard them
 * @len:	limit for the bytes
 * @skip:	distance from the first unread byte at which to start; 0 without @peek
 * @peek:	whether the bytes stay
 *
 * Return: as sc_flow_recv(); -ENOBUFS if there is no memory to peek.
 */
ssize_t sc_peek_recv(struct sc_conn *conn, struct sc_flow *flow, struct iov_iter *to,
		     size_t len, u32 skip, bool peek)
{
	struct sc_peek *p = conn->peek;
	u32 done, n;
	int err = 0;

	len = min_t(size_t, len, SC_FLOW_CHUNK);
	if (peek && to) {
		/* nothing is copied if the peek offset is beyond all of it */
		ssize_t some = sc_flow_recv(flow, NULL, len, skip, false);

		if (some > 0)
			p = sc_peek_get(conn, flow);
		if (some > 0 && !p)
			return -ENOBUFS;
		err = some > 0 ? sc_peek_fill(p, flow, skip + len) : some;
	}
	if (!p || sc_peek_have(p) <= skip) {
		if (p && !sc_peek_have(p))
			sc_peek_free(conn);
		if (err || (peek && to))
			return err;
		return sc_flow_recv(flow, to, len, skip, !peek);
	}
	n = min_t(u32, len, sc_peek_have(p) - skip);
	done = to ? sc_peek_copy_out(p, to, skip, n) : n;
	if (!done)
		return -EFAULT;
	if (!peek)
		sc_peek_consume(conn, flow, done);
	return done;
}
EXPORT_SYMBOL_NS_GPL(sc_peek_recv, SC_NS_SOCK);

/* ---- Records ----------------------------------------------------------- */

/* Can a record be the first of those whose lengths were added up? */
static bool sc_peek_adds_up(const struct sc_peek_sum *sum, const struct schannel_record *rec)
{
	u32 size = sc_record_size(rec->len);

	switch (sum->records) {
	case 0:
		return true;
	case 1:
		return size == sum->size && rec->len == sum->len;
	default:
		return size < sum->size && rec->len <= sum->len;
	}
}

/**
 * sc_peek_next() - as sc_record_next(), for a peek or after one
 * @conn:	the connection's end
 * @flow:	its flow
 * @skip:	distance of the record from the first unread byte
 * @rec:	filled in: the header
 * @peek:	whether the record stays
 *
 * Return: as sc_record_next(); -ENOBUFS if there is no memory to peek.
 */
int sc_peek_next(struct sc_conn *conn, struct sc_flow *flow, u32 skip,
		 struct schannel_record *rec, bool peek)
{
	struct sc_peek *p = conn->peek;
	int err = 0;

	if (peek) {
		p = sc_peek_get(conn, flow);
		if (!p)
			return -ENOBUFS;
		err = sc_peek_fill(p, flow, skip + SC_RECORD_HEADER);
	}
	if (sc_peek_have(p) >= skip + SC_RECORD_HEADER)
		err = sc_record_take(&p->ring, p->pos + skip,
				     flow->rx.prod - p->pos - skip, rec) ?
		      sc_flow_broken(flow) : 0;
	else if (!err)
		err = sc_record_next(flow, skip, rec);
	/* if a record has just arrived, it is not a copy */
	if (!err && sc_peek_have(p) <= skip && peek)
		err = -EAGAIN;
	if (!err && !skip && !sc_peek_adds_up(&p->sum, rec))
		err = sc_flow_broken(flow);
	return err;
}

/**
 * sc_peek_copy() - as sc_record_copy(), for a record of sc_peek_next()
 * @conn:	the connection's end
 * @flow:	its flow
 * @to:		destination; advanced by the bytes copied
 * @skip:	distance of the bytes from the first unread byte in the ring
 * @len:	number of bytes, no more than the record has
 * @peek:	whether the record stays
 *
 * Return: as sc_record_copy(); -ENOBUFS if there is no memory to peek.
 */
int sc_peek_copy(struct sc_conn *conn, struct sc_flow *flow, struct iov_iter *to,
		 u32 skip, u32 len, bool peek)
{
	struct sc_peek *p = conn->peek;
	u32 n = 0;
	int err;

	if (peek) {
		err = sc_peek_fill(p, flow, skip + len);
		if (err)
			return err;
		if (sc_peek_have(p) < skip + len)
			return sc_flow_broken(flow);
	}
	if (sc_peek_have(p) > skip)
		n = min(len, sc_peek_have(p) - skip);
	if (sc_peek_copy_out(p, to, skip, n) < n)
		return -EFAULT;
	return n < len ? sc_record_copy(flow, to, skip + n, len - n) : 0;
}

/**
 * sc_peek_consume_record() - consume a record that was received
 * @conn:	the connection's end
 * @flow:	its flow
 * @len:	the record's length
 */
void sc_peek_consume_record(struct sc_conn *conn, struct sc_flow *flow, u32 len)
{
	struct sc_peek *p = conn->peek;

	if (p->sum.records) {
		p->sum.records--;
		p->sum.size -= sc_record_size(len);
		p->sum.len -= len;
	}
	sc_peek_consume(conn, flow, sc_record_size(len));
}

/* ---- Amounts ----------------------------------------------------------- */

/**
 * sc_peek_inq() - the bytes that can be received from a stream
 * @conn:	the connection's end
 * @flow:	its flow
 *
 * Unlike sc_flow_look(), this takes note of the peer's index, which must not go back then.
 *
 * Return: the number of bytes.
 */
int sc_peek_inq(struct sc_conn *conn, struct sc_flow *flow)
{
	/* with this distance the peer's index is read in any case */
	if (sc_flow_recv(flow, NULL, 1, sc_rx_max_size(&flow->rx), false) < 0)
		return conn->peek ? sc_peek_have(conn->peek) : 0;
	return sc_rx_avail(&flow->rx);
}

/**
 * sc_peek_note_sum() - the program is told the sum of the records' lengths
 * @conn:	the connection's end
 * @flow:	its flow
 * @sum:	the records, from the first unread one on
 *
 * The peer could change the lengths of records that it has sent. Copies of all headers would
 * need much memory for a number: instead, the connection is reset if the records that are
 * received do not add up to it.
 *
 * Return: 0 or -ENOBUFS.
 */
int sc_peek_note_sum(struct sc_conn *conn, struct sc_flow *flow,
		     const struct sc_peek_sum *sum)
{
	struct sc_peek *p = sc_peek_get(conn, flow);

	if (!p)
		return -ENOBUFS;
	p->sum = *sum;
	return 0;
}
