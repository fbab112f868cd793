// SPDX-License-Identifier: GPL-2.0-only
/* Event indexes in one thread: which side is notified, and how often. */
#include "pair.h"
#include "random.h"
#include "tap.h"

static const u32 starts[] = { 0, 0x7ffffff8, 0xfffffff0, 0xffffffff };

#define STARTS (ARRAY_SIZE(starts))
#define SIZE 4096U

/* An index that goes from OLD to NEW has passed E if OLD <= E < NEW. */
static void macro_is_the_interval(void)
{
	size_t i;
	int old, new, event;

	for (i = 0; i < STARTS; i++)
		for (old = -20; old <= 20; old++)
			for (new = old; new <= 40; new++)
				for (event = -60; event <= 80; event++)
					CHECK_EQ(schannel_need_event(starts[i] + event,
								     starts[i] + new,
								     starts[i] + old),
						 old <= event && event < new);
}

static void macro_in_the_large(void)
{
	struct random random = { .state = 3 };
	int i;

	for (i = 0; i < 200000; i++) {
		u32 old = random_u32(&random);
		u32 step = random_below(&random, 0x80000000);
		u32 ahead = random_u32(&random);

		CHECK_EQ(schannel_need_event(old + ahead, old + step, old),
			 ahead < step);
	}
}

/* A producer and a consumer in lockstep; neither ever waits. */
static void not_armed_not_notified(void)
{
	size_t i;
	u32 n;

	for (i = 0; i < STARTS; i++) {
		struct pair pair;

		pair_init(&pair, SIZE, LAYOUT_TOGETHER, starts[i]);
		for (n = 0; n < 100000; n++) {
			u32 len = n % SIZE + 1;

			CHECK(!sc_tx_publish(&pair.tx, len));
			CHECK_EQ(sc_rx_refresh(&pair.rx), 0);
			CHECK(!sc_rx_publish(&pair.rx, len));
			CHECK_EQ(sc_tx_refresh(&pair.tx), 0);
		}
		pair_exit(&pair);
	}
}

/* Entries start zeroed: the first byte notifies the consumer. */
static void fresh_entries_are_armed(void)
{
	struct pair pair;

	pair_init(&pair, SIZE, LAYOUT_TOGETHER, 0);
	*pair.sender = (struct schannel_flow){ 0 };
	*pair.receiver = (struct schannel_flow){ 0 };
	CHECK(sc_tx_publish(&pair.tx, 1));
	CHECK(!sc_tx_publish(&pair.tx, 1));
	CHECK_EQ(sc_rx_refresh(&pair.rx), 0);
	CHECK(sc_rx_publish(&pair.rx, 1));
	CHECK(!sc_rx_publish(&pair.rx, 1));
	pair_exit(&pair);
}

/* Random steps: one notification, by the step that reaches @want bytes. */
static void data_once(u32 start, u32 want, struct random *random)
{
	struct pair pair;
	u32 sent = 0;
	u32 step;

	pair_init(&pair, SIZE, LAYOUT_TOGETHER, start);
	sc_rx_arm(&pair.rx, want);
	CHECK_EQ(pair.receiver->rx_event, start + want - 1);
	for (; sent < SIZE; sent += step) {
		step = random_within(random, 1, SIZE - sent);
		if (random_below(random, 2))
			step = 1;
		CHECK_EQ(sc_tx_publish(&pair.tx, step),
			 sent < want && sent + step >= want);
	}
	CHECK_EQ(sc_rx_refresh(&pair.rx), 0);
	CHECK_EQ(sc_rx_avail(&pair.rx), SIZE);
	pair_exit(&pair);
}

static void space_once(u32 start, u32 filled, u32 want, struct random *random)
{
	struct pair pair;
	u32 space, step;

	pair_init(&pair, SIZE, LAYOUT_TOGETHER, start);
	sc_tx_publish(&pair.tx, filled);
	CHECK_EQ(sc_rx_refresh(&pair.rx), 0);
	sc_tx_arm(&pair.tx, want);
	for (space = SIZE - filled; space < SIZE; space += step) {
		step = random_within(random, 1, SIZE - space);
		if (random_below(random, 2))
			step = 1;
		CHECK_EQ(sc_rx_publish(&pair.rx, step),
			 space < want && space + step >= want);
	}
	CHECK_EQ(sc_tx_refresh(&pair.tx), 0);
	CHECK_EQ(sc_tx_space(&pair.tx), SIZE);
	pair_exit(&pair);
}

static void armed_for_data_notified_once(void)
{
	struct random random = { .state = 4 };
	size_t i;
	int n;

	for (i = 0; i < STARTS; i++) {
		data_once(starts[i], 1, &random);
		data_once(starts[i], SIZE, &random);
		for (n = 0; n < 20; n++)
			data_once(starts[i], random_within(&random, 1, SIZE),
				  &random);
	}
}

static void armed_for_space_notified_once(void)
{
	struct random random = { .state = 5 };
	size_t i;
	int n;

	for (i = 0; i < STARTS; i++) {
		space_once(starts[i], SIZE, 1, &random);
		space_once(starts[i], SIZE, SIZE, &random);
		space_once(starts[i], 1, SIZE, &random);
		for (n = 0; n < 20; n++)
			space_once(starts[i], random_within(&random, 1, SIZE),
				   random_within(&random, 1, SIZE), &random);
	}
}

/* Bytes that are there already do not notify; the first one after them does. */
static void armed_for_more(void)
{
	size_t i;

	for (i = 0; i < STARTS; i++) {
		struct pair pair;

		pair_init(&pair, SIZE, LAYOUT_TOGETHER, starts[i]);
		CHECK(!sc_tx_publish(&pair.tx, 5));
		CHECK_EQ(sc_rx_refresh(&pair.rx), 0);
		sc_rx_arm_at(&pair.rx, pair.rx.prod);
		CHECK(!sc_rx_publish(&pair.rx, 2));
		CHECK(sc_tx_publish(&pair.tx, 1));
		CHECK(!sc_tx_publish(&pair.tx, 1));
		pair_exit(&pair);
	}
}

/* Arming again replaces the earlier event index. */
static void armed_again(void)
{
	struct pair pair;

	pair_init(&pair, SIZE, LAYOUT_TOGETHER, 0xfffffffc);
	sc_rx_arm(&pair.rx, 4);
	sc_rx_arm(&pair.rx, 8);
	CHECK(!sc_tx_publish(&pair.tx, 7));
	CHECK(sc_tx_publish(&pair.tx, 1));
	CHECK(!sc_tx_publish(&pair.tx, 1));
	sc_rx_arm(&pair.rx, 10);
	CHECK(sc_tx_publish(&pair.tx, 1));
	pair_exit(&pair);
}

static const struct tap_case cases[] = {
	{ "the macro is an interval", macro_is_the_interval },
	{ "the macro with any step", macro_in_the_large },
	{ "not armed, not notified", not_armed_not_notified },
	{ "fresh entries are armed", fresh_entries_are_armed },
	{ "armed for data, notified once", armed_for_data_notified_once },
	{ "armed for space, notified once", armed_for_space_notified_once },
	{ "armed for more than is there", armed_for_more },
	{ "armed again", armed_again },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
