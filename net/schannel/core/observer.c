// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of observers. See observer.h.
 *
 * SRCU, because some callbacks sleep and others must not: a read-side section may do
 * either. Unregistering waits for the calls that are under way, so an observer may be
 * part of a module that goes.
 */
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/srcu.h>

#include "namespace.h"
#include "observer.h"

static LIST_HEAD(sc_observers);
static DEFINE_MUTEX(sc_observers_lock);	/* changes of the list */
DEFINE_STATIC_SRCU(sc_observers_srcu);

#define sc_observe(callback, ...)						\
do {										\
	struct sc_observer *observer;						\
	int idx = srcu_read_lock(&sc_observers_srcu);				\
										\
	list_for_each_entry_srcu(observer, &sc_observers, node,			\
				 srcu_read_lock_held(&sc_observers_srcu))	\
		if (observer->callback)						\
			observer->callback(__VA_ARGS__);			\
	srcu_read_unlock(&sc_observers_srcu, idx);				\
} while (0)

/* Process context. */
void sc_observer_register(struct sc_observer *observer)
{
	mutex_lock(&sc_observers_lock);
	list_add_tail_rcu(&observer->node, &sc_observers);
	mutex_unlock(&sc_observers_lock);
}
EXPORT_SYMBOL_NS_GPL(sc_observer_register, SC_NS_SOCK);

/* Process context; no call is under way on return. */
void sc_observer_unregister(struct sc_observer *observer)
{
	mutex_lock(&sc_observers_lock);
	list_del_rcu(&observer->node);
	mutex_unlock(&sc_observers_lock);
	synchronize_srcu(&sc_observers_srcu);
}
EXPORT_SYMBOL_NS_GPL(sc_observer_unregister, SC_NS_SOCK);

void sc_observe_peer(struct net *net, struct schannel_peer *peer, bool gone)
{
	sc_observe(peer, net, peer, gone);
}

void sc_observe_peer_removed(struct schannel_peer *peer)
{
	sc_observe(peer_removed, peer);
}

void sc_observe_channel(struct net *net, struct schannel_peer *peer, bool up)
{
	sc_observe(channel, net, peer, up);
}

void sc_observe_flow(struct sc_flow *flow, struct sock *sk)
{
	sc_observe(flow, flow, sk);
}

void sc_observe_flow_over(struct sc_flow *flow, struct sock *sk, int err)
{
	sc_observe(flow_over, flow, sk, err);
}
