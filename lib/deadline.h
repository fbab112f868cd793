/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Timeouts in milliseconds, -1 for none, over several waits. */
#ifndef LIB_DEADLINE_H
#define LIB_DEADLINE_H

#include <time.h>

/* When timeout_ms from now is. */
struct timespec scl_deadline(int timeout_ms);

/* What is left of timeout_ms, for poll(). */
int scl_deadline_left(const struct timespec *deadline, int timeout_ms);

#endif
