/* SPDX-License-Identifier: GPL-2.0-only */
/* Allocation of rings in a channel's pool, which grows for them. */
#ifndef _SCHANNEL_ALLOC_H
#define _SCHANNEL_ALLOC_H

#include <linux/types.h>

struct schannel_channel;
struct sc_extent;
struct sc_flow;
struct sc_ring;
struct sc_size_limits;

int sc_alloc_ring(struct sc_flow *flow, u8 order, struct sc_extent *extent);
int sc_alloc_smaller(struct sc_flow *flow, u8 order, struct sc_extent *extent);
int sc_alloc_extent(struct sc_flow *flow, u8 order, u8 order_min,
		    struct sc_extent *extent);
void sc_alloc_free(struct sc_flow *flow, const struct sc_extent *extent);
int sc_alloc_grow_pool(struct schannel_channel *ch, u8 order);
void sc_alloc_note_answer(struct schannel_channel *ch, bool mapped);
bool sc_alloc_may_grow(const struct schannel_channel *ch);
void sc_extent_ring(const struct schannel_channel *ch,
		    const struct sc_extent *extent, struct sc_ring *ring);

#endif /* _SCHANNEL_ALLOC_H */
