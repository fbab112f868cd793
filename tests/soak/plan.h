/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a flow is going to do. All of it follows from the seed and the flow's
 * number, so that both sides know it and either can tell what the other should
 * have sent.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kind { KIND_STREAM, KIND_SEQPACKET, KIND_DGRAM, KINDS };

/*
 * How a flow ends. One side acts, the other one takes part: it sends all it
 * has, reads to the end and closes.
 */
enum fate {
	FATE_CLOSE,	/* acts: has sent and got everything, closes */
	FATE_SHUTDOWN,	/* the same, with SHUT_RDWR first */
	FATE_HALF,	/* acts: has sent everything: SHUT_WR; reads to the end */
	FATE_HALVES,	/* both do that */
	FATE_LINGER,	/* acts: closes in the middle, with linger 0 */
	FATE_UNREAD,	/* acts: closes with something unread */
	FATE_AT_ONCE,	/* the client closes before anything was said */
	FATE_BLAST,	/* datagrams one way, as many as fit */
	FATE_ECHO,	/* datagrams to and fro, one at a time */
	FATES
};

/* The two sides; also the two directions: what the client sends, ... */
enum side { CLIENT, SERVER };

struct plan {
	uint32_t id;
	enum kind kind;
	enum fate fate;
	enum side acts;
	bool server_dies;	/* it is accepted by a process that will be killed */
	uint64_t total[2];	/* bytes each side has to send */
	uint32_t records[2];	/* number of records; of datagrams, the client's */
	/* LINGER: bytes it sends, at least; UNREAD: bytes it reads, at least */
	uint64_t stop;
};

/* Of both sides, set before the first plan. */
extern struct plan_choice {
	uint64_t seed;
	unsigned int kinds;	/* bit mask of those to be had */
	bool deaths;		/* there are processes that will be killed */
} plan_choice;

/* Largest record, with room for its header in the smallest ring. */
#define RECORD_MAX	3000
/* Each record begins with its number. */
#define RECORD_MIN	4
#define DATAGRAM_MAX	60000

void plan_make(struct plan *plan, uint32_t id);
/* The length of record @number of what @from sends. */
size_t plan_record(uint32_t id, enum side from, uint32_t number);
size_t plan_datagram(uint32_t id, enum fate fate, uint32_t number);
/* The seed of the bytes that @from sends. */
uint64_t plan_pattern(uint32_t id, enum side from);

/* For messages. */
const char *kind_name(enum kind kind);
const char *fate_name(enum fate fate);
const char *side_name(enum side side);
/* "flow 17 (stream, linger, the server acts)", in a buffer of this thread. */
const char *plan_name(const struct plan *plan);

#endif
