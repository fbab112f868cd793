// SPDX-License-Identifier: GPL-2.0-only
/*
 * The segments of a peer's pool. See peer_segment.h.
 *
 * A segment that the peer wants back is unmapped once no flow has a ring in it. A peer that
 * goes on using such a segment only keeps it mapped.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "channel.h"
#include "peer.h"
#include "peer_segment.h"
#include "ring/message.h"
#include "ring/ring.h"
#include "maintain.h"
#include "transport.h"

/*
 * Post SEGMENT_GONE: the segment is not mapped any more. The work that calls this also calls
 * sc_control_flush().
 */
static void sc_peer_segment_gone(struct schannel_channel *ch, u16 id)
{
	spin_lock(&ch->ctl_lock);
	sc_channel_note(ch, ch->peer_gone, id);
	spin_unlock(&ch->ctl_lock);
}

/*
 * Does the peer know the last message about a segment? If not, a valid peer sends none about
 * it either.
 */
static bool sc_peer_segment_is_settled(struct schannel_channel *ch, u16 id)
{
	bool settled;

	spin_lock(&ch->ctl_lock);
	settled = !test_bit(id, ch->peer_answer) && !test_bit(id, ch->peer_gone);
	spin_unlock(&ch->ctl_lock);
	return settled;
}

/* Map a segment that the peer announced. Returns the mapping, or ERR_PTR. */
static struct schannel_mapping *
sc_peer_segment_map(struct schannel_peer *peer,
		    const struct schannel_msg_segment *msg)
{
	const struct schannel_transport *t = peer->transport;
	struct schannel_mapping *list, *map;
	u32 *refs;

	refs = kvmalloc_array(msg->nr_pages, sizeof(*refs), GFP_KERNEL);
	if (!refs)
		return ERR_PTR(-ENOMEM);
	list = t->map(peer, &msg->list_ref, 1);
	if (IS_ERR(list)) {
		map = list;
	} else {
		/* a private copy: the peer may still be writing */
		memcpy(refs, list->addr[0], msg->nr_pages * sizeof(*refs));
		t->unmap(peer, list);
		map = t->map(peer, refs, msg->nr_pages);
	}
	kvfree(refs);
	return map;
}

/**
 * sc_peer_segment_announced() - the peer announced a segment of its pool
 * @ch:		the channel
 * @msg:	its SEGMENT_ADD, checked
 *
 * Maps the segment and answers. If it cannot be mapped, flows with a ring in it are refused.
 *
 * Context: The channel's work.
 *
 * Return: NULL, or the protocol violation for sc_channel_fail().
 */
const char *sc_peer_segment_announced(struct schannel_channel *ch,
				      const struct schannel_msg_segment *msg)
{
	struct sc_peer_segment *seg = &ch->peer_segment[msg->segment];
	struct schannel_mapping *map;

	/* acquire: pairs with sc_peer_segment_unmap() */
	if (smp_load_acquire(&seg->state) != SC_PEER_SEGMENT_NONE ||
	    !sc_peer_segment_is_settled(ch, msg->segment))
		return "SEGMENT_ADD for a segment that exists";
	if (atomic_read(&ch->peer_pool_pages) + msg->nr_pages > SC_PEER_POOL_PAGES_MAX)
		return "SEGMENT_ADD of more pages than are accepted";
	atomic_add(msg->nr_pages, &ch->peer_pool_pages);
	seg->nr_pages = msg->nr_pages;
	/* until it is mapped, flows with a ring in it are refused */
	WRITE_ONCE(seg->state, SC_PEER_SEGMENT_UNMAPPED);
	map = sc_peer_segment_map(ch->peer, msg);
	if (!IS_ERR(map)) {
		seg->map = map;
		/* release: pairs with sc_peer_segment_get() */
		smp_store_release(&seg->state, SC_PEER_SEGMENT_MAPPED);
	}
	spin_lock(&ch->ctl_lock);
	sc_channel_note(ch, ch->peer_answer, msg->segment);
	spin_unlock(&ch->ctl_lock);
	return NULL;
}

/**
 * sc_peer_segment_deleted() - the peer wants a segment back
 * @ch:		the channel
 * @id:		the segment's number, checked
 *
 * Context: The channel's work.
 *
 * Return: NULL, or the protocol violation for sc_channel_fail().
 */
const char *sc_peer_segment_deleted(struct schannel_channel *ch, u16 id)
{
	struct sc_peer_segment *seg = &ch->peer_segment[id];

	if (!sc_peer_segment_is_settled(ch, id))
		return "SEGMENT_DEL for a segment that was not answered yet";
	switch (READ_ONCE(seg->state)) {
	case SC_PEER_SEGMENT_UNMAPPED:
		atomic_sub(seg->nr_pages, &ch->peer_pool_pages);
		WRITE_ONCE(seg->state, SC_PEER_SEGMENT_NONE);
		sc_peer_segment_gone(ch, id);
		return NULL;
	case SC_PEER_SEGMENT_MAPPED:
		/* counted before the state that sc_peer_segments_reap() looks for */
		atomic_inc(&ch->peer_leaving);
		/* release: pairs with sc_peer_segments_reap() */
		smp_store_release(&seg->state, SC_PEER_SEGMENT_LEAVING);
		sc_maintain_soon(ch);
		return NULL;
	default:
		return "SEGMENT_DEL for a segment that does not exist";
	}
}

/**
 * sc_peer_segment_get() - use a ring of the peer's
 * @ch:		the channel
 * @at:		the ring's extent, as the peer gave it; a private copy, checked
 * @ring:	filled in
 *
 * Context: The channel's work.
 *
 * Return: the segment of the ring, to be released with sc_peer_segment_put() once the ring is
 * not read any more; NULL if the segment is not mapped or too short, or if a flag is unknown.
 */
struct sc_peer_segment *
sc_peer_segment_get(struct schannel_channel *ch,
		    const struct schannel_ring_at *at, struct sc_ring *ring)
{
	struct sc_peer_segment *seg = &ch->peer_segment[at->segment];

	/* acquire: pairs with sc_peer_segment_announced() */
	if (smp_load_acquire(&seg->state) != SC_PEER_SEGMENT_MAPPED ||
	    at->flags & ~SCHANNEL_RING_FLAGS ||
	    at->page + sc_message_ring_pages(at) > seg->map->nr)
		return NULL;
	atomic_inc(&seg->rings);
	ring->addr = seg->map->addr + at->page;
	ring->size = PAGE_SIZE << at->order;
	return seg;
}

/**
 * sc_peer_segment_entry() - the peer's entry for a flow that is not in its flow table
 * @seg:	what sc_peer_segment_get() returned for @at
 * @at:		the ring's extent, with SCHANNEL_RING_INDEX
 *
 * Takes another reference to @seg, to be released with sc_peer_segment_put() when the flow is
 * over.
 *
 * Context: The channel's work.
 *
 * Return: the entry.
 */
const struct schannel_flow *
sc_peer_segment_entry(struct sc_peer_segment *seg, const struct schannel_ring_at *at)
{
	atomic_inc(&seg->rings);
	return seg->map->addr[at->page + (1U << at->order)];
}

/**
 * sc_peer_segment_put() - release a segment that sc_peer_segment_get() returned
 * @ch:		the channel
 * @seg:	the segment, or NULL
 *
 * Context: Any context.
 */
void sc_peer_segment_put(struct schannel_channel *ch, struct sc_peer_segment *seg)
{
	if (seg && atomic_dec_and_test(&seg->rings) &&
	    READ_ONCE(seg->state) == SC_PEER_SEGMENT_LEAVING)
		sc_maintain_soon(ch);
}

/**
 * sc_peer_segment_is_mapped() - is a segment mapped here?
 * @ch:		the channel
 * @id:		the number of a segment whose SEGMENT_ANSWER waits to be sent
 *
 * Return: whether it is.
 */
bool sc_peer_segment_is_mapped(const struct schannel_channel *ch, u16 id)
{
	return READ_ONCE(ch->peer_segment[id].state) == SC_PEER_SEGMENT_MAPPED;
}

static void sc_peer_segment_unmap(struct schannel_channel *ch, u16 id)
{
	struct sc_peer_segment *seg = &ch->peer_segment[id];

	atomic_sub(seg->nr_pages, &ch->peer_pool_pages);
	ch->peer->transport->unmap(ch->peer, seg->map);
	seg->map = NULL;
	atomic_dec(&ch->peer_leaving);
	/* release: the channel's work may reuse the struct for a new segment */
	smp_store_release(&seg->state, SC_PEER_SEGMENT_NONE);
	sc_peer_segment_gone(ch, id);
}

/**
 * sc_peer_segments_reap() - unmap the segments that the peer wants back and no ring uses
 * @ch:		a channel that is up
 *
 * Context: Process context, one call per channel at a time. Waits for a grace period.
 *
 * Return: whether rings are left in a segment that the peer wants back.
 */
bool sc_peer_segments_reap(struct schannel_channel *ch)
{
	DECLARE_BITMAP(free, SCHANNEL_SEGMENTS_MAX) = {};
	bool found = false, more = false;
	unsigned int i;

	if (!atomic_read(&ch->peer_leaving))
		return false;
	for (i = 0; i < SCHANNEL_SEGMENTS_MAX; i++) {
		struct sc_peer_segment *seg = &ch->peer_segment[i];

		/* acquire: pairs with sc_peer_segment_deleted() */
		if (smp_load_acquire(&seg->state) != SC_PEER_SEGMENT_LEAVING)
			continue;
		/* sc_peer_segment_get() adds no ring to a segment that is leaving */
		if (atomic_read(&seg->rings)) {
			more = true;
		} else {
			__set_bit(i, free);
			found = true;
		}
	}
	if (!found)
		return more;
	/* readers of datagrams in place hold no ring, only rcu_read_lock() */
	synchronize_rcu();
	for_each_set_bit(i, free, SCHANNEL_SEGMENTS_MAX)
		sc_peer_segment_unmap(ch, i);
	return more;
}
