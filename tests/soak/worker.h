/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thread (or process) that drives many flows with one epoll instance.
 */
#ifndef WORKER_H
#define WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct worker;
struct flow;

/* Something that epoll watches. */
struct source {
	int fd;
	void (*ready)(struct worker *worker, struct source *source, uint32_t events);
};

struct worker {
	int epoll;
	bool mortal;		/* it is a process that will be killed */
	unsigned int open;	/* flows */
	LIST_HEAD(, flow) flows;
	uint64_t random;	/* of what only this side needs to know */
	/*
	 * Called before each wait. Returns false when there is nothing to do any
	 * more: then the worker ends once it has no flows.
	 */
	bool (*refill)(struct worker *worker);
	unsigned int slots;	/* for it */
	pthread_t thread;
};

void worker_init(struct worker *worker, uint64_t random);
void worker_watch(struct worker *worker, struct source *source, uint32_t events);
void worker_run(struct worker *worker);

/* In a thread of its own. */
void worker_start(struct worker *worker);
void worker_join(struct worker *worker);

#endif
