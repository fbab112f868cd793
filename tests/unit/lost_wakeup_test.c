// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two processors at the same instant: one moves an index, the other arms and checks once
 * more. Either the first must notify, or the second sees that it need not wait. Otherwise
 * a wake-up is lost. A full barrier prevents that; without it a processor loses one now
 * and then. So the test has as many such instants as time allows, and checks each.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "pair.h"
#include "queue_half.h"
#include "random.h"
#include "tap.h"

#define ROUNDS_MIN	20
#define MILLISECONDS	500
#define RING		16U
/* Instants in one round; both sides go through them in step, without sleeping. */
#define INSTANTS	256U

struct instant;

struct sides {
	void (*left)(struct instant *at);
	void (*right)(struct instant *at);
	/* by one side alone: check the last instant and prepare the next; also before the first */
	void (*apply)(struct instant *at);
};

/* What both sides share, and the result of each. */
struct instant {
	struct pair pair;
	struct queue_half half[2];	/* the poster's, the taker's */
	struct sc_queue poster;
	struct sc_queue taker;
	sc_pending_t pending;
	u32 change;
	u32 seen;

	bool passed;		/* this instant took place */
	bool notified;		/* by the left side */
	bool ready;		/* seen by the right side */
};

/* ---- Two threads that go through the instants in step ------------------- */

struct duel {
	const struct sides *sides;
	struct instant instant[INSTANTS];
	/* steps that each side has begun; each in a cache line of its own */
	struct {
		u32 steps;
		u32 pad[31];
	} side[2];
	bool over;
};

/* Iterations to wait before yielding to the other side, or going on without it. */
#define STEP_SPINS	300
#define MEET_SPINS	30000

static bool is_behind(const struct duel *duel, int who, u32 steps)
{
	u32 there = __atomic_load_n(&duel->side[who].steps, __ATOMIC_ACQUIRE);

	return (s32)(there - steps) < 0;
}

static u32 step(struct duel *duel, int who)
{
	u32 steps = duel->side[who].steps + 1;

	__atomic_store_n(&duel->side[who].steps, steps, __ATOMIC_RELEASE);
	return steps;
}

static void meet(struct duel *duel, int who)
{
	u32 steps = step(duel, who);
	unsigned int spins = 0;

	while (is_behind(duel, !who, steps))
		if (++spins % MEET_SPINS == 0)
			sched_yield();
}

/*
 * Start nearly at the same moment, by a varying margin. If the other side does not run
 * now, go on without it.
 */
static void in_step(struct duel *duel, int who, struct random *random)
{
	u32 steps = step(duel, who);
	unsigned int spins = STEP_SPINS;
	u32 margin = random_below(random, 30);

	while (is_behind(duel, !who, steps) && --spins)
		;
	while (margin--)
		__asm__ volatile("");
}

static void *right_side(void *arg)
{
	struct duel *duel = arg;
	struct random random = { .state = 1 };
	u32 i;

	for (;;) {
		meet(duel, 1);
		if (duel->over)
			return NULL;
		for (i = 0; i < INSTANTS; i++) {
			in_step(duel, 1, &random);
			duel->sides->right(&duel->instant[i]);
		}
		meet(duel, 1);
	}
}

static void left_side(struct duel *duel, struct random *random)
{
	u32 i;

	meet(duel, 0);
	for (i = 0; i < INSTANTS; i++) {
		in_step(duel, 0, random);
		duel->sides->left(&duel->instant[i]);
	}
	meet(duel, 0);
	for (i = 0; i < INSTANTS; i++) {
		duel->instant[i].passed = true;
		duel->sides->apply(&duel->instant[i]);
	}
}

static void instant_init(struct instant *at)
{
	pair_init(&at->pair, RING, LAYOUT_TOGETHER, 0xfffff000);
	queue_half_init(&at->half[0], 0);
	queue_half_init(&at->half[1], 0);
	at->poster = queue_join(&at->half[0], &at->half[1], 0, 0);
	at->taker = queue_join(&at->half[1], &at->half[0], 0, 0);
}

static void instant_exit(struct instant *at)
{
	queue_half_exit(&at->half[0]);
	queue_half_exit(&at->half[1]);
	pair_exit(&at->pair);
}

static unsigned long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000UL + now.tv_nsec / 1000000;
}

static void fight(const struct sides *sides)
{
	struct duel *duel = calloc(1, sizeof(*duel));
	unsigned long started = milliseconds();
	struct random random = { .state = 2 };
	pthread_t right;
	u32 i, rounds;

	duel->sides = sides;
	for (i = 0; i < INSTANTS; i++) {
		instant_init(&duel->instant[i]);
		sides->apply(&duel->instant[i]);
	}
	pthread_create(&right, NULL, right_side, duel);
	for (rounds = 0; !tap_failed(); rounds++) {
		if (rounds >= ROUNDS_MIN &&
		    milliseconds() - started >= MILLISECONDS)
			break;
		left_side(duel, &random);
	}
	duel->over = true;
	meet(duel, 0);
	pthread_join(right, NULL);
	tap_note("%u instants", rounds * INSTANTS);
	for (i = 0; i < INSTANTS; i++)
		instant_exit(&duel->instant[i]);
	free(duel);
}

/* ---- Bytes arrive while the consumer arms ------------------------------ */

static void send_one(struct instant *at)
{
	at->notified = sc_tx_publish(&at->pair.tx, 1);
}

static void await_data(struct instant *at)
{
	sc_rx_arm(&at->pair.rx, 1);
	CHECK_EQ(sc_rx_refresh(&at->pair.rx), 0);
	at->ready = sc_rx_avail(&at->pair.rx);
}

static void empty_the_ring(struct instant *at)
{
	if (at->passed)
		CHECK(at->notified || at->ready);
	CHECK_EQ(sc_rx_refresh(&at->pair.rx), 0);
	sc_rx_publish(&at->pair.rx, sc_rx_avail(&at->pair.rx));
	CHECK_EQ(sc_tx_refresh(&at->pair.tx), 0);
}

static void data_comes(void)
{
	fight(&(struct sides){
		.left = send_one,
		.right = await_data,
		.apply = empty_the_ring,
	});
}

/* ---- More bytes arrive while the consumer arms for them ---------------- */

static void await_more(struct instant *at)
{
	struct sc_rx *rx = &at->pair.rx;
	u32 prod = rx->prod;

	sc_rx_arm_at(rx, prod);
	CHECK_EQ(sc_rx_refresh(rx), 0);
	at->ready = rx->prod != prod;
}

static void more_comes(void)
{
	fight(&(struct sides){
		.left = send_one,
		.right = await_more,
		.apply = empty_the_ring,
	});
}

/* ---- Space is freed while the producer arms ----------------------------- */

static void receive_one(struct instant *at)
{
	at->notified = sc_rx_publish(&at->pair.rx, 1);
}

static void await_space(struct instant *at)
{
	sc_tx_arm(&at->pair.tx, 1);
	CHECK_EQ(sc_tx_refresh(&at->pair.tx), 0);
	at->ready = sc_tx_space(&at->pair.tx);
}

static void fill_the_ring(struct instant *at)
{
	if (at->passed)
		CHECK(at->notified || at->ready);
	CHECK_EQ(sc_tx_refresh(&at->pair.tx), 0);
	sc_tx_publish(&at->pair.tx, sc_tx_space(&at->pair.tx));
	CHECK_EQ(sc_rx_refresh(&at->pair.rx), 0);
}

static void space_comes(void)
{
	fight(&(struct sides){
		.left = receive_one,
		.right = await_space,
		.apply = fill_the_ring,
	});
}

/* ---- poll() while another thread reads the last byte ------------------- */

/*
 * Without the reader's lock, as poll() does: the event index is valid only if the reader
 * has not advanced before the check.
 */
static void poll_for_data(struct instant *at)
{
	struct sc_rx *rx = &at->pair.rx;
	u32 cons;

	do {
		cons = READ_ONCE(rx->cons);
		sc_rx_arm(rx, 1);
		at->ready = READ_ONCE(rx->peer->tx_prod) != cons;
	} while (!at->ready && cons != READ_ONCE(rx->cons));
}

/* A poller that found nothing is notified of the next byte. */
static void one_byte_more(struct instant *at)
{
	bool notified;

	CHECK_EQ(sc_tx_refresh(&at->pair.tx), 0);
	notified = sc_tx_publish(&at->pair.tx, 1);
	CHECK_EQ(sc_rx_refresh(&at->pair.rx), 0);
	if (at->passed)
		CHECK(notified || at->ready);
}

static void polled_while_read(void)
{
	fight(&(struct sides){
		.left = receive_one,
		.right = poll_for_data,
		.apply = one_byte_more,
	});
}

/* ---- poll() while another thread fills the last byte ------------------- */

/* sc_tx_arm() without the sender's lock, which needs a loop. */
static void poll_for_space(struct instant *at)
{
	struct sc_tx *tx = &at->pair.tx;
	u32 prod, cons;

	do {
		prod = READ_ONCE(tx->prod);
		sc_tx_arm(tx, 1);
		cons = READ_ONCE(tx->peer->rx_cons);
		at->ready = READ_ONCE(tx->prod) - cons < RING;
	} while (!at->ready && prod != READ_ONCE(tx->prod));
}

/* A poller that found no space is notified of the next byte of it. */
static void one_byte_less(struct instant *at)
{
	bool notified;

	if (!at->passed) {
		sc_tx_publish(&at->pair.tx, RING);
		CHECK_EQ(sc_rx_refresh(&at->pair.rx), 0);
	}
	notified = sc_rx_publish(&at->pair.rx, 1);
	CHECK_EQ(sc_tx_refresh(&at->pair.tx), 0);
	CHECK_EQ(sc_rx_refresh(&at->pair.rx), 0);
	if (at->passed)
		CHECK(notified || at->ready);
}

static void polled_while_sent(void)
{
	fight(&(struct sides){
		.left = send_one,
		.right = poll_for_space,
		.apply = one_byte_less,
	});
}

/* ---- An entry is posted while the taker arms ------------------------- */

static void post_entry(struct instant *at)
{
	sc_pending_t pending = 0;

	at->notified = sc_queue_post(&at->poster, 1, &pending) == SC_POST_NOTIFY;
}

static void arm_queue(struct instant *at)
{
	at->ready = sc_queue_arm(&at->taker);
}

static void empty_the_queue(struct instant *at)
{
	u32 flow;

	if (at->passed) {
		CHECK(at->notified || at->ready);
		CHECK_EQ(sc_queue_take(&at->taker, &flow, 1), 1);
	}
}

static void entry_comes(void)
{
	fight(&(struct sides){
		.left = post_entry,
		.right = arm_queue,
		.apply = empty_the_queue,
	});
}

/* ---- A flow changes while its waiting entry is taken ------------------ */

static void change_flow(struct instant *at)
{
	WRITE_ONCE(at->change, at->change + 1);
	virt_mb();	/* as sc_queue_post() demands */
	sc_queue_post(&at->poster, 1, &at->pending);
}

static void take_and_look(struct instant *at)
{
	u32 flow;

	if (CHECK_EQ(sc_queue_take(&at->taker, &flow, 1), 1))
		at->seen = READ_ONCE(at->change);
}

/* A taker that has not seen the change finds one more entry. */
static void leave_one_entry(struct instant *at)
{
	u32 flow;

	if (at->passed)
		CHECK(at->seen == at->change ||
		      at->poster.own->prod != at->taker.cons);
	while (sc_queue_take(&at->taker, &flow, 1) == 1)
		;
	sc_queue_post(&at->poster, 1, &at->pending);
}

static void entry_left_out(void)
{
	fight(&(struct sides){
		.left = change_flow,
		.right = take_and_look,
		.apply = leave_one_entry,
	});
}

static const struct tap_case cases[] = {
	{ "data arrives as the consumer arms", data_comes },
	{ "more data arrives as the consumer arms for it", more_comes },
	{ "space is freed as the producer arms", space_comes },
	{ "polled while the last byte is read", polled_while_read },
	{ "polled while the last byte is filled", polled_while_sent },
	{ "an entry is posted as the taker arms", entry_comes },
	{ "a flow changes as its entry is taken", entry_left_out },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
