/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A flow: one connection inside a channel, as seen from this side.
 *
 * Lifetime: sc_flow_open() or sc_flow_accept() creates it. Its user (a socket) holds one
 * reference, the channel's flow table another. The user ends its part with
 * sc_flow_close(). The flow leaves the table, and its entry and ring can be reused, once
 * CLOSE has been both sent and received, or the OPEN was refused or never sent, or the
 * channel is destroyed. So the peer may still read what a socket sent long after that
 * socket is gone; see orphan.h for the limits.
 *
 * The data path takes none of the channel's locks. It runs under rcu_read_lock(), checks
 * sc_flow_is_live() first and never sleeps there: page faults are disabled while it
 * copies. Code that takes shared pages, or the flow's entry and ring, away marks the flow as
 * dead first and then waits for a grace period.
 *
 * The sender's and the receiver's lock belong to the user. After the user has left, nothing is
 * sent or received. Only @tx still changes, while @close_waits: by the channel's work, which is
 * then the only one that has the right to the sender's half and needs no lock. It gets the half
 * with the control lock under which @close_waits is set.
 */
#ifndef _SCHANNEL_FLOW_H
#define _SCHANNEL_FLOW_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/cache.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "lines.h"
#include "orphan.h"
#include "resize.h"
#include "ring/pool.h"
#include "ring/queue.h"
#include "ring/ring.h"

struct iov_iter;
struct mem_cgroup;
struct module;
struct schannel_channel;
struct sc_flow;
struct sc_flow_stats;
struct sc_owner;
struct sc_peer_segment;
struct sock;

/* Bytes copied before the peer is notified and the caller may reschedule. */
#define SC_FLOW_CHUNK		(32U << 10)

/* Which threads ops->wake() wakes. */
enum sc_flow_wake {
	SC_FLOW_WAKE_SENDER,	/* there may be space, or a larger ring */
	SC_FLOW_WAKE_RECEIVER,	/* the largest amount that can be waited for has changed */
};

/* Who wants the bytes of a TCP connection over TCP again. */
enum sc_flow_return {
	SC_FLOW_RETURN_PEER,	/* the peer */
	SC_FLOW_RETURN_KILLED,	/* an administrator, who ends the flow */
	SC_FLOW_RETURN_DEMOTED,	/* an administrator, who wants them to stay there */
};

/**
 * struct sc_flow_ops - calls from a flow to its user
 * @owner:	the module that has the functions; NULL for schannel.ko itself. Held during
 *		each call except @event, @stats and @sock
 * @event:	bytes or space may have arrived, or the peer has shut a direction.
 *		Softirq, under RCU. Returns the cost of the call, in units of an event that
 *		wakes one thread: it is subtracted from the poll budget
 * @opened:	the peer accepted the flow. Process context. It runs in the channel's work,
 *		which handles the messages of all flows: it must not wait for user space
 * @ended:	the flow was refused or reset, or the channel is gone; @err is negative. The
 *		user still has to call sc_flow_close(). Context as @opened
 * @returned:	our bytes are to go over TCP again. Context as @opened; only for flows of
 *		type TCP, which need it
 * @get:	take a reference to the user, unless it is being freed. Under RCU
 * @put:	drop that reference
 * @stats:	fill in the user's counters. Under RCU; optional
 * @sock:	the socket that is the user, or that the user belongs to. Under RCU; optional
 * @tx_try:	try to take the lock that serialises sending into the flow. Returns 0;
 *		-EBUSY if another thread holds it; -ENOTCONN if the user has left this flow.
 *		Never waits. Optional, together with the four that follow: without them the
 *		flow's rings are not resized
 * @tx_end:	release that lock
 * @rx_try:	as @tx_try, for the lock that serialises receiving
 * @rx_end:	release that lock
 * @wake:	wake all threads that sleep or poll in one direction. Called with or without
 *		those locks
 *
 * @user is the pointer that was given to sc_flow_open() or sc_flow_accept(). @event,
 * @stats and @sock are called under RCU, the others in process context with the
 * reference that sc_flow_user_get() takes by means of @get.
 */
struct sc_flow_ops {
	struct module *owner;
	unsigned int (*event)(struct sc_flow *flow, void *user);
	void (*opened)(struct sc_flow *flow, void *user);
	void (*ended)(struct sc_flow *flow, void *user, int err);
	void (*returned)(struct sc_flow *flow, void *user, enum sc_flow_return why);
	bool (*get)(void *user);
	void (*put)(void *user);
	void (*stats)(void *user, struct sc_flow_stats *stats);
	struct sock *(*sock)(void *user);
	int (*tx_try)(struct sc_flow *flow, void *user);
	void (*tx_end)(void *user);
	int (*rx_try)(struct sc_flow *flow, void *user);
	void (*rx_end)(void *user);
	void (*wake)(void *user, enum sc_flow_wake side);
};

/**
 * struct sc_ids - whom an end of a flow belongs to, as its domain says
 * @uid:	user id in the initial user namespace, SCHANNEL_ID_NONE if there is none
 * @gid:	group id, likewise
 */
struct sc_ids {
	u32 uid;
	u32 gid;
};

#define SC_IDS_NONE \
	((struct sc_ids) { .uid = SCHANNEL_ID_NONE, .gid = SCHANNEL_ID_NONE })

/* Bits of struct sc_flow's @posts: control messages that wait to be sent. */
#define SC_FLOW_POST_OPEN	BIT(0)
#define SC_FLOW_POST_ACCEPT	BIT(1)
#define SC_FLOW_POST_CLOSE	BIT(2)
#define SC_FLOW_POST_RING	BIT(3)
#define SC_FLOW_POST_ANSWER	BIT(4)
#define SC_FLOW_POST_RESET	BIT(5)	/* a CLOSE that follows the first one */

/**
 * struct sc_flow - a flow
 * @channel:	the channel; the flow holds a reference
 * @ops:	the user's functions
 * @user:	their argument, NULL once the user has left (RCU)
 * @id:		number in our flow table
 * @peer_id:	number in the peer's flow table, SCHANNEL_FLOW_NONE until it is known
 * @type:	SCHANNEL_TYPE_*
 * @queue:	the event queue in which the peer wants events for the flow
 * @own_queue:	the event queue in which we want them; constant. Each message that may name
 *		another one names it again
 * @opened:	this side opened the flow
 * @joined:	@tx and @rx have the peer's entry, see sc_flow_is_joined()
 * @accepted:	@peer_id is known (by the channel's work)
 * @dead:	0 while the data path may access the flow's shared memory, then the SC_FLOW_*
 *		that sc_flow_look() reports instead. The data path reads it under RCU
 * @tx:		producer half (the user's tx lock)
 * @rx:		consumer half (the user's rx lock)
 * @pending:	our last entry in the peer's event queue (queue lock)
 * @events:	number of times the peer was asked to look at the flow
 * @seen:	the peer's entry at the last event (by the upcall of the flow's queue)
 * @extent:	the extent of @tx's ring in our pool
 * @resize:	state of resizing both rings
 * @owner:	the user that the flow and its rings count for, or NULL; holds a reference
 * @memcg:	the memory cgroup that a page is charged to for the flow, and its rings are
 *		with @rings_charged, or NULL; holds a reference
 * @rings_charged: the rings are charged one by one, not with their segments
 * @charged:	pages that were charged for rings, and are to be uncharged
 * @over:	the end of the flow was counted and reported to the observers
 * @answered:	@ops->opened was called, or is being called
 * @ended:	the error of the first call of @ops->ended, 0 before it
 * @ref:	references: the user's, the flow table's, and temporary ones
 * @posts:	SC_FLOW_POST_* that wait to be sent (control lock)
 * @close_waits: the user has closed the flow, but the CLOSE is not posted until the ring is as
 *		small as what is unread allows (control lock)
 * @close_sent:	CLOSE was sent (control lock)
 * @close_received: CLOSE was received (control lock)
 * @reset_received: a second CLOSE was received, a RESET (control lock)
 * @killed:	an administrator ends the flow (control lock)
 * @reason:	reason of the CLOSE to send, or of the first one that was sent (control lock)
 * @refused:	reason of the peer's REFUSE, 0 if there was none (by the channel's work)
 * @closed:	reason of the peer's first CLOSE (by the channel's work)
 * @open:	parameters of the OPEN, to be sent or as received; constant
 * @acceptor:	whom the acceptor's end belongs to. Constant; at the opener, from when
 *		sc_flow_is_joined()
 * @entry_segment: segment of the peer's entry for the flow, NULL if that is in the peer's
 *		flow table (by the channel's work)
 * @age:	for how long it waits to be finished by one side (control lock)
 * @post_node:	entry in the channel's @posts while @posts is not 0 (control lock)
 * @rcu:	for the grace period before the entry is used again, then for kfree_rcu()
 *
 * The first four groups are cache lines of the data path. What both directions and the upcall
 * read hardly ever changes; each half belongs to one direction; threads of both post events. So
 * a sender and a receiver of one flow on different processors share no line that either
 * of them writes for each byte. See "Cache lines" in the README.
 */
struct sc_flow {
	struct schannel_channel *channel ____cacheline_aligned_in_smp;
	const struct sc_flow_ops *ops;
	void __rcu *user;
	u32 id;
	u32 peer_id;
	u8 type;
	u8 queue;
	u8 own_queue;
	bool opened;
	bool joined;
	bool accepted;
	u8 dead;

	struct sc_tx tx ____cacheline_aligned_in_smp;
	struct sc_rx rx ____cacheline_aligned_in_smp;
	sc_pending_t pending ____cacheline_aligned_in_smp;
	atomic_long_t events;

	struct sc_seen seen ____cacheline_aligned_in_smp;
	struct sc_extent extent;
	struct sc_resize resize;
	struct sc_owner *owner;
	struct mem_cgroup *memcg;
	bool rings_charged;
	atomic_t charged;
	atomic_t over;
	bool answered;
	int ended;
	refcount_t ref;

	u8 posts;
	bool close_waits;
	bool close_sent;
	bool close_received;
	bool reset_received;
	bool killed;
	u32 reason;
	u32 refused;
	u32 closed;
	struct schannel_msg_open open;
	struct sc_ids acceptor;
	struct sc_peer_segment *entry_segment;
	struct sc_age age;
	struct list_head post_node;
	struct rcu_head rcu;
};

/* What both directions read, the half of each, what both write, what the upcall writes. */
SC_ASSERT_ONE_LINE(struct sc_flow, channel, dead);
SC_ASSERT_ONE_LINE(struct sc_flow, tx, tx);
SC_ASSERT_ONE_LINE(struct sc_flow, rx, rx);
SC_ASSERT_ONE_LINE(struct sc_flow, pending, events);
SC_ASSERT_ONE_LINE(struct sc_flow, seen, seen);
SC_ASSERT_APART(struct sc_flow, dead, tx);
SC_ASSERT_APART(struct sc_flow, tx, rx);
SC_ASSERT_APART(struct sc_flow, rx, pending);
SC_ASSERT_APART(struct sc_flow, events, seen);

struct sc_flow *sc_flow_open(struct schannel_channel *ch,
			     const struct schannel_msg_open *open,
			     struct sc_size_limits limits,
			     const struct sc_flow_ops *ops, void *user,
			     struct sock *sk);
struct sc_flow *sc_flow_accept(struct schannel_channel *ch,
			       const struct schannel_msg *msg, struct sc_ids ids,
			       struct sc_size_limits limits,
			       const struct sc_flow_ops *ops, void *user,
			       struct sock *sk);
void sc_flow_close(struct sc_flow *flow, enum schannel_reason reason);
struct sc_flow *sc_flow_get(struct schannel_channel *ch, u32 id);
void sc_flow_put(struct sc_flow *flow);

int sc_flow_set_owner(struct sc_flow *flow, struct sock *sk);
void sc_flow_drop_owner(struct sc_flow *flow);
void sc_flow_retire(struct sc_flow *flow);
void sc_flow_set_dead(struct sc_flow *flow, u8 flags);
unsigned int sc_flow_event(struct sc_flow *flow);
void sc_flow_answered(struct sc_flow *flow, const struct schannel_msg *msg);
void sc_flow_opened(struct sc_flow *flow);
const char *sc_flow_returned(struct sc_flow *flow);
int sc_flow_take_back(struct sc_flow *flow, bool stay);
void sc_flow_ended(struct sc_flow *flow, int err);
void *sc_flow_user_get(struct sc_flow *flow);
void sc_flow_user_put(struct sc_flow *flow, void *user);
struct sock *sc_flow_sock(struct sc_flow *flow);
struct sock *sc_flow_hold_sock(struct sc_flow *flow);
bool sc_flow_get_stats(struct sc_flow *flow, struct sc_flow_stats *stats);

ssize_t sc_flow_send(struct sc_flow *flow, struct iov_iter *from, size_t len);
ssize_t sc_flow_recv(struct sc_flow *flow, struct iov_iter *to, size_t len,
		     u32 skip, bool consume);
void sc_flow_consume(struct sc_flow *flow, u32 len);
u32 sc_flow_copy_in(const struct sc_ring *ring, u32 pos, struct iov_iter *from,
		    u32 len);
u32 sc_flow_copy_out(const struct sc_ring *ring, u32 pos, struct iov_iter *to,
		     u32 len);
void sc_flow_post(struct sc_flow *flow);
int sc_flow_broken(struct sc_flow *flow);
void sc_flow_fin(struct sc_flow *flow);
void sc_flow_rx_shut(struct sc_flow *flow);
void sc_flow_finish(struct sc_flow *flow);
void sc_flow_promise(struct sc_flow *flow, u32 room);
bool sc_flow_is_there(const struct sc_flow *flow);
u32 sc_flow_unread(struct sc_flow *flow);
void sc_flow_salvage(const struct sc_flow *flow, u32 skip, void *to, u32 len);

/* What sc_flow_look() reports. */
#define SC_FLOW_GONE		BIT(0)	/* the flow is lost: it was reset, or its channel is down */
#define SC_FLOW_FIN		BIT(1)	/* the peer sends no more: @avail is all there will be */
#define SC_FLOW_PEER_SHUT	BIT(2)	/* the peer receives no more */
#define SC_FLOW_FULL		BIT(3)	/* no more than @avail fits, see sc_rx_is_full() */

/**
 * struct sc_flow_view - a snapshot of a flow
 * @flags:	SC_FLOW_*
 * @prod:	the peer's producer index
 * @avail:	bytes that can be received
 * @space:	bytes that can be sent; not of sc_flow_look_data()
 * @queued:	bytes that were sent and that the peer has not consumed; likewise
 */
struct sc_flow_view {
	u32 flags;
	u32 prod;
	u32 avail;
	u32 space;
	u32 queued;
};

void sc_flow_look(struct sc_flow *flow, struct sc_flow_view *view);
void sc_flow_look_data(struct sc_flow *flow, struct sc_flow_view *view);
void sc_flow_want(struct sc_flow *flow, u32 want);
bool sc_flow_is_awaited(const struct sc_flow *flow);
bool sc_flow_is_over(struct sc_flow *flow);
u32 sc_flow_rx_size(struct sc_flow *flow);
bool sc_flow_has_data(struct sc_flow *flow, u32 want, struct sc_flow_view *view);
bool sc_flow_await_data(struct sc_flow *flow, u32 want,
			struct sc_flow_view *view);
bool sc_flow_await_more(struct sc_flow *flow, struct sc_flow_view *view);
bool sc_flow_has_space(struct sc_flow *flow, u32 want, struct sc_flow_view *view);
bool sc_flow_await_space(struct sc_flow *flow, u32 want,
			 struct sc_flow_view *view);

/* The data path calls this under rcu_read_lock() and relies on it until the unlock. */
static inline bool sc_flow_is_live(const struct sc_flow *flow)
{
	return likely(!READ_ONCE(flow->dead));
}

/*
 * What the data path returns for a flow that is not live: @over after an orderly end, of which
 * the receiver had read everything.
 */
static inline int sc_flow_dead_error(const struct sc_flow *flow, int over)
{
	return READ_ONCE(flow->dead) & SC_FLOW_GONE ? -ECONNRESET : over;
}

/* Was the flow opened by the peer's ACCEPT? The socket that is told so sends and receives. */
static inline bool sc_flow_is_answered(const struct sc_flow *flow)
{
	/* acquire: pairs with sc_flow_opened() */
	return smp_load_acquire(&flow->answered);
}

/* 0, or the error with which the flow has ended. */
static inline int sc_flow_end(const struct sc_flow *flow)
{
	/* acquire: after it, @refused and what the peer wrote before; pairs with sc_flow_ended() */
	return smp_load_acquire(&flow->ended);
}

/* Is the peer's end known? sc_flow_look() and the data path need it. */
static inline bool sc_flow_is_joined(const struct sc_flow *flow)
{
	/* acquire: pairs with sc_flow_join() */
	return smp_load_acquire(&flow->joined);
}

static inline u32 sc_flow_tx_size(const struct sc_flow *flow)
{
	return READ_ONCE(flow->tx.ring.size);
}

/*
 * The most that a receiver may wait for without sc_flow_want(). The sender may sleep until
 * half of the ring is free: if the receiver waited for more, both could sleep forever.
 */
static inline u32 sc_flow_rx_half(const struct sc_flow *flow)
{
	return READ_ONCE(flow->rx.ring.size) / 2;
}

/*
 * sc_rx_refresh() under rcu_read_lock() with the receiver's lock. Returns 0, or -EPROTO after it
 * was counted and logged.
 */
static inline int sc_flow_refresh_rx(struct sc_flow *flow)
{
	int err = sc_rx_refresh(&flow->rx);

	if (likely(!err))
		return 0;
	if (err < 0)
		return sc_flow_broken(flow);
	sc_resize_followed(flow);
	return 0;
}

#endif /* _SCHANNEL_FLOW_H */
