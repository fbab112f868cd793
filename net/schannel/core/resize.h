/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A flow's rings move: to a larger one while they are busy, to a smaller one when
 * they rest. See "Moving a ring" in the ABI; ring.h has the index work.
 */
#ifndef _SCHANNEL_RESIZE_H
#define _SCHANNEL_RESIZE_H

#include <linux/list.h>
#include <linux/types.h>

#include "ring/pool.h"
#include "ring/ring.h"

struct sc_flow;
struct sc_peer_segment;

/*
 * How far the producer is with moving. Each step is taken by one party only; "who sends"
 * is whoever has the sender's lock.
 */
enum sc_resize_state {
	SC_RESIZE_NONE,		/* -> OFFERED, or LACKS, by who sends */
	SC_RESIZE_STARVED,		/* -> OFFERED, or DENIED, by who sends */
	SC_RESIZE_REFUSED,		/* -> NONE by who sends, when he has heard of it; or OFFERED */
	SC_RESIZE_OFFERED,	/* -> READY, or NONE, by the channel's work: the answer */
	SC_RESIZE_READY,		/* -> NONE by who sends: turned, or not worth it any more */
};

/* The peer's offer. Who answers it has claimed it before. */
enum sc_resize_offer {
	SC_OFFER_NONE,		/* -> WAITS by the channel's work */
	SC_OFFER_WAITS,		/* -> CLAIMED by who answers */
	SC_OFFER_CLAIMED,	/* -> NONE, or WAITS once more, by the same */
	SC_OFFER_OVER,		/* from any, by who ends the flow */
};

/**
 * struct sc_resize - the moves of a flow's two rings
 * @state:	enum sc_resize_state. Who sees a state that it is to leave sees what
 *		belongs to it (release, acquire)
 * @limits:	between which sizes our ring moves
 * @to:		from OFFERED on: the ring offered; LACKS: its order
 * @starved_since: LACKS: since when, jiffies
 * @leaving:	@from is in use: the peer may still read there
 * @from:	the ring before this one
 * @full_prod:	where the ring was found full last
 * @fulls:	how often, with no rest in between
 * @full_last:	when it was found full last, jiffies
 * @refusals:	how many offers in a row were answered with 0
 * @idle_prod, @idle_looks: for how many looks in a row nothing has been sent
 *
 * @to to @idle_looks: by who sends, but for @to and @refusals while it is OFFERED.
 *
 * @node:	in the channel's list of flows to be tended (control lock)
 * @segment, @next_segment: where the peer's ring is, and the one it offered; by
 *		who receives
 * @offered:	enum sc_resize_offer: how far the answer to @offer is
 * @offer_segment, @offer_ring: the ring that the peer offers, and where it is; NULL if
 *		that is not mapped. Who has claimed the offer gives it back
 * @ready:	the answer to send; written before it is posted (control lock)
 */
struct sc_resize {
	u8 state;
	struct sc_size_limits limits;
	struct sc_extent to;
	unsigned long starved_since;
	bool leaving;
	struct sc_extent from;
	u32 full_prod;
	unsigned int fulls;
	unsigned long full_last;
	unsigned int refusals;
	u32 idle_prod;
	unsigned int idle_looks;

	struct list_head node;
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
	/* release: what belongs to the state is there; pairs with sc_resize_state() */
	smp_store_release(&resize->state, state);
}

static inline enum sc_resize_state sc_resize_state(const struct sc_resize *resize)
{
	/* acquire: pairs with sc_resize_set_state() */
	return smp_load_acquire(&resize->state);
}

/* resize.c */
void *sc_resize_user_get(struct sc_flow *flow);
u32 sc_resize_max(const struct sc_flow *flow);
bool sc_resize_can_proceed(const struct sc_flow *flow, bool empty);
void sc_resize_switched(struct sc_flow *flow);
const struct sc_ring *sc_resize_rx_at_switch(struct sc_flow *flow, u32 skip,
					     u32 *len);
bool sc_resize_is_offered(const struct sc_flow *flow);
bool sc_resize_is_urgent(const struct sc_flow *flow);
bool sc_resize_is_idle(const struct sc_flow *flow);
void sc_resize_end(struct sc_flow *flow);

/* resize_tx.c: with the sender's lock, but for sc_resize_answer() */
bool sc_resize_full(struct sc_flow *flow);
int sc_resize_fit(struct sc_flow *flow, u32 size);
const char *sc_resize_answer(struct sc_flow *flow, bool ready);
void sc_resize_maintain_tx(struct sc_flow *flow, void *user, bool is_time,
			   bool low_memory);

/* resize_rx.c: sc_resize_follow() and _maintain_rx() with the receiver's lock */
void sc_resize_follow(struct sc_flow *flow);
const char *sc_resize_offer(struct sc_flow *flow,
			    const struct schannel_ring_at *at);
void sc_resize_try_accept(struct sc_flow *flow);
void sc_resize_maintain_rx(struct sc_flow *flow);

#endif /* _SCHANNEL_RESIZE_H */
