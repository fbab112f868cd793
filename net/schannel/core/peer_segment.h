/* SPDX-License-Identifier: GPL-2.0-only */
/* The segments of a peer's pool: mapped here, read by flows, unmapped when the peer asks. */
#ifndef _SCHANNEL_PEER_SEGMENT_H
#define _SCHANNEL_PEER_SEGMENT_H

#include <linux/atomic.h>
#include <linux/types.h>

#include <uapi/xen/schannel.h>

struct sc_ring;
struct schannel_channel;
struct schannel_mapping;

enum sc_peer_segment_state {
	SC_PEER_SEGMENT_NONE,		/* not announced */
	SC_PEER_SEGMENT_UNMAPPED,	/* announced, but it could not be mapped */
	SC_PEER_SEGMENT_MAPPED,
	SC_PEER_SEGMENT_LEAVING,	/* to be unmapped once no ring in it is in use */
};

/**
 * struct sc_peer_segment - a segment of the peer's pool
 * @state:	enum sc_peer_segment_state. Written by the channel's work, except that
 *		sc_peer_segments_reap() takes a segment from LEAVING to NONE
 * @nr_pages:	number of its pages
 * @map:	its mapping, or NULL
 * @rings:	number of rings in it that flows read or may come to read
 */
struct sc_peer_segment {
	u8 state;
	u16 nr_pages;
	struct schannel_mapping *map;
	atomic_t rings;
};

const char *sc_peer_segment_announced(struct schannel_channel *ch,
				      const struct schannel_msg_segment *msg);
const char *sc_peer_segment_deleted(struct schannel_channel *ch, u16 id);
struct sc_peer_segment *
sc_peer_segment_get(struct schannel_channel *ch,
		    const struct schannel_ring_at *at, struct sc_ring *ring);
const struct schannel_flow *
sc_peer_segment_entry(struct sc_peer_segment *seg, const struct schannel_ring_at *at);
void sc_peer_segment_put(struct schannel_channel *ch, struct sc_peer_segment *seg);
bool sc_peer_segment_is_mapped(const struct schannel_channel *ch, u16 id);
bool sc_peer_segments_reap(struct schannel_channel *ch);

#endif /* _SCHANNEL_PEER_SEGMENT_H */
