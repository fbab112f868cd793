// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "bell.h"

/* Only a lost wake-up takes this long, on however busy a machine. */
#define PATIENCE_S 15

void bell_init(struct bell *bell)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&bell->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&bell->cond, &attr);
	pthread_condattr_destroy(&attr);
	bell->rung = false;
	bell->rings = 0;
}

void bell_ring(struct bell *bell)
{
	pthread_mutex_lock(&bell->lock);
	bell->rung = true;
	bell->rings++;
	pthread_cond_signal(&bell->cond);
	pthread_mutex_unlock(&bell->lock);
}

bool bell_wait(struct bell *bell)
{
	struct timespec until;
	bool rung;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&bell->lock);
	while (!bell->rung && !err)
		err = pthread_cond_timedwait(&bell->cond, &bell->lock, &until);
	rung = bell->rung;
	bell->rung = false;
	pthread_mutex_unlock(&bell->lock);
	return rung;
}
