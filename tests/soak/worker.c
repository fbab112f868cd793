// SPDX-License-Identifier: GPL-2.0-only
#include "worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "case.h"
#include "flow.h"
#include "ledger.h"

/* How often it looks for flows that stand still, and for the end. */
#define TICK_MS		500
#define EVENTS		64

void worker_init(struct worker *worker, uint64_t random)
{
	memset(worker, 0, sizeof(*worker));
	LIST_INIT(&worker->flows);
	worker->random = random;
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (worker->epoll < 0) {
		perror("epoll_create1");
		exit(2);
	}
}

void worker_watch(struct worker *worker, struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (epoll_ctl(worker->epoll, EPOLL_CTL_MOD, source->fd, &event) &&
	    (errno != ENOENT ||
	     epoll_ctl(worker->epoll, EPOLL_CTL_ADD, source->fd, &event)))
		failed(NULL, "epoll_ctl: %s", errno_name(errno));
}

static void tick(struct worker *worker)
{
	struct flow *flow = LIST_FIRST(&worker->flows);
	int64_t now = now_ms();

	while (flow) {
		struct flow *next = LIST_NEXT(flow, link);

		flow_tick(flow, now);
		flow = next;
	}
}

void worker_run(struct worker *worker)
{
	struct epoll_event events[EVENTS];
	int64_t ticked = now_ms();

	while (worker->refill(worker) || worker->open) {
		int n = epoll_wait(worker->epoll, events, EVENTS, TICK_MS);

		if (n < 0 && errno != EINTR) {
			failed(NULL, "epoll_wait: %s", errno_name(errno));
			return;
		}
		for (int i = 0; i < n; i++) {
			struct source *source = events[i].data.ptr;

			source->ready(worker, source, events[i].events);
		}
		if (ledger_hopeless())
			return;
		if (now_ms() - ticked >= TICK_MS) {
			tick(worker);
			ticked = now_ms();
		}
	}
}

static void *run(void *worker)
{
	worker_run(worker);
	return NULL;
}

void worker_start(struct worker *worker)
{
	int error = pthread_create(&worker->thread, NULL, run, worker);

	if (error) {
		fprintf(stderr, "pthread_create: %s\n", errno_name(error));
		exit(2);
	}
}

void worker_join(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
	close(worker->epoll);
}
