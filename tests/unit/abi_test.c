// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ABI between two implementations of it: net/schannel/ring, and abi/second.c, which was
 * written from the header alone. Each case runs with either one as the opener, and with the
 * second one at both ends.
 */
#include <string.h>

#include <xen/schannel.h>

#include "abi/side.h"
#include "abi/world.h"
#include "tap.h"

#define PORT		7000
#define RECORDS_PORT	7001
#define DGRAM_PORT	0

/* Turns that an exchange may take until nothing is left to do. */
#define TURNS		4000

static const struct {
	const struct side_ops *opener;
	const struct side_ops *acceptor;
} pairs[] = {
	{ &second_side, &second_side },
	{ &second_side, &our_side },
	{ &our_side, &second_side },
};

/* The channel of the running case: side a opens, side b accepts. */
static const struct side_ops *oa, *ob;
static struct side *a, *b;

static const struct side_config usual = {
	.abi = SCHANNEL_ABI_VERSION,
	.abi_oldest = SCHANNEL_ABI_OLDEST,
	.nr_queues = 2,
	.queue_order = 0,
	.ctl_order = 0,
	.accept_flows = 256,
	.accept_segments = 4,
	.accept_pages = 512,
	.accept_order = 6,
};

static struct side_config config[2];

static void new_world(void)
{
	world_reset();
	config[0] = usual;
	config[1] = usual;
	config[1].at = 1;
}

static void create(void)
{
	a = oa->create(&config[0]);
	b = ob->create(&config[1]);
}

static void destroy(void)
{
	oa->destroy(a);
	ob->destroy(b);
}

static bool attach(void)
{
	return !CHECK(!ob->attach(b, oa->directory(a))) ||
	       !CHECK(!oa->attach(a, ob->directory(b))) ? false : true;
}

/* Each side handles what it was notified of, until neither was. */
static bool settle(void)
{
	bool fine = true;

	for (int i = 0; i < 8; i++) {
		fine = fine && CHECK(!oa->step(a));
		fine = fine && CHECK(!ob->step(b));
	}
	return fine;
}

static bool up(void)
{
	create();
	if (!attach())
		return false;
	ob->listen(b, PORT, SCHANNEL_TYPE_STREAM);
	ob->listen(b, RECORDS_PORT, SCHANNEL_TYPE_SEQPACKET);
	return settle();
}

struct ends {
	uint32_t a;
	uint32_t b;
};

static enum side_state state_of(const struct side_ops *ops, struct side *side, uint32_t flow)
{
	uint32_t reason;

	return ops->state(side, flow, &reason);
}

static bool connect_type(struct ends *ends, uint8_t type, uint32_t port, uint8_t order)
{
	struct side_open open = { .type = type, .port = port, .order = order, .rx_order = order };

	ends->a = oa->open(a, &open);
	if (!CHECK(ends->a) || !settle())
		return false;
	ends->b = ob->accepted(b);
	return CHECK(ends->b) &&
	       CHECK_EQ(state_of(oa, a, ends->a), SIDE_OPEN) &&
	       CHECK_EQ(oa->peer_flow(a, ends->a), ends->b) &&
	       CHECK_EQ(ob->peer_flow(b, ends->b), ends->a);
}

static bool connected(struct ends *ends)
{
	return connect_type(ends, SCHANNEL_TYPE_STREAM, PORT, 0);
}

static uint8_t byte(uint64_t at)
{
	return (uint32_t)(at * 0x9e3779b1U) >> 24;
}

/* @total bytes from one end to the other, in pieces of many lengths. */
static bool pass(const struct side_ops *from_ops, struct side *from, uint32_t from_flow,
		 const struct side_ops *to_ops, struct side *to, uint32_t to_flow,
		 uint64_t start, uint64_t total, void (*meanwhile)(uint64_t got))
{
	static uint8_t buffer[20000];
	uint64_t sent = start, got = start, end = start + total;

	for (int turn = 0; got < end && turn < TURNS; turn++) {
		size_t len = 1 + (turn * 2654435761U >> 12) % sizeof(buffer), n, i;

		if (len > end - sent)
			len = end - sent;
		for (i = 0; i < len; i++)
			buffer[i] = byte(sent + i);
		sent += len ? from_ops->send(from, from_flow, buffer, len) : 0;
		if (turn % 3)
			CHECK(!to_ops->step(to));
		n = to_ops->recv(to, to_flow, buffer, 1 + (turn * 40503U) % sizeof(buffer));
		for (i = 0; i < n; i++) {
			if (buffer[i] != byte(got + i)) {
				CHECK_EQ(got + i, -1);
				return false;
			}
		}
		got += n;
		CHECK(!from_ops->step(from));
		CHECK(!to_ops->step(to));
		if (meanwhile)
			meanwhile(got - start);
		if (tap_failed())
			return false;
	}
	return CHECK_EQ(got, end);
}

static bool pass_both(const struct ends *ends, uint64_t total)
{
	return pass(oa, a, ends->a, ob, b, ends->b, 0, total, NULL) &&
	       pass(ob, b, ends->b, oa, a, ends->a, 0, total, NULL);
}

/* ---- Cases -------------------------------------------------------------- */

static void bytes(void)
{
	struct ends ends;

	if (up() && connected(&ends))
		pass_both(&ends, 1000000);
}

static bool pass_records(const struct side_ops *from_ops, struct side *from, uint32_t from_flow,
			 const struct side_ops *to_ops, struct side *to, uint32_t to_flow)
{
	static uint8_t buffer[8192];
	uint32_t sent = 0, got = 0, flags;
	size_t len, i;

	for (int turn = 0; got < 300 && turn < TURNS; turn++) {
		len = sent * 977 % 5000;
		for (i = 0; i < len; i++)
			buffer[i] = byte(sent + i);
		if (sent < 300 && from_ops->put(from, from_flow, buffer, len,
						sent % 2 ? SCHANNEL_RECORD_EOR : 0))
			sent++;
		CHECK(!to_ops->step(to));
		if (turn % 2 && to_ops->take(to, to_flow, buffer, &len, &flags)) {
			CHECK_EQ(len, got * 977 % 5000);
			CHECK_EQ(flags, got % 2 ? SCHANNEL_RECORD_EOR : 0);
			for (i = 0; i < len && buffer[i] == byte(got + i); i++)
				;
			CHECK_EQ(i, len);
			got++;
		}
		CHECK(!from_ops->step(from));
		if (tap_failed())
			return false;
	}
	return CHECK_EQ(got, 300);
}

static void records(void)
{
	struct ends ends;

	if (up() && connect_type(&ends, SCHANNEL_TYPE_SEQPACKET, RECORDS_PORT, 1)) {
		pass_records(oa, a, ends.a, ob, b, ends.b);
		pass_records(ob, b, ends.b, oa, a, ends.a);
	}
}

static void datagrams(void)
{
	struct ends ends;

	if (!up())
		return;
	ob->listen(b, DGRAM_PORT, SCHANNEL_TYPE_DGRAM);
	if (connect_type(&ends, SCHANNEL_TYPE_DGRAM, DGRAM_PORT, 1))
		pass_records(oa, a, ends.a, ob, b, ends.b);
}

static void refused(uint8_t type, uint32_t port, uint32_t must, uint32_t why)
{
	struct side_open open = { .type = type, .port = port, .rx_order = 0xff, .must = must };
	uint32_t flow = oa->open(a, &open), reason;

	if (!CHECK(flow) || !settle())
		return;
	CHECK_EQ(oa->state(a, flow, &reason), SIDE_REFUSED);
	CHECK_EQ(reason, why);
	CHECK_EQ(ob->accepted(b), 0);
}

static void refusals(void)
{
	struct ends ends;

	if (!up())
		return;
	refused(SCHANNEL_TYPE_STREAM, 9, 0, SCHANNEL_REASON_NO_LISTENER);
	refused(SCHANNEL_TYPE_STREAM, RECORDS_PORT, 0, SCHANNEL_REASON_UNSUPPORTED);
	refused(0x77, PORT, 0, SCHANNEL_REASON_UNSUPPORTED);
	if (connected(&ends))
		pass_both(&ends, 1000);
}

/* A flag that must be understood, and is not. */
static void unknown_flags(void)
{
	struct ends ends;

	if (!up())
		return;
	refused(SCHANNEL_TYPE_STREAM, PORT, 0x80000000U, SCHANNEL_REASON_UNSUPPORTED);
	refused(SCHANNEL_TYPE_STREAM, PORT, 1, SCHANNEL_REASON_UNSUPPORTED);
	if (connected(&ends))
		pass_both(&ends, 1000);
}

static void finish(const struct side_ops *ops, struct side *side, uint32_t flow)
{
	ops->fin(side, flow);
	ops->shut(side, flow);
	ops->close(side, flow, SCHANNEL_REASON_DONE);
}

static void expect_free(const struct ends *ends)
{
	CHECK_EQ(state_of(oa, a, ends->a), SIDE_NONE);
	CHECK_EQ(state_of(ob, b, ends->b), SIDE_NONE);
}

/* Who closes first, or both at once; then the numbers are used again. */
static void closes(void)
{
	struct ends ends, again;

	if (!up())
		return;
	for (int order = 0; order < 3; order++) {
		if (!connected(&ends) || !pass_both(&ends, 5000))
			return;
		if (order != 1)
			finish(oa, a, ends.a);
		if (order == 0)
			settle();
		if (order != 0)
			finish(ob, b, ends.b);
		if (order == 1)
			settle();
		if (order == 1)
			finish(oa, a, ends.a);
		if (order == 0)
			finish(ob, b, ends.b);
		settle();
		expect_free(&ends);
	}
	if (connected(&again))
		CHECK_EQ(again.a, ends.a);
}

/* What was sent before a CLOSE can still be read. */
static void sent_before(void)
{
	struct ends ends;
	char text[16];

	if (!up() || !connected(&ends))
		return;
	CHECK_EQ(oa->send(a, ends.a, "the rest", 8), 8);
	finish(oa, a, ends.a);
	settle();
	CHECK_EQ(state_of(ob, b, ends.b), SIDE_OPEN);
	CHECK_EQ(ob->recv(b, ends.b, text, sizeof(text)), 8);
	CHECK(ob->at_end(b, ends.b));
	finish(ob, b, ends.b);
	settle();
	expect_free(&ends);
}

static void resets(void)
{
	struct ends ends;

	if (!up() || !connected(&ends))
		return;
	oa->close(a, ends.a, SCHANNEL_REASON_RESET);
	settle();
	CHECK_EQ(state_of(ob, b, ends.b), SIDE_RESET);
	ob->close(b, ends.b, SCHANNEL_REASON_RESET);
	settle();
	expect_free(&ends);
}

/* An opener that waited in vain: its bytes are taken back. */
static void late_reset(void)
{
	struct ends ends;

	if (!up() || !connected(&ends))
		return;
	CHECK_EQ(oa->send(a, ends.a, "unread", 6), 6);
	finish(oa, a, ends.a);
	settle();
	CHECK_EQ(state_of(ob, b, ends.b), SIDE_OPEN);
	oa->close(a, ends.a, SCHANNEL_REASON_RESET);
	settle();
	expect_free(&ends);
}

/* The same, while the peer's CLOSE is under way, and after its number is in use again. */
static void crossed_reset(void)
{
	struct ends ends, other;

	if (!up() || !connected(&ends))
		return;
	finish(oa, a, ends.a);
	settle();
	finish(ob, b, ends.b);
	oa->close(a, ends.a, SCHANNEL_REASON_RESET);
	settle();
	expect_free(&ends);
	if (connected(&other))
		pass_both(&other, 1000);
}

static struct ends growing;

static void offer_sometimes(uint64_t got)
{
	static const uint8_t orders[] = { 3, 1, 5, 0, 2 };
	static int offers;

	if (got % 7 == 0)
		oa->offer(a, growing.a, orders[offers++ % 5]);
}

/* Larger and smaller rings, while bytes are in the old ones. */
static void rings(void)
{
	if (!up() || !connected(&growing))
		return;
	pass(oa, a, growing.a, ob, b, growing.b, 0, 3000000, offer_sometimes);
	oa->offer(a, growing.a, 4);
	settle();
	pass(oa, a, growing.a, ob, b, growing.b, 3000000, 100000, NULL);
	CHECK_EQ(oa->order(a, growing.a), 4);
}

/* Bytes that the peer has not read yet go along to a larger ring, and then more fit. */
static void ring_unread(void)
{
	static uint8_t buffer[65536];
	struct ends ends;
	size_t n, i;

	if (!up() || !connected(&ends))
		return;
	for (i = 0; i < sizeof(buffer); i++)
		buffer[i] = byte(i);
	CHECK_EQ(oa->send(a, ends.a, buffer, sizeof(buffer)), 4096);
	oa->offer(a, ends.a, 3);
	settle();
	n = 4096 + oa->send(a, ends.a, buffer + 4096, sizeof(buffer) - 4096);
	CHECK_EQ(n, 32768);
	settle();
	memset(buffer, 0, sizeof(buffer));
	CHECK_EQ(ob->recv(b, ends.b, buffer, sizeof(buffer)), n);
	for (i = 0; i < n && buffer[i] == byte(i); i++)
		;
	CHECK_EQ(i, n);
}

/* A receiver that waits for a full ring, of which the sender waits for half, and for more. */
static void waits(void)
{
	static uint8_t buffer[65536];
	struct ends ends;

	if (!up() || !connect_type(&ends, SCHANNEL_TYPE_STREAM, PORT, 2))
		return;
	CHECK_EQ(oa->send(a, ends.a, buffer, sizeof(buffer)), 16384);
	CHECK_EQ(oa->send(a, ends.a, buffer, sizeof(buffer)), 0);	/* sleeps */
	settle();
	CHECK_EQ(ob->recv(b, ends.b, buffer, 1000), 1000);
	settle();
	CHECK_EQ(oa->send(a, ends.a, buffer, sizeof(buffer)), 0);
	CHECK_EQ(ob->await(b, ends.b, 16384), 0);
	settle();
	CHECK_EQ(oa->send(a, ends.a, buffer, sizeof(buffer)), 1000);
	settle();
	CHECK_EQ(ob->await(b, ends.b, 16384), 16384);
	CHECK_EQ(ob->await(b, ends.b, 16385), 0);
	settle();
	/* it looks whether there is more space, and says that there is none */
	CHECK_EQ(oa->send(a, ends.a, buffer, sizeof(buffer)), 0);
	settle();
	CHECK_EQ(ob->await(b, ends.b, 16385), 16384);
	CHECK_EQ(ob->recv(b, ends.b, buffer, sizeof(buffer)), 16384);
	settle();
	CHECK_EQ(oa->send(a, ends.a, buffer, sizeof(buffer)), 16384);
}

/* A segment is deleted when nothing is in it, and its number is used again. */
static void segments(void)
{
	struct ends ends;

	if (!up() || !connected(&ends))
		return;
	CHECK_EQ(oa->segments(a), 1);
	oa->trim(a);
	settle();
	CHECK_EQ(oa->segments(a), 1);
	finish(oa, a, ends.a);
	finish(ob, b, ends.b);
	settle();
	oa->trim(a);
	settle();
	CHECK_EQ(oa->segments(a), 0);
	if (connected(&ends))
		pass_both(&ends, 10000);
}

/* The peer has no memory to map a segment: the flow is refused, and the next one is not. */
static void segment_not_mapped(void)
{
	struct side_open open = {
		.type = SCHANNEL_TYPE_STREAM, .port = PORT, .rx_order = 0xff,
	};
	struct ends ends;
	uint32_t flow, reason;

	if (!up())
		return;
	world_set_full(1, true);
	flow = oa->open(a, &open);
	settle();
	CHECK_EQ(oa->state(a, flow, &reason), SIDE_REFUSED);
	CHECK_EQ(reason, SCHANNEL_REASON_NO_MEMORY);
	world_set_full(1, false);
	oa->trim(a);
	settle();
	if (connected(&ends))
		pass_both(&ends, 10000);
}

/* The table grows; a page that cannot be mapped is announced again. */
static void table(void)
{
	struct ends ends;
	unsigned int nr;

	if (!up())
		return;
	CHECK_EQ(oa->table_pages(a), 1);
	world_set_full(1, true);
	oa->grow_table(a);
	settle();
	CHECK_EQ(oa->table_pages(a), 1);
	world_set_full(1, false);
	oa->grow_table(a);
	settle();
	CHECK_EQ(oa->table_pages(a), 2);
	ob->grow_table(b);
	settle();
	for (nr = 0; nr < 2 * SCHANNEL_FLOWS_PER_PAGE - 1; nr++) {
		if (!connected(&ends))
			return;
	}
	pass_both(&ends, 10000);
}

/* Flows in another queue than the first. */
static void queues(void)
{
	struct side_open open = {
		.type = SCHANNEL_TYPE_STREAM, .port = PORT, .rx_order = 0, .queue = 1,
	};
	struct ends ends;

	if (!up())
		return;
	ends.a = oa->open(a, &open);
	settle();
	ends.b = ob->accepted(b);
	if (CHECK(ends.b))
		pass_both(&ends, 100000);
}

/* A byte for a receiver that sleeps is announced in this queue, and in no other one. */
static void announced_in(const struct side_ops *from_ops, struct side *from, uint32_t from_flow,
			 const struct side_ops *to_ops, struct side *to, uint32_t to_flow,
			 unsigned int at, unsigned int queue)
{
	uint8_t got;

	CHECK_EQ(to_ops->recv(to, to_flow, &got, 1), 0);
	CHECK_EQ(from_ops->send(from, from_flow, "x", 1), 1);
	CHECK(!world_notified(at, !queue));
	CHECK(world_notified(at, queue));
	world_notify(at, queue);
	settle();
	CHECK_EQ(to_ops->recv(to, to_flow, &got, 1), 1);
	CHECK_EQ(got, 'x');
}

/* A RING, or the answer to one, names another queue for its sender's events. */
static void queues_named(void)
{
	struct ends ends;
	uint8_t got;

	if (!up() || !connected(&ends))
		return;
	announced_in(ob, b, ends.b, oa, a, ends.a, 0, 0);
	/* an entry that was posted before the message arrived counts, too */
	CHECK_EQ(oa->recv(a, ends.a, &got, 1), 0);
	oa->want_queue(a, ends.a, 1);
	oa->offer(a, ends.a, 1);
	CHECK_EQ(ob->send(b, ends.b, "y", 1), 1);
	settle();
	CHECK_EQ(oa->recv(a, ends.a, &got, 1), 1);
	announced_in(ob, b, ends.b, oa, a, ends.a, 0, 1);
	announced_in(oa, a, ends.a, ob, b, ends.b, 1, 0);
	ob->want_queue(b, ends.b, 1);
	oa->offer(a, ends.a, 2);
	settle();
	announced_in(oa, a, ends.a, ob, b, ends.b, 1, 1);
	/* a message that names nothing new changes nothing */
	ob->offer(b, ends.b, 1);
	settle();
	announced_in(ob, b, ends.b, oa, a, ends.a, 0, 1);
	announced_in(oa, a, ends.a, ob, b, ends.b, 1, 1);
	/* and back, while there are bytes in both directions */
	oa->want_queue(a, ends.a, 0);
	ob->want_queue(b, ends.b, 0);
	oa->offer(a, ends.a, 3);
	pass_both(&ends, 100000);
	announced_in(ob, b, ends.b, oa, a, ends.a, 0, 0);
	announced_in(oa, a, ends.a, ob, b, ends.b, 1, 0);
}

/* ---- Peers of other versions -------------------------------------------- */

static const char *refuses(void)
{
	const char *why;

	create();
	why = ob->attach(b, oa->directory(a));
	destroy();
	create();
	return why;
}

static void newer(void)
{
	struct ends ends;

	config[0].abi = SCHANNEL_ABI_VERSION + 3;
	config[0].features = 0xffff0000U;
	if (up() && connected(&ends))
		pass_both(&ends, 10000);
}

static void too_new(void)
{
	config[0].abi = SCHANNEL_ABI_VERSION + 3;
	config[0].abi_oldest = SCHANNEL_ABI_VERSION + 1;
	CHECK(refuses());
}

static void required(void)
{
	config[0].features = 1U << 31;
	config[0].required = 1U << 31;
	CHECK(refuses());
}

/* A peer that accepts more of everything than version 1 has. */
static void larger(void)
{
	struct ends ends;

	config[0].nr_queues = 200;
	config[0].accept_flows = 1U << 30;
	config[0].accept_segments = 1U << 30;
	config[0].accept_pages = 1U << 30;
	config[0].accept_order = 30;
	if (up() && connected(&ends))
		pass_both(&ends, 10000);
}

static void orders(void)
{
	struct ends ends;

	config[0].queue_order = 3;
	config[0].ctl_order = 3;
	if (up() && connected(&ends))
		pass_both(&ends, 10000);
}

static void too_little(void)
{
	config[0].accept_order = SCHANNEL_ACCEPT_ORDER_MIN - 1;
	CHECK(refuses());
}

/* As little as must be accepted. */
static void least(void)
{
	struct ends ends;

	for (int i = 0; i < 2; i++) {
		config[i].accept_flows = SCHANNEL_ACCEPT_FLOWS_MIN;
		config[i].accept_segments = SCHANNEL_ACCEPT_SEGMENTS_MIN;
		config[i].accept_pages = SCHANNEL_ACCEPT_PAGES_MIN;
		config[i].accept_order = SCHANNEL_ACCEPT_ORDER_MIN;
	}
	if (up() && connected(&ends))
		pass_both(&ends, 10000);
}

/* Each case with each pair of implementations. */
static void run_case(void (*run)(void))
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs) && !tap_failed(); i++) {
		oa = pairs[i].opener;
		ob = pairs[i].acceptor;
		new_world();
		run();
		destroy();
		if (tap_failed())
			tap_note("%s opens, %s accepts", oa->name, ob->name);
	}
}

#define CASE(run)			\
static void run##_case(void)		\
{					\
	run_case(run);			\
}

CASE(bytes)
CASE(records)
CASE(datagrams)
CASE(refusals)
CASE(unknown_flags)
CASE(closes)
CASE(sent_before)
CASE(resets)
CASE(late_reset)
CASE(crossed_reset)
CASE(rings)
CASE(ring_unread)
CASE(waits)
CASE(segments)
CASE(segment_not_mapped)
CASE(table)
CASE(queues)
CASE(queues_named)
CASE(newer)
CASE(too_new)
CASE(required)
CASE(larger)
CASE(orders)
CASE(least)
CASE(too_little)

static const struct tap_case cases[] = {
	{ "bytes, both ways", bytes_case },
	{ "records, both ways", records_case },
	{ "datagrams", datagrams_case },
	{ "flows are refused", refusals_case },
	{ "flags of an OPEN that must be understood", unknown_flags_case },
	{ "CLOSE, in all orders", closes_case },
	{ "bytes in front of a CLOSE", sent_before_case },
	{ "CLOSE(RESET)", resets_case },
	{ "CLOSE(RESET) after CLOSE(DONE)", late_reset_case },
	{ "CLOSE(RESET) that crosses the peer's CLOSE", crossed_reset_case },
	{ "switches between rings", rings_case },
	{ "unread bytes go along to another ring", ring_unread_case },
	{ "a receiver waits for more than half of the ring", waits_case },
	{ "segments come and go", segments_case },
	{ "a segment that cannot be mapped", segment_not_mapped_case },
	{ "the flow table grows", table_case },
	{ "flows of another queue", queues_case },
	{ "RING and RING_ANSWER name another queue", queues_named_case },
	{ "a newer peer with unknown features", newer_case },
	{ "a peer without a version in common", too_new_case },
	{ "a peer that requires an unknown feature", required_case },
	{ "a peer that accepts more than version 1 has", larger_case },
	{ "larger queues, a larger control ring", orders_case },
	{ "as little as a peer must accept", least_case },
	{ "a peer that accepts less", too_little_case },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
