/* SPDX-License-Identifier: GPL-2.0-only */
/* One xenbus device: this domain's end of a pair of domains. */
#ifndef _SCHANNEL_XEN_DEVICE_H
#define _SCHANNEL_XEN_DEVICE_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <xen/interface/io/xenbus.h>
#include <xen/xenbus.h>

#include "event.h"
#include "grant.h"

struct schannel_channel;
struct schannel_peer;

/* Bits of struct scxen_dev's @flags. */
enum {
	SCXEN_WANTED,	/* the core of this domain wants a channel */
	SCXEN_FAILED,	/* the core gave the channel up */
	SCXEN_OWN,	/* our directory may be a new one: check that it has our keys */
	SCXEN_INFO,	/* the peer's name, UUID or addresses may have changed: read them */
};

/**
 * struct scxen_dev - one end of a pair of domains
 * @dev:	the xenbus device; its @state is this end's state
 * @wq:		the workqueue that runs @work
 * @step:	moves this end to its next state, given the state of the other end
 * @work:	runs @step. Only the work accesses the fields from @peer on, or code
 *		that runs while the work cannot.
 * @flags:	SCXEN_*, set and cleared in any context
 * @peer:	the core's peer, not NULL while the other end's driver is present
 * @channel:	the channel, from its set-up until it is taken down
 * @up:		@channel is attached
 * @not_before:	the earliest time of the next set-up (jiffies)
 * @deadline:	when to stop waiting for the peer's answer (jiffies)
 * @queue:	the channel's event channels
 * @node:	in the list of store.c
 * @grants:	our pages that are shared, or that the peer still maps; has its own lock
 */
struct scxen_dev {
	struct xenbus_device *dev;
	struct workqueue_struct *wq;
	void (*step)(struct scxen_dev *xd, enum xenbus_state theirs);
	struct delayed_work work;
	unsigned long flags;

	struct schannel_peer *peer;
	struct schannel_channel *channel;
	bool up;
	unsigned long not_before;
	unsigned long deadline;

	struct scxen_queue queue[SCHANNEL_QUEUES];
	struct list_head node;
	struct scxen_grants *grants;
};

/*
 * This end's state. The device's work sets it, but xenbus does as well, at shutdown and after
 * an error, in threads of its own: it may change between two reads.
 */
static inline enum xenbus_state scxen_state(const struct scxen_dev *xd)
{
	return READ_ONCE(xd->dev->state);
}

/*
 * Run the device's work now. Any context. A full barrier, pairs with the one before a work
 * runs: the work sees the flags that were set before.
 */
static inline void scxen_schedule(struct scxen_dev *xd)
{
	mod_delayed_work(xd->wq, &xd->work, 0);
}

/* Run the device's work after @delay jiffies, unless it is due earlier already. */
static inline void scxen_schedule_after(struct scxen_dev *xd, unsigned long delay)
{
	queue_delayed_work(xd->wq, &xd->work, delay);
}

#endif /* _SCHANNEL_XEN_DEVICE_H */
