// SPDX-License-Identifier: GPL-2.0-only
/*
 * The handshake: how the two ends of a pair bring a channel from nothing to connected,
 * and back. Each end publishes its state and its keys in its own xenstore directory and
 * reads the other's.
 *
 * The two ends step through these states; include/uapi/xen/schannel.h
 * has the keys.
 *
 *	frontend	backend
 *	Initialising	Initialising	idle: no channel
 *	  "		InitWait	the backend asks for a channel
 *	Initialised	  (either)	the frontend has made its side and offers it
 *	  "		Connected	the backend has made its side and mapped the frontend's
 *	Connected	  "		the frontend has mapped the backend's side
 *	Closing		Closing		this end has taken the channel down
 *	Closed		Closed		no driver
 *
 * Set-up: the frontend makes an offer; the backend asks for an offer by going to
 * InitWait. If both ends want a channel at the same time, the result is the same as
 * if one of them did.
 *
 * Shutdown: an end that takes its channel down goes to Closing, at any
 * time and without asking. When the other end sees that, it does the same. The
 * frontend goes from Closing to Initialising as soon as the backend is not
 * Connected; the backend, as soon as the frontend is back at Initialising or
 * gone. So neither end goes on before the other has noticed, and a new offer cannot
 * be mistaken for the old one.
 *
 * What the peer can do: write any state and any key at any time. Each of our states
 * lists the states of the peer with which it goes on; all others end the channel or
 * change nothing. We wait for the peer in Initialised and InitWait, with a time
 * limit, and stay in Closing with no resources held. Set-ups are the only costly
 * operation that a peer can cause: they are at least a second apart, and none begins
 * before the peer has unmapped the previous channel's pages.
 *
 * Contexts and locks: all functions here run in the device's work, or while it cannot
 * run, so they need no lock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <xen/xenbus.h>

#include <uapi/xen/schannel.h>
#include "core/transport.h"
#include "device.h"
#include "event.h"
#include "grant.h"
#include "handshake.h"
#include "quota.h"
#include "store.h"

/* How long this end waits for an answer to its offer, or to its request for one. */
#define SCXEN_TIMEOUT	(10 * HZ)

/* Read a number that the peer wrote. A value with anything after the number is invalid. */
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
				     "domain %d has no valid %s: %d, channel refused\n",
				     xd->dev->otherend_id, key, err);
	if (!IS_ERR(s))
		kfree(s);
	return err;
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

/**
 * scxen_close() - take the channel down, if there is one, and go to Closing
 * @xd:		the device
 * @reason:	for the log
 * @err:	the negative error for those who wait for a channel that did not come up
 *
 * Does not wait for the peer, which sees the state and unmaps our pages later.
 */
void scxen_close(struct scxen_dev *xd, const char *reason, int err)
{
	if (xd->channel) {
		scxen_event_quiesce(xd->queue);
		schannel_channel_destroy(xd->channel);
		scxen_event_free(xd->queue);
		xd->channel = NULL;
		pr_info_ratelimited("channel to domain %d %s (%s)\n",
				    xd->dev->otherend_id,
				    xd->up ? "down" : "did not come up", reason);
		if (!xd->up)
			schannel_peer_unreachable(xd->peer, err);
		xd->up = false;
	}
	xenbus_switch_state(xd->dev, XenbusStateClosing);
}

/* Whether a set-up may begin now. If not, queues the work for when it may. */
static bool scxen_may_set_up(struct scxen_dev *xd)
{
	unsigned long now = jiffies;

	if (!scxen_grant_reap(xd->grants) ||
	    scxen_grant_is_left(xd->dev->otherend_id)) {
		scxen_schedule_after(xd, SCXEN_INTERVAL);
		return false;
	}
	if (time_before(now, xd->not_before)) {
		scxen_schedule_after(xd, xd->not_before - now);
		return false;
	}
	xd->not_before = now + SCXEN_INTERVAL;
	scxen_quota_refresh();
	/* this set-up serves the request; a failure was an earlier channel's */
	clear_bit(SCXEN_WANTED, &xd->flags);
	clear_bit(SCXEN_FAILED, &xd->flags);
	return true;
}

static int scxen_create(struct scxen_dev *xd)
{
	struct schannel_channel *ch;

	ch = schannel_channel_create(xd->peer);
	if (IS_ERR(ch)) {
		pr_warn_ratelimited("cannot create a channel to domain %d: %pe\n",
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
	if (err)
		return err;
	/*
	 * Before the channel is up: if the peer is moved to another namespace right after
	 * that, the request for the next channel must not be lost. A request in between
	 * costs a channel that nobody needs, later.
	 */
	clear_bit(SCXEN_WANTED, &xd->flags);
	err = schannel_channel_attach(xd->channel, dir_ref);
	if (err)
		return err;

	xd->up = true;
	scxen_event_kick(xd->queue);
	return 0;
}

static void scxen_connected(struct scxen_dev *xd)
{
	xenbus_switch_state(xd->dev, XenbusStateConnected);
	pr_info_ratelimited("channel to domain %d up\n", xd->dev->otherend_id);
}

/* Go to state @ours and wait there for the peer, with a time limit. */
static void scxen_await(struct scxen_dev *xd, enum xenbus_state ours)
{
	xd->deadline = jiffies + SCXEN_TIMEOUT;
	xenbus_switch_state(xd->dev, ours);
}

static bool scxen_expired(struct scxen_dev *xd)
{
	unsigned long now = jiffies;

	if (!time_before(now, xd->deadline))
		return true;
	scxen_schedule_after(xd, xd->deadline - now);
	return false;
}

static void scxen_front_offer(struct scxen_dev *xd)
{
	int err;

	if (!scxen_may_set_up(xd))
		return;
	err = scxen_create(xd);
	if (!err)
		err = scxen_event_alloc(xd->dev, xd->queue, xd->channel);
	if (!err)
		err = scxen_publish(xd, scxen_write_offer);
	if (err)
		scxen_close(xd, "out of resources", err);
	else
		scxen_await(xd, XenbusStateInitialised);
}

/**
 * scxen_front_step() - the frontend's next step
 * @xd:		the device
 * @theirs:	the backend's state, XenbusStateUnknown if it has no driver
 *
 * Context: the device's work. Call it again after it has changed this end's state.
 */
void scxen_front_step(struct scxen_dev *xd, enum xenbus_state theirs)
{
	switch (scxen_state(xd)) {
	case XenbusStateInitialising:
		if (theirs == XenbusStateInitWait ||
		    (theirs == XenbusStateInitialising &&
		     test_bit(SCXEN_WANTED, &xd->flags)))
			scxen_front_offer(xd);
		break;
	case XenbusStateInitialised:
		if (theirs == XenbusStateConnected) {
			int err = scxen_attach(xd);

			if (err)
				scxen_close(xd, "cannot use the peer's side", err);
			else
				scxen_connected(xd);
		} else if (theirs != XenbusStateInitialising &&
			   theirs != XenbusStateInitWait) {
			scxen_close(xd, "peer refused", -EHOSTUNREACH);
		} else if (scxen_expired(xd)) {
			scxen_close(xd, "no answer", -EHOSTUNREACH);
		}
		break;
	case XenbusStateConnected:
		if (theirs != XenbusStateConnected)
			scxen_close(xd, "peer closed", -EHOSTUNREACH);
		break;
	case XenbusStateClosing:
		if (theirs != XenbusStateConnected)
			xenbus_switch_state(xd->dev, XenbusStateInitialising);
		break;
	default:
		break;
	}
}

/* Read the frontend's ends of the event channels. Returns their number, or -errno. */
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

/* Map the frontend's side, which must have an event channel for every queue in use. */
static int scxen_back_attach(struct scxen_dev *xd, unsigned int ports)
{
	int err = scxen_attach(xd);

	if (!err && schannel_channel_queues(xd->channel) > ports) {
		dev_warn_ratelimited(&xd->dev->dev,
				     "domain %d has fewer ports than queues, channel refused\n",
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

	if (!scxen_may_set_up(xd))
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
		scxen_close(xd, "cannot use the peer's side", err);
	else
		scxen_connected(xd);
}

/* The frontend did not answer the request for a channel. */
static void scxen_back_give_up(struct scxen_dev *xd)
{
	xenbus_switch_state(xd->dev, XenbusStateInitialising);
	if (xd->peer)
		schannel_peer_unreachable(xd->peer, -EHOSTUNREACH);
}

/**
 * scxen_back_step() - the backend's next step
 * @xd:		the device
 * @theirs:	the frontend's state, XenbusStateUnknown if it has no driver
 *
 * Context: the device's work. Call it again after it has changed this end's state.
 */
void scxen_back_step(struct scxen_dev *xd, enum xenbus_state theirs)
{
	switch (scxen_state(xd)) {
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
			scxen_close(xd, "peer closed", -EHOSTUNREACH);
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
