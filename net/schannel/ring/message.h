/* SPDX-License-Identifier: GPL-2.0-only */
/* Validation of a control message that needs no state. */
#ifndef _SCHANNEL_MESSAGE_H
#define _SCHANNEL_MESSAGE_H

#include <linux/types.h>

#include <uapi/xen/schannel.h>

/* A ring that replaces another one: where the flow's entry is does not change. */
static inline struct schannel_ring_at sc_message_replacement(const struct schannel_ring_at *at)
{
	struct schannel_ring_at ring = *at;

	ring.flags &= ~SCHANNEL_RING_INDEX;
	return ring;
}

/* Pages of a ring, and of the flow's entry if that is behind the ring. */
static inline u32 sc_message_ring_pages(const struct schannel_ring_at *at)
{
	return (1U << at->order) + (at->flags & SCHANNEL_RING_INDEX ? 1 : 0);
}

bool sc_message_is_known_open(const struct schannel_msg_open *open);
const char *sc_message_check(const struct schannel_msg *msg,
			     unsigned int table_pages, unsigned int nr_queues);

#endif /* _SCHANNEL_MESSAGE_H */
