/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Busy polling: looking for data, or space, for a while before going to sleep. A sleep
 * costs the peer a notification and us a wake-up, which together can take longer than
 * the wait itself. Whether polling pays is learned for each direction of each
 * connection; where it does not, a waiter rarely polls.
 */
#ifndef _SCHANNEL_BUSY_POLL_H
#define _SCHANNEL_BUSY_POLL_H

#include <linux/limits.h>
#include <linux/types.h>

struct sock;

/**
 * struct sc_busy_poll - what one direction of a connection has learned
 * @misses:	polls in a row that ended without a result
 * @rest:	waits that still go without polling
 * @pause:	what @rest is set to after the next series of misses
 * @credit:	polls that may take longer than usual after a miss
 * @prompt:	nanoseconds within which a result counts as a hit
 *
 * Under the direction's data lock.
 */
struct sc_busy_poll {
	u8 misses;
	u8 rest;
	u8 pause;
	u8 credit;
	u64 prompt;
};

/* In place of the time it took: there was no result. */
#define SC_BUSY_POLL_MISS	U64_MAX

void sc_busy_poll_init(struct sc_busy_poll *poll);
u64 sc_busy_poll_budget(struct sc_busy_poll *poll, const struct sock *sk);
void sc_busy_poll_learn(struct sc_busy_poll *poll, u64 took);

#endif /* _SCHANNEL_BUSY_POLL_H */
