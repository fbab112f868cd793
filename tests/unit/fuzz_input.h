/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The meaning of a fuzzer's input. Every value is valid, so no input is wasted.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <linux/types.h>

/* fuzz_message: the channel that receives the message after this. */
struct message_setup {
	u16 table_pages;	/* their number minus one */
	u8 nr_queues;		/* their number minus one */
	u8 reserved;
};

/* fuzz_peer: one setup, then steps. */
struct peer_setup {
	u8 order;	/* of the rings, in pages */
	u8 layout;	/* enum layout */
	u8 queue_order;	/* of our event queue, and times 4 of the peer's */
	u8 reserved;
	u32 start;	/* of all indexes */
};

enum peer_op {
	/* steps of the peer */
	PEER_STORE,	/* store @value in shared word @at */
	PEER_AMBUSH,	/* change a word just before our load after @at others */
	/* our steps */
	PEER_SEND,	/* @at bytes */
	PEER_RECEIVE,	/* @at bytes */
	PEER_ARM_TX,	/* for @at bytes of space */
	PEER_ARM_RX,	/* for @at bytes */
	PEER_POST,	/* flow @at */
	PEER_TAKE,	/* @at entries */
	PEER_OVERFLOWED,
	PEER_ARM_QUEUE,
	PEER_OFFER,	/* accept a ring of order @at that the peer offers */
	PEER_PEEK,	/* at the byte @at bytes after the first */
	PEER_OPS,
};

/* Most hostile values are near one of our own indexes. */
enum peer_base {
	PEER_ABSOLUTE,
	PEER_TX_PROD,
	PEER_TX_CONS,
	PEER_RX_PROD,
	PEER_RX_CONS,
	PEER_QUEUE_PROD,
	PEER_QUEUE_CONS,
	PEER_SWITCHES,
	PEER_BASES,
};

/* The shared words of the ABI; from PEER_WORDS on: any entry of the event queue. */
enum peer_word {
	PEER_WORD_TX_PROD,
	PEER_WORD_TX_EVENT,
	PEER_WORD_RX_CONS,
	PEER_WORD_RX_EVENT,
	PEER_WORD_PROD,
	PEER_WORD_OVERFLOW,
	PEER_WORD_CONS,
	PEER_WORD_EVENT,
	PEER_WORD_TX_SWITCHES,
	PEER_WORD_RX_SWITCHES,
	PEER_WORDS,
};

struct peer_step {
	u8 op;		/* % PEER_OPS */
	u8 base;	/* % PEER_BASES, added to @value */
	u16 at;
	u32 value;
};

/* fuzz_record: one setup, then steps. */
struct record_setup {
	u8 order;	/* of the ring, in pages */
	u8 layout;	/* enum layout */
	u16 reserved;
	u32 start;	/* of all indexes, rounded down */
};

enum record_op {
	/* steps of the peer */
	RECORD_WRITE,	/* a header for @value bytes, @at bytes after the next record */
	RECORD_PRODUCE,	/* up to @value */
	RECORD_AMBUSH,	/* change a word just before our load after @at others */
	/* our steps */
	RECORD_WALK,	/* read all headers */
	RECORD_GIVE,	/* deliver the next record */
	RECORD_RELEASE,	/* consume the first @at delivered records */
	RECORD_OPS,
};

enum record_base {
	RECORD_ABSOLUTE,
	RECORD_PROD,
	RECORD_CONS,
	RECORD_NEXT,
	RECORD_LEFT,	/* bytes that were produced after RECORD_NEXT */
	RECORD_BASES,
};

struct record_step {
	u8 op;		/* % RECORD_OPS */
	u8 base;	/* % RECORD_BASES, added to @value */
	u16 at;
	u32 value;
};

#endif
