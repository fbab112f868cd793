// SPDX-License-Identifier: GPL-2.0-only
/* The table of peers. See peer.h. */
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/list.h>
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

/* This domain's own number, SC_DOMID_SELF where it has none. */
u32 sc_own_domid(void)
{
	return READ_ONCE(sc_domid);
}

void schannel_domid_set(u32 domid)
{
	WRITE_ONCE(sc_domid, domid);
}
EXPORT_SYMBOL_NS_GPL(schannel_domid_set, SC_NS_TRANSPORT);

/* @net: its namespace; NULL: wherever it is. */
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
 * @net:	in which namespace
 * @domid:	its number; our own means SC_DOMID_SELF
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

void sc_peer_put(struct schannel_peer *peer)
{
	if (!refcount_dec_and_test(&peer->ref))
		return;
	if (peer->remote)
		sc_peer_put(peer->remote);
	call_rcu(&peer->rcu, sc_peer_free);
}
EXPORT_SYMBOL_NS_GPL(sc_peer_put, SC_NS_SOCK);

/* Under rcu_read_lock(). */
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
 * sc_peer_next() - the peers of a namespace, one after the other
 * @net:	the namespace
 * @from:	where to go on: the lowest domid that may come
 *
 * What comes next is found anew each time, so that nothing is held in between.
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

/* Can it be found? Loopback's far end cannot. */
bool sc_peer_is_listed(const struct schannel_peer *peer)
{
	return !hlist_unhashed_lockless(&peer->node);
}

/* A peer that is in no table yet: nobody finds it. */
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

/* Put a peer into the table. 0, or -EEXIST if the domain has one there. */
static int sc_peer_publish(struct schannel_peer *peer)
{
	/* only loopback is in every namespace */
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

/* ---- Who it is --------------------------------------------------------- */

static struct schannel_peer_info *
sc_peer_info_copy(const struct schannel_peer_info *info)
{
	struct schannel_peer_info *copy = kmemdup(info, sizeof(*info),
						  GFP_KERNEL);
	char *s;

	if (!copy)
		return NULL;
	strscpy_pad(copy->name, info->name, sizeof(copy->name));
	/* it is going to be shown on terminals */
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

/* What is known of a peer: all zero if that is nothing. */
void sc_peer_info(struct schannel_peer *peer, struct schannel_peer_info *info)
{
	memset(info, 0, sizeof(*info));
	spin_lock_bh(&peer->lock);
	if (peer->info)
		*info = *peer->info;
	spin_unlock_bh(&peer->lock);
}

/**
 * sc_peer_set_outbox() - give a peer its outbox
 * @peer:	the peer
 * @outbox:	to be freed with kfree(), an RCU grace period after the peer's last
 *		reference
 *
 * Return: whether it was taken. Not if the peer has one already, or was removed.
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

/* ---- Its channel ------------------------------------------------------- */

/**
 * sc_peer_channel() - the peer's channel, or start bringing one up
 * @peer:	the peer
 * @net:	the caller's namespace
 * @waiter:	whose work runs once there is something new, if there is no
 *		channel yet
 *
 * Process or softirq context.
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
		/* under the lock, so that it is over before the peer is removed */
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

bool sc_peer_is_up(struct schannel_peer *peer)
{
	bool up;

	spin_lock_bh(&peer->lock);
	up = peer->channel;
	spin_unlock_bh(&peer->lock);
	return up;
}
EXPORT_SYMBOL_NS_GPL(sc_peer_is_up, SC_NS_SOCK);

/* Wait no longer. The work may still run once. */
void sc_peer_unwait(struct schannel_peer *peer, struct sc_waiter *waiter)
{
	spin_lock_bh(&peer->lock);
	list_del_init(&waiter->node);
	waiter->err = 0;
	spin_unlock_bh(&peer->lock);
}
EXPORT_SYMBOL_NS_GPL(sc_peer_unwait, SC_NS_SOCK);

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
	/* release: who sees it up sees all that was done to bring it up */
	smp_store_release(&ch->state, SC_CHANNEL_UP);
	peer->channel = ch;
	sc_peer_tell(peer, 0);
	spin_unlock_bh(&peer->lock);
}

/**
 * sc_peer_down() - there is no channel any more, or none came up
 * @peer:	the peer
 * @ch:		the one that was up, or NULL
 * @err:	what those get who wait for one
 *
 * If the peer was moved while @ch was up, nobody waits for that one.
 */
void sc_peer_down(struct schannel_peer *peer,
		  const struct schannel_channel *ch, int err)
{
	spin_lock_bh(&peer->lock);
	if (peer->channel == ch) {
		peer->channel = NULL;
		sc_peer_tell(peer, err);
	}
	spin_unlock_bh(&peer->lock);
}

/* ---- Namespaces -------------------------------------------------------- */

/**
 * sc_peer_net() - the namespace whose sockets are reached over a channel
 * @peer:	the channel's peer
 * @ch:		the channel
 *
 * Return: the namespace, to be compared with only, and under the same
 * rcu_read_lock(); NULL if the peer was moved since the channel came up, or it
 * is not up.
 */
const struct net *sc_peer_net(struct schannel_peer *peer,
			      const struct schannel_channel *ch)
{
	const struct net *net = NULL;

	spin_lock_bh(&peer->lock);
	if (peer->channel == ch)
		net = peer->net;
	spin_unlock_bh(&peer->lock);
	return net;
}

/* The same with a reference; NULL also if the namespace is going away. */
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
 * From here on nobody of the old namespace gets the channel, nor do connections
 * that come in over it get a socket of the new one. Those there are end as the
 * transport takes it down. A channel that is coming up has none: the new
 * namespace may have it.
 */
static void sc_peer_set_net(struct schannel_peer *peer, struct net *net)
{
	lockdep_assert_held(&sc_peers_lock);
	sc_observe_peer(peer->net, peer, true);
	sc_addresses_moving(peer);
	spin_lock(&peer->lock);
	WRITE_ONCE(peer->net, net);
	sc_peer_tell(peer, -EHOSTUNREACH);
	if (peer->channel)
		peer->transport->fail(peer);
	peer->channel = NULL;
	spin_unlock(&peer->lock);
	sc_observe_peer(net, peer, false);
}

/**
 * sc_peer_move() - give a peer to another namespace
 * @peer:	any but loopback's
 * @net:	the namespace; the caller holds a reference
 *
 * Its connections are reset. When the namespace goes, the peer returns to the
 * initial one.
 *
 * Return: 0, -EOPNOTSUPP for loopback, -ENODEV if the peer is gone.
 */
int sc_peer_move(struct schannel_peer *peer, struct net *net)
{
	int err = 0;

	if (peer->domid == SC_DOMID_SELF)
		return -EOPNOTSUPP;
	spin_lock_bh(&sc_peers_lock);
	if (!hash_hashed(&peer->node))
		err = -ENODEV;
	else if (peer->net != net)
		sc_peer_set_net(peer, net);
	spin_unlock_bh(&sc_peers_lock);
	return err;
}

/* A namespace goes away: the peers it was given are the initial one's again. */
void sc_peers_return(const struct net *net)
{
	struct schannel_peer *peer;
	int bucket;

	spin_lock_bh(&sc_peers_lock);
	hash_for_each(sc_peers, bucket, peer, node)
		if (peer->net == net && peer->domid != SC_DOMID_SELF)
			sc_peer_set_net(peer, &init_net);
	spin_unlock_bh(&sc_peers_lock);
}
