// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels: one per event queue of a channel, each on its own CPU
 * if there are enough CPUs.
 *
 * The frontend allocates a port which only the peer can bind, the backend binds
 * it. An event that arrives masks its event channel until the end of interrupt, which
 * this file signals "late": after it has polled the queue, and marked as spurious if
 * the peer had changed nothing. After two spurious events in a row the kernel's event code
 * delays the event channel, so a peer that notifies in a loop causes only a few polls per
 * tick. While the queue is full of useless entries the event channel stays masked, and the
 * poll is repeated after growing delays.
 *
 * Contexts: the upcall runs in hard interrupt context and does nothing but queue
 * the BH work, which polls in softirq context. scxen_event_notify() is called in
 * any context; all other functions run in the device's work, or while it cannot run.
 *
 * Lifetime: scxen_event_quiesce() ends the polling. The core may still notify
 * then, until its channel is destroyed. Only after that scxen_event_free() frees
 * the interrupt: another driver could get the same number at once.
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

	/* Do not use @q->irq, it may not be set yet: an event can arrive during the bind. */
	WRITE_ONCE(q->eoi_irq, irq);
	/*
	 * Does nothing while the work waits for the end of a delay. A full barrier in any case:
	 * pairs with the one before a work runs, so its xchg() sees @eoi_irq.
	 */
	queue_delayed_work(system_bh_highpri_wq, &q->bh, 0);
	return IRQ_HANDLED;
}

static void scxen_event_bh(struct work_struct *work)
{
	struct scxen_queue *q = container_of(to_delayed_work(work),
					     struct scxen_queue, bh);
	enum schannel_poll did = schannel_channel_poll(q->channel, q->index);
	unsigned int irq;

	q->late = did == SCHANNEL_POLL_LATER ? q->late + 1 : 0;
	switch (did) {
	case SCHANNEL_POLL_MORE:
		q->served = true;
		queue_delayed_work(system_bh_highpri_wq, &q->bh, 0);
		return;
	case SCHANNEL_POLL_LATER:
		queue_delayed_work(system_bh_highpri_wq, &q->bh,
				   schannel_poll_delay(q->late));
		return;
	case SCHANNEL_POLL_DONE:
		q->served = true;
		break;
	case SCHANNEL_POLL_NONE:
		break;
	}

	/*
	 * An event that came after the poll has queued the work again, so this may
	 * already signal that event's end of interrupt. @eoi_irq is 0 if
	 * scxen_event_kick() queued the work.
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
	q->late = 0;
	INIT_DELAYED_WORK(&q->bh, scxen_event_bh);
}

/* Spread the queues of a channel over CPUs. On failure the interrupt stays where it is. */
static void scxen_event_migrate(struct xenbus_device *dev, struct scxen_queue *q)
{
	/* the first queues of all peers shall not share a CPU, either */
	unsigned int nth = (q->index + dev->otherend_id) % num_online_cpus();

	irq_set_affinity(q->irq, cpumask_of(cpumask_local_spread(nth, NUMA_NO_NODE)));
}

/**
 * scxen_event_alloc() - allocate event channels for the peer to bind (frontend)
 * @dev:	the device
 * @queue:	array of SCHANNEL_QUEUES, none bound. Binds one per queue of @ch.
 * @ch:		the channel to poll
 *
 * The channel is polled from now on, whether it is up or not.
 *
 * Return: 0 or -errno. After an error some may be bound: call scxen_event_free(). The
 * device may be in state Closing then, set by xenbus_alloc_evtchn().
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
 * scxen_event_bind() - bind the event channels that the peer allocated (backend)
 * @dev:	the device
 * @queue:	array of SCHANNEL_QUEUES, none bound
 * @ch:		the channel to poll
 * @port:	the peer's ends, not validated: Xen refuses ports not meant for this domain
 * @nr:		number of ports
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

/**
 * scxen_event_kick() - poll every bound queue once
 * @queue:	array of SCHANNEL_QUEUES, bound or not
 *
 * For events that arrived before the channel was up.
 */
void scxen_event_kick(struct scxen_queue *queue)
{
	unsigned int i;

	for (i = 0; i < SCHANNEL_QUEUES; i++)
		if (queue[i].irq)
			queue_delayed_work(system_bh_highpri_wq, &queue[i].bh, 0);
}

/**
 * scxen_event_quiesce() - stop polling
 * @queue:	array of SCHANNEL_QUEUES, bound or not
 *
 * After return no poll is running. An event that arrives later gets no end of
 * interrupt, so it is the last one. scxen_event_notify() still works.
 */
void scxen_event_quiesce(struct scxen_queue *queue)
{
	unsigned int i;

	for (i = 0; i < SCHANNEL_QUEUES; i++)
		if (queue[i].irq)
			disable_delayed_work_sync(&queue[i].bh);
}

/**
 * scxen_event_free() - close the event channels
 * @queue:	array of SCHANNEL_QUEUES, quiesced, bound or not
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
 * @queue:	index of the queue
 *
 * The transport's ->notify().
 */
void scxen_event_notify(struct schannel_peer *peer, unsigned int queue)
{
	struct scxen_dev *xd = schannel_peer_priv(peer);

	/*
	 * The core has seen that its channel is up, with an acquire that pairs with the release
	 * in sc_peer_up(), and the interrupts were bound before that. It waits for all callers
	 * before the channel is destroyed, and the interrupts are freed after that.
	 */
	notify_remote_via_irq(xd->queue[queue].irq);
}
