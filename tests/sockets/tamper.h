/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hostile peer: tamper/sc_tamper.ko. Skips the case where that cannot be loaded. For the
 * functions that change what was sent, the connection must be open, and nothing must have been
 * sent since.
 */
#ifndef TAMPER_H
#define TAMPER_H

#include <stdbool.h>

/* Call it before what is sent. */
void tamper_start(void);
/* Inverts all bytes of the last send(). */
void tamper_bytes(void);
/* Changes the length of the last record. */
void tamper_length(unsigned int length);

/* Ends the channel in which the peer was notified last, as a peer that breaks the protocol does. */
void tamper_break(void);
/* The same if there is such a channel now. */
bool tamper_try_break(void);

/*
 * Between the two a CPU of the kernel stays in an RCU read-side critical section. After more than
 * ten seconds the second one fails.
 */
void tamper_reader_begin(void);
void tamper_reader_end(void);

/* How many sockets were told of space before softirqs could run, at most, since the first call. */
void tamper_count_woken(void);
unsigned int tamper_woken(void);

/*
 * From the first call to the second one: how many flows a thread added up for statistics before it
 * let others run, at most. One thread at a time.
 */
void tamper_count_added(void);
unsigned int tamper_added(void);

enum tamper_storm {
	TAMPER_ENTRIES = 1,	/* for a flow not in use */
	TAMPER_OVERFLOWS,
};

/* What a storm did. */
struct tamper_storm_result {
	unsigned int rounds;	/* times that the peer notified */
	unsigned int polls;	/* of event queues */
	unsigned int events;	/* for flows */
};

/*
 * A second of useless events in the event queue that was posted in last. The events of a flow
 * whose receiver slept have been posted.
 */
struct tamper_storm_result tamper_storm(enum tamper_storm how);

#endif
