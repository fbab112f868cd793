// SPDX-License-Identifier: GPL-2.0-only
/*
 * The segments of a peer's pool. See peer_segment.h.
 *
 * One that the peer wants back is unmapped once no flow has a ring in it. A peer that
 * goes on using it only keeps it mapped.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "channel.h"
#include "peer.h"
#include "peer_segment.h"
#include "ring/ring.h"
#include "maintain.h"
#include "transport.h"

/*
 * Have the peer told that its segment is not mapped any more: by the next
 * sc_control_flush(), which the callers' works call.
 */
static void sc_peer_segment_gone(struct schannel_channel *ch, u16 id)
{
	spin_lock(&ch->ctl_lock);
	__set_bit(id, ch->peer_gone);
	spin_unlock(&ch->ctl_lock);
}

/* Map what it announced. The mapping, or ERR_PTR. */
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
 * sc_peer_segment_announced() - the peer has one more segment
 * @ch:		the channel
 * @msg:	what it said, checked
 *
 * For the channel's work.
 *
 * Return: NULL, or the protocol violation for sc_channel_fail().
 */
const char *sc_peer_segment_announced(struct schannel_channel *ch,
				      const struct schannel_msg_segment *msg)
{
	struct sc_peer_segment *seg = &ch->peer_segment[msg->segment];
	struct schannel_mapping *map;

	/* acquire: pairs with sc_peer_segment_unmap() */
	if (smp_load_acquire(&seg->state) != SC_PEER_SEGMENT_NONE)
		return "SEGMENT_ADD for a segment that exists";
	/* without the mapping its flows are refused */
	seg->state = SC_PEER_SEGMENT_UNMAPPED;
	if (atomic_read(&ch->peer_pool_pages) + msg->nr_pages >
	    SC_PEER_POOL_PAGES_MAX)
		return NULL;
	map = sc_peer_segment_map(ch->peer, msg);
	if (IS_ERR(map))
		return NULL;
	atomic_add(map->nr, &ch->peer_pool_pages);
	seg->map = map;
	/* release: pairs with sc_peer_segment_get() */
	smp_store_release(&seg->state, SC_PEER_SEGMENT_MAPPED);
	return NULL;
}

/**
 * sc_peer_segment_deleted() - the peer wants a segment back
 * @ch:		the channel
 * @id:		the segment's number, checked
 *
 * For the channel's work.
 *
 * Return: NULL, or the protocol violation for sc_channel_fail().
 */
const char *sc_peer_segment_deleted(struct schannel_channel *ch, u16 id)
{
	struct sc_peer_segment *seg = &ch->peer_segment[id];

	switch (seg->state) {
	case SC_PEER_SEGMENT_UNMAPPED:
		seg->state = SC_PEER_SEGMENT_NONE;
		sc_peer_segment_gone(ch, id);
		return NULL;
	case SC_PEER_SEGMENT_MAPPED:
		/* before sc_peer_segments_reap() looks for it */
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
 * sc_peer_segment_get() - where a ring of the peer's is
 * @ch:		the channel
 * @at:		where, as the peer says; private memory, checked
 * @ring:	filled in
 *
 * For the channel's work.
 *
 * Return: the segment, to be given back with sc_peer_segment_put() once nobody reads from the
 * ring any more, or NULL if it is not mapped, or not that long.
 */
struct sc_peer_segment *
sc_peer_segment_get(struct schannel_channel *ch,
		    const struct schannel_ring_at *at, struct sc_ring *ring)
{
	struct sc_peer_segment *seg = &ch->peer_segment[at->segment];

	/* acquire: pairs with sc_peer_segment_announced() */
	if (smp_load_acquire(&seg->state) != SC_PEER_SEGMENT_MAPPED ||
	    at->page + (1U << at->order) > seg->map->nr)
		return NULL;
	atomic_inc(&seg->rings);
	ring->addr = seg->map->addr + at->page;
	ring->size = PAGE_SIZE << at->order;
	return seg;
}

/* Any context. Does nothing without one. */
void sc_peer_segment_put(struct schannel_channel *ch, struct sc_peer_segment *seg)
{
	if (seg && atomic_dec_and_test(&seg->rings) &&
	    READ_ONCE(seg->state) == SC_PEER_SEGMENT_LEAVING)
		sc_maintain_soon(ch);
}

static void sc_peer_segment_unmap(struct schannel_channel *ch, u16 id)
{
	struct sc_peer_segment *seg = &ch->peer_segment[id];

	atomic_sub(seg->map->nr, &ch->peer_pool_pages);
	ch->peer->transport->unmap(ch->peer, seg->map);
	seg->map = NULL;
	atomic_dec(&ch->peer_leaving);
	/* release: the channel's work may use it again, with a new segment */
	smp_store_release(&seg->state, SC_PEER_SEGMENT_NONE);
	sc_peer_segment_gone(ch, id);
}

/**
 * sc_peer_segments_reap() - unmap what the peer wants back
 * @ch:		a channel that is up
 *
 * One at a time, in process context; waits for a grace period.
 *
 * Return: whether rings are left in some.
 */
bool sc_peer_segments_reap(struct schannel_channel *ch)
{
	DECLARE_BITMAP(free, SCHANNEL_SEGMENTS_MAX) = {};
	bool some = false, more = false;
	unsigned int i;

	if (!atomic_read(&ch->peer_leaving))
		return false;
	for (i = 0; i < SCHANNEL_SEGMENTS_MAX; i++) {
		struct sc_peer_segment *seg = &ch->peer_segment[i];

		/* acquire: pairs with sc_peer_segment_deleted() */
		if (smp_load_acquire(&seg->state) != SC_PEER_SEGMENT_LEAVING)
			continue;
		/* there will be no more: see sc_peer_segment_get() */
		if (atomic_read(&seg->rings)) {
			more = true;
		} else {
			__set_bit(i, free);
			some = true;
		}
	}
	if (!some)
		return more;
	/* who reads a datagram in place has nothing but RCU */
	synchronize_rcu();
	for_each_set_bit(i, free, SCHANNEL_SEGMENTS_MAX)
		sc_peer_segment_unmap(ch, i);
	return more;
}
