// SPDX-License-Identifier: GPL-2.0-only
/* The event queue in one thread. */
#include <stdlib.h>
#include <string.h>

#include "ring/queue.h"
#include "random.h"
#include "tap.h"

#define ENTRIES SCHANNEL_QUEUE_ENTRIES

/* Both ends of one queue; each page in its exact size. */
struct ends {
	struct schannel_queue *poster_page;
	struct schannel_queue *taker_page;
	struct sc_queue poster;
	struct sc_queue taker;
};

/* @start entries were posted and taken; the taker is not armed. */
static void ends_init(struct ends *ends, u32 start)
{
	memset(ends, 0, sizeof(*ends));
	ends->poster_page = calloc(1, sizeof(*ends->poster_page));
	ends->taker_page = calloc(1, sizeof(*ends->taker_page));
	ends->poster = (struct sc_queue){
		.own = ends->poster_page,
		.peer = ends->taker_page,
		.prod = SC_QUEUE_START + start,
	};
	ends->taker = (struct sc_queue){
		.own = ends->taker_page,
		.peer = ends->poster_page,
		.prod = SC_QUEUE_START,
		.cons = start,
	};
	ends->poster_page->prod = start;
	ends->taker_page->cons = start;
	ends->taker_page->event = start - 1;
}

static void ends_exit(struct ends *ends)
{
	free(ends->poster_page);
	free(ends->taker_page);
}

static void posted_once(void)
{
	struct ends ends;
	sc_pending_t pending = 0;
	u32 flow = 0;

	ends_init(&ends, 0xffffffff);
	CHECK_EQ(sc_queue_post(&ends.poster, 42, &pending), SC_POST_QUIET);
	CHECK_EQ(ends.poster_page->prod, 0);
	CHECK_EQ(sc_queue_post(&ends.poster, 42, &pending), SC_POST_QUIET);
	CHECK_EQ(ends.poster_page->prod, 0);
	CHECK_EQ(sc_queue_take(&ends.taker, &flow, 1), 1);
	CHECK_EQ(flow, 42);
	CHECK_EQ(ends.taker_page->cons, 0);
	CHECK_EQ(sc_queue_take(&ends.taker, &flow, 1), 0);

	/* after it is taken it is posted again */
	CHECK_EQ(sc_queue_post(&ends.poster, 42, &pending), SC_POST_QUIET);
	CHECK_EQ(ends.poster_page->prod, 1);
	CHECK_EQ(ends.poster_page->overflow, 0);
	ends_exit(&ends);
}

static void armed_notified_once(void)
{
	const u32 starts[] = { 0, 0x7fffffff, 0xfffffffe, 0xffffffff };
	size_t i;
	u32 flow;

	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		sc_pending_t pending[4] = { 0 };
		struct ends ends;

		ends_init(&ends, starts[i]);
		CHECK(!sc_queue_arm(&ends.taker));
		CHECK_EQ(sc_queue_post(&ends.poster, 1, &pending[1]), SC_POST_NOTIFY);
		CHECK_EQ(sc_queue_post(&ends.poster, 2, &pending[2]), SC_POST_QUIET);
		CHECK_EQ(sc_queue_post(&ends.poster, 1, &pending[1]), SC_POST_QUIET);
		CHECK_EQ(sc_queue_take(&ends.taker, &flow, 1), 1);
		CHECK_EQ(sc_queue_post(&ends.poster, 3, &pending[3]), SC_POST_QUIET);
		/* not empty, so no notification is needed */
		CHECK(sc_queue_arm(&ends.taker));
		CHECK_EQ(sc_queue_take(&ends.taker, &flow, 1), 1);
		CHECK_EQ(sc_queue_take(&ends.taker, &flow, 1), 1);
		CHECK(!sc_queue_arm(&ends.taker));
		CHECK_EQ(sc_queue_post(&ends.poster, 1, &pending[1]), SC_POST_NOTIFY);
		ends_exit(&ends);
	}
}

/* A full queue counts the entries that do not fit, and notifies each time. */
static void overflow(void)
{
	sc_pending_t pending[ENTRIES + 2] = { 0 };
	u32 flow[ENTRIES + 1];
	struct ends ends;
	u32 i;

	ends_init(&ends, 0xffffff80);
	for (i = 0; i < ENTRIES; i++)
		CHECK_EQ(sc_queue_post(&ends.poster, i, &pending[i]),
			 SC_POST_QUIET);
	CHECK_EQ(ends.poster_page->overflow, 0);
	for (i = 0; i < ENTRIES; i++)
		CHECK_EQ(sc_queue_post(&ends.poster, i, &pending[i]),
			 SC_POST_QUIET);
	CHECK_EQ(ends.poster_page->overflow, 0);
	CHECK(!sc_queue_overflowed(&ends.taker));

	for (i = 1; i <= 3; i++) {
		CHECK_EQ(sc_queue_post(&ends.poster, ENTRIES, &pending[ENTRIES]),
			 SC_POST_NOTIFY);
		CHECK_EQ(ends.poster_page->overflow, i);
		CHECK_EQ(pending[ENTRIES], 0);
	}
	CHECK(sc_queue_arm(&ends.taker));
	CHECK_EQ(sc_queue_take(&ends.taker, flow, ENTRIES + 1), ENTRIES);
	for (i = 0; i < ENTRIES; i++)
		CHECK_EQ(flow[i], i);
	/* empty, but flows were left out */
	CHECK(sc_queue_arm(&ends.taker));
	CHECK(sc_queue_overflowed(&ends.taker));
	CHECK(!sc_queue_overflowed(&ends.taker));
	CHECK(!sc_queue_arm(&ends.taker));
	CHECK_EQ(sc_queue_post(&ends.poster, ENTRIES, &pending[ENTRIES]),
		 SC_POST_NOTIFY);
	CHECK_EQ(ends.poster_page->overflow, 3);
	ends_exit(&ends);
}

/* An overflow count that wraps has changed, too. */
static void overflow_count_wraps(void)
{
	sc_pending_t pending = 0;
	struct ends ends;

	ends_init(&ends, 0);
	ends.poster_page->overflow = 0xffffffff;
	ends.taker.overflow = 0xffffffff;
	ends.taker_page->cons = ends.poster_page->prod - ENTRIES;
	CHECK_EQ(sc_queue_post(&ends.poster, 1, &pending), SC_POST_NOTIFY);
	CHECK_EQ(ends.poster_page->overflow, 0);
	CHECK(sc_queue_overflowed(&ends.taker));
	ends_exit(&ends);
}

/* A simple model of what the queue must hold. */
struct model {
	u32 flow[ENTRIES];
	u32 nr;
	u32 overflow;
};

static bool model_waits(const struct model *model, u32 flow)
{
	u32 i;

	for (i = 0; i < model->nr; i++)
		if (model->flow[i] == flow)
			return true;
	return false;
}

static void model_post(struct model *model, struct ends *ends, u32 flow,
		       sc_pending_t *pending)
{
	enum sc_post post = sc_queue_post(&ends->poster, flow, pending);

	if (model_waits(model, flow)) {
		CHECK_EQ(post, SC_POST_QUIET);
	} else if (model->nr == ENTRIES) {
		CHECK_EQ(post, SC_POST_NOTIFY);
		model->overflow++;
	} else {
		model->flow[model->nr++] = flow;
	}
	CHECK_EQ(ends->poster_page->prod - ends->taker_page->cons, model->nr);
	CHECK_EQ(ends->poster_page->overflow, model->overflow);
}

static void model_take(struct model *model, struct ends *ends, u32 max)
{
	u32 want = max < model->nr ? max : model->nr;
	u32 flow[64];

	CHECK_EQ(sc_queue_take(&ends->taker, flow, max), want);
	CHECK(!memcmp(flow, model->flow, want * sizeof(flow[0])));
	model->nr -= want;
	memmove(model->flow, model->flow + want, model->nr * sizeof(flow[0]));
}

static void as_the_model(void)
{
	const u32 starts[] = { 0, 0x7fffff00, 0xfffffc00, 0xffffffff };
	struct random random = { .state = 6 };
	size_t i;
	int n;

	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		sc_pending_t pending[700] = { 0 };
		struct model model = { .nr = 0 };
		struct ends ends;

		ends_init(&ends, starts[i]);
		for (n = 0; n < 20000; n++) {
			/* mostly fill for a while, then mostly empty */
			bool post = random_below(&random, 100) <
				    (n / 2000 % 2 ? 100 : 85);
			u32 flow = random_below(&random, 700);

			if (post)
				model_post(&model, &ends, flow, &pending[flow]);
			else
				model_take(&model, &ends,
					   random_within(&random, 1, 64));
		}
		CHECK(model.overflow > 0);
		ends_exit(&ends);
	}
}

/*
 * The queue advances by exactly 2^32 entries, so that a comparison of 32 bits takes an
 * old pending mark for an entry that waits.
 */
static void old_marks_stay_old(void)
{
	struct ends ends;
	u32 i, other;

	for (i = 0; i < ENTRIES; i++) {
		sc_pending_t pending = 0, marks[ENTRIES] = { 0 };
		u32 flow;

		ends_init(&ends, 100);
		sc_queue_post(&ends.poster, 1, &pending);
		CHECK_EQ(sc_queue_take(&ends.taker, &flow, 1), 1);
		ends.poster.prod += (1ULL << 32) - 1 - i;
		ends.poster_page->prod = (u32)ends.poster.prod;
		ends.taker.cons = (u32)ends.poster.prod;
		ends.taker_page->cons = (u32)ends.poster.prod;
		for (other = 0; other < ENTRIES - 1; other++)
			sc_queue_post(&ends.poster, 2 + other, &marks[other]);
		sc_queue_post(&ends.poster, 1, &pending);
		CHECK_EQ(ends.poster_page->prod, (u32)(100 - i + ENTRIES));
		CHECK_EQ(pending, ends.poster.prod - 1);
		ends_exit(&ends);
	}
}

/* The initial pending mark is before all entries, even the first. */
static void first_entry_of_all(void)
{
	sc_pending_t pending = 0;
	struct ends ends;

	ends_init(&ends, 0);
	CHECK_EQ(sc_queue_post(&ends.poster, 9, &pending), SC_POST_QUIET);
	CHECK_EQ(ends.poster_page->prod, 1);
	CHECK_EQ(ends.poster_page->entry[0], 9);
	ends_exit(&ends);
}

static void hostile_prod(void)
{
	struct random random = { .state = 7 };
	u32 flow[ENTRIES + 1];
	struct ends ends;
	int n;

	ends_init(&ends, 0xffffffc0);
	for (n = 0; n < 100000; n++) {
		struct sc_queue before = ends.taker;
		u32 ahead = n < 2000 ? (u32)(n - 1000) : random_u32(&random);
		u32 max = random_within(&random, 0, ENTRIES + 1);
		int want = ahead > ENTRIES ? -EPROTO :
			   (int)(ahead < max ? ahead : max);

		ends.poster_page->prod = before.cons + ahead;
		CHECK_EQ(sc_queue_take(&ends.taker, flow, max), want);
		CHECK_EQ(ends.taker.cons,
			 before.cons + (want > 0 ? (u32)want : 0));
		CHECK_EQ(ends.taker_page->cons, ends.taker.cons);
		CHECK_EQ(sc_queue_arm(&ends.taker),
			 ends.poster_page->prod != ends.taker.cons);
	}
	ends_exit(&ends);
}

/* An invalid index costs the peer its own events, and breaks nothing here. */
static void hostile_cons(void)
{
	struct random random = { .state = 8 };
	sc_pending_t pending[40] = { 0 };
	struct ends ends;
	int n;

	ends_init(&ends, 0xffffffc0);
	for (n = 0; n < 100000; n++) {
		u32 behind = n < 2000 ? (u32)(n - 1000) : random_u32(&random);
		u32 overflow = ends.poster_page->overflow;
		u64 prod = ends.poster.prod;
		u32 flow = random_below(&random, 40);
		enum sc_post post;

		ends.taker_page->cons = (u32)prod - behind;
		ends.taker_page->event = random_u32(&random);
		post = sc_queue_post(&ends.poster, flow, &pending[flow]);
		CHECK(ends.poster.prod - prod <= 1);
		CHECK_EQ(ends.poster_page->prod, (u32)ends.poster.prod);
		if (behind > ENTRIES) {
			CHECK_EQ(post, SC_POST_NOTIFY);
			CHECK_EQ(ends.poster_page->overflow, overflow + 1);
		}
		if (ends.poster.prod != prod)
			CHECK_EQ(ends.poster_page->entry[prod % ENTRIES], flow);
	}
	ends_exit(&ends);
}

static const struct tap_case cases[] = {
	{ "posted once while it waits", posted_once },
	{ "armed, notified once", armed_notified_once },
	{ "overflow", overflow },
	{ "the overflow count wraps", overflow_count_wraps },
	{ "as the model", as_the_model },
	{ "old pending marks stay old", old_marks_stay_old },
	{ "the first entry of all", first_entry_of_all },
	{ "hostile producer index", hostile_prod },
	{ "hostile consumer index", hostile_cons },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
