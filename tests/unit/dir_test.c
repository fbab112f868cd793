// SPDX-License-Identifier: GPL-2.0-only
/*
 * Directories: a peer of a later version, with larger numbers and unknown features, is
 * accepted; one that lacks what every side has is refused, with a text that says why.
 */
#include <errno.h>
#include <string.h>

#include "ring/dir.h"
#include "tap.h"

#define OUR_QUEUES	4U

static struct schannel_dir own_dir(void)
{
	struct schannel_dir own = { 0 };

	sc_dir_init(&own);
	own.nr_queues = OUR_QUEUES;
	own.queue_order = 2;
	own.ctl_order = 2;
	return own;
}

/* The text is filled with this before the check. */
static char why[SC_DIR_WHY + 1];

static int check(const struct schannel_dir *peer)
{
	struct schannel_dir own = own_dir();
	int err;

	memset(why, '~', sizeof(why));
	err = sc_dir_check(&own, peer, why);
	CHECK_EQ(why[SC_DIR_WHY], '~');
	if (err)
		CHECK(memchr(why, 0, SC_DIR_WHY) && strlen(why) > 10);
	else
		CHECK_EQ(why[0], '~');
	return err;
}

#define WITH(field, value)						\
	({								\
		struct schannel_dir changed = own_dir();		\
		changed.field = (value);				\
		check(&changed);					\
	})

static void own_is_valid(void)
{
	struct schannel_dir own = own_dir();
	struct sc_terms terms;

	CHECK_EQ(check(&own), 0);
	sc_dir_agree(&own, &own, &terms);
	CHECK_EQ(terms.abi, SCHANNEL_ABI_VERSION);
	CHECK_EQ(terms.features, SCHANNEL_FEATURES);
	CHECK_EQ(terms.nr_queues, OUR_QUEUES);
	CHECK_EQ(terms.table_pages, SCHANNEL_FLOW_PAGES_MAX);
	CHECK_EQ(terms.segments, SCHANNEL_SEGMENTS_MAX);
	CHECK_EQ(terms.pool_pages, SC_PEER_POOL_PAGES_MAX);
	CHECK_EQ(terms.ring_order, SCHANNEL_RING_ORDER_MAX);
}

static void versions(void)
{
	u32 bit;

	CHECK_EQ(WITH(magic, SCHANNEL_MAGIC + 1), -EPROTO);
	CHECK_EQ(WITH(magic, 0), -EPROTO);
	/* the peer speaks later versions, too */
	CHECK_EQ(WITH(abi, SCHANNEL_ABI_VERSION + 1), 0);
	CHECK_EQ(WITH(abi, 0xffff), 0);
	/* it does not speak ours any more, or not yet */
	CHECK_EQ(WITH(abi_oldest, SCHANNEL_ABI_VERSION + 1), -EPROTONOSUPPORT);
	CHECK(strstr(why, "versions"));
	CHECK_EQ(WITH(abi, SCHANNEL_ABI_OLDEST - 1), -EPROTONOSUPPORT);
	for (bit = 0; bit < 32; bit++) {
		CHECK_EQ(WITH(features, 1U << bit), 0);
		CHECK_EQ(WITH(required, 1U << bit),
			 SCHANNEL_FEATURES & 1U << bit ? 0 : -EPROTONOSUPPORT);
	}
	CHECK(strstr(why, "0x80000000"));
}

/* Only the first 24 bytes mean the same in each version: they are checked first. */
static void versions_first(void)
{
	struct schannel_dir later = own_dir();

	memset((char *)&later + 24, 0xff, sizeof(later) - 24);
	later.abi = SCHANNEL_ABI_VERSION + 2;
	later.abi_oldest = SCHANNEL_ABI_VERSION + 1;
	CHECK_EQ(check(&later), -EPROTONOSUPPORT);
	memset((char *)&later + 24, 0, sizeof(later) - 24);
	CHECK_EQ(check(&later), -EPROTONOSUPPORT);
}

static void least_numbers(void)
{
	CHECK_EQ(WITH(nr_queues, 0), -EPROTO);
	CHECK_EQ(WITH(nr_queues, 1), 0);
	CHECK_EQ(WITH(accept_flows, SCHANNEL_ACCEPT_FLOWS_MIN - 1), -EPROTO);
	CHECK(strstr(why, "31 flows accepted, at least 32 expected"));
	CHECK_EQ(WITH(accept_flows, SCHANNEL_ACCEPT_FLOWS_MIN), 0);
	CHECK_EQ(WITH(accept_segments, 0), -EPROTO);
	CHECK_EQ(WITH(accept_segments, SCHANNEL_ACCEPT_SEGMENTS_MIN), 0);
	CHECK_EQ(WITH(accept_pages, SCHANNEL_ACCEPT_PAGES_MIN - 1), -EPROTO);
	CHECK_EQ(WITH(accept_pages, SCHANNEL_ACCEPT_PAGES_MIN), 0);
	CHECK_EQ(WITH(accept_order, SCHANNEL_ACCEPT_ORDER_MIN - 1), -EPROTO);
	CHECK_EQ(WITH(accept_order, SCHANNEL_ACCEPT_ORDER_MIN), 0);
	CHECK_EQ(WITH(ctl_order, SCHANNEL_CTL_ORDER_MAX), 0);
	CHECK_EQ(WITH(ctl_order, SCHANNEL_CTL_ORDER_MAX + 1), -EPROTO);
	CHECK_EQ(WITH(ctl_order, 0xffffffff), -EPROTO);
	/* four queues of 128 pages fill the references */
	CHECK_EQ(WITH(queue_order, 0), 0);
	CHECK_EQ(WITH(queue_order, 7), 0);
	CHECK_EQ(WITH(queue_order, 8), -EPROTO);
	CHECK_EQ(WITH(queue_order, 32), -EPROTO);
	CHECK_EQ(WITH(queue_order, 0xffffffff), -EPROTO);
}

/* The least that a side may accept is enough for one segment, and the largest datagram. */
static void least_is_enough(void)
{
	CHECK(SCHANNEL_ACCEPT_FLOWS_MIN >= SCHANNEL_FLOWS_PER_PAGE);
	CHECK(SCHANNEL_PAGE_SIZE << SCHANNEL_ACCEPT_ORDER_MIN >=
	      SCHANNEL_DGRAM_MAX + sizeof(struct schannel_record));
	CHECK(SCHANNEL_ACCEPT_PAGES_MIN >= 1U << SCHANNEL_ACCEPT_ORDER_MIN);
}

/* Whatever a peer announces, we use no more than we have, and no more than it accepts. */
static void smaller_of_both(void)
{
	struct schannel_dir own = own_dir(), peer = own_dir();
	struct sc_terms terms;

	peer.abi = 0xffff;
	peer.features = 0xffffffff;
	peer.nr_queues = 0xffffffff;
	peer.accept_flows = 0xffffffff;
	peer.accept_segments = 0xffffffff;
	peer.accept_pages = 0xffffffff;
	peer.accept_order = 0xffffffff;
	CHECK_EQ(check(&peer), 0);
	sc_dir_agree(&own, &peer, &terms);
	CHECK_EQ(terms.abi, SCHANNEL_ABI_VERSION);
	CHECK_EQ(terms.features, SCHANNEL_FEATURES);
	CHECK_EQ(terms.nr_queues, OUR_QUEUES);
	CHECK_EQ(terms.table_pages, SCHANNEL_FLOW_PAGES_MAX);
	CHECK_EQ(terms.segments, SCHANNEL_SEGMENTS_MAX);
	CHECK_EQ(terms.pool_pages, SC_PEER_POOL_PAGES_MAX);
	CHECK_EQ(terms.ring_order, SCHANNEL_RING_ORDER_MAX);

	peer.nr_queues = 1;
	/* one entry short of five pages: four pages */
	peer.accept_flows = 5 * SCHANNEL_FLOWS_PER_PAGE - 1;
	peer.accept_segments = 3;
	peer.accept_pages = 1000;
	peer.accept_order = 7;
	CHECK_EQ(check(&peer), 0);
	sc_dir_agree(&own, &peer, &terms);
	CHECK_EQ(terms.nr_queues, 1);
	CHECK_EQ(terms.table_pages, 4);
	CHECK_EQ(terms.segments, 3);
	CHECK_EQ(terms.pool_pages, 1000);
	CHECK_EQ(terms.ring_order, 7);
}

static const struct tap_case cases[] = {
	{ "our own directory is valid", own_is_valid },
	{ "versions and features", versions },
	{ "versions are checked first", versions_first },
	{ "the least numbers", least_numbers },
	{ "the least numbers are enough", least_is_enough },
	{ "the smaller number of both sides", smaller_of_both },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
