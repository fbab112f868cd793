// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event queue between two threads: the poster changes flows and posts them, the taker
 * polls, arms and sleeps as a channel does. When both are idle, the taker must have seen
 * every change.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "notify.h"
#include "queue_half.h"
#include "random.h"
#include "tap.h"

#define FLOWS_MAX 4000

struct events {
	struct queue_half half[2];	/* the poster's, the taker's */
	struct sc_queue poster;
	struct sc_queue taker;
	struct notify notify;	/* wakes the taker */
	struct notify idle;	/* wakes the poster when the taker sleeps */
	u32 flows;
	u32 bursts;
	u32 burst_max;
	u32 batch;		/* entries taken at once */
	bool over;
	u32 change[FLOWS_MAX];	/* by the poster; stands for the flow's page */
	u32 seen[FLOWS_MAX];	/* by the taker */
	unsigned long notified;
	unsigned long armed;
	unsigned long overflows;
};

static void look(struct events *e, u32 flow)
{
	if (CHECK(flow < e->flows))
		WRITE_ONCE(e->seen[flow], READ_ONCE(e->change[flow]));
}

static void poll(struct events *e)
{
	u32 flow[64];
	int i, nr;

	for (;;) {
		nr = sc_queue_take(&e->taker, flow, e->batch);
		if (!CHECK(nr >= 0))
			return;
		for (i = 0; i < nr; i++)
			look(e, flow[i]);
		if (sc_queue_overflowed(&e->taker)) {
			for (i = 0; i < (int)e->flows; i++)
				look(e, i);
		} else if (!nr) {
			e->armed++;
			if (!sc_queue_arm(&e->taker))
				return;
		}
	}
}

static void *take(void *arg)
{
	struct events *e = arg;

	do {
		poll(e);
		notify_send(&e->idle);
		/* ends with a last ring, so that it never waits too long */
	} while (notify_wait(&e->notify) && !READ_ONCE(e->over));
	return NULL;
}

static void post(struct events *e, u32 flow, sc_pending_t *pending)
{
	u32 overflow = e->poster.own->overflow;

	WRITE_ONCE(e->change[flow], e->change[flow] + 1);
	virt_mb();	/* as sc_queue_post() demands */
	if (sc_queue_post(&e->poster, flow, pending) == SC_POST_NOTIFY) {
		e->notified++;
		notify_send(&e->notify);
	}
	e->overflows += e->poster.own->overflow != overflow;
}

static bool all_seen(struct events *e)
{
	u32 i;

	for (i = 0; i < e->flows; i++)
		if (READ_ONCE(e->seen[i]) != e->change[i])
			return false;
	return true;
}

/* A burst, then nothing more until the taker has seen all of it. */
static void run(u32 order, u32 flows, u32 bursts, u32 burst_max, u32 batch)
{
	struct events *e = calloc(1, sizeof(*e));
	sc_pending_t pending[FLOWS_MAX] = { 0 };
	struct random random = { .state = flows };
	u32 start = 0xffffffff - burst_max;
	pthread_t taker;
	u32 i, nr;

	e->flows = flows;
	e->burst_max = burst_max;
	e->batch = batch;
	queue_half_init(&e->half[0], order);
	queue_half_init(&e->half[1], 0);
	e->poster = queue_join(&e->half[0], &e->half[1], start, 0);
	e->taker = queue_join(&e->half[1], &e->half[0], 0, start);
	e->taker.own->event = start - 1;
	notify_init(&e->notify);
	notify_init(&e->idle);
	pthread_create(&taker, NULL, take, e);

	for (i = 0; i < bursts; i++) {
		for (nr = random_within(&random, 1, burst_max); nr; nr--) {
			u32 flow = random_below(&random, flows);

			post(e, flow, &pending[flow]);
		}
		while (!all_seen(e))
			if (!notify_wait(&e->idle))
				break;
		if (!CHECK(all_seen(e)))
			break;
	}
	WRITE_ONCE(e->over, true);
	notify_send(&e->notify);
	pthread_join(taker, NULL);

	/* no notification without arming */
	CHECK(e->notified <= e->armed + e->overflows);
	tap_note("%u flows: armed %lu, notified %lu, overflows %lu", flows,
		 e->armed, e->notified, e->overflows);
	if (flows <= e->poster.own_size)
		CHECK_EQ(e->overflows, 0);
	queue_half_exit(&e->half[0]);
	queue_half_exit(&e->half[1]);
	free(e);
}

static void few_flows(void)
{
	run(0, 1, 5000, 3, 16);
	run(0, 3, 5000, 20, 1);
}

static void many_flows(void)
{
	run(1, 200, 1000, 1000, 16);
}

static void more_than_fit(void)
{
	run(0, FLOWS_MAX, 100, 16000, 64);
}

static void all_fit(void)
{
	run(2, FLOWS_MAX, 100, 16000, 64);
}

/*
 * Memory that was written before an entry is posted can be read after it is taken. The
 * payload is plain memory, so that ThreadSanitizer reports a missing release or acquire.
 * Each flow is posted once: when the poster leaves out an entry that still waits, it
 * relies on a fence, which ThreadSanitizer does not model.
 */
struct payload {
	struct queue_half half[2];	/* the poster's, the taker's */
	struct sc_queue taker;
	u32 value[SCHANNEL_QUEUE_ENTRIES];
};

static void *take_payload(void *arg)
{
	struct payload *p = arg;
	u32 flow[16];
	u32 got = 0;
	int i, nr;

	while (got < SCHANNEL_QUEUE_ENTRIES) {
		nr = sc_queue_take(&p->taker, flow, 16);
		if (!CHECK(nr >= 0))
			break;
		for (i = 0; i < nr; i++)
			CHECK_EQ(p->value[flow[i]], ~flow[i]);
		got += nr;
	}
	return NULL;
}

static void payload_is_visible(void)
{
	/* not on the stack: see README.md */
	struct payload *p = calloc(1, sizeof(*p));
	struct sc_queue poster;
	pthread_t taker;
	u32 i;

	queue_half_init(&p->half[0], 0);
	queue_half_init(&p->half[1], 0);
	poster = queue_join(&p->half[0], &p->half[1], 0, 0);
	p->taker = queue_join(&p->half[1], &p->half[0], 0, 0);
	pthread_create(&taker, NULL, take_payload, p);
	for (i = 0; i < SCHANNEL_QUEUE_ENTRIES; i++) {
		sc_pending_t pending = 0;

		p->value[i] = ~i;
		sc_queue_post(&poster, i, &pending);
	}
	pthread_join(taker, NULL);
	queue_half_exit(&p->half[0]);
	queue_half_exit(&p->half[1]);
	free(p);
}

static const struct tap_case cases[] = {
	{ "few flows", few_flows },
	{ "many flows", many_flows },
	{ "more flows than fit", more_than_fit },
	{ "as many flows as fit", all_fit },
	{ "earlier writes are visible", payload_is_visible },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
