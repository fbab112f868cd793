// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels: one per event queue of a channel, each on a processor of its own
 * as long as there are enough.
 *
 * The frontend allocates a port which only the peer can bind, the backend binds
 * it. An event that arrives masks its channel until the end of interrupt, which
 * is given "late": after the queue has been polled, and marked as spurious if
 * there was nothing in it. After two such in a row the kernel's event code makes
 * the channel wait, so a peer that notifies in a loop costs us a few polls in
 * every tick and no more.
 *
 * Contexts: the upcall runs in hard interrupt context and does nothing but queue
 * the BH work, which polls in softirq context. scxen_event_notify() is called in
 * any context, everything else by the device's work or in its place.
 *
 * Lifetime: scxen_event_quiesce() ends the polling. The core may still notify
 * then, until its channel is destroyed. Only after that scxen_event_free() gives
 * the interrupt back: its number could be somebody else's at once.
 */
#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <xen/events.h>
#include <xen/xenbus.h>

#include "core/transport.h"
#include "device.h"
#include "event.h"

static irqreturn_t scxen_event_upcall(int irq, void *data)
{
	struct scxen_queue *q = data;

	/* @q->irq may not be set yet: an event can arrive while we bind. */
	WRITE_ONCE(q->eoi_irq, irq);
	queue_work(system_bh_highpri_wq, &q->bh);
	return IRQ_HANDLED;
}

static void scxen_event_bh(struct work_struct *work)
{
	struct scxen_queue *q = container_of(work, struct scxen_queue, bh);
	unsigned int irq;

	switch (schannel_channel_poll(q->channel, q->index)) {
	case SCHANNEL_POLL_MORE:
		q->served = true;
		queue_work(system_bh_highpri_wq, &q->bh);
		return;
	case SCHANNEL_POLL_DONE:
		q->served = true;
		break;
	case SCHANNEL_POLL_NONE:
		break;
	}

	/*
	 * An event that came after the poll has queued the work again, so
	 * it is no harm if its end of interrupt is given here already. There is
	 * none to give when it was scxen_event_kick() that brought us here.
	 */
	irq = xchg(&q->eoi_irq, 0);
	if (irq)
		xen_irq_lateeoi(irq, q->served ? 0 : XEN_EOI_FLAG_SPURIOUS);
	q->served = false;
}

static void scxen_event_prepare(struct scxen_queue *q,
				struct schannel_channel *ch, unsigned int index)
{
	q->channel = ch;
	q->index = index;
	q->eoi_irq = 0;
	q->served = false;
	INIT_WORK(&q->bh, scxen_event_bh);
}

/* Serve it on another processor than the others. If that cannot be, where it is. */
static void scxen_event_migrate(struct xenbus_device *dev, struct scxen_queue *q)
{
	/* nor shall the first queues of all peers be on the same one */
	unsigned int nth = (q->index + dev->otherend_id) % num_online_cpus();

	irq_set_affinity(q->irq, cpumask_of(cpumask_local_spread(nth, NUMA_NO_NODE)));
}

/**
 * scxen_event_alloc() - make event channels for the peer to bind (frontend)
 * @dev:	the device
 * @queue:	SCHANNEL_QUEUES of them, none bound: as many are as @ch has
 * @ch:		the channel to poll
 *
 * From now on the channel is polled, whether it is up or not.
 *
 * Return: 0 or -errno, and then some may be bound: free them. The device may
 * have gone to Closing in that case, which is xenbus_alloc_evtchn()'s way.
 */
int scxen_event_alloc(struct xenbus_device *dev, struct scxen_queue *queue,
		      struct schannel_channel *ch)
{
	unsigned int i;
	int ret;

	for (i = 0; i < schannel_channel_queues(ch); i++) {
		struct scxen_queue *q = &queue[i];

		scxen_event_prepare(q, ch, i);
		ret = xenbus_alloc_evtchn(dev, &q->port);
		if (ret)
			return ret;
		ret = bind_evtchn_to_irqhandler_lateeoi(q->port,
							scxen_event_upcall, 0,
							dev_name(&dev->dev), q);
		if (ret < 0) {
			xenbus_free_evtchn(dev, q->port);
			return ret;
		}
		q->irq = ret;
		scxen_event_migrate(dev, q);
	}
	return 0;
}

/**
 * scxen_event_bind() - bind the event channels that the peer made (backend)
 * @dev:	the device
 * @queue:	SCHANNEL_QUEUES of them, none bound
 * @ch:		the channel to poll
 * @port:	the peer's ends, as it gave them: Xen refuses what is not ours
 * @nr:		how many of these
 *
 * Return: as scxen_event_alloc().
 */
int scxen_event_bind(struct xenbus_device *dev, struct scxen_queue *queue,
		     struct schannel_channel *ch, const evtchn_port_t *port,
		     unsigned int nr)
{
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		struct scxen_queue *q = &queue[i];

		scxen_event_prepare(q, ch, i);
		ret = bind_interdomain_evtchn_to_irqhandler_lateeoi(dev, port[i],
								    scxen_event_upcall,
								    0,
								    dev_name(&dev->dev),
								    q);
		if (ret < 0)
			return ret;
		q->irq = ret;
		scxen_event_migrate(dev, q);
	}
	return 0;
}

/* Poll every queue once, for events that came before the channel was up. */
void scxen_event_kick(struct scxen_queue *queue)
{
	unsigned int i;

	for (i = 0; i < SCHANNEL_QUEUES; i++)
		if (queue[i].irq)
			queue_work(system_bh_highpri_wq, &queue[i].bh);
}

/**
 * scxen_event_quiesce() - poll no more
 * @queue:	SCHANNEL_QUEUES of them, bound or not
 *
 * After return no poll is under way. An event that arrives is left without its
 * end of interrupt, so it is the last one. scxen_event_notify() still works.
 */
void scxen_event_quiesce(struct scxen_queue *queue)
{
	unsigned int i;

	for (i = 0; i < SCHANNEL_QUEUES; i++)
		if (queue[i].irq)
			disable_work_sync(&queue[i].bh);
}

/**
 * scxen_event_free() - close the event channels
 * @queue:	SCHANNEL_QUEUES of them, quiesced, bound or not
 */
void scxen_event_free(struct scxen_queue *queue)
{
	unsigned int i;

	for (i = 0; i < SCHANNEL_QUEUES; i++) {
		if (!queue[i].irq)
			continue;
		unbind_from_irqhandler(queue[i].irq, &queue[i]);
		queue[i].irq = 0;
	}
}

/**
 * scxen_event_notify() - wake the peer's side of an event queue
 * @peer:	the peer
 * @queue:	which queue
 *
 * The transport's ->notify().
 */
void scxen_event_notify(struct schannel_peer *peer, unsigned int queue)
{
	struct scxen_dev *xd = schannel_peer_priv(peer);

	notify_remote_via_irq(xd->queue[queue].irq);
}
