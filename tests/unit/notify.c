// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "notify.h"

/* Only a lost wake-up takes this long, even on a busy machine. */
#define LIMIT_S 15

void notify_init(struct notify *notify)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&notify->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&notify->cond, &attr);
	pthread_condattr_destroy(&attr);
	notify->pending = false;
	notify->sent = 0;
}

void notify_send(struct notify *notify)
{
	pthread_mutex_lock(&notify->lock);
	notify->pending = true;
	notify->sent++;
	pthread_cond_signal(&notify->cond);
	pthread_mutex_unlock(&notify->lock);
}

bool notify_wait(struct notify *notify)
{
	struct timespec until;
	bool pending;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LIMIT_S;
	pthread_mutex_lock(&notify->lock);
	while (!notify->pending && !err)
		err = pthread_cond_timedwait(&notify->cond, &notify->lock, &until);
	pending = notify->pending;
	notify->pending = false;
	pthread_mutex_unlock(&notify->lock);
	return pending;
}
