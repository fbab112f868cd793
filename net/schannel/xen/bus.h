/* SPDX-License-Identifier: GPL-2.0-only */
/* The xenbus devices, one for each domain we may talk to. */
#ifndef _SCHANNEL_XEN_BUS_H
#define _SCHANNEL_XEN_BUS_H

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
	SCXEN_WANTED,	/* somebody here wants a channel */
	SCXEN_FAILED,	/* the core gave the channel up */
	SCXEN_OWN,	/* our directory may be another one: see that we are in it */
	SCXEN_INFO,	/* read who the peer is */
};

/**
 * struct scxen_dev - one end of a pair of domains
 * @dev:	the xenbus device; its @state is this end's state
 * @step:	what this end does next, given the state of the other
 * @work:	runs @step; nothing but the work touches the fields below, except
 *		where the work cannot run
 * @flags:	SCXEN_*, set and cleared in any context
 * @peer:	the core's, as long as the other end's driver is there
 * @channel:	from its set-up until it is taken down
 * @up:		the channel is attached
 * @not_before:	when another set-up may begin (jiffies)
 * @deadline:	when to stop waiting for the peer's answer (jiffies)
 * @queue:	the channel's event channels
 * @own_watch:	on our own directory, where the control domain says who the peer is
 * @grants:	what is left of earlier channels; has a lock of its own
 */
struct scxen_dev {
	struct xenbus_device *dev;
	void (*step)(struct scxen_dev *xd, enum xenbus_state theirs);
	struct delayed_work work;
	unsigned long flags;

	struct schannel_peer *peer;
	struct schannel_channel *channel;
	bool up;
	unsigned long not_before;
	unsigned long deadline;

	struct scxen_queue queue[SCHANNEL_QUEUES];
	struct xenbus_watch own_watch;
	struct scxen_grants grants;
};

int scxen_bus_init(void);
void scxen_bus_exit(void);

#endif /* _SCHANNEL_XEN_BUS_H */
