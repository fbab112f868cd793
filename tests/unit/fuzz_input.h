/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the bytes of a fuzzer's input mean. Every value is valid, so that no input
 * is wasted.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <linux/types.h>

/* fuzz_message: the channel that gets the message which follows. */
struct message_setup {
	u16 table_pages;	/* one less than there are */
	u8 nr_queues;		/* likewise */
	u8 reserved;
};

/* fuzz_peer: one setup, then steps. */
struct peer_setup {
	u8 order;	/* pages of the rings */
	u8 layout;	/* how they lie */
	u16 reserved;
	u32 start;	/* all indexes */
};

enum peer_op {
	/* what the peer does */
	PEER_STORE,	/* store @value in shared word @at */
	PEER_AMBUSH,	/* replace what our load after @at others will see */
	/* what we do */
	PEER_SEND,	/* @at bytes */
	PEER_RECEIVE,	/* @at bytes */
	PEER_ARM_TX,	/* for @at bytes of space */
	PEER_ARM_RX,	/* for @at bytes */
	PEER_POST,	/* flow @at */
	PEER_TAKE,	/* @at entries */
	PEER_OVERFLOWED,
	PEER_ARM_QUEUE,
	PEER_OFFER,	/* take a ring of order @at that the peer offers */
	PEER_PEEK,	/* at what is @at bytes behind the first */
	PEER_OPS,
};

/* Hostile values are mostly near one of our own indexes. */
enum peer_base {
	PEER_ABSOLUTE,
	PEER_TX_PROD,
	PEER_TX_CONS,
	PEER_RX_PROD,
	PEER_RX_CONS,
	PEER_QUEUE_PROD,
	PEER_QUEUE_CONS,
	PEER_TURNS,
	PEER_BASES,
};

/* The words that mean something; from PEER_WORDS on: any word of the page. */
enum peer_word {
	PEER_WORD_TX_PROD,
	PEER_WORD_TX_EVENT,
	PEER_WORD_RX_CONS,
	PEER_WORD_RX_EVENT,
	PEER_WORD_PROD,
	PEER_WORD_OVERFLOW,
	PEER_WORD_CONS,
	PEER_WORD_EVENT,
	PEER_WORD_TX_TURNS,
	PEER_WORD_TX_TURN,
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
	u8 order;	/* pages of the ring */
	u8 layout;	/* how they lie */
	u16 reserved;
	u32 start;	/* all indexes, rounded down */
};

enum record_op {
	/* what the peer does */
	RECORD_WRITE,	/* a header for @value bytes, @at behind what is next */
	RECORD_PRODUCE,	/* up to @value */
	RECORD_AMBUSH,	/* replace what our load after @at others will see */
	/* what we do */
	RECORD_WALK,	/* look at all there are */
	RECORD_GIVE,	/* hand out the next */
	RECORD_RELEASE,	/* give the space of the first @at back */
	RECORD_OPS,
};

enum record_base {
	RECORD_ABSOLUTE,
	RECORD_PROD,
	RECORD_CONS,
	RECORD_NEXT,
	RECORD_LEFT,	/* what the ring holds from there on */
	RECORD_BASES,
};

struct record_step {
	u8 op;		/* % RECORD_OPS */
	u8 base;	/* % RECORD_BASES, added to @value */
	u16 at;
	u32 value;
};

#endif
