/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel: everything shared with one peer, from its coming up until it goes
 * down. After that a new channel is a new struct.
 *
 * Locks, in the order in which they nest:
 *	@grow_lock	mutex: the pool and the flow table grow
 *	@traffic_lock	mutex: what is added up of flows, and what of closed ones
 *	@ctl_lock	the control ring's producer half, what waits to be sent
 *			in it, and the state of flows that messages change
 *	queue @lock	one event queue's posting side
 * and the pool's own lock inside any of them.
 *
 * The receiving side of the control ring belongs to @work alone, the taking side
 * of an event queue to the transport, which polls one at a time.
 */
#ifndef _SCHANNEL_CHANNEL_H
#define _SCHANNEL_CHANNEL_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "peer_segment.h"
#include "ring/pool.h"
#include "ring/queue.h"
#include "ring/ring.h"
#include "segment.h"
#include "transport.h"

struct sc_flow;
struct schannel_mapping;
struct schannel_peer;

/* What this release makes for its own side. */
#define SC_QUEUES	SCHANNEL_QUEUES
#define SC_CTL_ORDER	2U
#define SC_CTL_PAGES	BIT(SC_CTL_ORDER)

/* Most pages of a peer's pool that are mapped here: 128 MiB. */
#define SC_PEER_POOL_PAGES_MAX	(128U << (20 - 12))

enum sc_channel_state {
	SC_CHANNEL_NEW,		/* our side is there */
	SC_CHANNEL_UP,
	SC_CHANNEL_DOWN,	/* nothing shared may be touched any more */
};

/* Bits of struct schannel_channel's @flags. */
enum {
	SC_CHANNEL_INBOX,	/* the peer has opened a flow for its datagrams */
	SC_CHANNEL_LOW_MEMORY,	/* memory is short: idle flows shall give back what they can */
	SC_CHANNEL_GROW,	/* the pool shall grow */
	SC_CHANNEL_FULL,	/* a moment ago it could not */
};

/**
 * struct sc_channel_queue - an event queue
 * @lock:	who posts
 * @q:		both sides' pages and indexes
 * @page:	our page
 */
struct sc_channel_queue {
	spinlock_t lock;	/* who posts */
	struct sc_queue q;
	struct sc_page page;
};

/**
 * struct sc_channel_stats - what happened since the channel came up
 * @notify_sent: notifications sent
 * @notify_received: notifications received
 * @notify_spurious: of those, with nothing behind
 * @overflow:	event queue overflows of the peer's
 * @flow_errors: flows reset since what the peer wrote made no sense
 * @opened, @accepted: flows that were opened from here, and by the peer
 * @refused:	flows that were refused here
 * @reset:	flows that did not end in order
 * @dgram_tx_bytes, @dgram_rx_bytes: in datagrams sent and received
 * @dgram_sent:	datagrams sent
 * @dgram_received: given to a socket
 * @dgram_dropped: the socket had no room
 * @dgram_no_port: nobody was bound to the port
 * @dgram_copied: copied aside for a slow reader
 */
struct sc_channel_stats {
	atomic_long_t notify_sent;
	atomic_long_t notify_received;
	atomic_long_t notify_spurious;
	atomic_long_t overflow;
	atomic_long_t flow_errors;
	atomic_long_t opened;
	atomic_long_t accepted;
	atomic_long_t refused;
	atomic_long_t reset;
	atomic_long_t dgram_tx_bytes;
	atomic_long_t dgram_rx_bytes;
	atomic_long_t dgram_sent;
	atomic_long_t dgram_received;
	atomic_long_t dgram_dropped;
	atomic_long_t dgram_no_port;
	atomic_long_t dgram_copied;
};

/**
 * struct sc_channel_traffic - what flows carried
 * @flows:	how many
 * @tx_bytes:	sent
 * @rx_bytes:	received
 */
struct sc_channel_traffic {
	u64 flows;
	u64 tx_bytes;
	u64 rx_bytes;
};

/**
 * struct schannel_channel - a channel
 * @peer:	the other end; holds a reference
 * @state:	enum sc_channel_state; the data path looks at it under RCU
 * @flags:	SC_CHANNEL_* above
 * @pool:	our pool
 * @flows:	by number in our table
 * @work:	handles the control ring
 * @since:	when it came up
 * @maintain:	looks after memory, see maintain.c
 * @maintain_next:	when that is to be done next, jiffies
 * @grow_order:	for how large a ring the pool shall grow
 * @starved_order:	a record waits for a ring, for which one of at least this order is to make
 *		room; SC_ORDER_NONE
 * @yield_order: what it was at the last look, until one does, by @maintain
 * @yield_next:	when the next one may be asked for that, jiffies, by @maintain
 * @maintained:	flows whose rings are to be looked after (@ctl_lock)
 * @failed:	that the peer broke the protocol was counted
 * @traffic:	bytes of flows that have no user any more (@traffic_lock)
 *
 * Ours: @dir, @queue[].page, @ctl_page, @table (pages of the flow table, appended
 * under @grow_lock), @table_pages, @table_announced (@ctl_lock).
 *
 * The peer's, by @work: @peer_dir (private copy), @peer_map (mappings other
 * than segments), @peer_table (addresses of flow table pages), @peer_segment;
 * @peer_leaving of these it wants back, and about those in @peer_gone (@ctl_lock) it
 * has to be told that it has them.
 */
struct schannel_channel {
	struct schannel_peer *peer;
	int state;
	refcount_t ref;
	struct rcu_head rcu;
	unsigned int nr_queues;
	unsigned long flags;

	struct sc_channel_queue queue[SC_QUEUES];
	struct sc_pool pool;
	struct xarray flows;

	struct work_struct work;
	struct delayed_work maintain;
	unsigned long maintain_next;
	u8 grow_order;
	u8 starved_order;
	u8 yield_order;
	unsigned long yield_next;
	struct list_head maintained;
	spinlock_t ctl_lock;	/* see above */
	struct sc_tx ctl_tx;
	struct sc_rx ctl_rx;
	sc_pending_t ctl_pending;
	struct list_head posts;
	struct schannel_msg refusal;
	bool refusal_waits;

	struct mutex grow_lock;	/* see above */
	struct sc_page dir;
	struct sc_page ctl_page[SC_CTL_PAGES];
	void *ctl_addr[SC_CTL_PAGES];
	struct sc_page *table;
	unsigned int table_pages;
	unsigned int table_announced;

	struct schannel_dir peer_dir;
	struct schannel_mapping *peer_queue_map;
	struct schannel_mapping *peer_ctl_map;
	struct schannel_mapping **peer_table_map;
	unsigned int peer_table_maps;
	const struct schannel_flow **peer_table;
	unsigned int peer_table_pages;
	struct sc_peer_segment *peer_segment;
	atomic_t peer_pool_pages;
	atomic_t peer_leaving;
	DECLARE_BITMAP(peer_gone, SCHANNEL_SEGMENTS_MAX);

	ktime_t since;
	atomic_t failed;
	struct sc_channel_stats stats;
	struct mutex traffic_lock;	/* @traffic, and flows losing their user */
	struct sc_channel_traffic traffic;
};

void sc_channel_put(struct schannel_channel *ch);
void sc_channel_fail(struct schannel_channel *ch, const char *wrong);
void sc_channel_post(struct schannel_channel *ch, unsigned int queue, u32 flow,
		     sc_pending_t *pending);

static inline void sc_channel_hold(struct schannel_channel *ch)
{
	refcount_inc(&ch->ref);
}

/* For the data path, under rcu_read_lock(). */
static inline bool sc_channel_is_up(const struct schannel_channel *ch)
{
	/* acquire: pairs with sc_peer_up() */
	return smp_load_acquire(&ch->state) == SC_CHANNEL_UP;
}

#endif /* _SCHANNEL_CHANNEL_H */
