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

struct sc_ring ring_create(struct pages *pages, u32 size, enum layout layout)
{
	u32 nr = (size + SCHANNEL_PAGE_SIZE - 1) / SCHANNEL_PAGE_SIZE;
	u32 i;

	pages->page = zalloc(nr * sizeof(*pages->page));
	pages->blocks = layout == LAYOUT_APART ? nr : 1;
	pages->block = zalloc(pages->blocks * sizeof(*pages->block));
	for (i = 0; i < pages->blocks; i++)
		pages->block[i] = alloc_pages(nr / pages->blocks);

	for (i = 0; i < nr; i++) {
		u32 at = i;

		if (layout == LAYOUT_APART) {
			pages->page[i] = pages->block[i];
			continue;
		}
		if (layout == LAYOUT_REVERSE)
			at = nr - 1 - i;
		else if (layout == LAYOUT_PAIRS)
			at = (nr - 1 - i) ^ (nr > 1);
		pages->page[i] = (u8 *)pages->block[0] + at * SCHANNEL_PAGE_SIZE;
	}
	return (struct sc_ring){ .addr = pages->page, .size = size };
}

void ring_free(struct pages *pages)
{
	u32 i;

	for (i = 0; i < pages->blocks; i++)
		free(pages->block[i]);
	free(pages->block);
	free(pages->page);
}

void pair_init(struct pair *pair, u32 size, enum layout layout, u32 start)
{
	struct sc_ring ring;

	memset(pair, 0, sizeof(*pair));
	ring = ring_create(&pair->pages, size, layout);
	pair->sender = zalloc(sizeof(*pair->sender));
	pair->receiver = zalloc(sizeof(*pair->receiver));
	pair->sender->tx_prod = start;
	pair->sender->tx_event = start - 1;
	pair->receiver->rx_cons = start;
	pair->receiver->rx_event = start - 1;
	pair->tx = (struct sc_tx){
		.ring = ring,
		.own = pair->sender,
		.peer = pair->receiver,
		.prod = start,
		.cons = start,
	};
	pair->rx = (struct sc_rx){
		.ring = ring,
		.own = pair->receiver,
		.peer = pair->sender,
		.cons = start,
		.prod = start,
	};
}

void pair_exit(struct pair *pair)
{
	ring_free(&pair->pages);
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
