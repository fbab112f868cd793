// SPDX-License-Identifier: GPL-2.0-only
#include "blocked.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "control.h"

struct blocked {
	pthread_t watcher;
	pid_t thread;
	long number;
	void (*action)(void *arg);
	void *arg;
};

/*
 * /proc/TID/syscall names the call only while the thread is asleep: for one
 * that runs, or is only about to, it says "running".
 */
static bool is_blocked(pid_t thread, long number)
{
	char path[64], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("a process that should sleep in system call %ld has ended (%s)",
		     number, errno_name(errno));
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return text[0] >= '0' && text[0] <= '9' && atol(text) == number;
}

void wait_blocked(pid_t thread, long number)
{
	static const struct timespec pause = { .tv_nsec = 500000 };

	while (!is_blocked(thread, number))
		nanosleep(&pause, NULL);
}

static void *watch(void *arg)
{
	struct blocked *blocked = arg;

	wait_blocked(blocked->thread, blocked->number);
	blocked->action(blocked->arg);
	return NULL;
}

struct blocked *when_blocked(long number, void (*action)(void *arg), void *arg)
{
	struct blocked *blocked = malloc(sizeof(*blocked));
	sigset_t all, before;

	check(blocked);
	blocked->thread = gettid();
	blocked->number = number;
	blocked->action = action;
	blocked->arg = arg;
	/* Signals of the case are for the thread that is being watched. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	check_equal(pthread_create(&blocked->watcher, NULL, watch, blocked), 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return blocked;
}

void blocked_join(struct blocked *blocked)
{
	pthread_join(blocked->watcher, NULL);
	free(blocked);
}

static void tell(void *line)
{
	control_write("%s", (const char *)line);
}

struct blocked *tell_when_blocked(long number, const char *line)
{
	return when_blocked(number, tell, (void *)line);
}

struct start {
	void *(*function)(void *arg);
	void *arg;
	pid_t thread;
	pthread_barrier_t known;
};

static void *run_started(void *arg)
{
	struct start *start = arg;
	void *(*function)(void *) = start->function;
	void *function_arg = start->arg;

	start->thread = gettid();
	pthread_barrier_wait(&start->known);
	return function(function_arg);
}

pthread_t thread_blocked(void *(*function)(void *), void *arg, long number)
{
	struct start start = { .function = function, .arg = arg };
	pthread_t thread;

	pthread_barrier_init(&start.known, NULL, 2);
	check_equal(pthread_create(&thread, NULL, run_started, &start), 0);
	pthread_barrier_wait(&start.known);
	/* returns only after the other thread has left the barrier */
	pthread_barrier_destroy(&start.known);
	wait_blocked(start.thread, number);
	return thread;
}
