/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One event queue of a channel: what we post for the peer, and what the peer
 * posts for us. As with the ring, only index work: no locks, no waiting, so that
 * the unit tests compile the same code. Posting is serialised by the channel's
 * lock of the queue, taking by the transport, which polls one at a time.
 */
#ifndef _SCHANNEL_QUEUE_H
#define _SCHANNEL_QUEUE_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <asm/barrier.h>

#include <uapi/xen/schannel.h>

/*
 * A pending remembers where in the queue a flow's last entry is. 64 bits wide, so
 * that an old one is never taken for a new one when the shared index wraps;
 * 0 is before every entry there ever is.
 */
typedef u64 sc_pending_t;

#define SC_QUEUE_START	BIT_ULL(32)

/**
 * struct sc_queue - both sides' pages of one event queue
 * @own:	our page: our entries, and how far we consumed the peer's
 * @peer:	the peer's page, or NULL while the channel is not up
 * @prod:	position of our next entry; its low half is @own->prod
 * @cons:	entries of the peer's that we consumed
 * @overflow:	the peer's overflow count as last seen
 */
struct sc_queue {
	struct schannel_queue *own;
	const struct schannel_queue *peer;
	u64 prod;
	u32 cons;
	u32 overflow;
};

enum sc_post {
	SC_POST_QUIET,		/* the peer will see it without a notification */
	SC_POST_NOTIFY,		/* notify the peer */
};

/**
 * sc_queue_post() - ask the peer to look at a flow
 * @q:		the queue
 * @flow:	the flow's number in the peer's table
 * @pending:	that flow's pending
 *
 * What the peer shall see was stored, and followed by a full barrier, before.
 *
 * Return: whether the peer must be notified.
 */
static inline enum sc_post sc_queue_post(struct sc_queue *q, u32 flow,
					 sc_pending_t *pending)
{
	u32 prod = (u32)q->prod;
	/* acquire: an entry is written over after the peer took it */
	u32 waiting = prod - virt_load_acquire(&q->peer->cons);

	/*
	 * The last entry still waits: the peer looks at the flow after it took
	 * that, so after what we stored.
	 */
	if (waiting <= SCHANNEL_QUEUE_ENTRIES && q->prod - *pending <= waiting)
		return SC_POST_QUIET;

	if (waiting >= SCHANNEL_QUEUE_ENTRIES) {
		WRITE_ONCE(q->own->overflow, q->own->overflow + 1);
		return SC_POST_NOTIFY;
	}

	WRITE_ONCE(q->own->entry[prod % SCHANNEL_QUEUE_ENTRIES], flow);
	*pending = q->prod++;
	/* release: the entry is there before the index says so */
	virt_store_release(&q->own->prod, (u32)q->prod);
	virt_mb();	/* with sc_queue_arm() of the peer */
	return schannel_need_event(READ_ONCE(q->peer->event), prod + 1, prod) ?
		SC_POST_NOTIFY : SC_POST_QUIET;
}

/**
 * sc_queue_take() - take some of the peer's entries
 * @q:		the queue
 * @flow:	room for the flow numbers
 * @max:	how many fit
 *
 * After return the flows may be looked at: what was stored before their entries
 * were posted, or left out, is visible.
 *
 * Return: how many were taken, or -EPROTO if the peer's index makes no sense.
 */
static inline int sc_queue_take(struct sc_queue *q, u32 *flow, u32 max)
{
	/* acquire: entries are read after the index said they are there */
	u32 nr = virt_load_acquire(&q->peer->prod) - q->cons;
	u32 i;

	if (nr > SCHANNEL_QUEUE_ENTRIES)
		return -EPROTO;
	nr = min(nr, max);
	for (i = 0; i < nr; i++)
		flow[i] = READ_ONCE(q->peer->entry[(q->cons + i) %
						   SCHANNEL_QUEUE_ENTRIES]);
	if (nr) {
		q->cons += nr;
		/* release: the peer writes over entries that were read */
		virt_store_release(&q->own->cons, q->cons);
		/*
		 * With the barrier before sc_queue_post() of the peer: it sees
		 * that the entries are gone, or we see what it left them out for.
		 */
		virt_mb();
	}
	return nr;
}

/* Did the peer run out of room since the last call? Then look at every flow. */
static inline bool sc_queue_overflowed(struct sc_queue *q)
{
	u32 overflow = READ_ONCE(q->peer->overflow);

	if (likely(overflow == q->overflow))
		return false;
	q->overflow = overflow;
	virt_mb();	/* the flows are looked at after the count */
	return true;
}

/**
 * sc_queue_arm() - ask to be notified of the next entry
 * @q:	the queue
 *
 * Return: whether there is one already (then there may be no notification).
 */
static inline bool sc_queue_arm(struct sc_queue *q)
{
	WRITE_ONCE(q->own->event, q->cons);
	virt_mb();	/* with sc_queue_post() of the peer */
	return READ_ONCE(q->peer->prod) != q->cons ||
	       READ_ONCE(q->peer->overflow) != q->overflow;
}

#endif /* _SCHANNEL_QUEUE_H */
