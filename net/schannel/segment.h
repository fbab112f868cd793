/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that are shared: single ones, and segments of a pool, on the side that
 * owns them and on the side that maps them.
 */
#ifndef _SCHANNEL_SEGMENT_H
#define _SCHANNEL_SEGMENT_H

#include <linux/types.h>

#include "../../include/uapi/xen/schannel.h"

struct page;
struct schannel_mapping;
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
 * @id:		its number
 * @nr_pages:	its pages
 * @used:	pages in rings (pool lock)
 * @map:	which (pool lock)
 * @list:	the page that lists @ref for the peer
 * @addr:	addresses of the pages
 * @ref:	the transport's names for them
 */
struct sc_segment {
	u16 id;
	u16 nr_pages;
	u16 used;
	unsigned long *map;
	struct sc_page list;
	void **addr;
	u32 *ref;
};

struct sc_segment *sc_segment_create(struct schannel_peer *peer, u16 nr_pages);
void sc_segment_destroy(struct schannel_peer *peer, struct sc_segment *seg);
struct schannel_mapping *
sc_segment_map(struct schannel_peer *peer,
	       const struct schannel_msg_segment *msg);

#endif /* _SCHANNEL_SEGMENT_H */
