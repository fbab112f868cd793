// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "queue_half.h"

void queue_half_init(struct queue_half *half, u32 order)
{
	u32 i;

	memset(half, 0, sizeof(*half));
	half->order = order;
	half->header = calloc(1, sizeof(*half->header));
	for (i = 0; i < 1U << order; i++)
		half->page[i] = calloc(1, SCHANNEL_PAGE_SIZE);
}

void queue_half_exit(struct queue_half *half)
{
	u32 i;

	for (i = 0; i < 1U << half->order; i++)
		free(half->page[i]);
	free(half->header);
}

struct sc_queue queue_join(struct queue_half *own, struct queue_half *peer, u32 prod,
			   u32 cons)
{
	own->header->prod = prod;
	own->header->cons = cons;
	return (struct sc_queue){
		.own = own->header,
		.peer = peer->header,
		.own_page = own->page,
		.peer_page = peer->page,
		.own_size = SCHANNEL_QUEUE_ENTRIES << own->order,
		.peer_size = SCHANNEL_QUEUE_ENTRIES << peer->order,
		.prod = SC_QUEUE_START(0) + prod,
		.cons = cons,
	};
}

u32 queue_half_entry(const struct queue_half *half, u32 n)
{
	const u32 *entry = half->page[n / SCHANNEL_QUEUE_ENTRIES % (1U << half->order)];

	return entry[n % SCHANNEL_QUEUE_ENTRIES];
}
