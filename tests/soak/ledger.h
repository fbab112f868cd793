/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one side did, flow by flow: in memory shared by all its threads and
 * processes, so that it is known of those that were killed, too. Compared with
 * the other side's in the end.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "plan.h"

enum state { UNSEEN, OPEN, ENDED };
enum end {
	END_SELF,	/* closed by itself, before it had read to the end */
	END_READ,	/* read to the end, as it should be */
	END_RESET,	/* the same, and then a reset */
	END_CUT,	/* read to an end that came early: the other one was killed */
};

/* Sent and received: bytes, or, of datagrams, how many. */
struct entry {
	uint64_t sent;
	uint64_t attempted;	/* what a call that was cut off may have added */
	uint64_t received;
	uint32_t next;		/* datagrams at the server: expected number */
	uint8_t state;
	uint8_t end;
	bool failed;
	bool mortal;		/* one of its processes was going to be killed */
};

/* A socket that gets datagrams from many. */
enum inbox { INBOX_BLAST, INBOX_ECHO, INBOXES };

struct ledger {
	_Atomic bool stop;		/* no new flows */
	_Atomic bool hurry;		/* the processes that will be killed: now */
	_Atomic uint32_t last;		/* flow number in use */
	_Atomic uint32_t open;
	_Atomic uint32_t deaths;
	_Atomic uint32_t failures;	/* flows or sockets */
	_Atomic uint32_t others;	/* of them, those that were of no flow */
	_Atomic uint64_t bytes;		/* received, as are the next two */
	_Atomic uint64_t records;
	_Atomic uint64_t datagrams;
	_Atomic uint64_t inbox[INBOXES];
	_Atomic uint64_t replies_held;	/* echoes not sent: there was no room */
	_Atomic uint64_t repeated;	/* echoes asked for again */
	_Atomic uint64_t silent;	/* connections that ended before the first byte */
	_Atomic uint64_t fates[FATES];	/* flows that ended so */
	struct entry flow[];
};

#define LEDGER_FLOWS	4000000U

extern struct ledger *ledger;
extern enum side ledger_side;

void ledger_create(enum side side);
/* 0 when there are no more. */
uint32_t ledger_new_flow(void);

/* Reports a failure of a flow, or, with @plan NULL, of no single flow. */
void __attribute__((format(printf, 2, 3)))
failed(const struct plan *plan, const char *format, ...);

/* Too many failures to continue. */
bool ledger_hopeless(void);

#endif
