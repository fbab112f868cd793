/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Our pages that a peer may read: single pages, and the segments of a pool.
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
 * @ref:	the name by which the peer maps it
 */
struct sc_page {
	struct page *page;
	void *addr;
	u32 ref;
};

int sc_page_share(struct schannel_peer *peer, struct sc_page *page);
bool sc_page_unshare(struct schannel_peer *peer, struct sc_page *page);

/**
 * struct sc_segment - a segment of our pool
 * @pool:	the pool's part: number, size, and which pages are allocated to rings
 * @list:	the page that lists @ref for the peer
 * @addr:	addresses of the pages
 * @ref:	the names by which the peer maps the pages
 */
struct sc_segment {
	struct sc_pool_segment pool;
	struct sc_page list;
	void **addr;
	u32 *ref;
};

/* The segment whose pool part a function of the pool returned; NULL for NULL. */
static inline struct sc_segment *sc_segment_of(struct sc_pool_segment *seg)
{
	return seg ? container_of(seg, struct sc_segment, pool) : NULL;
}

struct sc_segment *sc_segment_create(struct schannel_peer *peer, u16 nr_pages);
bool sc_segment_destroy(struct schannel_peer *peer, struct sc_segment *seg);

#endif /* _SCHANNEL_SEGMENT_H */
