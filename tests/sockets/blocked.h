/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waits until a thread sleeps in a system call. Cases use this in place of a delay after which
 * the thread has probably blocked.
 */
#ifndef BLOCKED_H
#define BLOCKED_H

#include <pthread.h>
#include <sys/syscall.h>

struct blocked;

/*
 * Calls @action as soon as the calling thread sleeps in system call @number.
 * The caller then makes that call; blocked_join() afterwards.
 */
struct blocked *when_blocked(long number, void (*action)(void *arg), void *arg);
void blocked_join(struct blocked *blocked);

/* An @action: sends a line on the control connection. */
struct blocked *tell_when_blocked(long number, const char *line);

/* Waits until another thread, or process, sleeps in system call @number. */
void wait_blocked(pid_t thread, long number);

/* Runs @function in a thread; returns once that sleeps in call @number. */
pthread_t thread_blocked(void *(*function)(void *), void *arg, long number);

#endif
