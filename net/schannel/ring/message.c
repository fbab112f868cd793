// SPDX-License-Identifier: GPL-2.0-only
/*
 * Validation of control messages. No state and no side effects: the unit tests and the
 * fuzzer compile this file too.
 */
#include "message.h"

static const char *check_src(const struct schannel_msg *msg,
			     unsigned int table_pages)
{
	if (msg->src_flow == SCHANNEL_FLOW_CTL ||
	    msg->src_flow >= table_pages * SCHANNEL_FLOWS_PER_PAGE)
		return "source flow outside the peer's flow table";
	return NULL;
}

static const char *check_dst(const struct schannel_msg *msg)
{
	if (msg->dst_flow == SCHANNEL_FLOW_CTL ||
	    msg->dst_flow >= SCHANNEL_FLOWS_MAX)
		return "destination flow out of range";
	return NULL;
}

/* That the segment exists and is long enough is checked by sc_peer_segment_get(). */
static const char *check_ring(const struct schannel_ring_at *at,
			      unsigned int nr_queues)
{
	if (at->segment >= SCHANNEL_SEGMENTS_MAX)
		return "segment number out of range";
	if (at->order > SCHANNEL_RING_ORDER_MAX)
		return "ring order out of range";
	if (at->page + sc_message_ring_pages(at) > SCHANNEL_SEGMENT_PAGES_MAX)
		return "ring beyond the end of the largest segment";
	if (at->queue >= nr_queues)
		return "event queue number out of range";
	return NULL;
}

static const char *check_both(const struct schannel_msg *msg,
			      unsigned int table_pages)
{
	return check_src(msg, table_pages) ?: check_dst(msg);
}

static const char *check_table_add(const struct schannel_msg_table *table,
				   unsigned int table_pages)
{
	unsigned int end = table->first + table->nr;

	if (!table->nr || table->nr > SCHANNEL_TABLE_ADD_MAX ||
	    end > SCHANNEL_FLOW_PAGES_MAX)
		return "number of flow table pages out of range";
	/* new pages, or only pages that were announced before */
	if (table->first != table_pages && end > table_pages)
		return "flow table pages announced out of order";
	return NULL;
}

static const char *check_table_answer(const struct schannel_msg_table *table)
{
	if (!table->nr || table->first + table->nr > SCHANNEL_FLOW_PAGES_MAX)
		return "answered flow table pages out of range";
	return NULL;
}

static const char *check_segment(const struct schannel_msg_segment *segment)
{
	if (segment->segment >= SCHANNEL_SEGMENTS_MAX)
		return "segment number out of range";
	return NULL;
}

/**
 * sc_message_is_known_open() - are all bits of an OPEN known that must be understood?
 * @open:	a private copy of the body
 *
 * Return: false if the flow is to be refused as UNSUPPORTED.
 */
bool sc_message_is_known_open(const struct schannel_msg_open *open)
{
	return !(open->flags & ~SCHANNEL_OPEN_FLAGS) &&
	       !(open->ring.flags & ~SCHANNEL_RING_FLAGS);
}

/**
 * sc_message_check() - validate a message
 * @msg:	a private copy of the message
 * @table_pages: pages of its flow table that the sender has announced
 * @nr_queues:	number of the channel's event queues
 *
 * Checks what can be checked without the channel's state.
 *
 * Return: NULL if the message is valid, else a text that says what is invalid.
 */
const char *sc_message_check(const struct schannel_msg *msg,
			     unsigned int table_pages, unsigned int nr_queues)
{
	const char *violation = NULL;
	struct schannel_ring_at ring;

	switch (msg->type) {
	case SCHANNEL_MSG_OPEN:
		violation = check_src(msg, table_pages);
		if (!violation)
			violation = check_ring(&msg->open.ring, nr_queues);
		/* the flow that carries datagrams belongs to no port */
		if (!violation && msg->open.type != SCHANNEL_TYPE_DGRAM &&
		    (!msg->open.src_port || !msg->open.dst_port))
			violation = "OPEN with port 0";
		return violation;
	case SCHANNEL_MSG_ACCEPT:
		return check_both(msg, table_pages) ?:
		       check_ring(&msg->accept.ring, nr_queues);
	case SCHANNEL_MSG_RING:
		ring = sc_message_replacement(&msg->ring.ring);
		return check_both(msg, table_pages) ?: check_ring(&ring, nr_queues);
	case SCHANNEL_MSG_REFUSE:
		return check_dst(msg);
	case SCHANNEL_MSG_RING_ANSWER:
		if (msg->answer.queue >= nr_queues)
			return "event queue number out of range";
		return check_both(msg, table_pages);
	case SCHANNEL_MSG_CLOSE:
	case SCHANNEL_MSG_RETURN:
		return check_both(msg, table_pages);
	case SCHANNEL_MSG_TABLE_ADD:
		return check_table_add(&msg->table, table_pages);
	case SCHANNEL_MSG_TABLE_ANSWER:
		return check_table_answer(&msg->table);
	case SCHANNEL_MSG_SEGMENT_ADD:
		violation = check_segment(&msg->segment);
		if (!violation && (!msg->segment.nr_pages ||
				   msg->segment.nr_pages > SCHANNEL_SEGMENT_PAGES_MAX))
			violation = "segment size out of range";
		return violation;
	case SCHANNEL_MSG_SEGMENT_ANSWER:
	case SCHANNEL_MSG_SEGMENT_DEL:
	case SCHANNEL_MSG_SEGMENT_GONE:
		return check_segment(&msg->segment);
	default:
		return "unknown control message type";
	}
}
