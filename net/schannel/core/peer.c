// SPDX-License-Identifier: GPL-2.0-only
/* The table of peers. See peer.h. */
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/net_namespace.h>

#include <uapi/linux/schannel.h>
#include "channel.h"
#include "common.h"
#include "namespace.h"
#include "observer.h"
#include "peer.h"
#include "transport.h"

static DEFINE_SPINLOCK(sc_peers_lock);
static DEFINE_HASHTABLE(sc_peers, 6);
static u32 sc_domid = SC_DOMID_SELF;

/* This domain's own id, SC_DOMID_SELF if it has none. */
u32 sc_own_domid(void)
{
	return READ_ONCE(sc_domid);
}

void schannel_domid_set(u32 domid)
{
	WRITE_ONCE(sc_domid, domid);
}
EXPORT_SYMBOL_NS_GPL(schannel_domid_set, SC_NS_TRANSPORT);

/* @net: the peer's namespace, NULL for any. Under rcu_read_lock() or sc_peers_lock. */
static struct schannel_peer *sc_peer_find(const struct net *net, u32 domid)
{
	struct schannel_peer *peer;

	hash_for_each_possible_rcu(sc_peers, peer, node, domid,
				   lockdep_is_held(&sc_peers_lock))
		if (peer->domid == domid &&
		    (!net || READ_ONCE(peer->net) == net))
			return peer;
	return NULL;
}

/**
 * sc_peer_get() - find a peer
 * @net:	the namespace to look in
 * @domid:	its domain id; this domain's own id means SC_DOMID_SELF
 *
 * Context: Any but hard interrupts.
 *
 * Return: the peer, to be released with sc_peer_put(), or NULL.
 */
struct schannel_peer *sc_peer_get(const struct net *net, u32 domid)
{
	struct schannel_peer *peer;

	if (domid == sc_own_domid())
		domid = SC_DOMID_SELF;
	rcu_read_lock();
	peer = sc_peer_find(net, domid);
	if (peer && !refcount_inc_not_zero(&peer->ref))
		peer = NULL;
	rcu_read_unlock();
	return peer;
}
EXPORT_SYMBOL_NS_GPL(sc_peer_get, SC_NS_SOCK);

static void sc_peer_free(struct rcu_head *rcu)
{
	struct schannel_peer *peer = container_of(rcu, struct schannel_peer, rcu);

	kfree(peer->outbox);
	kfree(peer->info);
	kfree(peer);
}

/**
 * sc_peer_put() - drop a reference to a peer
 * @peer:	the peer
 *
 * Context: Any but hard interrupts.
 */
void sc_peer_put(struct schannel_peer *peer)
{
	if (!refcount_dec_and_test(&peer->ref))
		return;
	if (peer->remote)
		sc_peer_put(peer->remote);
	call_rcu(&peer->rcu, sc_peer_free);
}
EXPORT_SYMBOL_NS_GPL(sc_peer_put, SC_NS_SOCK);

/* The peer with the lowest domain id from @from on, or NULL. Under rcu_read_lock(). */
static struct schannel_peer *sc_peer_lowest(const struct net *net, u32 from)
{
	struct schannel_peer *peer, *lowest = NULL;
	int bucket;

	hash_for_each_rcu(sc_peers, bucket, peer, node)
		if (READ_ONCE(peer->net) == net && peer->domid >= from &&
		    (!lowest || peer->domid < lowest->domid) &&
		    refcount_read(&peer->ref))
			lowest = peer;
	return lowest;
}

/**
 * sc_peer_next() - iterate over the peers of a namespace, by domain id
 * @net:	the namespace
 * @from:	the lowest domain id that is wanted
 *
 * Each call searches the table, so that the caller holds no lock or position in between.
 *
 * Return: the peer, to be released with sc_peer_put(), or NULL.
 */
struct schannel_peer *sc_peer_next(const struct net *net, u32 from)
{
	struct schannel_peer *next;

	rcu_read_lock();
	do
		next = sc_peer_lowest(net, from);
	while (next && !refcount_inc_not_zero(&next->ref));
	rcu_read_unlock();
	return next;
}

/**
 * sc_peer_is_listed() - is a peer in the table?
 * @peer:	the peer
 *
 * Return: whether it is. Loopback's remote end never is.
 */
bool sc_peer_is_listed(const struct schannel_peer *peer)
{
	return !hlist_unhashed_lockless(&peer->node);
}

/* Allocate a peer. It is not in the table yet. */
static struct schannel_peer *sc_peer_alloc(const struct schannel_transport *transport,
					   struct net *net, u32 domid, void *priv)
{
	struct schannel_peer *peer;

	peer = kzalloc(sizeof(*peer), GFP_KERNEL);
	if (!peer)
		return NULL;
	peer->transport = transport;
	peer->priv = priv;
	peer->domid = domid;
	peer->net = net;
	refcount_set(&peer->ref, 1);
	spin_lock_init(&peer->lock);
	INIT_LIST_HEAD(&peer->waiters);
	return peer;
}

/* Add a peer to the table. 0, or -EEXIST if the domain has a peer there. */
static int sc_peer_publish(struct schannel_peer *peer)
{
	/* only loopback has a peer in each namespace; a domain id is unique otherwise */
	const struct net *net = peer->domid == SC_DOMID_SELF ? peer->net : NULL;
	int err = 0;

	spin_lock_bh(&sc_peers_lock);
	if (sc_peer_find(net, peer->domid)) {
		err = -EEXIST;
	} else {
		hash_add_rcu(sc_peers, &peer->node, peer->domid);
		sc_observe_peer(peer->net, peer, false);
	}
	spin_unlock_bh(&sc_peers_lock);
	return err;
}

struct schannel_peer *
schannel_peer_add(const struct schannel_transport *transport, u32 domid,
		  void *priv)
{
	struct schannel_peer *peer;
	int err;

	peer = sc_peer_alloc(transport, &init_net, domid, priv);
	if (!peer)
		return ERR_PTR(-ENOMEM);
	err = sc_peer_publish(peer);
	if (err) {
		sc_peer_put(peer);
		return ERR_PTR(err);
	}
	return peer;
}
EXPORT_SYMBOL_NS_GPL(schannel_peer_add, SC_NS_TRANSPORT);

int schannel_loopback_add(const struct schannel_transport *transport, struct net *net,
			  void *local_priv, void *remote_priv,
			  struct schannel_peer **local, struct schannel_peer **remote)
{
	int err = -ENOMEM;

	*local = sc_peer_alloc(transport, net, SC_DOMID_SELF, local_priv);
	*remote = sc_peer_alloc(transport, net, SC_DOMID_SELF, remote_priv);
	if (*local && *remote) {
		refcount_inc(&(*remote)->ref);
		(*local)->remote = *remote;
		err = sc_peer_publish(*local);
	}
	if (err) {
		if (*local)
			sc_peer_put(*local);
		if (*remote)
			sc_peer_put(*remote);
	}
	return err;
}

void schannel_peer_remove(struct schannel_peer *peer)
{
	spin_lock_bh(&sc_peers_lock);
	if (hash_hashed(&peer->node)) {
		hash_del_rcu(&peer->node);
		sc_addresses_clear(peer);
		sc_observe_peer(peer->net, peer, true);
	}
	spin_unlock_bh(&sc_peers_lock);

	spin_lock_bh(&peer->lock);
	peer->removed = true;
	spin_unlock_bh(&peer->lock);
	sc_peer_down(peer, NULL, -EHOSTUNREACH);
	sc_observe_peer_removed(peer);
	sc_peer_put(peer);
}
EXPORT_SYMBOL_NS_GPL(schannel_peer_remove, SC_NS_TRANSPORT);

void schannel_peer_unreachable(struct schannel_peer *peer, int err)
{
	switch (err) {
	case -ENOMEM:
	case -ENOSPC:
	case -ENOBUFS:
		err = -ENOBUFS;
		break;
	default:
		err = -EHOSTUNREACH;
		break;
	}
	sc_peer_down(peer, NULL, err);
}
EXPORT_SYMBOL_NS_GPL(schannel_peer_unreachable, SC_NS_TRANSPORT);

void *schannel_peer_priv(const struct schannel_peer *peer)
{
	return peer->priv;
}
EXPORT_SYMBOL_NS_GPL(schannel_peer_priv, SC_NS_TRANSPORT);

u32 schannel_peer_domid(const struct schannel_peer *peer)
{
	return peer->domid;
}
EXPORT_SYMBOL_NS_GPL(schannel_peer_domid, SC_NS_TRANSPORT);

/* ---- Identity ---------------------------------------------------------- */

static struct schannel_peer_info *
sc_peer_info_copy(const struct schannel_peer_info *info)
{
	struct schannel_peer_info *copy = kmemdup(info, sizeof(*info),
						  GFP_KERNEL);
	char *s;

	if (!copy)
		return NULL;
	strscpy_pad(copy->name, info->name, sizeof(copy->name));
	/* the name is shown on terminals */
	for (s = copy->name; *s; s++)
		if (iscntrl(*s))
			*s = '?';
	return copy;
}

int schannel_peer_info_set(struct schannel_peer *peer,
			   const struct schannel_peer_info *info)
{
	struct sc_addresses *addresses = sc_addresses_alloc(peer, info);
	struct schannel_peer_info *new = sc_peer_info_copy(info);
	bool changed;

	if (!new || !addresses) {
		sc_addresses_free(addresses);
		kfree(new);
		return -ENOMEM;
	}
	spin_lock_bh(&sc_peers_lock);
	spin_lock(&peer->lock);
	changed = !peer->info || memcmp(peer->info, new, sizeof(*new));
	if (changed)
		swap(peer->info, new);
	spin_unlock(&peer->lock);
	if (changed && hash_hashed(&peer->node)) {
		sc_addresses_set(peer, addresses);
		addresses = NULL;
		sc_observe_peer(peer->net, peer, false);
	}
	spin_unlock_bh(&sc_peers_lock);
	sc_addresses_free(addresses);
	kfree(new);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(schannel_peer_info_set, SC_NS_TRANSPORT);

/**
 * sc_peer_info() - the identity of a peer
 * @peer:	the peer
 * @info:	filled in; all zero if the identity is not known
 */
void sc_peer_info(struct schannel_peer *peer, struct schannel_peer_info *info)
{
	memset(info, 0, sizeof(*info));
	spin_lock_bh(&peer->lock);
	if (peer->info)
		*info = *peer->info;
	spin_unlock_bh(&peer->lock);
}

/**
 * sc_peer_grants() - the grant entries that our pages take
 * @peer:	the peer
 * @grants:	filled in; all zero if the transport has no such table
 */
void sc_peer_grants(struct schannel_peer *peer, struct schannel_grants *grants)
{
	memset(grants, 0, sizeof(*grants));
	/* the transport's data is valid until the peer is removed */
	spin_lock_bh(&peer->lock);
	if (!peer->removed && peer->transport->grants)
		peer->transport->grants(peer, grants);
	spin_unlock_bh(&peer->lock);
}

/**
 * sc_peer_set_outbox() - give a peer its outbox
 * @peer:	the peer
 * @outbox:	to be freed with kfree(), an RCU grace period after the peer's last
 *		reference
 *
 * Return: true if the peer owns @outbox now; false if it has another one or was removed.
 */
bool sc_peer_set_outbox(struct schannel_peer *peer, struct sc_outbox *outbox)
{
	bool taken = false;

	spin_lock_bh(&peer->lock);
	if (!peer->removed && !peer->outbox) {
		/* release: a reader of the pointer sees the outbox initialised */
		smp_store_release(&peer->outbox, outbox);
		taken = true;
	}
	spin_unlock_bh(&peer->lock);
	return taken;
}

/* ---- Channel ----------------------------------------------------------- */

/**
 * sc_peer_channel() - get the peer's channel, or start to bring one up
 * @peer:	the peer
 * @net:	the caller's namespace
 * @waiter:	if there is no channel yet: its work is queued when the channel is up or the
 *		attempt has failed
 *
 * Context: Process or softirq context.
 *
 * Return: the channel, with a reference; ERR_PTR(-EAGAIN) if @waiter waits now;
 * ERR_PTR(-EHOSTUNREACH) or another error if there will be no channel.
 */
struct schannel_channel *sc_peer_channel(struct schannel_peer *peer,
					 const struct net *net,
					 struct sc_waiter *waiter)
{
	struct schannel_channel *ch;
	int err;

	spin_lock_bh(&peer->lock);
	if (peer->removed || peer->net != net) {
		ch = ERR_PTR(-EHOSTUNREACH);
	} else if (peer->channel) {
		ch = peer->channel;
		sc_channel_hold(ch);
	} else if (waiter->err) {
		ch = ERR_PTR(waiter->err);
	} else {
		/* under the lock, so that ->open() returns before the peer is removed */
		err = peer->transport->open(peer);
		if (!err && list_empty(&waiter->node))
			list_add_tail(&waiter->node, &peer->waiters);
		ch = ERR_PTR(err ?: -EAGAIN);
	}
	spin_unlock_bh(&peer->lock);
	return ch;
}
EXPORT_SYMBOL_NS_GPL(sc_peer_channel, SC_NS_SOCK);

/**
 * sc_peer_channel_up() - the peer's channel, if it has one
 * @peer:	the peer
 * @net:	the caller's namespace
 *
 * Return: the channel, with a reference, or NULL.
 */
struct schannel_channel *sc_peer_channel_up(struct schannel_peer *peer,
					    const struct net *net)
{
	struct schannel_channel *ch = NULL;

	spin_lock_bh(&peer->lock);
	if (peer->channel && peer->net == net) {
		ch = peer->channel;
		sc_channel_hold(ch);
	}
	spin_unlock_bh(&peer->lock);
	return ch;
}

/**
 * sc_peer_is_up() - does a peer have a channel that is up?
 * @peer:	the peer
 *
 * Return: whether it has.
 */
bool sc_peer_is_up(struct schannel_peer *peer)
{
	bool up;

	spin_lock_bh(&peer->lock);
	up = peer->channel;
	spin_unlock_bh(&peer->lock);
	return up;
}
EXPORT_SYMBOL_NS_GPL(sc_peer_is_up, SC_NS_SOCK);

/**
 * sc_peer_unwait() - stop waiting for a channel
 * @peer:	the peer
 * @waiter:	the waiter; its work may still run once
 */
void sc_peer_unwait(struct schannel_peer *peer, struct sc_waiter *waiter)
{
	spin_lock_bh(&peer->lock);
	list_del_init(&waiter->node);
	waiter->err = 0;
	spin_unlock_bh(&peer->lock);
}
EXPORT_SYMBOL_NS_GPL(sc_peer_unwait, SC_NS_SOCK);

/* Waits that are ended at a time, under the lock. */
#define SC_PEER_BATCH	64

/*
 * End all waits in @waiters, with @err. There is one for each socket that connects, so the lock
 * is dropped now and then; a waiter may leave the list meanwhile. Process context.
 */
static void sc_peer_wake_waiters(struct schannel_peer *peer, struct list_head *waiters,
				 int err)
{
	struct sc_waiter *waiter;
	unsigned int i;

	do {
		spin_lock_bh(&peer->lock);
		for (i = 0; i < SC_PEER_BATCH; i++) {
			waiter = list_first_entry_or_null(waiters, struct sc_waiter, node);
			if (!waiter)
				break;
			list_del_init(&waiter->node);
			waiter->err = err;
			mod_delayed_work(sc_wq, &waiter->work, 0);
		}
		spin_unlock_bh(&peer->lock);
		cond_resched();
	} while (i == SC_PEER_BATCH);
}

/**
 * sc_peer_up() - a channel is up: set its state and wake the waiters
 * @peer:	the channel's peer
 * @ch:		the channel
 */
void sc_peer_up(struct schannel_peer *peer, struct schannel_channel *ch)
{
	LIST_HEAD(waiters);

	spin_lock_bh(&peer->lock);
	/* release: pairs with sc_channel_is_up(); all set-up is visible before the state */
	smp_store_release(&ch->state, SC_CHANNEL_UP);
	/* release: pairs with sc_peer_net() */
	smp_store_release(&peer->channel, ch);
	list_splice_init(&peer->waiters, &waiters);
	spin_unlock_bh(&peer->lock);
	sc_peer_wake_waiters(peer, &waiters, 0);
}

/**
 * sc_peer_down() - a channel went down, or the attempt to bring one up failed
 * @peer:	the peer
 * @ch:		the channel that was up, or NULL
 * @err:	the negative error for the waiters
 *
 * Does nothing if the peer was moved to another namespace while @ch was up: the waiters wait
 * for the next channel then.
 */
void sc_peer_down(struct schannel_peer *peer,
		  const struct schannel_channel *ch, int err)
{
	LIST_HEAD(waiters);

	spin_lock_bh(&peer->lock);
	if (peer->channel == ch) {
		WRITE_ONCE(peer->channel, NULL);
		list_splice_init(&peer->waiters, &waiters);
	}
	spin_unlock_bh(&peer->lock);
	sc_peer_wake_waiters(peer, &waiters, err);
}

/* ---- Namespaces -------------------------------------------------------- */

/**
 * sc_peer_net() - the namespace whose sockets are reached over a channel
 * @peer:	the channel's peer
 * @ch:		the channel
 *
 * Context: Under rcu_read_lock(), until whose end the namespace is valid.
 *
 * Return: the namespace; NULL if the channel is not up, or the peer was moved since the
 * channel came up.
 */
const struct net *sc_peer_net(struct schannel_peer *peer,
			      const struct schannel_channel *ch)
{
	const struct net *net;

	/* acquire: the namespace is at least that in which the channel came up */
	if (smp_load_acquire(&peer->channel) != ch)
		return NULL;
	/* acquire: pairs with sc_peer_set_net(), which takes the channel away first */
	net = smp_load_acquire(&peer->net);
	/* once it is taken away, the same channel never comes back */
	return READ_ONCE(peer->channel) == ch ? net : NULL;
}

/**
 * sc_peer_hold_net() - as sc_peer_net(), with a reference
 * @peer:	the channel's peer
 * @ch:		the channel
 *
 * Return: the namespace, to be released with put_net(), or NULL as sc_peer_net(), also if
 * the namespace is being destroyed.
 */
struct net *sc_peer_hold_net(struct schannel_peer *peer,
			     const struct schannel_channel *ch)
{
	struct net *net = NULL;

	spin_lock_bh(&peer->lock);
	if (peer->channel == ch)
		net = maybe_get_net(peer->net);
	spin_unlock_bh(&peer->lock);
	return net;
}
EXPORT_SYMBOL_NS_GPL(sc_peer_hold_net, SC_NS_SOCK);

/*
 * Afterwards the sockets of the old namespace cannot use the channel any more, and incoming
 * connections on it do not reach sockets of the new namespace. The existing connections end
 * when the transport takes the channel down. A channel that is coming up has no connections
 * yet, so the new namespace may use it. The caller wakes @waiters.
 */
static void sc_peer_set_net(struct schannel_peer *peer, struct net *net,
			    struct list_head *waiters)
{
	lockdep_assert_held(&sc_peers_lock);
	sc_observe_peer(peer->net, peer, true);
	sc_addresses_moving(peer);
	spin_lock(&peer->lock);
	if (peer->channel)
		peer->transport->fail(peer);
	WRITE_ONCE(peer->channel, NULL);
	/* release: pairs with sc_peer_net() */
	smp_store_release(&peer->net, net);
	list_splice_init(&peer->waiters, waiters);
	spin_unlock(&peer->lock);
	sc_observe_peer(net, peer, false);
}

/**
 * sc_peer_move() - move a peer to another namespace
 * @peer:	the peer; not a loopback peer
 * @net:	the namespace; the caller holds a reference
 *
 * Resets the connections of the peer. When the namespace is destroyed, the peer returns to
 * the initial one.
 *
 * Return: 0, -EOPNOTSUPP for loopback, -ENODEV if the peer is gone.
 */
int sc_peer_move(struct schannel_peer *peer, struct net *net)
{
	LIST_HEAD(waiters);
	int err = 0;

	if (peer->domid == SC_DOMID_SELF)
		return -EOPNOTSUPP;
	spin_lock_bh(&sc_peers_lock);
	if (!hash_hashed(&peer->node))
		err = -ENODEV;
	else if (peer->net != net)
		sc_peer_set_net(peer, net, &waiters);
	spin_unlock_bh(&sc_peers_lock);
	sc_peer_wake_waiters(peer, &waiters, -EHOSTUNREACH);
	return err;
}

/* A peer that was moved to a namespace, with a reference, or NULL. */
static struct schannel_peer *sc_peer_return_one(const struct net *net,
						struct list_head *waiters)
{
	struct schannel_peer *peer, *found = NULL;
	int bucket;

	spin_lock_bh(&sc_peers_lock);
	hash_for_each(sc_peers, bucket, peer, node)
		if (!found && peer->net == net && peer->domid != SC_DOMID_SELF &&
		    refcount_inc_not_zero(&peer->ref))
			found = peer;
	if (found)
		sc_peer_set_net(found, &init_net, waiters);
	spin_unlock_bh(&sc_peers_lock);
	return found;
}

/**
 * sc_peers_return() - move all peers of a namespace back to the initial namespace
 * @net:	the namespace, which is being destroyed
 *
 * Context: Process context.
 */
void sc_peers_return(const struct net *net)
{
	struct schannel_peer *peer;
	LIST_HEAD(waiters);

	while ((peer = sc_peer_return_one(net, &waiters))) {
		sc_peer_wake_waiters(peer, &waiters, -EHOSTUNREACH);
		sc_peer_put(peer);
	}
}
