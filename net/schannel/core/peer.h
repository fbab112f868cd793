/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Peers: the domains with which a channel is possible, and the current channel to each.
 *
 * A peer belongs to one network namespace. Only the sockets of that namespace can connect to
 * the domain and accept connections from it. The loopback peer exists once in each
 * namespace. Every other domain has one peer, in the initial namespace or in the one that it
 * was moved to. A peer holds no reference to its namespace.
 *
 * A peer exists as long as its transport says so; channels come and go. The table is
 * read under RCU. A reference keeps the struct alive, not the domain.
 */
#ifndef _SCHANNEL_PEER_H
#define _SCHANNEL_PEER_H

#include <linux/hashtable.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "address.h"

struct net;
struct sc_addresses;
struct sc_outbox;
struct schannel_channel;
struct schannel_grants;
struct schannel_peer_info;
struct schannel_transport;

/**
 * struct sc_waiter - waits until a channel is up or cannot be brought up
 * @node:	entry in the peer's @waiters (peer lock); empty if it does not wait
 * @work:	queued when the wait ends; its user may also arm it as a time limit
 * @err:	0, or why there will be no channel (peer lock)
 */
struct sc_waiter {
	struct list_head node;
	struct delayed_work work;
	int err;
};

/**
 * struct schannel_peer - a peer
 * @node:	entry in the table of peers (table lock)
 * @transport:	the transport that reaches it
 * @priv:	the transport's private data
 * @domid:	its domain id
 * @remote:	loopback only: the end at which connections arrive, which is in no table. A
 *		reference is held
 * @ref:	references
 * @rcu:	for freeing it after a grace period
 * @addresses:	its IP addresses (table lock; read under RCU)
 * @lock:	protects the members below
 * @channel:	the channel that is up, or NULL
 * @net:	the namespace it belongs to (written under the table lock, too)
 * @info:	its name, UUID, limits and addresses, NULL if not known
 * @removed:	the domain is gone
 * @waiters:	waits for a channel, struct sc_waiter
 * @outbox:	the queue of datagrams to it, NULL before the first datagram; see
 *		sc_peer_set_outbox(). Read with acquire semantics; freed with the peer
 */
struct schannel_peer {
	struct hlist_node node;
	const struct schannel_transport *transport;
	void *priv;
	u32 domid;
	struct schannel_peer *remote;
	refcount_t ref;
	struct rcu_head rcu;
	struct sc_addresses __rcu *addresses;

	spinlock_t lock;	/* members below */
	struct schannel_channel *channel;
	struct net *net;
	struct schannel_peer_info *info;
	bool removed;
	struct list_head waiters;

	struct sc_outbox *outbox;
};

struct schannel_peer *sc_peer_get(const struct net *net, u32 domid);
struct schannel_peer *sc_peer_next(const struct net *net, u32 from);
void sc_peer_put(struct schannel_peer *peer);
bool sc_peer_set_outbox(struct schannel_peer *peer, struct sc_outbox *outbox);
bool sc_peer_is_listed(const struct schannel_peer *peer);

int sc_peer_move(struct schannel_peer *peer, struct net *net);
void sc_peers_return(const struct net *net);

struct schannel_channel *sc_peer_channel(struct schannel_peer *peer,
					 const struct net *net,
					 struct sc_waiter *waiter);
struct schannel_channel *sc_peer_channel_up(struct schannel_peer *peer,
					    const struct net *net);
bool sc_peer_is_up(struct schannel_peer *peer);
struct net *sc_peer_hold_net(struct schannel_peer *peer,
			     const struct schannel_channel *ch);
const struct net *sc_peer_net(struct schannel_peer *peer,
			      const struct schannel_channel *ch);
void sc_peer_unwait(struct schannel_peer *peer, struct sc_waiter *waiter);

void sc_peer_up(struct schannel_peer *peer, struct schannel_channel *ch);
void sc_peer_down(struct schannel_peer *peer,
		  const struct schannel_channel *ch, int err);

void sc_peer_grants(struct schannel_peer *peer, struct schannel_grants *grants);
void sc_peer_info(struct schannel_peer *peer, struct schannel_peer_info *info);

u32 sc_own_domid(void);

#endif /* _SCHANNEL_PEER_H */
