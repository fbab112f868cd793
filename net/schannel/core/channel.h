/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel: all memory and event paths that this domain shares with one peer, from the
 * time the transport creates it until it is destroyed. The next channel to the same peer
 * is a new struct.
 *
 * Locks, outermost first:
 *	@grow_lock	mutex: growth of the pool and of the flow table
 *	@walk_lock	mutex: adding up all flows for statistics
 *	@traffic_lock	the sums of the flows' traffic; never held for a whole walk
 *	@ctl_lock	the producer half of the control ring, the messages that wait to be
 *			sent in it, and the flow state that messages change
 *	queue @lock	the posting side of one event queue
 * The pool's own lock nests inside any of them.
 *
 * The consumer half of the control ring belongs to @work alone. The consumer side of an
 * event queue belongs to the transport, which polls one queue on one CPU at a time.
 */
#ifndef _SCHANNEL_CHANNEL_H
#define _SCHANNEL_CHANNEL_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/cache.h>
#include <linux/ktime.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "lines.h"
#include "orphan.h"
#include "peer_segment.h"
#include "ring/dir.h"
#include "ring/pool.h"
#include "ring/queue.h"
#include "ring/ring.h"
#include "segment.h"
#include "transport.h"

struct sc_flow;
struct schannel_mapping;
struct schannel_peer;

/* Sizes of our side of a channel. */
#define SC_QUEUES	SCHANNEL_QUEUES
/* Pages of entries of all queues: enough for all flows, see sc_channel_queue_order(). */
#define SC_QUEUE_PAGES	24U
#define SC_CTL_ORDER	2U
#define SC_CTL_PAGES	BIT(SC_CTL_ORDER)

enum sc_channel_state {
	SC_CHANNEL_NEW,		/* our side is shared, the peer's is not mapped yet */
	SC_CHANNEL_UP,
	SC_CHANNEL_DOWN,	/* shared memory must not be accessed any more */
};

/* Bits of struct schannel_channel's @flags. */
enum {
	SC_CHANNEL_INBOX,	/* the peer has an open flow for its datagrams */
	SC_CHANNEL_LOW_MEMORY,	/* memory is short: shrink the rings of idle flows */
	SC_CHANNEL_GROW,	/* maintenance shall grow the pool */
	SC_CHANNEL_FULL,	/* the pool could not grow in this maintenance interval */
};

/**
 * struct sc_channel_queue - an event queue
 * @q:		pages and indexes of both sides
 * @lock:	serialises posting; the numbers of flows
 * @notify_sent: notifications sent (@lock)
 * @flows:	number of our flows that may have entries in the peer's queue (@lock)
 * @leaving:	how many of those have left, and have no entry from @leaving_at on (@lock)
 * @leaving_at:	see @leaving (@lock)
 * @left:	how many of them left after that (@lock)
 * @walk:	after an overflow, number of the flow to look at next; 0: none (by the upcall)
 * @notify_received: notifications received (by the upcall)
 * @notify_spurious: those for which the peer had changed nothing (by the upcall)
 */
struct sc_channel_queue {
	struct sc_queue q ____cacheline_aligned_in_smp;

	/* posting; the numbers of flows */
	spinlock_t lock ____cacheline_aligned_in_smp;
	u32 flows;
	u32 leaving;
	u32 leaving_at;
	u32 left;
	unsigned long notify_sent;

	unsigned long walk ____cacheline_aligned_in_smp;
	unsigned long notify_received;
	unsigned long notify_spurious;
};

/* Threads that post hold the lock. The upcall counts for each event, and has no lock. */
SC_ASSERT_APART(struct sc_channel_queue, q, lock);
SC_ASSERT_APART(struct sc_channel_queue, q, walk);
SC_ASSERT_APART(struct sc_channel_queue, notify_sent, walk);
SC_ASSERT_ONE_LINE(struct sc_channel_queue, q, q);
SC_ASSERT_ONE_LINE(struct sc_channel_queue, lock, notify_sent);
SC_ASSERT_ONE_LINE(struct sc_channel_queue, walk, notify_spurious);

/**
 * struct sc_channel_stats - events since the channel came up; each queue counts notifications
 * @overflow:	overflows of the peer's event queues
 * @flow_errors: flows reset because of an invalid index or record header from the peer
 * @opened:	flows opened by this side
 * @accepted:	flows opened by the peer
 * @refused:	flows refused by this side
 * @reset:	flows that ended with a reset
 * @over_share:	flows and rings that were not made since their user has a full share
 * @dgram_tx_bytes: bytes in datagrams sent
 * @dgram_rx_bytes: bytes in datagrams received
 * @dgram_sent:	datagrams sent
 * @dgram_received: datagrams delivered to a socket
 * @dgram_dropped: datagrams dropped because the socket's receive buffer was full
 * @dgram_no_memory: datagrams dropped for lack of memory
 * @dgram_no_port: datagrams to a port that no socket is bound to
 * @dgram_copied: datagrams copied out of the ring because their reader was slow
 */
struct sc_channel_stats {
	atomic_long_t overflow;
	atomic_long_t flow_errors;
	atomic_long_t opened;
	atomic_long_t accepted;
	atomic_long_t refused;
	atomic_long_t reset;
	atomic_long_t over_share;
	atomic_long_t dgram_tx_bytes;
	atomic_long_t dgram_rx_bytes;
	atomic_long_t dgram_sent;
	atomic_long_t dgram_received;
	atomic_long_t dgram_dropped;
	atomic_long_t dgram_no_memory;
	atomic_long_t dgram_no_port;
	atomic_long_t dgram_copied;
};

/**
 * struct sc_channel_traffic - sums over flows
 * @flows:	number of flows
 * @tx_bytes:	bytes sent
 * @rx_bytes:	bytes received
 */
struct sc_channel_traffic {
	u64 flows;
	u64 tx_bytes;
	u64 rx_bytes;
};

/**
 * struct sc_stats_walk - all flows are being added up, some at a time
 * @sum:	the sum so far; afterwards, the result of the last walk
 * @next:	number of the flow at which the walk goes on (@traffic_lock)
 * @active:	the walk is under way (@traffic_lock)
 * @begun:	number of walks that have begun
 *
 * @sum belongs to the walk_lock holder, under @traffic_lock too while @active.
 */
struct sc_stats_walk {
	struct sc_channel_traffic sum;
	unsigned long next;
	bool active;
	unsigned long begun;
};

/**
 * struct schannel_channel - a channel
 * @peer:	the remote end; the channel holds a reference
 * @state:	enum sc_channel_state; the data path reads it under RCU
 * @nr_queues:	event queues: those of our side before the channel is up, then those that
 *		both sides have
 * @terms:	what both sides accept; constant once the channel is up
 * @queue:	the event queues
 * @flags:	SC_CHANNEL_* above
 * @ref:	references: the transport's and one for each flow, among others
 * @rcu:	for kfree_rcu()
 * @pool:	our pool, from which our rings are allocated
 * @flows:	the flows, by their number in our flow table
 * @removed:	flows that were removed from @flows and whose numbers are still reserved
 * @owners:	the users that have flows, struct sc_owner, by their user id
 * @work:	handles the messages of the control ring
 * @maintain:	looks after memory, see maintain.h
 * @maintain_next: when the next maintenance interval ends, jiffies (by @maintain)
 * @maintain_rest: until when the maintenance rests after its last run, jiffies
 * @grow_order:	the order of ring that the pool shall grow for, with SC_CHANNEL_GROW
 * @starved_order: a record waits for a ring, and a flow whose ring is of this order or
 *		larger shall make memory free for it; SC_ORDER_NONE: no record waits
 * @yield_order: @starved_order of the last maintenance run, until a flow has yielded
 *		(by @maintain)
 * @yield_next:	when the next flow may be asked to yield, jiffies (by @maintain)
 * @maintained:	flows whose rings need maintenance (@ctl_lock)
 * @orphans:	flows that wait for one side to finish them (@ctl_lock)
 * @looks:	flows at whose rings @work looks, see sc_resize_ask()
 * @look_work:	queues @work for those that need it in the next tick only
 * @unread:	flows whose rings were found full, see resize_unread.c
 * @unread_work: looks at them
 * @ctl_lock:	see above
 * @ctl_tx:	producer half of the control ring (@ctl_lock)
 * @ctl_rx:	consumer half of the control ring (by @work)
 * @ctl_pending: pending mark of the control ring in the peer's event queue
 * @ctl_seen:	the peer's end of the control ring at the last event (by queue 0's upcall)
 * @posts:	flows with messages that wait to be sent (@ctl_lock)
 * @refusal:	reasons of the REFUSEs that wait to be sent, by the peer's flow number
 *		(@ctl_lock)
 * @refused:	bitmap of the flow numbers for which a REFUSE waits (@ctl_lock)
 * @nr_refused:	number of bits set in @refused (@ctl_lock)
 * @nr_notes:	number of bits set in @table_again, @peer_table_answer, @peer_answer and
 *		@peer_gone (@ctl_lock)
 * @grow_lock:	see above
 * @grow_wait:	nothing is added for so long, in jiffies, because the peer could not map
 *		the last addition; 0 if it could (by @work)
 * @grow_next:	until then (by @work)
 * @dir:	our directory page
 * @queue_page:	the page with the headers of our event queues
 * @entry_page:	pages of entries of our event queues, in the order of the queues
 * @entry_addr:	addresses of @entry_page
 * @ctl_page:	pages of our control ring
 * @ctl_addr:	addresses of @ctl_page
 * @table:	pages of our flow table, appended under @grow_lock
 * @table_pages: number of pages in @table
 * @table_announced: how many of them the peer knows of (@ctl_lock)
 * @table_asked: bitmap of the pages that the peer has not answered for yet (@ctl_lock)
 * @table_again: bitmap of the pages that wait to be announced again (@ctl_lock)
 * @table_unmapped: bitmap of the pages that the peer could not map; flows get no numbers in
 *		them (@ctl_lock for changes)
 * @peer_queue_map: mapping of the headers of the peer's event queues
 * @peer_entry_map: mapping of the entries of those that are used
 * @peer_ctl_map: mapping of the peer's control ring
 * @peer_table_map: mappings of the pages of the peer's flow table (by @work)
 * @peer_table_maps: number of mappings in @peer_table_map (by @work)
 * @peer_table:	addresses of the pages of the peer's flow table, NULL for a page that could
 *		not be mapped (by @work)
 * @peer_table_pages: pages of its flow table that the peer has announced (by @work)
 * @peer_table_answer: bitmap of the pages whose TABLE_ANSWER waits to be sent (@ctl_lock)
 * @peer_segment: the segments of the peer's pool, by number
 * @peer_pool_pages: pages of the peer's pool, from their announcement until they are unmapped
 * @peer_leaving: number of the peer's segments in state SC_PEER_SEGMENT_LEAVING
 * @peer_answer: bitmap of the segments whose SEGMENT_ANSWER waits to be sent (@ctl_lock)
 * @peer_gone:	bitmap of the segments that are unmapped and whose SEGMENT_GONE waits to be sent
 *		(@ctl_lock)
 * @since:	boot time at which the channel came up
 * @failed:	the channel was counted as failed: the peer broke the protocol
 * @stats:	counters
 * @walk_lock:	serialises walks over all flows for statistics
 * @walk:	the walk, or the result of the last
 * @traffic_lock: @traffic, and the moment at which a flow loses its user
 * @traffic:	bytes of flows that have no user any more (@traffic_lock)
 *
 * The members before @queue are constant while the channel is up, and so is their cache line.
 */
struct schannel_channel {
	struct schannel_peer *peer;
	int state;
	unsigned int nr_queues;
	struct sc_terms terms;

	struct sc_channel_queue queue[SC_QUEUES];
	unsigned long flags;
	refcount_t ref;
	struct rcu_head rcu;
	struct sc_pool pool;
	struct xarray flows;
	atomic_t removed;
	struct xarray owners;

	struct work_struct work;
	struct delayed_work maintain;
	unsigned long maintain_next;
	unsigned long maintain_rest;
	u8 grow_order;
	u8 starved_order;
	u8 yield_order;
	unsigned long yield_next;
	struct list_head maintained;
	struct sc_orphans orphans;
	struct llist_head looks;
	struct delayed_work look_work;
	struct llist_head unread;
	struct delayed_work unread_work;
	spinlock_t ctl_lock;	/* see above */
	struct sc_tx ctl_tx;
	struct sc_rx ctl_rx;
	sc_pending_t ctl_pending;
	struct sc_seen ctl_seen;
	struct list_head posts;
	u8 *refusal;
	unsigned long *refused;
	unsigned int nr_refused;
	unsigned int nr_notes;

	struct mutex grow_lock;	/* see above */
	unsigned long grow_wait;
	unsigned long grow_next;
	struct sc_page dir;
	struct sc_page queue_page;
	struct sc_page entry_page[SC_QUEUE_PAGES];
	void *entry_addr[SC_QUEUE_PAGES];
	struct sc_page ctl_page[SC_CTL_PAGES];
	void *ctl_addr[SC_CTL_PAGES];
	struct sc_page *table;
	unsigned int table_pages;
	unsigned int table_announced;
	DECLARE_BITMAP(table_asked, SCHANNEL_FLOW_PAGES_MAX);
	DECLARE_BITMAP(table_again, SCHANNEL_FLOW_PAGES_MAX);
	DECLARE_BITMAP(table_unmapped, SCHANNEL_FLOW_PAGES_MAX);

	struct schannel_mapping *peer_queue_map;
	struct schannel_mapping *peer_entry_map;
	struct schannel_mapping *peer_ctl_map;
	struct schannel_mapping **peer_table_map;
	unsigned int peer_table_maps;
	const struct schannel_flow **peer_table;
	unsigned int peer_table_pages;
	DECLARE_BITMAP(peer_table_answer, SCHANNEL_FLOW_PAGES_MAX);
	struct sc_peer_segment *peer_segment;
	atomic_t peer_pool_pages;
	atomic_t peer_leaving;
	DECLARE_BITMAP(peer_answer, SCHANNEL_SEGMENTS_MAX);
	DECLARE_BITMAP(peer_gone, SCHANNEL_SEGMENTS_MAX);

	ktime_t since;
	atomic_t failed;
	struct sc_channel_stats stats;
	struct mutex walk_lock;		/* see above */
	struct sc_stats_walk walk;
	spinlock_t traffic_lock;	/* see above */
	struct sc_channel_traffic traffic;
};

/* Each call reads the state. A queue's lock, and the flags, change with every event. */
SC_ASSERT_ONE_LINE(struct schannel_channel, peer, terms);
SC_ASSERT_APART(struct schannel_channel, state, queue);
SC_ASSERT_APART(struct schannel_channel, terms, queue);
SC_ASSERT_APART(struct schannel_channel, queue, flags);

void sc_channel_put(struct schannel_channel *ch);
void sc_channel_note(struct schannel_channel *ch, unsigned long *bitmap, unsigned int nr);
void sc_channel_fail(struct schannel_channel *ch, const char *violation);
extern const u8 sc_queue_ctl;
void sc_channel_post(struct schannel_channel *ch, const u8 *queue, u32 flow,
		     sc_pending_t *pending);
void sc_channel_name_queue(struct schannel_channel *ch, u8 *queue, u8 name);
unsigned int sc_channel_join_queue(struct schannel_channel *ch, unsigned int queue);
void sc_channel_leave_queue(struct schannel_channel *ch, unsigned int queue);

static inline void sc_channel_hold(struct schannel_channel *ch)
{
	refcount_inc(&ch->ref);
}

/* The data path calls this under rcu_read_lock() and relies on it until the unlock. */
static inline bool sc_channel_is_up(const struct schannel_channel *ch)
{
	/* acquire: pairs with sc_peer_up() */
	return smp_load_acquire(&ch->state) == SC_CHANNEL_UP;
}

#endif /* _SCHANNEL_CHANNEL_H */
