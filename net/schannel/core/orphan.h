/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flows that wait for one side to finish them: the orphans, which our user has closed and the
 * peer has not, and the flows that the peer has reset and our user has not closed.
 *
 * The peer may read from an orphan long after its socket is gone, so the flow keeps its entry
 * and its ring. A time limit and limits for number and memory keep a peer that does not read
 * from keeping them forever. See reap.c for what is done at the limits.
 */
#ifndef _SCHANNEL_ORPHAN_H
#define _SCHANNEL_ORPHAN_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct schannel_channel;
struct sc_flow;

/**
 * struct sc_orphan_sum - how many orphans there are
 * @nr:		their number
 * @pages:	pages of their rings
 */
struct sc_orphan_sum {
	unsigned int nr;
	u32 pages;
};

/**
 * struct sc_orphans - the flows of a channel that wait to be finished
 * @closed:	orphans that were not reset; the one whose last progress is the oldest first
 * @reset:	flows that the peer has reset and that have a user, in the same order
 * @taken:	flows to be taken away from their users
 * @all:	the sum of all orphans, also of those that were reset
 * @waiting:	the sum of those in @closed
 * @interval:	the delay with which @work was queued last, in jiffies
 * @work:	see reap.h
 *
 * The channel's control lock protects all members.
 */
struct sc_orphans {
	struct list_head closed;
	struct list_head reset;
	struct list_head taken;
	struct sc_orphan_sum all;
	struct sc_orphan_sum waiting;
	unsigned long interval;
	struct delayed_work work;
};

/**
 * struct sc_age - a flow that waits to be finished
 * @node:	entry in a list of struct sc_orphans
 * @since:	the time of the last progress that was seen, jiffies
 * @index:	consumer index of the side that reads, at that time
 * @pages:	pages of the orphan's rings; 0 if it is no orphan
 * @waiting:	the orphan is in @closed
 *
 * The channel's control lock protects all members.
 */
struct sc_age {
	struct list_head node;
	unsigned long since;
	u32 index;
	u32 pages;
	bool waiting;
};

void sc_orphan_init(struct sc_orphans *orphans, work_func_t work);
unsigned long sc_orphan_interval(void);
void sc_orphan_schedule(struct schannel_channel *ch, unsigned long delay);
void sc_orphan_add(struct sc_flow *flow, bool may_reset);
void sc_orphan_resized(struct sc_flow *flow);
void sc_orphan_add_reset(struct sc_flow *flow);
void sc_orphan_take(struct sc_flow *flow);
bool sc_orphan_progressed(struct sc_flow *flow);
void sc_orphan_unlist(struct sc_flow *flow);
void sc_orphan_forget(struct sc_flow *flow);
bool sc_orphan_too_many(const struct schannel_channel *ch);

#endif /* _SCHANNEL_ORPHAN_H */
