/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One event queue of a channel: the entries that we post for the peer, and those that
 * the peer posts for us. As in ring.h, only index work: no locks, no waiting, so that
 * the unit tests compile the same code. The channel's lock of the queue serialises
 * posting; the transport, which never polls a queue concurrently, serialises taking.
 */
#ifndef _SCHANNEL_QUEUE_H
#define _SCHANNEL_QUEUE_H

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <asm/barrier.h>

#include <uapi/xen/schannel.h>

/*
 * A pending mark: the position of a flow's last entry in the queue. 64 bits wide, so
 * that an old mark is never mistaken for a new one when the shared index wraps;
 * 0 is before the first entry.
 */
typedef u64 sc_pending_t;

/* Each queue has positions of its own, so that a mark of another queue is never taken for its. */
#define SC_QUEUE_START(queue)	(((u64)(queue) + 1) << 58)

/**
 * struct sc_queue - both sides' halves of one event queue
 * @own:	our header: our producer index, and our index into the peer's entries
 * @peer:	the peer's header, or NULL while the channel is not up
 * @own_page:	the pages of our entries
 * @peer_page:	the pages of the peer's entries
 * @own_size:	number of entries in @own_page, a power of two
 * @peer_size:	number of entries in @peer_page, a power of two
 * @prod:	position of our next entry; its low half is @own->prod
 * @cons:	number of the peer's entries that we have consumed
 * @overflow:	the peer's overflow count, as last read
 */
struct sc_queue {
	struct schannel_queue *own;
	const struct schannel_queue *peer;
	void **own_page;
	void **peer_page;
	u32 own_size;
	u32 peer_size;
	u64 prod;
	u32 cons;
	u32 overflow;
};

/* Entry @n of a queue with @size entries. */
static inline u32 *sc_queue_entry(void **page, u32 size, u32 n)
{
	u32 *entry = page[(n & (size - 1)) / SCHANNEL_QUEUE_ENTRIES];

	return entry + n % SCHANNEL_QUEUE_ENTRIES;
}

enum sc_post {
	SC_POST_QUIET,		/* the peer sees the entry without a notification */
	SC_POST_NOTIFY,		/* notify the peer */
};

/**
 * sc_queue_post() - ask the peer to look at a flow
 * @q:		the queue
 * @flow:	the flow's number in the peer's table
 * @pending:	that flow's pending mark
 *
 * The caller has stored what the peer shall see, and executed a full barrier after that.
 *
 * Return: whether the peer must be notified.
 */
static inline enum sc_post sc_queue_post(struct sc_queue *q, u32 flow,
					 sc_pending_t *pending)
{
	u32 prod = (u32)q->prod;
	/* acquire: overwrite an entry only after the peer has read it */
	u32 waiting = prod - virt_load_acquire(&q->peer->cons);

	/*
	 * The peer has not consumed the last entry yet. It looks at the flow after it
	 * has, and so sees what the caller stored.
	 */
	if (waiting <= q->own_size && q->prod - *pending <= waiting)
		return SC_POST_QUIET;

	if (waiting >= q->own_size) {
		WRITE_ONCE(q->own->overflow, q->own->overflow + 1);
		return SC_POST_NOTIFY;
	}

	WRITE_ONCE(*sc_queue_entry(q->own_page, q->own_size, prod), flow);
	*pending = q->prod++;
	/* release: the peer sees the entry before the index that covers it */
	virt_store_release(&q->own->prod, (u32)q->prod);
	virt_mb();	/* pairs with sc_queue_arm() of the peer */
	return schannel_need_event(READ_ONCE(q->peer->event), prod + 1, prod) ?
		SC_POST_NOTIFY : SC_POST_QUIET;
}

/**
 * sc_queue_take() - take some of the peer's entries
 * @q:		the queue
 * @flow:	array that receives the flow numbers
 * @max:	length of @flow
 *
 * After return the caller may look at the flows: it sees what the peer stored before it
 * posted their entries, or left them out.
 *
 * Return: the number of entries taken, or -EPROTO if the peer's index is invalid.
 */
static inline int sc_queue_take(struct sc_queue *q, u32 *flow, u32 max)
{
	/* acquire: read the entries only after the index that covers them */
	u32 nr = virt_load_acquire(&q->peer->prod) - q->cons;
	u32 i;

	if (nr > q->peer_size)
		return -EPROTO;
	nr = min(nr, max);
	for (i = 0; i < nr; i++)
		flow[i] = READ_ONCE(*sc_queue_entry(q->peer_page, q->peer_size,
						    q->cons + i));
	if (nr) {
		WRITE_ONCE(q->cons, q->cons + nr);
		/* release: the peer overwrites entries only after we have read them */
		virt_store_release(&q->own->cons, q->cons);
		/*
		 * Pairs with the barrier before sc_queue_post() of the peer: either the
		 * peer sees that we consumed the entries and posts a new one, or we
		 * see what it stored before it left the entry out.
		 */
		virt_mb();
	}
	return nr;
}

/**
 * sc_queue_overflowed() - whether the peer found the queue full since the last call
 * @q:	the queue
 *
 * Return: true if it did; the caller must look at every flow of the queue then.
 */
static inline bool sc_queue_overflowed(struct sc_queue *q)
{
	u32 overflow = READ_ONCE(q->peer->overflow);

	if (likely(overflow == q->overflow))
		return false;
	q->overflow = overflow;
	virt_mb();	/* look at the flows after reading the count */
	return true;
}

/**
 * sc_queue_arm() - ask to be notified of the next entry
 * @q:	the queue
 *
 * Return: whether there is an entry already, for which no notification may come.
 */
static inline bool sc_queue_arm(struct sc_queue *q)
{
	WRITE_ONCE(q->own->event, q->cons);
	virt_mb();	/* pairs with sc_queue_post() of the peer */
	return READ_ONCE(q->peer->prod) != q->cons ||
	       READ_ONCE(q->peer->overflow) != q->overflow;
}

/**
 * struct sc_seen - what the peer's entry of a flow said at the last event
 * @prod:	its @tx_prod
 * @cons:	its @rx_cons
 * @tx_flags:	its @tx_flags
 * @rx_flags:	its @rx_flags
 * @tx_switches: its @tx_switches
 * @rx_switches: its @rx_switches
 * @rx_room:	its @rx_room
 * @rx_want:	its @rx_want
 * @tx_full:	its @tx_full
 */
struct sc_seen {
	u32 prod;
	u32 cons;
	u32 tx_flags;
	u32 rx_flags;
	u32 tx_switches;
	u32 rx_switches;
	u32 rx_room;
	u32 rx_want;
	u32 tx_full;
};

/**
 * sc_seen_moved() - has the peer changed its end of a flow since the last call?
 * @seen:	what it said then, 0 at first; updated
 * @peer:	the peer's entry
 *
 * If not, an event for the flow is useless.
 *
 * Return: whether it has.
 */
static inline bool sc_seen_moved(struct sc_seen *seen, const struct schannel_flow *peer)
{
	u32 prod = READ_ONCE(peer->tx_prod);
	u32 cons = READ_ONCE(peer->rx_cons);
	struct sc_seen now;

	/* what most events are for; each of the other changes counts once, now or later */
	if (prod != seen->prod || cons != seen->cons) {
		seen->prod = prod;
		seen->cons = cons;
		return true;
	}
	now = (struct sc_seen) {
		.prod = prod,
		.cons = cons,
		.tx_flags = READ_ONCE(peer->tx_flags),
		.rx_flags = READ_ONCE(peer->rx_flags),
		.tx_switches = READ_ONCE(peer->tx_switches),
		.rx_switches = READ_ONCE(peer->rx_switches),
		.rx_room = READ_ONCE(peer->rx_room),
		.rx_want = READ_ONCE(peer->rx_want),
		.tx_full = READ_ONCE(peer->tx_full),
	};
	if (now.tx_flags == seen->tx_flags && now.rx_flags == seen->rx_flags &&
	    now.tx_switches == seen->tx_switches && now.rx_switches == seen->rx_switches &&
	    now.rx_room == seen->rx_room && now.rx_want == seen->rx_want &&
	    now.tx_full == seen->tx_full)
		return false;
	*seen = now;
	return true;
}

#endif /* _SCHANNEL_QUEUE_H */
