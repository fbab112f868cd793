// SPDX-License-Identifier: GPL-2.0-only
/*
 * The xenbus devices: which domains are there, and the way of a channel from
 * nothing to connected and back.
 *
 * The two ends of a pair step through these states; include/uapi/xen/schannel.h
 * has the keys.
 *
 *	frontend	backend
 *	Initialising	Initialising	idle: no channel
 *	  "		InitWait	the backend would like one
 *	Initialised	  (either)	the frontend made its side and offers it
 *	  "		Connected	the backend made its own and mapped that one
 *	Connected	  "		the frontend mapped the backend's
 *	Closing		Closing		this end has taken the channel down
 *	Closed		Closed		no driver
 *
 * Who wants a channel: the frontend makes an offer, the backend asks for one by
 * going to InitWait. If both want one at once, that is the same as if one did.
 *
 * Who leaves when: an end that takes its channel down goes to Closing, at any
 * time and without asking. The other end, seeing that, does the same. The
 * frontend leaves Closing, for Initialising, as soon as the backend is not
 * Connected; the backend, as soon as the frontend is back at Initialising or
 * gone. So neither goes on before the other has noticed, and a new offer cannot
 * be taken for the old one.
 *
 * Who is there: a driver writes the ABI version it speaks into its directory, and
 * removes that when it goes; the state alone says nothing, since the toolstack
 * writes Initialising to have xenbus look for a driver. For the core the peer exists
 * while the other end has such a key and a state from Initialising to Closing.
 * xenbus watches the state only, so it is written, again if need be, with the key.
 * A driver whose key has gone without its doing has another directory than before,
 * since the pair was made anew or the domain restored: it starts afresh.
 *
 * What the peer can do: write any state and any key at any time. Each state of
 * ours says which of theirs it goes on with; all others end the channel or
 * change nothing. We wait for the peer in Initialised and InitWait, with a time
 * limit, and rest in Closing with nothing held. Set-ups, the only costly thing a
 * peer can ask for, are a second apart, and none begins before the peer has let
 * go of the previous channel's pages.
 *
 * Contexts and locks: everything happens in the device's work, which never runs
 * twice at once, so there is no lock. xenbus's watch, the core's ->open() and
 * ->fail(), which are atomic, and the passing of time only queue it. remove()
 * disables the work first, and suspend() runs while its workqueue is frozen.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/pm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <xen/interface/xen.h>
#include <xen/xenbus.h>

#include <uapi/xen/schannel.h>
#include "core/transport.h"
#include "bus.h"
#include "event.h"
#include "grant.h"
#include "info.h"
#include "restore.h"

/* From one set-up to the next. */
#define SCXEN_INTERVAL	HZ
/* How long an offer or a wish stands. */
#define SCXEN_PATIENCE	(10 * HZ)

static struct workqueue_struct *scxen_wq;

/* Look at the device now. Any context. */
static void scxen_poke(struct scxen_dev *xd)
{
	mod_delayed_work(scxen_wq, &xd->work, 0);
}

/* Look at the device again after @delay, unless something happens before. */
static void scxen_poke_later(struct scxen_dev *xd, unsigned long delay)
{
	queue_delayed_work(scxen_wq, &xd->work, delay);
}

static int scxen_open(struct schannel_peer *peer)
{
	struct scxen_dev *xd = schannel_peer_priv(peer);

	set_bit(SCXEN_WANTED, &xd->flags);
	scxen_poke(xd);
	return 0;
}

static void scxen_fail(struct schannel_peer *peer)
{
	struct scxen_dev *xd = schannel_peer_priv(peer);

	set_bit(SCXEN_FAILED, &xd->flags);
	scxen_poke(xd);
}

static const struct schannel_transport scxen_transport = {
	.name		= "xen",
	.owner		= THIS_MODULE,
	.open		= scxen_open,
	.fail		= scxen_fail,
	.share		= scxen_grant_share,
	.unshare	= scxen_grant_unshare,
	.map		= scxen_grant_map,
	.unmap		= scxen_grant_unmap,
	.notify		= scxen_event_notify,
};

/* A number the peer wrote: all of the value or nothing. */
static int scxen_read_u32(struct scxen_dev *xd, const char *key, u32 *val)
{
	char *s;
	int err;

	s = xenbus_read(XBT_NIL, xd->dev->otherend, key, NULL);
	if (IS_ERR(s))
		err = PTR_ERR(s);
	else
		err = kstrtou32(s, 10, val);
	if (err)
		dev_warn_ratelimited(&xd->dev->dev,
				     "domain %d has no valid %s: %d\n",
				     xd->dev->otherend_id, key, err);
	if (!IS_ERR(s))
		kfree(s);
	return err;
}

static int scxen_write_presence(struct scxen_dev *xd,
				struct xenbus_transaction xbt)
{
	const char *node = xd->dev->nodename;

	return xenbus_printf(xbt, node, SCHANNEL_KEY_ABI, "%u",
			     SCHANNEL_ABI_VERSION) ?:
	       xenbus_printf(xbt, node, "state", "%d", xd->dev->state);
}

static int scxen_write_dir(struct scxen_dev *xd, struct xenbus_transaction xbt)
{
	return xenbus_printf(xbt, xd->dev->nodename, SCHANNEL_KEY_DIR, "%u",
			     schannel_channel_dir_ref(xd->channel));
}

static int scxen_write_offer(struct scxen_dev *xd, struct xenbus_transaction xbt)
{
	char key[sizeof(SCHANNEL_KEY_PORT) + 10];
	unsigned int i;
	int err;

	err = scxen_write_dir(xd, xbt);
	for (i = 0; !err && i < schannel_channel_queues(xd->channel); i++) {
		snprintf(key, sizeof(key), SCHANNEL_KEY_PORT, i);
		err = xenbus_printf(xbt, xd->dev->nodename, key, "%u",
				    xd->queue[i].port);
	}
	return err;
}

/* Write keys of ours, for the peer to see all of them or none. */
static int scxen_publish(struct scxen_dev *xd,
			 int (*write)(struct scxen_dev *xd,
				      struct xenbus_transaction xbt))
{
	struct xenbus_transaction xbt;
	int err, end;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		/* Do not bring a device back to life that the toolstack has removed. */
		if (xenbus_exists(xbt, xd->dev->nodename, "state"))
			err = write(xd, xbt);
		else
			err = -ENOENT;
		end = xenbus_transaction_end(xbt, err != 0);
	} while (!err && end == -EAGAIN);
	return err ?: end;
}

/*
 * Take down what there is of a channel, and say so. The peer, told by Closing,
 * lets go of our pages in its own time.
 */
static void scxen_end(struct scxen_dev *xd, const char *why)
{
	if (xd->channel) {
		scxen_event_quiesce(xd->queue);
		schannel_channel_destroy(xd->channel);
		scxen_event_free(xd->queue);
		xd->channel = NULL;
		pr_info_ratelimited("channel to domain %d %s (%s)\n",
				    xd->dev->otherend_id,
				    xd->up ? "down" : "did not come up", why);
		xd->up = false;
	}
	xenbus_switch_state(xd->dev, XenbusStateClosing);
}

/* May a set-up begin now? If not, the work runs again when it may. */
static bool scxen_may_begin(struct scxen_dev *xd)
{
	unsigned long now = jiffies;

	if (!scxen_grant_reap(&xd->grants)) {
		scxen_poke_later(xd, SCXEN_INTERVAL);
		return false;
	}
	if (time_before(now, xd->not_before)) {
		scxen_poke_later(xd, xd->not_before - now);
		return false;
	}
	xd->not_before = now + SCXEN_INTERVAL;
	/* what was wished for begins; what failed was an earlier channel */
	clear_bit(SCXEN_WANTED, &xd->flags);
	clear_bit(SCXEN_FAILED, &xd->flags);
	return true;
}

static int scxen_create(struct scxen_dev *xd)
{
	struct schannel_channel *ch;

	ch = schannel_channel_create(xd->peer);
	if (IS_ERR(ch)) {
		pr_warn_ratelimited("cannot make a channel to domain %d: %pe\n",
				    xd->dev->otherend_id, ch);
		schannel_peer_unreachable(xd->peer, PTR_ERR(ch));
		return PTR_ERR(ch);
	}
	xd->channel = ch;
	return 0;
}

/* Map the peer's side. */
static int scxen_attach(struct scxen_dev *xd)
{
	u32 dir_ref;
	int err;

	err = scxen_read_u32(xd, SCHANNEL_KEY_DIR, &dir_ref);
	if (!err)
		err = schannel_channel_attach(xd->channel, dir_ref);
	if (err)
		return err;

	xd->up = true;
	clear_bit(SCXEN_WANTED, &xd->flags);
	scxen_event_kick(xd->queue);
	return 0;
}

static void scxen_connected(struct scxen_dev *xd)
{
	xenbus_switch_state(xd->dev, XenbusStateConnected);
	pr_info_ratelimited("channel to domain %d up\n", xd->dev->otherend_id);
}

/* Wait for the peer, but not for ever. */
static void scxen_await(struct scxen_dev *xd, enum xenbus_state ours)
{
	xd->deadline = jiffies + SCXEN_PATIENCE;
	xenbus_switch_state(xd->dev, ours);
}

static bool scxen_expired(struct scxen_dev *xd)
{
	unsigned long now = jiffies;

	if (!time_before(now, xd->deadline))
		return true;
	scxen_poke_later(xd, xd->deadline - now);
	return false;
}

static void scxen_front_offer(struct scxen_dev *xd)
{
	int err;

	if (!scxen_may_begin(xd))
		return;
	err = scxen_create(xd);
	if (!err)
		err = scxen_event_alloc(xd->dev, xd->queue, xd->channel);
	if (!err)
		err = scxen_publish(xd, scxen_write_offer);
	if (err)
		scxen_end(xd, "no resources for it");
	else
		scxen_await(xd, XenbusStateInitialised);
}

static void scxen_front_step(struct scxen_dev *xd, enum xenbus_state theirs)
{
	switch (xd->dev->state) {
	case XenbusStateInitialising:
		if (theirs == XenbusStateInitWait ||
		    (theirs == XenbusStateInitialising &&
		     test_bit(SCXEN_WANTED, &xd->flags)))
			scxen_front_offer(xd);
		break;
	case XenbusStateInitialised:
		if (theirs == XenbusStateConnected) {
			if (scxen_attach(xd))
				scxen_end(xd, "cannot use the peer's side");
			else
				scxen_connected(xd);
		} else if (theirs != XenbusStateInitialising &&
			   theirs != XenbusStateInitWait) {
			scxen_end(xd, "peer refused");
		} else if (scxen_expired(xd)) {
			scxen_end(xd, "no answer");
		}
		break;
	case XenbusStateConnected:
		if (theirs != XenbusStateConnected)
			scxen_end(xd, "peer closed");
		break;
	case XenbusStateClosing:
		if (theirs != XenbusStateConnected)
			xenbus_switch_state(xd->dev, XenbusStateInitialising);
		break;
	default:
		break;
	}
}

/* Where the frontend's ends of the event channels are. How many, or -errno. */
static int scxen_read_ports(struct scxen_dev *xd, evtchn_port_t *port)
{
	char key[sizeof(SCHANNEL_KEY_PORT) + 10];
	unsigned int i;
	int err;

	for (i = 0; i < SCHANNEL_QUEUES; i++) {
		snprintf(key, sizeof(key), SCHANNEL_KEY_PORT, i);
		if (i && !xenbus_exists(XBT_NIL, xd->dev->otherend, key))
			break;
		err = scxen_read_u32(xd, key, &port[i]);
		if (err)
			return err;
	}
	return i;
}

/* Map the frontend's side, and have it poll only where it has said how. */
static int scxen_back_attach(struct scxen_dev *xd, unsigned int ports)
{
	int err = scxen_attach(xd);

	if (!err && schannel_channel_queues(xd->channel) > ports) {
		dev_warn_ratelimited(&xd->dev->dev,
				     "domain %d has fewer ports than queues\n",
				     xd->dev->otherend_id);
		err = -EPROTO;
	}
	return err;
}

static void scxen_back_answer(struct scxen_dev *xd)
{
	evtchn_port_t port[SCHANNEL_QUEUES];
	unsigned int nr = 0;
	int err;

	if (!scxen_may_begin(xd))
		return;
	err = scxen_read_ports(xd, port);
	if (err > 0) {
		nr = err;
		err = scxen_create(xd);
	}
	if (!err) {
		nr = min(nr, schannel_channel_queues(xd->channel));
		err = scxen_event_bind(xd->dev, xd->queue, xd->channel, port, nr);
	}
	if (!err)
		err = scxen_back_attach(xd, nr);
	if (!err)
		err = scxen_publish(xd, scxen_write_dir);
	if (err)
		scxen_end(xd, "cannot use the peer's side");
	else
		scxen_connected(xd);
}

/* Nobody answered the wish for a channel. */
static void scxen_back_give_up(struct scxen_dev *xd)
{
	xenbus_switch_state(xd->dev, XenbusStateInitialising);
	if (xd->peer)
		schannel_peer_unreachable(xd->peer, -EHOSTUNREACH);
}

static void scxen_back_step(struct scxen_dev *xd, enum xenbus_state theirs)
{
	switch (xd->dev->state) {
	case XenbusStateInitialising:
		if (theirs == XenbusStateInitialised)
			scxen_back_answer(xd);
		else if (theirs == XenbusStateInitialising &&
			 test_and_clear_bit(SCXEN_WANTED, &xd->flags))
			scxen_await(xd, XenbusStateInitWait);
		break;
	case XenbusStateInitWait:
		if (theirs == XenbusStateInitialised)
			scxen_back_answer(xd);
		else if (theirs != XenbusStateInitialising || scxen_expired(xd))
			scxen_back_give_up(xd);
		break;
	case XenbusStateConnected:
		if (theirs != XenbusStateInitialised &&
		    theirs != XenbusStateConnected)
			scxen_end(xd, "peer closed");
		break;
	case XenbusStateClosing:
		if (theirs != XenbusStateInitialised &&
		    theirs != XenbusStateConnected &&
		    theirs != XenbusStateClosing)
			xenbus_switch_state(xd->dev, XenbusStateInitialising);
		break;
	default:
		break;
	}
}

/* The peer's driver is there: tell the core. */
static int scxen_meet(struct scxen_dev *xd)
{
	struct schannel_peer *peer;
	unsigned int own;

	/* Our own number may be another one since the domain was restored. */
	if (xenbus_scanf(XBT_NIL, "domid", "", "%u", &own) == 1)
		schannel_domid_set(own);

	peer = schannel_peer_add(&scxen_transport, xd->dev->otherend_id, xd);
	if (IS_ERR(peer)) {
		dev_warn_ratelimited(&xd->dev->dev,
				     "cannot add domain %d: %pe\n",
				     xd->dev->otherend_id, peer);
		return PTR_ERR(peer);
	}
	xd->peer = peer;
	set_bit(SCXEN_INFO, &xd->flags);
	return 0;
}

/* Tell the core who the peer is, if there is something new. */
static void scxen_introduce(struct scxen_dev *xd)
{
	struct schannel_peer_info info;

	if (!xd->peer || !test_and_clear_bit(SCXEN_INFO, &xd->flags))
		return;
	scxen_info_read(xd->dev, &info);
	if (schannel_peer_info_set(xd->peer, &info)) {
		set_bit(SCXEN_INFO, &xd->flags);
		scxen_poke_later(xd, SCXEN_INTERVAL);
	}
}

/* The peer is not there any more, or we are not. */
static void scxen_part(struct scxen_dev *xd, const char *why)
{
	if (xd->channel)
		scxen_end(xd, why);
	if (xd->peer)
		schannel_peer_remove(xd->peer);
	xd->peer = NULL;
	clear_bit(SCXEN_WANTED, &xd->flags);
}

/* Say that we are there, where that is not said yet. */
static void scxen_announce(struct scxen_dev *xd)
{
	int err;

	if (!test_and_clear_bit(SCXEN_OWN, &xd->flags) ||
	    xenbus_exists(XBT_NIL, xd->dev->nodename, SCHANNEL_KEY_ABI))
		return;
	scxen_part(xd, "pair made anew");
	err = scxen_publish(xd, scxen_write_presence);
	/* without a directory there is soon no device, either */
	if (err && err != -ENOENT) {
		dev_warn_ratelimited(&xd->dev->dev,
				     "cannot write to xenstore: %d\n", err);
		set_bit(SCXEN_OWN, &xd->flags);
		scxen_poke_later(xd, SCXEN_INTERVAL);
	}
}

/* The state of the other end, if there is a driver. */
static enum xenbus_state scxen_theirs(struct scxen_dev *xd)
{
	const char *otherend = xd->dev->otherend;

	/* There is none if the domain was restored where it has no peer. */
	if (!otherend || !xenbus_read_unsigned(otherend, SCHANNEL_KEY_ABI, 0))
		return XenbusStateUnknown;
	return xenbus_read_driver_state(otherend);
}

static void scxen_work(struct work_struct *work)
{
	struct scxen_dev *xd = container_of(to_delayed_work(work),
					    struct scxen_dev, work);
	enum xenbus_state theirs = scxen_theirs(xd);
	enum xenbus_state ours = xd->dev->state;

	scxen_announce(xd);
	if (theirs < XenbusStateInitialising || theirs > XenbusStateClosing) {
		scxen_part(xd, "peer gone");
	} else if (!xd->peer && scxen_meet(xd)) {
		scxen_poke_later(xd, SCXEN_INTERVAL);
		return;
	}
	scxen_introduce(xd);

	if (xd->channel && test_bit(SCXEN_FAILED, &xd->flags))
		scxen_end(xd, "reset");
	/* xenbus closes the device itself at shutdown, and if xenstore fails us */
	if (xd->channel && ours != XenbusStateInitialised &&
	    ours != XenbusStateConnected)
		scxen_end(xd, "closed");

	xd->step(xd, theirs);

	if (!scxen_grant_reap(&xd->grants))
		scxen_poke_later(xd, SCXEN_INTERVAL);
	if (xd->dev->state != ours)
		scxen_poke(xd);
}

static void scxen_own_changed(struct xenbus_watch *watch, const char *path,
			      const char *token)
{
	struct scxen_dev *xd = container_of(watch, struct scxen_dev, own_watch);

	/* most of what changes there was written by ourselves */
	if (strcmp(path, watch->node) && !scxen_info_is_key(path))
		return;
	set_bit(SCXEN_OWN, &xd->flags);
	set_bit(SCXEN_INFO, &xd->flags);
	scxen_poke(xd);
}

static int scxen_probe(struct xenbus_device *dev,
		       void (*step)(struct scxen_dev *xd,
				    enum xenbus_state theirs))
{
	struct scxen_dev *xd;
	int err;

	if (dev->otherend_id < 0 || dev->otherend_id >= DOMID_FIRST_RESERVED)
		return -EINVAL;

	xd = kzalloc(sizeof(*xd), GFP_KERNEL);
	if (!xd)
		return -ENOMEM;
	xd->dev = dev;
	xd->step = step;
	xd->not_before = jiffies;
	INIT_DELAYED_WORK(&xd->work, scxen_work);
	scxen_grant_init(&xd->grants);
	xd->own_watch.node = dev->nodename;
	xd->own_watch.callback = scxen_own_changed;
	dev_set_drvdata(&dev->dev, xd);

	/* Afresh, whatever was left. */
	xenbus_switch_state(dev, XenbusStateInitialising);
	/*
	 * A watch fires once when it is set, also after a restore: this one starts
	 * the work, which announces us.
	 */
	err = register_xenbus_watch(&xd->own_watch);
	if (err) {
		dev_set_drvdata(&dev->dev, NULL);
		kfree(xd);
	}
	return err;
}

static int scxen_front_probe(struct xenbus_device *dev,
			     const struct xenbus_device_id *id)
{
	return scxen_probe(dev, scxen_front_step);
}

static int scxen_back_probe(struct xenbus_device *dev,
			    const struct xenbus_device_id *id)
{
	return scxen_probe(dev, scxen_back_step);
}

/*
 * xenbus has ended its own watch; it writes Closed after this, which tells the
 * peer to look.
 */
static void scxen_remove(struct xenbus_device *dev)
{
	struct scxen_dev *xd = dev_get_drvdata(&dev->dev);

	unregister_xenbus_watch(&xd->own_watch);
	disable_delayed_work_sync(&xd->work);
	scxen_part(xd, "driver unloaded or pair removed");
	xenbus_rm(XBT_NIL, dev->nodename, SCHANNEL_KEY_ABI);
	scxen_grant_drain(&xd->grants);
	dev_set_drvdata(&dev->dev, NULL);
	kfree(xd);
}

static void scxen_otherend_changed(struct xenbus_device *dev,
				   enum xenbus_state theirs)
{
	scxen_poke(dev_get_drvdata(&dev->dev));
}

/*
 * Grants, mappings and event channels do not outlive a save and restore, and
 * this domain and its peers may come back with other numbers: part from them.
 * The work, once its queue is thawed, starts afresh with what xenbus found, and
 * xen_restore.c looks after what it did not find.
 */
static int scxen_suspend(struct xenbus_device *dev)
{
	struct scxen_dev *xd = dev_get_drvdata(&dev->dev);

	scxen_part(xd, "suspended");
	scxen_poke(xd);
	return 0;
}

/* xenbus's bus of backends knows nothing of suspending; the device core does. */
static int scxen_back_freeze(struct device *dev)
{
	return scxen_suspend(to_xenbus_device(dev));
}

static const struct dev_pm_ops scxen_back_pm_ops = {
	.freeze = scxen_back_freeze,
};

/*
 * Nor does it know of shutting down, where xenbus closes frontends. All that
 * matters by then is that the peer does not wait for us.
 */
static void scxen_back_shutdown(struct device *dev)
{
	struct scxen_dev *xd = dev_get_drvdata(dev);

	disable_delayed_work_sync(&xd->work);
	xenbus_switch_state(xd->dev, XenbusStateClosed);
}

static const struct xenbus_device_id scxen_ids[] = {
	{ SCHANNEL_XENBUS_TYPE },
	{ "" }
};

static struct xenbus_driver scxen_frontend = {
	.name			= SCHANNEL_XENBUS_TYPE,
	.probe			= scxen_front_probe,
	.remove			= scxen_remove,
	.otherend_changed	= scxen_otherend_changed,
	.suspend		= scxen_suspend,
};

static struct xenbus_driver scxen_backend = {
	.name			= SCHANNEL_XENBUS_TYPE,
	.ids			= scxen_ids,
	.probe			= scxen_back_probe,
	.remove			= scxen_remove,
	.otherend_changed	= scxen_otherend_changed,
	.driver.pm		= &scxen_back_pm_ops,
	.driver.shutdown	= scxen_back_shutdown,
};

/*
 * Both drivers are registered without an owner: of that xenbus would hold a
 * reference for every device, and the module could never be unloaded. Nothing
 * needs it, since the devices are removed before scxen_bus_exit() returns.
 */
static int __init scxen_register_frontend(void)
{
	int err;

	/*
	 * Registering a frontend waits minutes for those of its devices which
	 * are not Connected, and ours are not until somebody connects. So there
	 * are none at first: without ids the driver matches nothing.
	 */
	err = __xenbus_register_frontend(&scxen_frontend, NULL, KBUILD_MODNAME);
	if (err)
		return err;
	scxen_frontend.ids = scxen_ids;
	err = driver_attach(&scxen_frontend.driver);
	if (err)
		xenbus_unregister_driver(&scxen_frontend);
	return err;
}

/**
 * scxen_bus_init() - find the peers
 *
 * Return: 0 or -errno.
 */
int __init scxen_bus_init(void)
{
	int err;

	scxen_wq = alloc_workqueue("schannel_xen", WQ_UNBOUND | WQ_FREEZABLE, 0);
	if (!scxen_wq)
		return -ENOMEM;
	err = scxen_register_frontend();
	if (err)
		goto err_wq;
	err = __xenbus_register_backend(&scxen_backend, NULL, KBUILD_MODNAME);
	if (err)
		goto err_frontend;
	err = scxen_restore_init(&scxen_frontend, &scxen_backend);
	if (err)
		goto err_backend;
	return 0;

err_backend:
	xenbus_unregister_driver(&scxen_backend);
err_frontend:
	xenbus_unregister_driver(&scxen_frontend);
err_wq:
	destroy_workqueue(scxen_wq);
	return err;
}

/* Take every channel down and forget the peers. */
void scxen_bus_exit(void)
{
	scxen_restore_exit();
	xenbus_unregister_driver(&scxen_backend);
	xenbus_unregister_driver(&scxen_frontend);
	destroy_workqueue(scxen_wq);
}
