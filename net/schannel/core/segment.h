/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that are shared: single ones, and segments of a pool.
 */
#ifndef _SCHANNEL_SEGMENT_H
#define _SCHANNEL_SEGMENT_H

#include <linux/container_of.h>
#include <linux/types.h>

#include "ring/pool.h"

struct page;
struct schannel_peer;

/**
 * struct sc_page - one page of ours that the peer may read
 * @page:	the page, or NULL
 * @addr:	its address
 * @ref:	the transport's name for it
 */
struct sc_page {
	struct page *page;
	void *addr;
	u32 ref;
};

int sc_page_share(struct schannel_peer *peer, struct sc_page *page);
void sc_page_unshare(struct schannel_peer *peer, struct sc_page *page);

/**
 * struct sc_segment - a segment of our pool
 * @pool:	what the pool knows of it; its number, its pages and which are in rings
 * @list:	the page that lists @ref for the peer
 * @addr:	addresses of the pages
 * @ref:	the transport's names for them
 */
struct sc_segment {
	struct sc_pool_segment pool;
	struct sc_page list;
	void **addr;
	u32 *ref;
};

/* The segment that a pool's function returned, or NULL if that was NULL. */
static inline struct sc_segment *sc_segment_of(struct sc_pool_segment *seg)
{
	return seg ? container_of(seg, struct sc_segment, pool) : NULL;
}

struct sc_segment *sc_segment_create(struct schannel_peer *peer, u16 nr_pages);
void sc_segment_destroy(struct schannel_peer *peer, struct sc_segment *seg);

#endif /* _SCHANNEL_SEGMENT_H */
