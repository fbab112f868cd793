/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that are shared: single ones, and segments of a pool.
 */
#ifndef _SCHANNEL_SEGMENT_H
#define _SCHANNEL_SEGMENT_H

#include <linux/types.h>

#include <uapi/xen/schannel.h>

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

/* What the peer knows of a segment of ours; in the order in which it learns it. */
enum sc_segment_state {
	SC_SEGMENT_NEW,		/* not yet that it is there */
	SC_SEGMENT_THERE,
	SC_SEGMENT_LEAVING,	/* not yet that it shall go */
	SC_SEGMENT_LEFT,	/* has to say that it let go */
};

/**
 * struct sc_segment - a segment of our pool
 * @id:		its number
 * @state:	enum sc_segment_state (pool lock)
 * @rested:	had no rings when it was last looked at (pool lock)
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
	u8 state;
	bool rested;
	unsigned long *map;
	struct sc_page list;
	void **addr;
	u32 *ref;
};

struct sc_segment *sc_segment_create(struct schannel_peer *peer, u16 nr_pages);
void sc_segment_destroy(struct schannel_peer *peer, struct sc_segment *seg);

#endif /* _SCHANNEL_SEGMENT_H */
