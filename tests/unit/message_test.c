// SPDX-License-Identifier: GPL-2.0-only
/* Control messages: valid ones are accepted, each invalid field is rejected. */
#include <string.h>

#include "ring/message.h"
#include "random.h"
#include "tap.h"

#define TABLE_PAGES	3U
#define FLOWS		(TABLE_PAGES * SCHANNEL_FLOWS_PER_PAGE)
#define QUEUES		2U

#define SOME_RING { .segment = 7, .page = 16, .order = 4, .queue = 1 }

static const struct schannel_msg open_msg = {
	.type = SCHANNEL_MSG_OPEN,
	.dst_flow = SCHANNEL_FLOW_NONE,
	.src_flow = 40,
	.open = {
		.ring = SOME_RING, .src_port = 1024, .dst_port = 80,
		.type = SCHANNEL_TYPE_STREAM, .rx_order = 0xff,
	},
};

static const struct schannel_msg accept_msg = {
	.type = SCHANNEL_MSG_ACCEPT,
	.dst_flow = 9000,
	.src_flow = 40,
	.accept = { .ring = SOME_RING },
};

static const struct schannel_msg refuse_msg = {
	.type = SCHANNEL_MSG_REFUSE,
	.dst_flow = 9000,
	.src_flow = SCHANNEL_FLOW_NONE,
	.reason = { .reason = SCHANNEL_REASON_NO_LISTENER },
};

static const struct schannel_msg close_msg = {
	.type = SCHANNEL_MSG_CLOSE,
	.dst_flow = 9000,
	.src_flow = 40,
	.reason = { .reason = SCHANNEL_REASON_DONE },
};

static const struct schannel_msg table_msg = {
	.type = SCHANNEL_MSG_TABLE_ADD,
	.dst_flow = SCHANNEL_FLOW_NONE,
	.src_flow = SCHANNEL_FLOW_NONE,
	.table = { .first = TABLE_PAGES, .nr = 2, .ref = { 8, 9 } },
};

static const struct schannel_msg table_answer_msg = {
	.type = SCHANNEL_MSG_TABLE_ANSWER,
	.dst_flow = SCHANNEL_FLOW_NONE,
	.src_flow = SCHANNEL_FLOW_NONE,
	.table = { .first = 1, .nr = 2, .mapped = 1 },
};

static const struct schannel_msg segment_msg = {
	.type = SCHANNEL_MSG_SEGMENT_ADD,
	.dst_flow = SCHANNEL_FLOW_NONE,
	.src_flow = SCHANNEL_FLOW_NONE,
	.segment = { .segment = 7, .nr_pages = 256, .list_ref = 10 },
};

static const struct schannel_msg segment_answer_msg = {
	.type = SCHANNEL_MSG_SEGMENT_ANSWER,
	.dst_flow = SCHANNEL_FLOW_NONE,
	.src_flow = SCHANNEL_FLOW_NONE,
	.segment = { .segment = 7, .mapped = 1 },
};

static const struct schannel_msg delete_msg = {
	.type = SCHANNEL_MSG_SEGMENT_DEL,
	.dst_flow = SCHANNEL_FLOW_NONE,
	.src_flow = SCHANNEL_FLOW_NONE,
	.segment = { .segment = 7 },
};

static const struct schannel_msg gone_msg = {
	.type = SCHANNEL_MSG_SEGMENT_GONE,
	.dst_flow = SCHANNEL_FLOW_NONE,
	.src_flow = SCHANNEL_FLOW_NONE,
	.segment = { .segment = 7 },
};

static const struct schannel_msg ring_msg = {
	.type = SCHANNEL_MSG_RING,
	.dst_flow = 9000,
	.src_flow = 40,
	.ring = { .ring = SOME_RING },
};

static const struct schannel_msg answer_msg = {
	.type = SCHANNEL_MSG_RING_ANSWER,
	.dst_flow = 9000,
	.src_flow = 40,
	.answer = { .ready = 1 },
};

static const struct schannel_msg return_msg = {
	.type = SCHANNEL_MSG_RETURN,
	.dst_flow = 9000,
	.src_flow = 40,
};

/* One of each type, and the length of its body. */
static const struct {
	const struct schannel_msg *msg;
	size_t body;
} all_msgs[] = {
	{ &open_msg, sizeof(open_msg.open) },
	{ &accept_msg, sizeof(accept_msg.accept) },
	{ &refuse_msg, sizeof(refuse_msg.reason) },
	{ &close_msg, sizeof(close_msg.reason) },
	{ &table_msg, sizeof(table_msg.table) },
	{ &table_answer_msg, sizeof(table_answer_msg.table) },
	{ &segment_msg, sizeof(segment_msg.segment) },
	{ &segment_answer_msg, sizeof(segment_answer_msg.segment) },
	{ &delete_msg, sizeof(delete_msg.segment) },
	{ &gone_msg, sizeof(gone_msg.segment) },
	{ &ring_msg, sizeof(ring_msg.ring) },
	{ &answer_msg, sizeof(answer_msg.answer) },
	{ &return_msg, 0 },
};

static const char *check(const struct schannel_msg *msg)
{
	return sc_message_check(msg, TABLE_PAGES, QUEUES);
}

/* Is the message accepted with one field changed? */
#define WITH(msg, field, value)						\
	({								\
		struct schannel_msg changed = (msg);			\
		changed.field = (value);				\
		!check(&changed);					\
	})

/* Is the OPEN understood with one field changed? */
#define KNOWN_WITH(field, value)					\
	({								\
		struct schannel_msg changed = open_msg;			\
		changed.open.field = (value);				\
		sc_message_is_known_open(&changed.open);		\
	})

#define GOOD(msg, field, value) CHECK(WITH(msg, field, value))
#define BAD(msg, field, value) CHECK(!WITH(msg, field, value))

static void check_src(const struct schannel_msg *good)
{
	GOOD(*good, src_flow, 1);
	GOOD(*good, src_flow, FLOWS - 1);
	BAD(*good, src_flow, SCHANNEL_FLOW_CTL);
	BAD(*good, src_flow, FLOWS);
	BAD(*good, src_flow, SCHANNEL_FLOWS_MAX - 1);
	BAD(*good, src_flow, SCHANNEL_FLOWS_MAX);
	BAD(*good, src_flow, 0x80000001);
	BAD(*good, src_flow, SCHANNEL_FLOW_NONE);
}

static void check_dst(const struct schannel_msg *good)
{
	GOOD(*good, dst_flow, 1);
	GOOD(*good, dst_flow, SCHANNEL_FLOWS_MAX - 1);
	BAD(*good, dst_flow, SCHANNEL_FLOW_CTL);
	BAD(*good, dst_flow, SCHANNEL_FLOWS_MAX);
	BAD(*good, dst_flow, 0x80000001);
	BAD(*good, dst_flow, SCHANNEL_FLOW_NONE);
}

static bool fits(u32 page, u32 order)
{
	return order <= SCHANNEL_RING_ORDER_MAX &&
	       page <= SCHANNEL_SEGMENT_PAGES_MAX - (1U << order);
}

/* OPEN, ACCEPT and RING have the ring at the same place. A RING never has the entry behind it. */
static void check_ring(const struct schannel_msg *good)
{
	struct schannel_msg msg = *good;
	unsigned int wrong = 0;
	u32 page, order, flags, entry;

	for (flags = 0; flags <= SCHANNEL_RING_INDEX; flags++) {
		entry = good->type == SCHANNEL_MSG_RING ? 0 : flags;
		for (order = 0; order <= 0xff; order++) {
			for (page = 0; page <= 0xffff; page++) {
				msg.open.ring.order = order;
				msg.open.ring.page = page;
				msg.open.ring.flags = flags;
				wrong += !check(&msg) !=
					 fits(page + entry, order);
			}
		}
	}
	CHECK_EQ(wrong, 0);
	GOOD(*good, open.ring.segment, 0);
	GOOD(*good, open.ring.segment, SCHANNEL_SEGMENTS_MAX - 1);
	BAD(*good, open.ring.segment, SCHANNEL_SEGMENTS_MAX);
	BAD(*good, open.ring.segment, 0xffff);
	GOOD(*good, open.ring.queue, 0);
	BAD(*good, open.ring.queue, QUEUES);
	BAD(*good, open.ring.queue, 0xff);
}

static void open_fields(void)
{
	CHECK(!check(&open_msg));
	check_src(&open_msg);
	check_ring(&open_msg);
	/* an unknown type is answered by REFUSE, it does not end the channel */
	GOOD(open_msg, open.type, 0xff);
	GOOD(open_msg, open.rx_order, 0);
	/* what must be understood refuses the flow, not the channel */
	GOOD(open_msg, open.flags, 1);
	GOOD(open_msg, open.ring.flags, 0x8000);
	CHECK(sc_message_is_known_open(&open_msg.open));
	CHECK(!KNOWN_WITH(flags, 1));
	CHECK(!KNOWN_WITH(flags, 0x80000000));
	CHECK(KNOWN_WITH(ring.flags, SCHANNEL_RING_INDEX));
	CHECK(!KNOWN_WITH(ring.flags, 0x8000));
	GOOD(open_msg, open.rx_order, 0x80);
	GOOD(open_msg, dst_flow, 0);
}

/* Every flow but the one for datagrams has two ports. */
static void open_ports(void)
{
	static const u8 types[] = {
		0, SCHANNEL_TYPE_STREAM, SCHANNEL_TYPE_SEQPACKET, 0x80, 0xff,
	};
	struct schannel_msg msg = open_msg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		msg.open.type = types[i];
		GOOD(msg, open.src_port, 1);
		GOOD(msg, open.src_port, 0xffffffff);
		GOOD(msg, open.dst_port, 1);
		GOOD(msg, open.dst_port, 0xffffffff);
		BAD(msg, open.src_port, 0);
		BAD(msg, open.dst_port, 0);
	}

	msg.open.type = SCHANNEL_TYPE_DGRAM;
	msg.open.src_port = 0;
	GOOD(msg, open.dst_port, 1);
	GOOD(msg, open.dst_port, 0);
	msg.open.dst_port = 0;
	GOOD(msg, open.src_port, 1);
	/* its other fields are checked as always */
	check_src(&msg);
	check_ring(&msg);
}

static void accept_fields(void)
{
	CHECK(!check(&accept_msg));
	check_src(&accept_msg);
	check_dst(&accept_msg);
	check_ring(&accept_msg);
}

static void refuse_fields(void)
{
	CHECK(!check(&refuse_msg));
	check_dst(&refuse_msg);
	GOOD(refuse_msg, reason.reason, 0xffffffff);
	GOOD(refuse_msg, src_flow, 0);
}

static void close_fields(void)
{
	CHECK(!check(&close_msg));
	check_src(&close_msg);
	check_dst(&close_msg);
	GOOD(close_msg, reason.reason, 0xffffffff);
}

static void table_fields(void)
{
	struct schannel_msg msg = table_msg;
	u32 known, nr;

	CHECK(!check(&table_msg));
	GOOD(table_msg, table.nr, 1);
	GOOD(table_msg, table.nr, SCHANNEL_TABLE_ADD_MAX);
	BAD(table_msg, table.nr, 0);
	BAD(table_msg, table.nr, SCHANNEL_TABLE_ADD_MAX + 1);
	BAD(table_msg, table.nr, 0xffff);
	/* announced again, but not together with a new page */
	GOOD(table_msg, table.first, 0);
	GOOD(table_msg, table.first, TABLE_PAGES - 2);
	BAD(table_msg, table.first, TABLE_PAGES - 1);
	BAD(table_msg, table.first, TABLE_PAGES + 1);
	BAD(table_msg, table.first, 0xffff);

	/* the table never exceeds its limit */
	for (known = 1; known <= SCHANNEL_FLOW_PAGES_MAX; known++) {
		for (nr = 0; nr <= SCHANNEL_TABLE_ADD_MAX + 1; nr++) {
			msg.table.first = known;
			msg.table.nr = nr;
			CHECK_EQ(!sc_message_check(&msg, known, QUEUES),
				 nr >= 1 && nr <= SCHANNEL_TABLE_ADD_MAX &&
				 known + nr <= SCHANNEL_FLOW_PAGES_MAX);
		}
	}
}

static void table_answer_fields(void)
{
	CHECK(!check(&table_answer_msg));
	GOOD(table_answer_msg, table.nr, 1);
	BAD(table_answer_msg, table.nr, 0);
	BAD(table_answer_msg, table.nr, 0xffff);
	GOOD(table_answer_msg, table.first, 0);
	GOOD(table_answer_msg, table.first, SCHANNEL_FLOW_PAGES_MAX - 2);
	BAD(table_answer_msg, table.first, SCHANNEL_FLOW_PAGES_MAX - 1);
	BAD(table_answer_msg, table.first, 0xffff);
	/* one answer may be about the pages of many announcements */
	GOOD(table_answer_msg, table.nr, SCHANNEL_FLOW_PAGES_MAX - 1);
	GOOD(table_answer_msg, table.mapped, 0);
	GOOD(table_answer_msg, table.mapped, 0xffff);
}

static void segment_fields(void)
{
	CHECK(!check(&segment_msg));
	GOOD(segment_msg, segment.segment, 0);
	GOOD(segment_msg, segment.segment, SCHANNEL_SEGMENTS_MAX - 1);
	BAD(segment_msg, segment.segment, SCHANNEL_SEGMENTS_MAX);
	BAD(segment_msg, segment.segment, 0xffff);
	GOOD(segment_msg, segment.nr_pages, 1);
	GOOD(segment_msg, segment.nr_pages, SCHANNEL_SEGMENT_PAGES_MAX);
	BAD(segment_msg, segment.nr_pages, 0);
	BAD(segment_msg, segment.nr_pages, SCHANNEL_SEGMENT_PAGES_MAX + 1);
	BAD(segment_msg, segment.nr_pages, 0xffff);
	GOOD(segment_msg, segment.list_ref, 0xffffffff);
}

static void check_segment(const struct schannel_msg *good)
{
	CHECK(!check(good));
	GOOD(*good, segment.segment, 0);
	GOOD(*good, segment.segment, SCHANNEL_SEGMENTS_MAX - 1);
	BAD(*good, segment.segment, SCHANNEL_SEGMENTS_MAX);
	BAD(*good, segment.segment, 0xffff);
	/* only the segment's number matters */
	GOOD(*good, segment.nr_pages, 0);
	GOOD(*good, segment.nr_pages, 0xffff);
	GOOD(*good, segment.mapped, 0);
	GOOD(*good, segment.mapped, 0xffffffff);
}

static void delete_fields(void)
{
	check_segment(&segment_answer_msg);
	check_segment(&delete_msg);
	check_segment(&gone_msg);
}

static void ring_fields(void)
{
	CHECK(!check(&ring_msg));
	check_src(&ring_msg);
	check_dst(&ring_msg);
	check_ring(&ring_msg);
}

static void answer_fields(void)
{
	CHECK(!check(&answer_msg));
	check_src(&answer_msg);
	check_dst(&answer_msg);
	GOOD(answer_msg, answer.ready, 0);
	GOOD(answer_msg, answer.ready, 0xffffffff);
	GOOD(answer_msg, answer.queue, QUEUES - 1);
	BAD(answer_msg, answer.queue, QUEUES);
}

static void return_fields(void)
{
	CHECK(!check(&return_msg));
	check_src(&return_msg);
	check_dst(&return_msg);
}

/* An unknown type is unknown, even if its fields fit another type. */
static void unknown_types(void)
{
	size_t i;
	u32 type;

	for (i = 0; i < ARRAY_SIZE(all_msgs); i++) {
		BAD(*all_msgs[i].msg, type, 0);
		for (type = SCHANNEL_MSG_RETURN + 1; type <= 0xffff; type++)
			BAD(*all_msgs[i].msg, type, type);
	}
}

/* Reserved fields are ignored: a later version may use them. */
static void reserved_is_ignored(void)
{
	struct schannel_msg msg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all_msgs); i++) {
		msg = *all_msgs[i].msg;
		msg.reserved = 0xffff;
		msg.reserved2 = 0xffffffff;
		memset(msg.space + all_msgs[i].body, 0xff,
		       sizeof(msg.space) - all_msgs[i].body);
		CHECK(!check(&msg));
	}
}

/* The first flow of a channel that has as little of everything as possible. */
static void smallest_channel(void)
{
	struct schannel_msg msg = open_msg;

	msg.src_flow = 1;
	msg.open.ring = (struct schannel_ring_at){ 0 };
	CHECK(!sc_message_check(&msg, 1, 1));
	msg.src_flow = SCHANNEL_FLOWS_PER_PAGE;
	CHECK(sc_message_check(&msg, 1, 1));
	msg.src_flow = 1;
	msg.open.ring.queue = 1;
	CHECK(sc_message_check(&msg, 1, 1));
}

static void layout_is_the_abi(void)
{
	CHECK_EQ(sizeof(struct schannel_msg), SCHANNEL_MSG_SIZE);
	CHECK_EQ(offsetof(struct schannel_msg, space), 16);
	CHECK_EQ(offsetof(struct schannel_msg, accept.ring),
		 offsetof(struct schannel_msg, open.ring));
	CHECK_EQ(offsetof(struct schannel_msg, ring.ring),
		 offsetof(struct schannel_msg, open.ring));
	CHECK_EQ(sizeof(struct schannel_ring_at), 8);
	CHECK_EQ(sizeof(struct schannel_flow) * SCHANNEL_FLOWS_PER_PAGE,
		 SCHANNEL_PAGE_SIZE);
	CHECK_EQ(offsetof(struct schannel_flow, rx_cons), 64);
	CHECK_EQ(offsetof(struct schannel_flow, tx_flags), 128);
	CHECK_EQ(offsetof(struct schannel_flow, rx_event), 140);
	CHECK_EQ(offsetof(struct schannel_flow, rx_switches), 148);
	CHECK_EQ(offsetof(struct schannel_flow, rx_room), 152);
	CHECK_EQ(offsetof(struct schannel_flow, tx_full), 160);
	CHECK_EQ(offsetof(struct schannel_flow, type_words), 192);
	CHECK(sizeof(struct schannel_flow_tcp) <=
	      sizeof(((struct schannel_flow *)NULL)->type_words));
	CHECK_EQ(sizeof(struct schannel_tcp_marker), 24);
	CHECK_EQ(sizeof(struct schannel_queue) * SCHANNEL_QUEUES_MAX, SCHANNEL_PAGE_SIZE);
	CHECK_EQ(offsetof(struct schannel_queue, cons), 64);
	CHECK_EQ(SCHANNEL_QUEUE_ENTRIES << SCHANNEL_QUEUE_ORDER_MAX, SCHANNEL_FLOWS_MAX);
	CHECK_EQ(sizeof(struct schannel_dir), SCHANNEL_PAGE_SIZE);
	CHECK_EQ(offsetof(struct schannel_dir, accept_flows), 44);
	CHECK_EQ(offsetof(struct schannel_dir, entry_ref), 2048);
	CHECK_EQ(offsetof(struct schannel_dir, required) + sizeof(__u32), 24);
}

static const struct tap_case cases[] = {
	{ "OPEN", open_fields },
	{ "OPEN, its ports", open_ports },
	{ "ACCEPT", accept_fields },
	{ "REFUSE", refuse_fields },
	{ "CLOSE", close_fields },
	{ "TABLE_ADD", table_fields },
	{ "TABLE_ANSWER", table_answer_fields },
	{ "SEGMENT_ADD", segment_fields },
	{ "SEGMENT_ANSWER, SEGMENT_DEL and SEGMENT_GONE", delete_fields },
	{ "RING", ring_fields },
	{ "RING_ANSWER", answer_fields },
	{ "RETURN", return_fields },
	{ "unknown types", unknown_types },
	{ "reserved fields are ignored", reserved_is_ignored },
	{ "the smallest channel", smallest_channel },
	{ "the layout is the ABI", layout_is_the_abi },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
