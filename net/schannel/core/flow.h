/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A flow: one connection inside a channel, as seen from this side.
 *
 * Life: sc_flow_open() or sc_flow_accept() make it; its user (a socket) has one
 * reference, the channel's flow table another. The user ends its part with
 * sc_flow_close(). The flow leaves the table, and entry and ring can be used
 * again, once CLOSE was sent and received (or the OPEN was refused), or
 * the channel is destroyed. So a socket may be long gone while the peer still
 * reads what it sent.
 *
 * The data path takes no lock of the channel's: it runs under rcu_read_lock(),
 * after looking at the channel's state, and never sleeps there (page faults are
 * disabled while copying). Whoever takes pages away changes the state first and
 * waits for a grace period.
 */
#ifndef _SCHANNEL_FLOW_H
#define _SCHANNEL_FLOW_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/cache.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "resize.h"
#include "ring/pool.h"
#include "ring/queue.h"
#include "ring/ring.h"

struct iov_iter;
struct module;
struct schannel_channel;
struct sc_flow;
struct sc_flow_stats;
struct sock;

/* How much is copied before the other side is told and others may run. */
#define SC_FLOW_CHUNK		(32U << 10)

/* Whom ops->wake() wakes. */
enum sc_flow_wake {
	SC_FLOW_WAKE_SENDER,	/* there may be space, or another ring */
	SC_FLOW_WAKE_RECEIVER,	/* what can be waited for has changed */
};

/**
 * struct sc_flow_ops - what a flow tells its user, and asks of it
 * @owner:	the module whose code this is, if it is not the core's own. Held during
 *		each call but @event, @stats and @sock
 * @event:	bytes or space may have come, or the peer shut a direction.
 *		Softirq, under RCU. Returns how much that was, in units of an
 *		event that wakes somebody: so much less is done before others may run.
 * @opened:	the peer accepted. Process context; all flows of the channel wait
 *		meanwhile, so it waits for no program.
 * @ended:	refused, reset, or the channel is gone: @err is negative. The
 *		user still has to call sc_flow_close(). Likewise.
 * @get:	take a reference to the user, unless it is being freed. Under RCU
 * @put:	drop it
 * @stats:	what the user counted so far. Under RCU; optional, as is @sock
 * @sock:	the socket that the user is, or belongs to. Under RCU
 * @tx_try:	take the lock under which the flow is sent into. 0; -EBUSY if another
 *		thread holds it; -ENOTCONN if the user has left this flow. Never waits.
 *		Optional, together with the four that follow: without them the flow's
 *		rings are not resized
 * @tx_end:	release it
 * @rx_try:	the same for the lock under which the flow is received from
 * @rx_end:	release it
 * @wake:	wake whoever sleeps or polls, with or without those locks
 *
 * @user is what sc_flow_open() or sc_flow_accept() was given. @event, @stats and
 * @sock are called under RCU; the others in process context, with the reference that
 * sc_flow_user_get() takes by @get.
 */
struct sc_flow_ops {
	struct module *owner;
	unsigned int (*event)(struct sc_flow *flow, void *user);
	void (*opened)(struct sc_flow *flow, void *user);
	void (*ended)(struct sc_flow *flow, void *user, int err);
	bool (*get)(void *user);
	void (*put)(void *user);
	void (*stats)(void *user, struct sc_flow_stats *stats);
	struct sock *(*sock)(void *user);
	int (*tx_try)(struct sc_flow *flow, void *user);
	void (*tx_end)(void *user);
	int (*rx_try)(struct sc_flow *flow, void *user);
	void (*rx_end)(void *user);
	void (*wake)(void *user, enum sc_flow_wake whom);
};

/* Bits of sc_flow.posts: control messages that wait to be sent. */
#define SC_FLOW_POST_OPEN	BIT(0)
#define SC_FLOW_POST_ACCEPT	BIT(1)
#define SC_FLOW_POST_CLOSE	BIT(2)
#define SC_FLOW_POST_RING	BIT(3)
#define SC_FLOW_POST_ANSWER	BIT(4)

/**
 * struct sc_flow - a flow
 * @tx:		producer half (the user's tx lock)
 * @rx:		consumer half (the user's rx lock)
 * @pending:	our last entry in the peer's event queue (queue lock)
 * @events:	times the peer was told to look at the flow
 * @channel:	whose it is; holds a reference
 * @id:		number in our table
 * @peer_id:	number in the peer's table, SCHANNEL_FLOW_NONE until known
 * @type:	SCHANNEL_TYPE_*
 * @queue:	the event queue in which the peer wants to be told
 * @own_queue:	the one in which we do
 * @opened:	we opened it, not the peer
 * @extent:	where @tx's ring is in our pool
 * @resize:	how the rings move
 * @over:	that it ended was counted and told
 * @answered:	its user was, or is being, told @opened
 * @ended:	what its user was, or is being, told first with @ended, or 0
 * @ops, @user:	who is told of events; @user under RCU
 * @posts:	SC_FLOW_POST_*
 * @post_node:	in the channel's list while @posts is not 0
 * @open:	parameters of its OPEN, to send or as received
 * @reason:	of the CLOSE to send
 * @accepted:	the peer's end is known
 * @refused:	the reason of the peer's REFUSE; 0: there was none
 * @close_sent, @close_received: what they say
 *
 * From @posts on: the channel's control lock.
 */
struct sc_flow {
	struct sc_tx tx ____cacheline_aligned_in_smp;
	struct sc_rx rx ____cacheline_aligned_in_smp;

	sc_pending_t pending ____cacheline_aligned_in_smp;
	atomic_long_t events;
	struct schannel_channel *channel;
	u32 id;
	u32 peer_id;
	u8 type;
	u8 queue;
	u8 own_queue;
	bool opened;
	struct sc_extent extent;
	struct sc_resize resize;
	atomic_t over;
	bool answered;
	int ended;
	refcount_t ref;
	const struct sc_flow_ops *ops;
	void __rcu *user;

	u8 posts;
	bool accepted;
	bool close_sent;
	bool close_received;
	u32 reason;
	u32 refused;
	struct schannel_msg_open open;
	struct list_head post_node;
	struct rcu_head rcu;
};

struct sc_flow *sc_flow_open(struct schannel_channel *ch,
			     const struct schannel_msg_open *open,
			     struct sc_size_limits limits,
			     const struct sc_flow_ops *ops, void *user);
struct sc_flow *sc_flow_accept(struct schannel_channel *ch,
			       const struct schannel_msg *msg,
			       struct sc_size_limits limits,
			       const struct sc_flow_ops *ops, void *user);
void sc_flow_close(struct sc_flow *flow, enum schannel_reason reason);
struct sc_flow *sc_flow_get(struct schannel_channel *ch, u32 id);
void sc_flow_put(struct sc_flow *flow);

void sc_flow_retire(struct sc_flow *flow);
unsigned int sc_flow_event(struct sc_flow *flow);
void sc_flow_answered(struct sc_flow *flow, const struct schannel_msg *msg);
void sc_flow_opened(struct sc_flow *flow);
void sc_flow_ended(struct sc_flow *flow, int err);
void *sc_flow_user_get(struct sc_flow *flow);
void sc_flow_user_put(struct sc_flow *flow, void *user);
struct sock *sc_flow_sock(struct sc_flow *flow);
struct sock *sc_flow_hold_sock(struct sc_flow *flow);
bool sc_flow_get_stats(struct sc_flow *flow, struct sc_flow_stats *stats);

ssize_t sc_flow_send(struct sc_flow *flow, struct iov_iter *from, size_t len);
ssize_t sc_flow_recv(struct sc_flow *flow, struct iov_iter *to, size_t len,
		     u32 skip, bool consume);
u32 sc_flow_copy_in(const struct sc_ring *ring, u32 pos, struct iov_iter *from,
		    u32 len);
u32 sc_flow_copy_out(const struct sc_ring *ring, u32 pos, struct iov_iter *to,
		     u32 len);
void sc_flow_post(struct sc_flow *flow);
int sc_flow_broken(struct sc_flow *flow);
void sc_flow_fin(struct sc_flow *flow);
void sc_flow_rx_shut(struct sc_flow *flow);

/* What sc_flow_look() reports. */
#define SC_FLOW_GONE		BIT(0)	/* the channel is down */
#define SC_FLOW_FIN		BIT(1)	/* all that will come is here */
#define SC_FLOW_PEER_SHUT	BIT(2)	/* the peer reads no more */

/**
 * struct sc_flow_view - a flow at one moment
 * @flags:	SC_FLOW_*
 * @prod:	the peer's producer index
 * @avail:	bytes that can be received
 * @space:	bytes that can be sent
 * @queued:	bytes sent that the peer has not consumed
 */
struct sc_flow_view {
	u32 flags;
	u32 prod;
	u32 avail;
	u32 space;
	u32 queued;
};

void sc_flow_look(struct sc_flow *flow, struct sc_flow_view *view);
bool sc_flow_is_over(struct sc_flow *flow);
u32 sc_flow_rx_size(struct sc_flow *flow);
bool sc_flow_has_data(struct sc_flow *flow, u32 want, struct sc_flow_view *view);
bool sc_flow_await_data(struct sc_flow *flow, u32 want,
			struct sc_flow_view *view);
bool sc_flow_await_more(struct sc_flow *flow, struct sc_flow_view *view);
bool sc_flow_has_space(struct sc_flow *flow, u32 want, struct sc_flow_view *view);
bool sc_flow_await_space(struct sc_flow *flow, u32 want,
			 struct sc_flow_view *view);

/* Is the peer's end known? Else there is nothing to look at. */
static inline bool sc_flow_is_joined(const struct sc_flow *flow)
{
	/* acquire: pairs with sc_flow_join() */
	return smp_load_acquire(&flow->rx.peer);
}

static inline u32 sc_flow_tx_size(const struct sc_flow *flow)
{
	return READ_ONCE(flow->tx.ring.size);
}

/* So much can always be waited for: a sender may want half the ring before it goes on. */
static inline u32 sc_flow_rx_half(const struct sc_flow *flow)
{
	return sc_rx_min_size(&flow->rx) / 2;
}

/* sc_rx_at_switch(), if need be, for a flow's data path. */
static inline const struct sc_ring *sc_flow_rx_at(struct sc_flow *flow, u32 skip,
						  u32 *len)
{
	if (likely(!flow->rx.switching))
		return &flow->rx.ring;
	return sc_resize_rx_at_switch(flow, skip, len);
}

#endif /* _SCHANNEL_FLOW_H */
