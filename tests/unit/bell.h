/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A notification between two threads, as an event channel is one between two
 * domains: rung twice it is heard once, and rung before anybody listens it is
 * kept. The waiter sleeps; nothing but a ring wakes it.
 */
#ifndef BELL_H
#define BELL_H

#include <pthread.h>
#include <stdbool.h>

struct bell {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool rung;
	unsigned long rings;	/* how often it was rung */
};

void bell_init(struct bell *bell);
void bell_ring(struct bell *bell);
/* False if it did not ring for so long that it never will. */
bool bell_wait(struct bell *bell);

#endif
