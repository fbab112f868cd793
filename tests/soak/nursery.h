/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes that are killed at random times, and replaced by others. They are
 * started by a process that has no flows itself, else they would inherit them
 * and keep them open.
 */
#ifndef NURSERY_H
#define NURSERY_H

#include <sys/types.h>

struct worker;

/* Each of @children prepares a worker, which then runs. No threads before. */
pid_t nursery_start(unsigned int children, void (*prepare)(struct worker *worker));
/* Kills them all. */
void nursery_end(pid_t nursery);

#endif
