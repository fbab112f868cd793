/* SPDX-License-Identifier: GPL-2.0-only */
/* The control messages about shared memory: pages of the flow tables, segments of the pools. */
#ifndef _SCHANNEL_CONTROL_MEMORY_H
#define _SCHANNEL_CONTROL_MEMORY_H

#include <linux/types.h>

#include "channel.h"

struct schannel_msg;

/* May sc_control_memory_next() have a message? Under ctl_lock. */
static inline bool sc_control_memory_waits(const struct schannel_channel *ch)
{
	/* acquire: pairs with sc_flow_table_grow() */
	unsigned int pages = smp_load_acquire(&ch->table_pages);

	return ch->nr_notes || READ_ONCE(ch->pool.unannounced) ||
	       ch->table_announced < pages;
}

bool sc_control_memory_next(struct schannel_channel *ch, struct schannel_msg *msg);
const char *sc_control_memory_received(struct schannel_channel *ch,
				       const struct schannel_msg *msg);

#endif /* _SCHANNEL_CONTROL_MEMORY_H */
