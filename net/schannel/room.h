/* SPDX-License-Identifier: GPL-2.0-only */
/* Making room in a channel: for rings in its pool, for flows in its table. */
#ifndef _SCHANNEL_ROOM_H
#define _SCHANNEL_ROOM_H

#include <linux/types.h>

struct schannel_channel;
struct sc_place;
struct sc_ring;
struct sc_wish;

int sc_room_carve(struct schannel_channel *ch, u8 order, u8 least,
		  struct sc_place *place);
int sc_room_grow(struct schannel_channel *ch, u8 order);
int sc_room_table(struct schannel_channel *ch, unsigned int pages);
void sc_room_ring(const struct schannel_channel *ch,
		  const struct sc_place *place, struct sc_ring *ring);

#endif /* _SCHANNEL_ROOM_H */
