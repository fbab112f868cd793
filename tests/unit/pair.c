// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"

static void *need(void *memory)
{
	if (!memory) {
		perror("out of memory");
		abort();
	}
	return memory;
}

static void *zalloc(size_t size)
{
	return need(calloc(1, size));
}

static void *alloc_pages(u32 nr)
{
	return need(aligned_alloc(SCHANNEL_PAGE_SIZE,
				  (size_t)nr * SCHANNEL_PAGE_SIZE));
}

static void lay_out(struct pair *pair, u32 nr, enum layout layout)
{
	u32 i;

	pair->page = zalloc(nr * sizeof(*pair->page));
	pair->blocks = layout == LAYOUT_APART ? nr : 1;
	pair->block = zalloc(pair->blocks * sizeof(*pair->block));
	for (i = 0; i < pair->blocks; i++)
		pair->block[i] = alloc_pages(nr / pair->blocks);

	for (i = 0; i < nr; i++) {
		u32 at = i;

		if (layout == LAYOUT_APART) {
			pair->page[i] = pair->block[i];
			continue;
		}
		if (layout == LAYOUT_REVERSE)
			at = nr - 1 - i;
		else if (layout == LAYOUT_PAIRS)
			at = (nr - 1 - i) ^ (nr > 1);
		pair->page[i] = (u8 *)pair->block[0] + at * SCHANNEL_PAGE_SIZE;
	}
}

void pair_init(struct pair *pair, u32 size, enum layout layout, u32 start)
{
	u32 nr = (size + SCHANNEL_PAGE_SIZE - 1) / SCHANNEL_PAGE_SIZE;

	memset(pair, 0, sizeof(*pair));
	lay_out(pair, nr, layout);
	pair->sender = zalloc(sizeof(*pair->sender));
	pair->receiver = zalloc(sizeof(*pair->receiver));
	pair->sender->tx_prod = start;
	pair->sender->tx_event = start - 1;
	pair->receiver->rx_cons = start;
	pair->receiver->rx_event = start - 1;
	pair->tx = (struct sc_tx){
		.ring = { .addr = pair->page, .size = size },
		.own = pair->sender,
		.peer = pair->receiver,
		.prod = start,
		.cons = start,
	};
	pair->rx = (struct sc_rx){
		.ring = { .addr = pair->page, .size = size },
		.own = pair->receiver,
		.peer = pair->sender,
		.cons = start,
		.prod = start,
	};
}

void pair_exit(struct pair *pair)
{
	u32 i;

	for (i = 0; i < pair->blocks; i++)
		free(pair->block[i]);
	free(pair->block);
	free(pair->page);
	free(pair->sender);
	free(pair->receiver);
}

void ring_copy_in(const struct sc_ring *ring, u32 pos, const u8 *from, u32 len)
{
	while (len) {
		u32 run = len;
		void *to = sc_ring_run(ring, pos, &run);

		memcpy(to, from, run);
		pos += run;
		from += run;
		len -= run;
	}
}

void ring_copy_out(const struct sc_ring *ring, u32 pos, u8 *to, u32 len)
{
	while (len) {
		u32 run = len;
		const void *from = sc_ring_run(ring, pos, &run);

		memcpy(to, from, run);
		pos += run;
		to += run;
		len -= run;
	}
}
