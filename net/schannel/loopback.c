// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loopback transport: a channel from this domain to itself. Each network namespace has its
 * own, so that containers cannot reach each other through it.
 *
 * It has two ends, local and remote, each a peer with a channel of its own. Sockets connect from
 * the local end and are accepted at the remote end, through the same rings, messages and
 * event queues as between two domains. A grant is an entry in a table, a mapping is the page
 * itself, and a notification is a work that is queued here. So everything but the hypervisor
 * can be tested on any machine.
 */
#include <linux/bottom_half.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <uapi/linux/schannel.h>
#include "loopback.h"
#include "core/common.h"
#include "core/transport.h"

/**
 * struct sc_loopback_event - the upcall of an event queue
 * @end:	the end that owns the event queue
 * @queue:	the event queue's number
 * @late:	number of upcalls in a row that found useless events only
 * @work:	runs the upcall: in softirq context, as for an event channel, and on the processor
 *		that notifies, whose cache has the rings
 */
struct sc_loopback_event {
	struct sc_loopback_end *end;
	unsigned int queue;
	unsigned int late;
	struct delayed_work work;
};

/**
 * struct sc_loopback_end - one of the two ends
 * @lo:		the loopback that it belongs to
 * @peer:	the other end, as the core sees it
 * @channel:	this end's side of the channel
 * @other:	the other end
 * @event:	the upcall of each event queue
 */
struct sc_loopback_end {
	struct sc_loopback *lo;
	struct schannel_peer *peer;
	struct schannel_channel *channel;
	struct sc_loopback_end *other;
	struct sc_loopback_event event[SCHANNEL_QUEUES];
};

struct sc_loopback {
	struct sc_loopback_end local, remote;
	struct xarray grants;
	struct work_struct open, fail;
	struct mutex lock;	/* the channel comes up or goes down */
};

static struct sc_loopback *sc_loopback_of(struct schannel_peer *peer)
{
	struct sc_loopback_end *end = schannel_peer_priv(peer);

	return end->lo;
}

static int sc_loopback_share(struct schannel_peer *peer, struct page *page,
			     u32 *ref)
{
	return xa_alloc(&sc_loopback_of(peer)->grants, ref, page, xa_limit_31b,
			GFP_KERNEL);
}

static bool sc_loopback_unshare(struct schannel_peer *peer, struct page *page,
				u32 ref)
{
	xa_erase(&sc_loopback_of(peer)->grants, ref);
	put_page(page);		/* a mapping has a reference of its own */
	return true;
}

struct sc_loopback_mapping {
	struct schannel_mapping map;
	void *addr[];
};

static void sc_loopback_unmap(struct schannel_peer *peer,
			      struct schannel_mapping *map)
{
	unsigned int i;

	for (i = 0; i < map->nr; i++)
		put_page(virt_to_page(map->addr[i]));
	kvfree(container_of(map, struct sc_loopback_mapping, map));
}

static struct schannel_mapping *
sc_loopback_map(struct schannel_peer *peer, const u32 *refs, unsigned int nr)
{
	struct xarray *grants = &sc_loopback_of(peer)->grants;
	struct sc_loopback_mapping *m;
	unsigned int i;

	m = kvzalloc(struct_size(m, addr, nr), GFP_KERNEL);
	if (!m)
		return ERR_PTR(-ENOMEM);
	m->map.addr = m->addr;
	for (i = 0; i < nr; i++) {
		struct page *page;

		xa_lock(grants);
		page = xa_load(grants, refs[i]);
		if (page)
			get_page(page);
		xa_unlock(grants);
		if (!page) {
			sc_loopback_unmap(peer, &m->map);
			return ERR_PTR(-EINVAL);
		}
		m->addr[i] = page_address(page);
		m->map.nr++;
	}
	return &m->map;
}

static void sc_loopback_notify(struct schannel_peer *peer, unsigned int queue)
{
	struct sc_loopback_end *end = schannel_peer_priv(peer);

	/*
	 * With bottom halves disabled, the work runs in local_bh_enable(), as softirqs do when an
	 * interrupt ends. Otherwise queue_work() would wake ksoftirqd, and the upcall would
	 * be delayed until the scheduler runs that.
	 */
	local_bh_disable();
	/* at once, so without the detour of queue_delayed_work() */
	queue_work(system_bh_highpri_wq, &end->other->event[queue].work.work);
	local_bh_enable();
}

static void sc_loopback_event(struct work_struct *work)
{
	struct sc_loopback_event *event =
		container_of(to_delayed_work(work), struct sc_loopback_event, work);
	enum schannel_poll did;

	did = schannel_channel_poll(event->end->channel, event->queue);
	event->late = did == SCHANNEL_POLL_LATER ? event->late + 1 : 0;
	if (did == SCHANNEL_POLL_MORE)
		queue_delayed_work(system_bh_highpri_wq, &event->work, 0);
	else if (did == SCHANNEL_POLL_LATER)
		queue_delayed_work(system_bh_highpri_wq, &event->work,
				   schannel_poll_delay(event->late));
}

static int sc_loopback_open(struct schannel_peer *peer)
{
	queue_work(sc_wq, &sc_loopback_of(peer)->open);
	return 0;
}

static void sc_loopback_fail(struct schannel_peer *peer)
{
	queue_work(sc_wq, &sc_loopback_of(peer)->fail);
}

static const struct schannel_transport sc_loopback = {
	.name		= "loopback",
	.owner		= THIS_MODULE,
	.open		= sc_loopback_open,
	.fail		= sc_loopback_fail,
	.share		= sc_loopback_share,
	.unshare	= sc_loopback_unshare,
	.map		= sc_loopback_map,
	.unmap		= sc_loopback_unmap,
	.notify		= sc_loopback_notify,
};

static int sc_loopback_end_create(struct sc_loopback_end *end)
{
	struct schannel_channel *ch = schannel_channel_create(end->peer);
	unsigned int i;

	if (IS_ERR(ch))
		return PTR_ERR(ch);
	end->channel = ch;
	for (i = 0; i < SCHANNEL_QUEUES; i++)
		enable_delayed_work(&end->event[i].work);
	return 0;
}

static void sc_loopback_end_destroy(struct sc_loopback_end *end)
{
	unsigned int i;

	if (!end->channel)
		return;
	for (i = 0; i < SCHANNEL_QUEUES; i++)
		disable_delayed_work_sync(&end->event[i].work);
	schannel_channel_destroy(end->channel);
	end->channel = NULL;
}

static void sc_loopback_down(struct sc_loopback *lo)
{
	sc_loopback_end_destroy(&lo->local);
	sc_loopback_end_destroy(&lo->remote);
}

static int sc_loopback_attach(struct sc_loopback_end *end)
{
	u32 ref = schannel_channel_dir_ref(end->other->channel);
	int err = schannel_channel_attach(end->channel, ref);
	unsigned int i;

	for (i = 0; !err && i < schannel_channel_queues(end->channel); i++)
		queue_delayed_work(system_bh_highpri_wq, &end->event[i].work, 0);
	return err;
}

static void sc_loopback_open_work(struct work_struct *work)
{
	struct sc_loopback *lo = container_of(work, struct sc_loopback, open);
	int err = 0;

	mutex_lock(&lo->lock);
	if (lo->local.channel)
		goto out;
	err = sc_loopback_end_create(&lo->local);
	if (!err)
		err = sc_loopback_end_create(&lo->remote);
	if (!err)
		err = sc_loopback_attach(&lo->remote);
	if (!err)
		err = sc_loopback_attach(&lo->local);
out:
	if (err) {
		sc_loopback_down(lo);
		schannel_peer_unreachable(lo->local.peer, err);
	}
	mutex_unlock(&lo->lock);
}

static void sc_loopback_fail_work(struct work_struct *work)
{
	struct sc_loopback *lo = container_of(work, struct sc_loopback, fail);

	mutex_lock(&lo->lock);
	sc_loopback_down(lo);
	mutex_unlock(&lo->lock);
}

static void sc_loopback_end_init(struct sc_loopback *lo,
				 struct sc_loopback_end *end,
				 struct sc_loopback_end *other)
{
	unsigned int i;

	end->lo = lo;
	end->other = other;
	for (i = 0; i < SCHANNEL_QUEUES; i++) {
		end->event[i].end = end;
		end->event[i].queue = i;
		INIT_DELAYED_WORK(&end->event[i].work, sc_loopback_event);
		disable_delayed_work_sync(&end->event[i].work);
	}
}

/* Make a namespace's loopback. The first connect makes its channel. NULL: no memory. */
struct sc_loopback *sc_loopback_create(struct net *net)
{
	struct sc_loopback *lo = kzalloc(sizeof(*lo), GFP_KERNEL);

	if (!lo)
		return NULL;
	xa_init_flags(&lo->grants, XA_FLAGS_ALLOC);
	INIT_WORK(&lo->open, sc_loopback_open_work);
	INIT_WORK(&lo->fail, sc_loopback_fail_work);
	mutex_init(&lo->lock);
	sc_loopback_end_init(lo, &lo->local, &lo->remote);
	sc_loopback_end_init(lo, &lo->remote, &lo->local);
	if (schannel_loopback_add(&sc_loopback, net, &lo->local, &lo->remote,
				  &lo->local.peer, &lo->remote.peer)) {
		kfree(lo);
		return NULL;
	}
	return lo;
}

/* No socket is left in the namespace. */
void sc_loopback_destroy(struct sc_loopback *lo)
{
	/* disabled, not only cancelled: a channel that goes down may still queue them */
	disable_work_sync(&lo->open);
	disable_work_sync(&lo->fail);
	sc_loopback_down(lo);
	schannel_peer_remove(lo->local.peer);
	schannel_peer_remove(lo->remote.peer);
	xa_destroy(&lo->grants);
	kfree(lo);
}
