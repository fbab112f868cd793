// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checking control messages. No state and no side effects: the unit tests and the
 * fuzzer compile this file too.
 */
#include "message.h"

static const char *check_src(const struct schannel_msg *msg,
			     unsigned int table_pages)
{
	if (msg->src_flow == SCHANNEL_FLOW_CTL ||
	    msg->src_flow >= table_pages * SCHANNEL_FLOWS_PER_PAGE)
		return "source flow outside the table";
	return NULL;
}

static const char *check_dst(const struct schannel_msg *msg)
{
	if (msg->dst_flow == SCHANNEL_FLOW_CTL ||
	    msg->dst_flow >= SCHANNEL_FLOWS_MAX)
		return "no such destination flow";
	return NULL;
}

/* Whether the segment is there, and is that long, only the channel knows. */
static const char *check_ring(const struct schannel_ring_at *at,
			      unsigned int nr_queues)
{
	if (at->segment >= SCHANNEL_SEGMENTS_MAX)
		return "segment number too large";
	if (at->order > SCHANNEL_RING_ORDER_MAX)
		return "ring too large";
	if (at->page + (1U << at->order) > SCHANNEL_SEGMENT_PAGES_MAX)
		return "ring reaches beyond any segment";
	if (at->queue >= nr_queues)
		return "no such event queue";
	return NULL;
}

static const char *check_both(const struct schannel_msg *msg,
			      unsigned int table_pages)
{
	return check_src(msg, table_pages) ?: check_dst(msg);
}

static const char *check_segment(const struct schannel_msg_segment *segment)
{
	if (segment->segment >= SCHANNEL_SEGMENTS_MAX)
		return "segment number too large";
	return NULL;
}

/**
 * sc_message_check() - does a message make sense
 * @msg:	a private copy
 * @table_pages: pages of the sender's flow table that were announced so far
 * @nr_queues:	the channel's event queues
 *
 * Return: NULL if it does, else what is wrong with it.
 */
const char *sc_message_check(const struct schannel_msg *msg,
			     unsigned int table_pages, unsigned int nr_queues)
{
	const char *wrong = NULL;

	switch (msg->type) {
	case SCHANNEL_MSG_OPEN:
		wrong = check_src(msg, table_pages);
		if (!wrong)
			wrong = check_ring(&msg->open.ring, nr_queues);
		/* the flow that carries datagrams is nobody's in particular */
		if (!wrong && msg->open.type != SCHANNEL_TYPE_DGRAM &&
		    (!msg->open.src_port || !msg->open.dst_port))
			wrong = "port 0";
		return wrong;
	case SCHANNEL_MSG_ACCEPT:
		return check_both(msg, table_pages) ?:
		       check_ring(&msg->accept.ring, nr_queues);
	case SCHANNEL_MSG_RING:
		return check_both(msg, table_pages) ?:
		       check_ring(&msg->ring.ring, nr_queues);
	case SCHANNEL_MSG_REFUSE:
		return check_dst(msg);
	case SCHANNEL_MSG_CLOSE:
	case SCHANNEL_MSG_RING_ANSWER:
		return check_both(msg, table_pages);
	case SCHANNEL_MSG_TABLE_ADD:
		if (msg->table.first != table_pages)
			return "flow table pages out of order";
		if (!msg->table.nr || msg->table.nr > SCHANNEL_TABLE_ADD_MAX ||
		    table_pages + msg->table.nr > SCHANNEL_FLOW_PAGES_MAX)
			return "flow table too large";
		return NULL;
	case SCHANNEL_MSG_SEGMENT_ADD:
		wrong = check_segment(&msg->segment);
		if (!wrong && (!msg->segment.nr_pages ||
			       msg->segment.nr_pages > SCHANNEL_SEGMENT_PAGES_MAX))
			wrong = "segment size out of range";
		return wrong;
	case SCHANNEL_MSG_SEGMENT_DEL:
	case SCHANNEL_MSG_SEGMENT_GONE:
		return check_segment(&msg->segment);
	default:
		return "unknown message type";
	}
}
