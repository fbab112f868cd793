/* SPDX-License-Identifier: GPL-2.0-only */
/* Event channels: one per event queue of a channel. */
#ifndef _SCHANNEL_XEN_EVENT_H
#define _SCHANNEL_XEN_EVENT_H

#include <linux/types.h>
#include <linux/workqueue.h>
#include <xen/interface/event_channel.h>

#include "core/transport.h"

struct schannel_channel;
struct schannel_peer;
struct xenbus_device;

/**
 * struct scxen_queue - the event channel of one event queue
 * @channel:	the channel that has the queue
 * @index:	the queue's index in @channel
 * @irq:	the event channel's interrupt, 0 if not bound
 * @port:	our end of the event channel; only the frontend knows and needs it
 * @eoi_irq:	the interrupt whose end is still to be signalled, 0 if none; set by the
 *		upcall and taken by @bh
 * @served:	@bh found events since the last end of interrupt
 * @late:	number of polls in a row that found useless events only
 * @bh:		polls the queue
 */
struct scxen_queue {
	struct schannel_channel *channel;
	unsigned int index;
	unsigned int irq;
	evtchn_port_t port;
	unsigned int eoi_irq;
	bool served;
	unsigned int late;
	struct delayed_work bh;
};

int scxen_event_alloc(struct xenbus_device *dev, struct scxen_queue *queue,
		      struct schannel_channel *ch);
int scxen_event_bind(struct xenbus_device *dev, struct scxen_queue *queue,
		     struct schannel_channel *ch, const evtchn_port_t *port,
		     unsigned int nr);
void scxen_event_kick(struct scxen_queue *queue);
void scxen_event_quiesce(struct scxen_queue *queue);
void scxen_event_free(struct scxen_queue *queue);

void scxen_event_notify(struct schannel_peer *peer, unsigned int queue);

#endif /* _SCHANNEL_XEN_EVENT_H */
