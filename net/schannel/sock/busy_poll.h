/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking for a while before going to sleep. A sleep costs the peer a notification and us a
 * wake-up, some of which is more than the wait for what comes soon. Whether it does is
 * learned for each direction of each connection: where it does not, hardly anybody looks.
 */
#ifndef _SCHANNEL_BUSY_POLL_H
#define _SCHANNEL_BUSY_POLL_H

#include <linux/limits.h>
#include <linux/types.h>

struct sock;

/**
 * struct sc_busy_poll - whether it is worth it; under the direction's data lock
 * @misses:	times in a row that came to nothing
 * @rest:	so many waits go without
 * @pause:	that is going to be set to this
 * @credit:	so many times it may take longer after a miss
 * @prompt:	what comes within so many nanoseconds is what was hoped for
 */
struct sc_busy_poll {
	u8 misses;
	u8 rest;
	u8 pause;
	u8 credit;
	u64 prompt;
};

/* Instead of how long it took: it did not come. */
#define SC_BUSY_POLL_MISS	U64_MAX

void sc_busy_poll_init(struct sc_busy_poll *poll);
u64 sc_busy_poll_budget(struct sc_busy_poll *poll, const struct sock *sk);
void sc_busy_poll_learn(struct sc_busy_poll *poll, u64 took);

#endif /* _SCHANNEL_BUSY_POLL_H */
