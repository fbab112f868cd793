/* SPDX-License-Identifier: GPL-2.0-only */
/* Directories: what we announce, whether a peer's is valid, and what both sides accept. */
#ifndef _SCHANNEL_DIR_H
#define _SCHANNEL_DIR_H

#include <linux/types.h>

#include <uapi/xen/schannel.h>

/**
 * struct sc_terms - what a channel may use: the smaller of both sides' numbers
 * @abi:	the ABI version
 * @features:	the features
 * @nr_queues:	number of event queues
 * @table_pages: most pages of our flow table
 * @segments:	most segments of our pool
 * @pool_pages:	most pages of our pool
 * @ring_order:	largest order of our rings
 */
struct sc_terms {
	u16 abi;
	u32 features;
	u32 nr_queues;
	u32 table_pages;
	u32 segments;
	u32 pool_pages;
	u8 ring_order;
};

/* Limit for the pages of a peer's pool that are mapped here: 128 MiB. */
#define SC_PEER_POOL_PAGES_MAX	(128U << (20 - SCHANNEL_PAGE_SHIFT))

/* Length of the text of sc_dir_check(), with its NUL. */
#define SC_DIR_WHY	128

void sc_dir_init(struct schannel_dir *own);
int sc_dir_check(const struct schannel_dir *own, const struct schannel_dir *peer,
		 char *why);
void sc_dir_agree(const struct schannel_dir *own, const struct schannel_dir *peer,
		  struct sc_terms *terms);

#endif /* _SCHANNEL_DIR_H */
