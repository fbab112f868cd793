/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shares: how much of a channel one user may have, so that some is left for others.
 *
 * A user may have half of what the other users leave. So one user alone gets half, a second
 * one half of the rest, and each newcomer finds something, however greedy the others
 * are. A user with very little may have that anyway, as long as there is any.
 */
#ifndef _SCHANNEL_SHARE_H
#define _SCHANNEL_SHARE_H

#include <linux/types.h>

/* The part of a limit that a user may have whatever the others have. */
#define SC_SHARE_LEAST	1024

/**
 * struct sc_share - what one user has of a channel
 * @pages:	pages in rings
 * @flows:	flows, from their opening until both sides have closed them
 *
 * The pool's lock protects both.
 */
struct sc_share {
	u32 pages;
	u32 flows;
};

/**
 * sc_share_allows() - may a user have more?
 * @mine:	what the user has
 * @more:	what the user wants in addition
 * @used:	what all users have together
 * @limit:	the most that all users may have together
 *
 * Return: whether the user may have it. Does not say whether there is as much.
 */
static inline bool sc_share_allows(u32 mine, u32 more, u32 used, u32 limit)
{
	u32 others = used - mine;

	return mine + more <= limit / SC_SHARE_LEAST ||
	       (others < limit && mine + more <= (limit - others) / 2);
}

#endif /* _SCHANNEL_SHARE_H */
