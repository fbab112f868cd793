/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A flow's rings move: to a larger one while they are busy, to a smaller one when
 * they rest. See "Moving a ring" in the ABI; ring.h has the index work.
 */
#ifndef _SCHANNEL_MOVE_H
#define _SCHANNEL_MOVE_H

#include <linux/list.h>
#include <linux/types.h>

#include "pool.h"
#include "ring.h"

struct sc_flow;
struct sc_peer_segment;

/*
 * How far the producer is with moving. Each step is taken by one party only; "who sends"
 * is whoever has the sender's lock.
 */
enum sc_move_state {
	SC_MOVE_NONE,		/* -> OFFERED, or LACKS, by who sends */
	SC_MOVE_LACKS,		/* -> OFFERED, or DENIED, by who sends */
	SC_MOVE_DENIED,		/* -> NONE by who sends, when he has heard of it; or OFFERED */
	SC_MOVE_OFFERED,	/* -> READY, or NONE, by the channel's work: the answer */
	SC_MOVE_READY,		/* -> NONE by who sends: turned, or not worth it any more */
};

/* The peer's offer. Who answers it has claimed it before. */
enum sc_move_offer {
	SC_OFFER_NONE,		/* -> WAITS by the channel's work */
	SC_OFFER_WAITS,		/* -> CLAIMED by who answers */
	SC_OFFER_CLAIMED,	/* -> NONE, or WAITS once more, by the same */
	SC_OFFER_OVER,		/* from any, by who ends the flow */
};

/**
 * struct sc_move - the moves of a flow's two rings
 * @state:	enum sc_move_state. Who sees a state that it is to leave sees what
 *		belongs to it (release, acquire)
 * @wish:	between which sizes our ring moves
 * @to:		from OFFERED on: the ring offered; LACKS: its order
 * @lacks_since: LACKS: since when, jiffies
 * @leaving:	@from is in use: the peer may still read there
 * @from:	the ring before this one
 * @full_prod:	where the ring was found full last
 * @fulls:	how often, with no rest in between
 * @full_last:	when it was found full last, jiffies
 * @refusals:	how many offers in a row were answered with 0
 * @rest_prod, @rests: for how many looks in a row nothing has been sent
 *
 * @to to @rests: by who sends, but for @to and @refusals while it is OFFERED.
 *
 * @node:	in the channel's list of flows to be tended (control lock)
 * @segment, @next_segment: where the peer's ring is, and the one it offered; by
 *		who receives
 * @offered:	enum sc_move_offer: how far the answer to @offer is
 * @offer_segment, @offer_ring: the ring that the peer offers, and where it is; NULL if
 *		that is not mapped. Who has claimed the offer gives it back
 * @ready:	the answer to send; written before it is posted (control lock)
 */
struct sc_move {
	u8 state;
	struct sc_wish wish;
	struct sc_place to;
	unsigned long lacks_since;
	bool leaving;
	struct sc_place from;
	u32 full_prod;
	unsigned int fulls;
	unsigned long full_last;
	unsigned int refusals;
	u32 rest_prod;
	unsigned int rests;

	struct list_head node;
	struct sc_peer_segment *segment;
	struct sc_peer_segment *next_segment;
	int offered;
	struct sc_peer_segment *offer_segment;
	struct sc_ring offer_ring;
	bool ready;
};

/* Who sends. */
bool sc_move_full(struct sc_flow *flow);
int sc_move_fit(struct sc_flow *flow, u32 size);
u32 sc_move_most(const struct sc_flow *flow);
bool sc_move_goes_on(const struct sc_flow *flow, bool empty);

/* Who receives. */
const struct sc_ring *sc_move_rx_at_turn(struct sc_flow *flow, u32 skip,
					 u32 *len);
bool sc_move_is_offered(const struct sc_flow *flow);
void sc_move_follow(struct sc_flow *flow);

/* The channel's work. */
const char *sc_move_offer(struct sc_flow *flow,
			  const struct schannel_ring_at *at);
const char *sc_move_answer(struct sc_flow *flow, bool ready);

/* The channel's tending, and the flow's end. */
void sc_move_tend(struct sc_flow *flow, bool is_time, bool is_short);
bool sc_move_waits(const struct sc_flow *flow);
bool sc_move_rests(const struct sc_flow *flow);
void sc_move_end(struct sc_flow *flow);

#endif /* _SCHANNEL_MOVE_H */
