/* SPDX-License-Identifier: GPL-2.0-only */
/* Spinlocks are mutexes, which the sanitizers know. */
#ifndef SHIM_LINUX_SPINLOCK_H
#define SHIM_LINUX_SPINLOCK_H

#include <pthread.h>

typedef struct {
	pthread_mutex_t mutex;
} spinlock_t;

static inline void spin_lock_init(spinlock_t *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
}

static inline void spin_lock_bh(spinlock_t *lock)
{
	pthread_mutex_lock(&lock->mutex);
}

static inline void spin_unlock_bh(spinlock_t *lock)
{
	pthread_mutex_unlock(&lock->mutex);
}

#endif
