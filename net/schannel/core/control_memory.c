// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control messages about shared memory. See control_memory.h. What waits to be sent is a bit
 * for each page or segment, so its size is bounded whatever the peer does.
 */
#include <linux/bitmap.h>
#include <linux/kernel.h>
#include <linux/minmax.h>

#include "alloc.h"
#include "channel.h"
#include "control_memory.h"
#include "flow_table.h"
#include "maintain.h"
#include "peer_segment.h"
#include "segment.h"

/* ---- Sending, under ctl_lock ------------------------------------------- */

/* Announce @nr pages of our table, from @first on. */
static void sc_control_table_add(struct schannel_channel *ch, struct schannel_msg *msg,
				 unsigned int first, unsigned int nr)
{
	unsigned int i;

	msg->type = SCHANNEL_MSG_TABLE_ADD;
	msg->table.first = first;
	msg->table.nr = nr;
	for (i = 0; i < nr; i++)
		msg->table.ref[i] = ch->table[first + i].ref;
	bitmap_set(ch->table_asked, first, nr);
}

static void sc_control_segment(struct schannel_msg *msg, u16 type, u16 id)
{
	msg->type = type;
	msg->segment.segment = id;
}

/* Announce a segment of ours, or, with @goes, ask the peer to unmap it. */
static void sc_control_own_segment(struct schannel_msg *msg,
				   const struct sc_segment *seg, bool goes)
{
	if (goes) {
		sc_control_segment(msg, SCHANNEL_MSG_SEGMENT_DEL, seg->pool.id);
		return;
	}
	sc_control_segment(msg, SCHANNEL_MSG_SEGMENT_ADD, seg->pool.id);
	msg->segment.nr_pages = seg->pool.nr_pages;
	msg->segment.list_ref = seg->list.ref;
}

/* Take a bit that sc_channel_note() has set. Returns its number, or @size if none is set. */
static unsigned int sc_control_take_note(struct schannel_channel *ch,
					 unsigned long *bitmap, unsigned int size)
{
	unsigned int nr = find_first_bit(bitmap, size);

	if (nr < size) {
		__clear_bit(nr, bitmap);
		ch->nr_notes--;
	}
	return nr;
}

/* Answer for as many pages of the peer's table as one message can. */
static bool sc_control_table_answer(struct schannel_channel *ch, struct schannel_msg *msg)
{
	unsigned long *answer = ch->peer_table_answer;
	unsigned int first, end;

	first = sc_control_take_note(ch, answer, SCHANNEL_FLOW_PAGES_MAX);
	if (first == SCHANNEL_FLOW_PAGES_MAX)
		return false;
	for (end = first + 1; end < SCHANNEL_FLOW_PAGES_MAX; end++) {
		if (!test_bit(end, answer) ||
		    !ch->peer_table[end] != !ch->peer_table[first])
			break;
		__clear_bit(end, answer);
		ch->nr_notes--;
	}
	msg->type = SCHANNEL_MSG_TABLE_ANSWER;
	msg->table.first = first;
	msg->table.nr = end - first;
	msg->table.mapped = !!ch->peer_table[first];
	return true;
}

/* A message that sc_channel_note() has posted. */
static bool sc_control_noted(struct schannel_channel *ch, struct schannel_msg *msg)
{
	unsigned int nr;

	if (!ch->nr_notes)
		return false;
	nr = sc_control_take_note(ch, ch->table_again, SCHANNEL_FLOW_PAGES_MAX);
	if (nr < SCHANNEL_FLOW_PAGES_MAX) {
		sc_control_table_add(ch, msg, nr, 1);
		return true;
	}
	if (sc_control_table_answer(ch, msg))
		return true;
	/* a segment's answer comes before its SEGMENT_GONE */
	nr = sc_control_take_note(ch, ch->peer_answer, SCHANNEL_SEGMENTS_MAX);
	if (nr < SCHANNEL_SEGMENTS_MAX) {
		sc_control_segment(msg, SCHANNEL_MSG_SEGMENT_ANSWER, nr);
		msg->segment.mapped = sc_peer_segment_is_mapped(ch, nr);
		return true;
	}
	nr = sc_control_take_note(ch, ch->peer_gone, SCHANNEL_SEGMENTS_MAX);
	sc_control_segment(msg, SCHANNEL_MSG_SEGMENT_GONE, nr);
	return nr < SCHANNEL_SEGMENTS_MAX;
}

/**
 * sc_control_memory_next() - build the next message about shared memory
 * @ch:		the channel
 * @msg:	zeroed; filled in
 *
 * Context: Under ctl_lock.
 *
 * Return: whether there is one.
 */
bool sc_control_memory_next(struct schannel_channel *ch, struct schannel_msg *msg)
{
	/* acquire: pairs with sc_flow_table_grow() */
	unsigned int pages = smp_load_acquire(&ch->table_pages);
	unsigned int first = ch->table_announced;
	struct sc_segment *seg;
	bool goes;

	msg->dst_flow = SCHANNEL_FLOW_NONE;
	msg->src_flow = SCHANNEL_FLOW_NONE;
	if (first < pages) {
		ch->table_announced = min(first + SCHANNEL_TABLE_ADD_MAX, pages);
		sc_control_table_add(ch, msg, first, ch->table_announced - first);
		return true;
	}
	seg = sc_segment_of(sc_pool_announce(&ch->pool, &goes));
	if (seg) {
		sc_control_own_segment(msg, seg, goes);
		return true;
	}
	return sc_control_noted(ch, msg);
}

/* ---- Receiving --------------------------------------------------------- */

static const char *sc_control_segment_answered(struct schannel_channel *ch,
					       const struct schannel_msg_segment *msg)
{
	if (!sc_pool_answered(&ch->pool, msg->segment, msg->mapped))
		return "SEGMENT_ANSWER for a segment that waits for none";
	sc_alloc_note_answer(ch, msg->mapped);
	/* a segment that is not mapped is deleted once it has no rings */
	if (!msg->mapped)
		sc_maintain_later(ch);
	return NULL;
}

static const char *sc_control_segment_is_gone(struct schannel_channel *ch, u16 id)
{
	struct sc_segment *seg = sc_segment_of(sc_pool_gone(&ch->pool, id));

	if (!seg)
		return "SEGMENT_GONE for a segment that was not deleted";
	if (!sc_segment_destroy(ch->peer, seg))
		return "SEGMENT_GONE for a segment that is still mapped";
	return NULL;
}

/**
 * sc_control_memory_received() - handle a message about shared memory
 * @ch:		the channel
 * @msg:	the message, checked, of one of the types TABLE_* and SEGMENT_*
 *
 * Context: The channel's work.
 *
 * Return: NULL, or the protocol violation for sc_channel_fail().
 */
const char *sc_control_memory_received(struct schannel_channel *ch,
				       const struct schannel_msg *msg)
{
	switch (msg->type) {
	case SCHANNEL_MSG_TABLE_ADD:
		return sc_flow_table_announced(ch, &msg->table);
	case SCHANNEL_MSG_TABLE_ANSWER:
		return sc_flow_table_answered(ch, &msg->table);
	case SCHANNEL_MSG_SEGMENT_ADD:
		return sc_peer_segment_announced(ch, &msg->segment);
	case SCHANNEL_MSG_SEGMENT_ANSWER:
		return sc_control_segment_answered(ch, &msg->segment);
	case SCHANNEL_MSG_SEGMENT_DEL:
		return sc_peer_segment_deleted(ch, msg->segment.segment);
	default:
		return sc_control_segment_is_gone(ch, msg->segment.segment);
	}
}
