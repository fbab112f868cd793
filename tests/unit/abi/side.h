/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One side of a channel, as a test uses it, whatever implements it. A side does nothing but in
 * these calls: the test decides who does what when.
 */
#ifndef SIDE_H
#define SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct side;

/* What a side announces. */
struct side_config {
	unsigned int at;		/* which side of the world it is */
	uint16_t abi;
	uint16_t abi_oldest;
	uint32_t features;
	uint32_t required;
	uint32_t nr_queues;
	uint32_t queue_order;
	uint32_t ctl_order;
	uint32_t accept_flows;
	uint32_t accept_segments;
	uint32_t accept_pages;
	uint32_t accept_order;
};

enum side_state {
	SIDE_NONE,	/* no flow has this number */
	SIDE_OPENING,
	SIDE_OPEN,
	SIDE_REFUSED,
	SIDE_RESET,
};

struct side_open {
	uint8_t type;
	uint32_t port;
	uint8_t order;		/* of the ring */
	uint8_t rx_order;	/* requested for the other one */
	uint8_t queue;
	uint32_t must;		/* flags that the acceptor must understand */
};

struct side_ops {
	const char *name;
	struct side *(*create)(const struct side_config *config);
	void (*destroy)(struct side *side);
	uint32_t (*directory)(const struct side *side);
	/* Each returns NULL, or why the channel is refused or ended. */
	const char *(*attach)(struct side *side, uint32_t directory);
	const char *(*step)(struct side *side);

	/* Flows are named by their number in the side's own table; 0 is none. */
	void (*listen)(struct side *side, uint32_t port, uint8_t type);
	uint32_t (*open)(struct side *side, const struct side_open *open);
	uint32_t (*accepted)(struct side *side);
	enum side_state (*state)(struct side *side, uint32_t flow, uint32_t *reason);
	uint32_t (*peer_flow)(struct side *side, uint32_t flow);

	/*
	 * Bytes moved; 0 if the flow has to wait. It then sleeps: it is looked at again only
	 * after an event about it.
	 */
	size_t (*send)(struct side *side, uint32_t flow, const void *bytes, size_t len);
	size_t (*recv)(struct side *side, uint32_t flow, void *bytes, size_t len);
	/*
	 * The bytes that can be received, if they are @want, at most the largest ring, or if no
	 * more come before some are received; otherwise 0, and the flow sleeps.
	 */
	size_t (*await)(struct side *side, uint32_t flow, uint32_t want);
	/* One record; false if the flow has to wait. */
	bool (*put)(struct side *side, uint32_t flow, const void *bytes, size_t len,
		    uint32_t flags);
	bool (*take)(struct side *side, uint32_t flow, void *bytes, size_t *len,
		     uint32_t *flags);
	/* No more is sent, and no more is received. */
	void (*fin)(struct side *side, uint32_t flow);
	void (*shut)(struct side *side, uint32_t flow);
	bool (*at_end)(struct side *side, uint32_t flow);
	void (*close)(struct side *side, uint32_t flow, uint32_t reason);

	/*
	 * From now on the side wants the flow's events in this queue, too. The next RING or
	 * RING_ANSWER about the flow says so.
	 */
	void (*want_queue)(struct side *side, uint32_t flow, uint8_t queue);

	/* Offers a ring of this order; whether a switch to the last one offered was made. */
	void (*offer)(struct side *side, uint32_t flow, uint8_t order);
	uint8_t (*order)(struct side *side, uint32_t flow);
	/* Gives back every segment that has no ring. */
	void (*trim)(struct side *side);
	/* Own segments that are announced, and table pages that the peer has mapped. */
	unsigned int (*segments)(struct side *side);
	unsigned int (*table_pages)(struct side *side);
	void (*grow_table)(struct side *side);
};

extern const struct side_ops second_side;	/* written from the ABI's header alone */
extern const struct side_ops our_side;		/* net/schannel/ring */

#endif
