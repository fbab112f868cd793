// SPDX-License-Identifier: GPL-2.0-only
/* The table of peers. See peer.h. */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/slab.h>

#include "../../include/uapi/linux/schannel.h"
#include "channel.h"
#include "peer.h"
#include "transport.h"

static DEFINE_SPINLOCK(sc_peers_lock);
static DEFINE_HASHTABLE(sc_peers, 6);
static u32 sc_domid = SC_DOMID_SELF;

/* This domain's own number, SC_DOMID_SELF where it has none. */
u32 sc_own_domid(void)
{
	return READ_ONCE(sc_domid);
}

void schannel_domid_set(u32 domid)
{
	WRITE_ONCE(sc_domid, domid);
}
EXPORT_SYMBOL_GPL(schannel_domid_set);

static struct schannel_peer *sc_peer_find(u32 domid)
{
	struct schannel_peer *peer;

	hash_for_each_possible_rcu(sc_peers, peer, node, domid,
				   lockdep_is_held(&sc_peers_lock))
		if (peer->domid == domid)
			return peer;
	return NULL;
}

/**
 * sc_peer_get() - find a peer
 * @domid:	its number; our own means SC_DOMID_SELF
 *
 * Return: the peer, to be released with sc_peer_put(), or NULL.
 */
struct schannel_peer *sc_peer_get(u32 domid)
{
	struct schannel_peer *peer;

	if (domid == sc_own_domid())
		domid = SC_DOMID_SELF;
	rcu_read_lock();
	peer = sc_peer_find(domid);
	if (peer && !refcount_inc_not_zero(&peer->ref))
		peer = NULL;
	rcu_read_unlock();
	return peer;
}

void sc_peer_put(struct schannel_peer *peer)
{
	if (refcount_dec_and_test(&peer->ref))
		kfree_rcu(peer, rcu);
}

/* A peer that is in no table: nobody finds it. */
struct schannel_peer *sc_peer_alloc(const struct schannel_transport *transport,
				    u32 domid, void *priv)
{
	struct schannel_peer *peer;

	peer = kzalloc(sizeof(*peer), GFP_KERNEL);
	if (!peer)
		return NULL;
	peer->transport = transport;
	peer->priv = priv;
	peer->domid = domid;
	refcount_set(&peer->ref, 1);
	spin_lock_init(&peer->lock);
	INIT_LIST_HEAD(&peer->waiters);
	return peer;
}

struct schannel_peer *
schannel_peer_add(const struct schannel_transport *transport, u32 domid,
		  void *priv)
{
	struct schannel_peer *peer = sc_peer_alloc(transport, domid, priv);

	if (!peer)
		return ERR_PTR(-ENOMEM);
	spin_lock_bh(&sc_peers_lock);
	if (sc_peer_find(domid)) {
		spin_unlock_bh(&sc_peers_lock);
		kfree(peer);
		return ERR_PTR(-EEXIST);
	}
	hash_add_rcu(sc_peers, &peer->node, domid);
	spin_unlock_bh(&sc_peers_lock);
	return peer;
}
EXPORT_SYMBOL_GPL(schannel_peer_add);

void schannel_peer_remove(struct schannel_peer *peer)
{
	spin_lock_bh(&sc_peers_lock);
	if (hash_hashed(&peer->node))
		hash_del_rcu(&peer->node);
	spin_unlock_bh(&sc_peers_lock);

	spin_lock_bh(&peer->lock);
	peer->removed = true;
	spin_unlock_bh(&peer->lock);
	sc_peer_down(peer, -EHOSTUNREACH);
	sc_peer_put(peer);
}
EXPORT_SYMBOL_GPL(schannel_peer_remove);

void schannel_peer_unreachable(struct schannel_peer *peer, int err)
{
	sc_peer_down(peer, err);
}
EXPORT_SYMBOL_GPL(schannel_peer_unreachable);

void *schannel_peer_priv(const struct schannel_peer *peer)
{
	return peer->priv;
}
EXPORT_SYMBOL_GPL(schannel_peer_priv);

u32 schannel_peer_domid(const struct schannel_peer *peer)
{
	return peer->domid;
}
EXPORT_SYMBOL_GPL(schannel_peer_domid);

/**
 * sc_peer_channel() - the peer's channel, or start bringing one up
 * @peer:	the peer
 * @waiter:	whose work runs once there is something new, if there is no
 *		channel yet
 *
 * Process or softirq context.
 *
 * Return: the channel, with a reference; ERR_PTR(-EAGAIN) if @waiter waits now;
 * ERR_PTR(-EHOSTUNREACH) or another error if there will be no channel.
 */
struct schannel_channel *sc_peer_channel(struct schannel_peer *peer,
					 struct sc_waiter *waiter)
{
	struct schannel_channel *ch;
	int err;

	spin_lock_bh(&peer->lock);
	if (peer->channel) {
		ch = peer->channel;
		sc_channel_hold(ch);
	} else if (peer->removed) {
		ch = ERR_PTR(-EHOSTUNREACH);
	} else if (waiter->err) {
		ch = ERR_PTR(waiter->err);
	} else {
		/* under the lock, so that it is over before the peer is removed */
		err = peer->transport->open(peer);
		if (!err && list_empty(&waiter->node))
			list_add_tail(&waiter->node, &peer->waiters);
		ch = ERR_PTR(err ?: -EAGAIN);
	}
	spin_unlock_bh(&peer->lock);
	return ch;
}

/* Wait no longer. The work may still run once. */
void sc_peer_unwait(struct schannel_peer *peer, struct sc_waiter *waiter)
{
	spin_lock_bh(&peer->lock);
	list_del_init(&waiter->node);
	waiter->err = 0;
	spin_unlock_bh(&peer->lock);
}

static void sc_peer_tell(struct schannel_peer *peer, int err)
{
	struct sc_waiter *waiter, *next;

	list_for_each_entry_safe(waiter, next, &peer->waiters, node) {
		list_del_init(&waiter->node);
		waiter->err = err;
		mod_delayed_work(sc_wq, &waiter->work, 0);
	}
}

/* The channel is up: whoever waits for it goes on. */
void sc_peer_up(struct schannel_peer *peer, struct schannel_channel *ch)
{
	spin_lock_bh(&peer->lock);
	peer->channel = ch;
	sc_peer_tell(peer, 0);
	spin_unlock_bh(&peer->lock);
}

/* There is no channel any more, or none came up: whoever waits gets @err. */
void sc_peer_down(struct schannel_peer *peer, int err)
{
	spin_lock_bh(&peer->lock);
	peer->channel = NULL;
	sc_peer_tell(peer, err);
	spin_unlock_bh(&peer->lock);
}
