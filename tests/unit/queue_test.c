// SPDX-License-Identifier: GPL-2.0-only
/* The event queue in one thread. */
#include <stdlib.h>
#include <string.h>

#include "queue_half.h"
#include "random.h"
#include "tap.h"

/* The largest queue that is tested: its order, and its entries. */
#define ORDERS	3U
#define ENTRIES	(SCHANNEL_QUEUE_ENTRIES << (ORDERS - 1))

/* The first side posts, the second one takes. The halves have different sizes. */
struct ends {
	struct queue_half half[2];
	struct schannel_queue *poster_page;
	struct schannel_queue *taker_page;
	struct sc_queue poster;
	struct sc_queue taker;
	u32 entries;
};

/* @start entries were posted and taken; the taker is not armed. */
static void ends_init_order(struct ends *ends, u32 order, u32 start)
{
	queue_half_init(&ends->half[0], order);
	queue_half_init(&ends->half[1], (order + 1) % ORDERS);
	ends->poster_page = ends->half[0].header;
	ends->taker_page = ends->half[1].header;
	ends->poster = queue_join(&ends->half[0], &ends->half[1], start, 0);
	ends->taker = queue_join(&ends->half[1], &ends->half[0], 0, start);
	ends->taker_page->event = start - 1;
	ends->entries = ends->poster.own_size;
}

static void ends_init(struct ends *ends, u32 start)
{
	ends_init_order(ends, 0, start);
}

static void ends_exit(struct ends *ends)
{
	queue_half_exit(&ends->half[0]);
	queue_half_exit(&ends->half[1]);
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
static void overflow_of_order(u32 order)
{
	static sc_pending_t pending[ENTRIES + 2];
	static u32 flow[ENTRIES + 1];
	struct ends ends;
	u32 i, entries;

	ends_init_order(&ends, order, 0xffffff80);
	entries = ends.entries;
	memset(pending, 0, sizeof(pending));
	for (i = 0; i < entries; i++)
		CHECK_EQ(sc_queue_post(&ends.poster, i, &pending[i]),
			 SC_POST_QUIET);
	CHECK_EQ(ends.poster_page->overflow, 0);
	for (i = 0; i < entries; i++)
		CHECK_EQ(sc_queue_post(&ends.poster, i, &pending[i]),
			 SC_POST_QUIET);
	CHECK_EQ(ends.poster_page->overflow, 0);
	CHECK(!sc_queue_overflowed(&ends.taker));

	for (i = 1; i <= 3; i++) {
		CHECK_EQ(sc_queue_post(&ends.poster, entries, &pending[entries]),
			 SC_POST_NOTIFY);
		CHECK_EQ(ends.poster_page->overflow, i);
		CHECK_EQ(pending[entries], 0);
	}
	CHECK(sc_queue_arm(&ends.taker));
	CHECK_EQ(sc_queue_take(&ends.taker, flow, entries + 1), entries);
	for (i = 0; i < entries; i++)
		CHECK_EQ(flow[i], i);
	/* empty, but flows were left out */
	CHECK(sc_queue_arm(&ends.taker));
	CHECK(sc_queue_overflowed(&ends.taker));
	CHECK(!sc_queue_overflowed(&ends.taker));
	CHECK(!sc_queue_arm(&ends.taker));
	CHECK_EQ(sc_queue_post(&ends.poster, entries, &pending[entries]),
		 SC_POST_NOTIFY);
	CHECK_EQ(ends.poster_page->overflow, 3);
	ends_exit(&ends);
}

static void overflow(void)
{
	u32 order;

	for (order = 0; order < ORDERS; order++)
		overflow_of_order(order);
}

/* An overflow count that wraps has changed, too. */
static void overflow_count_wraps(void)
{
	sc_pending_t pending = 0;
	struct ends ends;

	ends_init(&ends, 0);
	ends.poster_page->overflow = 0xffffffff;
	ends.taker.overflow = 0xffffffff;
	ends.taker_page->cons = ends.poster_page->prod - ends.entries;
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
	} else if (model->nr == ends->entries) {
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
	static sc_pending_t pending[2 * ENTRIES];
	static struct model model;
	size_t i;
	u32 n;

	for (i = 0; i < ARRAY_SIZE(starts) * ORDERS; i++) {
		struct ends ends;

		ends_init_order(&ends, i % ORDERS, starts[i / ORDERS]);
		memset(pending, 0, sizeof(pending));
		model.nr = 0;
		model.overflow = 0;
		for (n = 0; n < 20 * ends.entries; n++) {
			/* mostly fill for a while, then mostly empty */
			bool post = random_below(&random, 100) <
				    (n / 2 / ends.entries % 2 ? 100 : 85);
			u32 flow = random_below(&random, 2 * ends.entries);

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

/* As many flows as entries, each posted once while it waits: it never overflows. */
static void all_flows_fit(void)
{
	struct random random = { .state = 9 };
	static sc_pending_t pending[ENTRIES];
	u32 order, n, flow[64];
	struct ends ends;

	for (order = 0; order < ORDERS; order++) {
		ends_init_order(&ends, order, 0xffffff00);
		memset(pending, 0, sizeof(pending));
		for (n = 0; n < 20 * ends.entries; n++) {
			u32 id = random_below(&random, ends.entries);

			sc_queue_post(&ends.poster, id, &pending[id]);
			if (n / ends.entries % 4 == 3)
				CHECK(sc_queue_take(&ends.taker, flow, 1) >= 0);
		}
		CHECK_EQ(ends.poster_page->overflow, 0);
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

	for (i = 0; i < SCHANNEL_QUEUE_ENTRIES; i++) {
		sc_pending_t pending = 0, marks[SCHANNEL_QUEUE_ENTRIES] = { 0 };
		u32 flow;

		ends_init(&ends, 100);
		sc_queue_post(&ends.poster, 1, &pending);
		CHECK_EQ(sc_queue_take(&ends.taker, &flow, 1), 1);
		ends.poster.prod += (1ULL << 32) - 1 - i;
		ends.poster_page->prod = (u32)ends.poster.prod;
		ends.taker.cons = (u32)ends.poster.prod;
		ends.taker_page->cons = (u32)ends.poster.prod;
		for (other = 0; other < ends.entries - 1; other++)
			sc_queue_post(&ends.poster, 2 + other, &marks[other]);
		sc_queue_post(&ends.poster, 1, &pending);
		CHECK_EQ(ends.poster_page->prod, (u32)(100 - i + ends.entries));
		CHECK_EQ(pending, ends.poster.prod - 1);
		ends_exit(&ends);
	}
}

/* A flow whose entry waits in one queue is posted in another one that it was moved to. */
static void marks_are_of_one_queue(void)
{
	struct ends first, second;
	sc_pending_t pending = 0;

	ends_init(&first, 0);
	ends_init(&second, 0);
	second.poster.prod = SC_QUEUE_START(1);
	sc_queue_post(&first.poster, 9, &pending);
	sc_queue_post(&second.poster, 9, &pending);
	CHECK_EQ(second.poster_page->prod, 1);
	sc_queue_post(&second.poster, 9, &pending);
	CHECK_EQ(second.poster_page->prod, 1);
	sc_queue_post(&first.poster, 9, &pending);
	CHECK_EQ(first.poster_page->prod, 2);
	ends_exit(&first);
	ends_exit(&second);
}

/* The initial pending mark is before all entries, even the first. */
static void first_entry_of_all(void)
{
	sc_pending_t pending = 0;
	struct ends ends;

	ends_init(&ends, 0);
	CHECK_EQ(sc_queue_post(&ends.poster, 9, &pending), SC_POST_QUIET);
	CHECK_EQ(ends.poster_page->prod, 1);
	CHECK_EQ(queue_half_entry(&ends.half[0], 0), 9);
	ends_exit(&ends);
}

static void hostile_prod_of_order(u32 order)
{
	struct random random = { .state = 7 };
	static u32 flow[ENTRIES + 1];
	struct ends ends;
	u32 entries;
	int n;

	ends_init_order(&ends, order, 0xffffffc0);
	entries = ends.entries;
	for (n = 0; n < 100000; n++) {
		struct sc_queue before = ends.taker;
		u32 ahead = n < 10000 ? (u32)(n - 5000) : random_u32(&random);
		u32 max = random_within(&random, 0, entries + 1);
		int want = ahead > entries ? -EPROTO :
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

static void hostile_prod(void)
{
	u32 order;

	for (order = 0; order < ORDERS; order++)
		hostile_prod_of_order(order);
}

/* An invalid index costs the peer its own events, and breaks nothing here. */
static void hostile_cons(void)
{
	struct random random = { .state = 8 };
	sc_pending_t pending[40] = { 0 };
	struct ends ends;
	int n;

	ends_init_order(&ends, 1, 0xffffffc0);
	for (n = 0; n < 100000; n++) {
		u32 behind = n < 6000 ? (u32)(n - 3000) : random_u32(&random);
		u32 overflow = ends.poster_page->overflow;
		u64 prod = ends.poster.prod;
		u32 flow = random_below(&random, 40);
		enum sc_post post;

		ends.taker_page->cons = (u32)prod - behind;
		ends.taker_page->event = random_u32(&random);
		post = sc_queue_post(&ends.poster, flow, &pending[flow]);
		CHECK(ends.poster.prod - prod <= 1);
		CHECK_EQ(ends.poster_page->prod, (u32)ends.poster.prod);
		if (behind > ends.entries) {
			CHECK_EQ(post, SC_POST_NOTIFY);
			CHECK_EQ(ends.poster_page->overflow, overflow + 1);
		}
		if (ends.poster.prod != prod)
			CHECK_EQ(queue_half_entry(&ends.half[0], prod), flow);
	}
	ends_exit(&ends);
}

/* Each word that means something to the reader makes an event useful, once. */
static void seen_moves(void)
{
	struct schannel_flow entry = { 0 };
	__u32 *const words[] = {
		&entry.tx_prod, &entry.rx_cons, &entry.tx_flags, &entry.rx_flags,
		&entry.tx_switches, &entry.rx_switches,
		&entry.rx_room, &entry.rx_want, &entry.tx_full,
	};
	struct sc_seen seen = { 0 };
	size_t i;

	CHECK(!sc_seen_moved(&seen, &entry));
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		++*words[i];
		CHECK(sc_seen_moved(&seen, &entry));
		CHECK(!sc_seen_moved(&seen, &entry));
	}
}

static const struct tap_case cases[] = {
	{ "posted once while it waits", posted_once },
	{ "armed, notified once", armed_notified_once },
	{ "overflow", overflow },
	{ "the overflow count wraps", overflow_count_wraps },
	{ "as the model", as_the_model },
	{ "all flows fit", all_flows_fit },
	{ "old pending marks stay old", old_marks_stay_old },
	{ "marks are of one queue", marks_are_of_one_queue },
	{ "the first entry of all", first_entry_of_all },
	{ "hostile producer index", hostile_prod },
	{ "hostile consumer index", hostile_cons },
	{ "what was seen has moved once", seen_moves },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
