/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A notification between two threads, as an event channel is one between two domains: two
 * sent before the wait are one, and one that nobody waits for yet is kept. Only a
 * notification ends the wait.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <pthread.h>
#include <stdbool.h>

struct notify {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool pending;
	unsigned long sent;
};

void notify_init(struct notify *notify);
void notify_send(struct notify *notify);
/* Returns false if none came within a time that only a lost wake-up explains. */
bool notify_wait(struct notify *notify);

#endif
