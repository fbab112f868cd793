/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Resizing of a flow's rings: to a larger ring while it is busy, to a smaller one when it is
 * idle. See "Replacing a ring" in the ABI header for the protocol; ring.c has the index work.
 */
#ifndef _SCHANNEL_RESIZE_H
#define _SCHANNEL_RESIZE_H

#include <linux/list.h>
#include <linux/llist.h>
#include <linux/types.h>

#include "ring/pool.h"
#include "ring/ring.h"

struct schannel_channel;
struct sc_flow;
struct sc_peer_segment;
struct work_struct;

/*
 * State of resizing the ring that this side sends into. Each transition is made by one party
 * only: the holder of the sender's lock, or the channel's work.
 */
enum sc_resize_state {
	SC_RESIZE_NONE,		/* -> OFFERED or STARVED, by the lock holder */
	SC_RESIZE_STARVED,	/* -> OFFERED or REFUSED, by the lock holder */
	SC_RESIZE_REFUSED,	/* -> NONE by the lock holder, when it has noticed; or OFFERED */
	SC_RESIZE_OFFERED,	/* -> READY or NONE, by the channel's work: the peer's answer */
	SC_RESIZE_READY,	/* -> NONE by the lock holder: switched, or dropped */
};

/* State of the peer's offer. Only the thread that has claimed it may answer it. */
enum sc_resize_offer {
	SC_OFFER_NONE,		/* -> WAITS by the channel's work */
	SC_OFFER_WAITS,		/* -> CLAIMED by the thread that is going to answer */
	SC_OFFER_CLAIMED,	/* -> NONE, or back to WAITS, by the same thread */
	SC_OFFER_OVER,		/* from any state, by the thread that ends the flow */
};

/**
 * struct sc_resize - resizing of a flow's two rings
 * @state:	enum sc_resize_state. A thread that sees a state whose transition it is to
 *		make also sees the members that belong to the state (release, acquire)
 * @fixed:	the user has no data locks: the rings are never resized. Constant
 * @limits:	sizes that our ring may have
 * @wanted:	order to which the ring grows when it is first found full
 * @to:		from OFFERED on: the extent of the ring offered. STARVED: only its order
 * @starved_since: STARVED: the time at which it became so, jiffies
 * @leaving:	@from is in use: the peer has not followed yet and may read the old ring
 * @from:	extent of the old ring
 * @full_prod:	producer index at which the ring was last found full
 * @fulls:	ring-full events without an idle period in between
 * @full_last:	time of the last ring-full event, jiffies
 * @refusals:	offers in a row that the peer answered with 0
 * @unread:	the ring offered is larger because the peer does not read
 * @need:	space that a record did not find; 0 if the last one did
 * @idle_prod:	producer index at the last maintenance run
 * @idle_looks:	maintenance intervals in a row in which nothing was sent
 * @noted:	the ring was found full: the flow is in the channel's @unread
 * @unread_node: entry there while @noted is set
 * @unread_cons: the peer's index when it was listed; written before it is listed
 * @unread_since: since when the index has this value, jiffies; likewise
 * @node:	entry in the channel's @maintained list (control lock)
 * @look_node:	entry in the channel's @looks while @asked is set
 * @asked:	the channel's work is going to look at the rings
 * @segment:	segment of the peer's ring (receiver's lock)
 * @next_segment: segment of the ring that the peer offered and we accepted, or NULL
 *		(receiver's lock)
 * @offered:	enum sc_resize_offer: how far the answer to the peer's offer is
 * @offer_segment: segment of the ring that the peer offers, NULL if it is not mapped. The
 *		thread that has claimed the offer releases it
 * @offer_ring:	the ring that the peer offers
 * @ready:	the answer to send; written before that is posted
 *
 * The holder of the sender's lock owns @to to @idle_looks, but while @state is OFFERED the
 * channel's work owns @to and @refusals.
 */
struct sc_resize {
	u8 state;
	bool fixed;
	struct sc_size_limits limits;
	u8 wanted;
	struct sc_extent to;
	unsigned long starved_since;
	bool leaving;
	struct sc_extent from;
	u32 full_prod;
	unsigned int fulls;
	unsigned long full_last;
	unsigned int refusals;
	bool unread;
	u32 need;
	u32 idle_prod;
	unsigned int idle_looks;

	int noted;
	struct llist_node unread_node;
	u32 unread_cons;
	unsigned long unread_since;

	struct list_head node;
	struct llist_node look_node;
	int asked;
	struct sc_peer_segment *segment;
	struct sc_peer_segment *next_segment;
	int offered;
	struct sc_peer_segment *offer_segment;
	struct sc_ring offer_ring;
	bool ready;
};

static inline void sc_resize_set_state(struct sc_resize *resize,
				       enum sc_resize_state state)
{
	/* release: the state's members are written before; pairs with sc_resize_state() */
	smp_store_release(&resize->state, state);
}

static inline enum sc_resize_state sc_resize_state(const struct sc_resize *resize)
{
	/* acquire: pairs with sc_resize_set_state() */
	return smp_load_acquire(&resize->state);
}

/* resize.c */
void *sc_resize_user_get(struct sc_flow *flow);
u32 sc_resize_max(struct sc_flow *flow);
bool sc_resize_can_proceed(const struct sc_flow *flow);
bool sc_resize_is_behind(const struct sc_flow *flow);
bool sc_resize_is_followed(const struct sc_flow *flow);
bool sc_resize_is_offered(const struct sc_flow *flow);
bool sc_resize_is_urgent(const struct sc_flow *flow);
bool sc_resize_is_idle(const struct sc_flow *flow);
bool sc_resize_can_shrink(const struct sc_flow *flow);
void sc_resize_end(struct sc_flow *flow);
void sc_resize_event(struct sc_flow *flow);
void sc_resize_ask(struct sc_flow *flow);
void sc_resize_ask_later(struct sc_flow *flow);

/* resize_tx.c: with the sender's lock, except sc_resize_answer() */
bool sc_resize_full(struct sc_flow *flow);
bool sc_resize_free_old(struct sc_flow *flow);
bool sc_resize_may_grow(const struct sc_flow *flow);
void sc_resize_offer_to(struct sc_flow *flow);
void sc_resize_use(struct sc_flow *flow);
int sc_resize_fit(struct sc_flow *flow, u32 size);
const char *sc_resize_answer(struct sc_flow *flow, bool ready);
void sc_resize_look_tx(struct sc_flow *flow);
bool sc_resize_shrink(struct sc_flow *flow);
void sc_resize_maintain_tx(struct sc_flow *flow, void *user, bool is_time,
			   bool low_memory);

/* resize_rx.c: with the receiver's lock, except sc_resize_offer() and _try_accept() */
void sc_resize_followed(struct sc_flow *flow);
void sc_resize_follow(struct sc_flow *flow);
const char *sc_resize_offer(struct sc_flow *flow,
			    const struct schannel_ring_at *at);
void sc_resize_try_accept(struct sc_flow *flow);
void sc_resize_look_rx(struct sc_flow *flow);

/* resize_unread.c */
u8 sc_unread_order(struct sc_flow *flow);
void sc_unread_note(struct sc_flow *flow);
void sc_unread_event(struct sc_flow *flow);
void sc_unread_forget(struct schannel_channel *ch);

/* resize_grow.c */
void sc_unread_work(struct work_struct *work);

/* resize_look.c */
void sc_resize_later_work(struct work_struct *work);
void sc_resize_look_all(struct schannel_channel *ch);
void sc_resize_forget_looks(struct schannel_channel *ch);

#endif /* _SCHANNEL_RESIZE_H */
