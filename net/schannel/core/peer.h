/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Peers: the domains with which a channel is possible, and the channel each has.
 *
 * A peer belongs to one network namespace: its sockets are the only ones that
 * reach the domain, and that it reaches. Loopback's is another in each
 * namespace; every other domain is there once, in the initial namespace or where it
 * was moved. A peer holds no reference to its namespace.
 *
 * A peer is there as long as its transport says so; channels come and go. The table is
 * read under RCU; a reference keeps the struct, not the domain behind it.
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
struct schannel_peer_info;
struct schannel_transport;

/**
 * struct sc_waiter - wants to know when a channel comes up, or cannot
 * @node:	in the peer's list (peer lock); empty when not waiting
 * @work:	run then, at once; may also be armed as a time limit
 * @err:	0, or why there will be none (peer lock)
 */
struct sc_waiter {
	struct list_head node;
	struct delayed_work work;
	int err;
};

/**
 * struct schannel_peer - a peer
 * @node:	in the table (table lock)
 * @transport:	how to reach it
 * @priv:	the transport's own
 * @domid:	its number
 * @remote:	loopback's: the end that connections come in at, in no table; holds
 *		a reference
 * @addresses:	its IP addresses (table lock; read under RCU)
 * @lock:	protects what follows
 * @channel:	the channel that is up, or NULL
 * @net:	whose sockets are joined (written under the table's lock, too)
 * @info:	who it is, or NULL
 * @removed:	the domain is gone
 * @waiters:	who waits for a channel, struct sc_waiter
 * @outbox:	where datagrams to it leave, once there were any (sc_peer_set_outbox());
 *		freed with the peer
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

	spinlock_t lock;	/* what follows */
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

void sc_peer_info(struct schannel_peer *peer, struct schannel_peer_info *info);

u32 sc_own_domid(void);

#endif /* _SCHANNEL_PEER_H */
