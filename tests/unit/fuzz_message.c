// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a control message. The kernel uses the fields that sc_message_check()
 * accepts as indexes without another check. So does this fuzzer, on arrays as large as
 * those of a channel.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_input.h"
#include "ring/message.h"

#define QUEUES_MAX	8U

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void use_src(const struct schannel_msg *msg, u32 table_pages)
{
	must(msg->src_flow != SCHANNEL_FLOW_CTL);
	must(msg->src_flow / SCHANNEL_FLOWS_PER_PAGE < table_pages);
}

static void use_dst(const struct schannel_msg *msg)
{
	must(msg->dst_flow != SCHANNEL_FLOW_CTL);
	must(msg->dst_flow / SCHANNEL_FLOWS_PER_PAGE < SCHANNEL_FLOW_PAGES_MAX);
}

static void use_ring(const struct schannel_ring_at *at, u32 nr_queues)
{
	must(at->segment < SCHANNEL_SEGMENTS_MAX);
	must(at->queue < nr_queues);
	must(at->order < 32);
	must(at->page + (1ULL << at->order) <= SCHANNEL_SEGMENT_PAGES_MAX);
	/* the flow's entry is behind the ring */
	if (at->flags & SCHANNEL_RING_INDEX)
		must(at->page + (1ULL << at->order) < SCHANNEL_SEGMENT_PAGES_MAX);
	must((u64)SCHANNEL_PAGE_SIZE << at->order <= 4U << 20);
}

static void use(const struct schannel_msg *msg, u32 table_pages, u32 nr_queues)
{
	struct schannel_ring_at ring;

	switch (msg->type) {
	case SCHANNEL_MSG_OPEN:
		use_src(msg, table_pages);
		use_ring(&msg->open.ring, nr_queues);
		must(msg->open.type == SCHANNEL_TYPE_DGRAM ||
		     (msg->open.src_port && msg->open.dst_port));
		break;
	case SCHANNEL_MSG_ACCEPT:
		use_src(msg, table_pages);
		use_dst(msg);
		use_ring(&msg->accept.ring, nr_queues);
		break;
	case SCHANNEL_MSG_REFUSE:
		use_dst(msg);
		break;
	case SCHANNEL_MSG_RING:
		use_src(msg, table_pages);
		use_dst(msg);
		ring = sc_message_replacement(&msg->ring.ring);
		use_ring(&ring, nr_queues);
		break;
	case SCHANNEL_MSG_RING_ANSWER:
		must(msg->answer.queue < nr_queues);
		use_src(msg, table_pages);
		use_dst(msg);
		break;
	case SCHANNEL_MSG_CLOSE:
	case SCHANNEL_MSG_RETURN:
		use_src(msg, table_pages);
		use_dst(msg);
		break;
	case SCHANNEL_MSG_TABLE_ADD:
		must(msg->table.first <= table_pages);
		must(msg->table.first == table_pages ||
		     msg->table.first + msg->table.nr <= (int)table_pages);
		must(msg->table.nr && msg->table.nr <= SCHANNEL_TABLE_ADD_MAX);
		must(msg->table.first + msg->table.nr <= (int)SCHANNEL_FLOW_PAGES_MAX);
		break;
	case SCHANNEL_MSG_TABLE_ANSWER:
		must(msg->table.nr);
		must(msg->table.first + msg->table.nr <= (int)SCHANNEL_FLOW_PAGES_MAX);
		break;
	case SCHANNEL_MSG_SEGMENT_ADD:
		must(msg->segment.segment < SCHANNEL_SEGMENTS_MAX);
		must(msg->segment.nr_pages);
		must(msg->segment.nr_pages * sizeof(u32) <= SCHANNEL_PAGE_SIZE);
		break;
	case SCHANNEL_MSG_SEGMENT_ANSWER:
	case SCHANNEL_MSG_SEGMENT_DEL:
	case SCHANNEL_MSG_SEGMENT_GONE:
		must(msg->segment.segment < SCHANNEL_SEGMENTS_MAX);
		break;
	default:
		abort();
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct schannel_msg *msg;
	struct message_setup setup;
	u32 pages, queues;

	if (size < sizeof(setup))
		return 0;
	memcpy(&setup, data, sizeof(setup));
	pages = setup.table_pages % SCHANNEL_FLOW_PAGES_MAX + 1;
	queues = setup.nr_queues % QUEUES_MAX + 1;
	data += sizeof(setup);
	size -= sizeof(setup);

	msg = calloc(1, sizeof(*msg));
	memcpy(msg, data, size < sizeof(*msg) ? size : sizeof(*msg));
	if (!sc_message_check(msg, pages, queues))
		use(msg, pages, queues);
	free(msg);
	return 0;
}
