/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A timeout in milliseconds (-1: none) that covers several waits. */
#ifndef LIB_DEADLINE_H
#define LIB_DEADLINE_H

#include <time.h>

/* The time at which timeout_ms, from now on, is over. */
struct timespec scl_deadline(int timeout_ms);

/* The rest of timeout_ms, for poll(). */
int scl_deadline_left(const struct timespec *deadline, int timeout_ms);

#endif
