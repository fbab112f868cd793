/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One side's half of an event queue: the header, and the pages of entries, each allocated in
 * its exact size, so that AddressSanitizer reports every access outside of it.
 */
#ifndef QUEUE_HALF_H
#define QUEUE_HALF_H

#include "ring/queue.h"

struct queue_half {
	struct schannel_queue *header;
	void *page[1U << SCHANNEL_QUEUE_ORDER_MAX];
	u32 order;
};

void queue_half_init(struct queue_half *half, u32 order);
void queue_half_exit(struct queue_half *half);

/*
 * The queue as the side with the half @own sees it. That side has posted @prod entries and
 * consumed @cons.
 */
struct sc_queue queue_join(struct queue_half *own, struct queue_half *peer, u32 prod,
			   u32 cons);

/* Entry @n of a half. */
u32 queue_half_entry(const struct queue_half *half, u32 n);

#endif
