// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of observers. See observer.h.
 *
 * It is protected by SRCU, because some callbacks sleep and others run under a spinlock: an
 * SRCU read-side section allows both. Unregistering waits for the calls that are under way,
 * so an observer may be part of a module that is unloaded.
 */
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/srcu.h>

#include "namespace.h"
#include "observer.h"

static LIST_HEAD(sc_observers);
static DEFINE_MUTEX(sc_observers_lock);	/* writers of the list */
DEFINE_STATIC_SRCU(sc_observers_srcu);

#define sc_for_each_observer(observer)					\
	list_for_each_entry_srcu(observer, &sc_observers, node,		\
				 srcu_read_lock_held(&sc_observers_srcu))

/**
 * sc_observer_register() - add an observer
 * @observer:	the observer; its callbacks may run before the return
 *
 * Context: Process context.
 */
void sc_observer_register(struct sc_observer *observer)
{
	mutex_lock(&sc_observers_lock);
	list_add_tail_rcu(&observer->node, &sc_observers);
	mutex_unlock(&sc_observers_lock);
}
EXPORT_SYMBOL_NS_GPL(sc_observer_register, SC_NS_SOCK);

/**
 * sc_observer_unregister() - remove an observer
 * @observer:	the observer; none of its callbacks runs after the return
 *
 * Context: Process context.
 */
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
	struct sc_observer *observer;
	int idx = srcu_read_lock(&sc_observers_srcu);

	sc_for_each_observer(observer)
		if (observer->peer)
			observer->peer(net, peer, gone);
	srcu_read_unlock(&sc_observers_srcu, idx);
}

void sc_observe_peer_removed(struct schannel_peer *peer)
{
	struct sc_observer *observer;
	int idx = srcu_read_lock(&sc_observers_srcu);

	sc_for_each_observer(observer)
		if (observer->peer_removed)
			observer->peer_removed(peer);
	srcu_read_unlock(&sc_observers_srcu, idx);
}

void sc_observe_channel(struct net *net, struct schannel_peer *peer, bool up)
{
	struct sc_observer *observer;
	int idx = srcu_read_lock(&sc_observers_srcu);

	sc_for_each_observer(observer)
		if (observer->channel)
			observer->channel(net, peer, up);
	srcu_read_unlock(&sc_observers_srcu, idx);
}

void sc_observe_flow(struct sc_flow *flow, struct sock *sk)
{
	struct sc_observer *observer;
	int idx = srcu_read_lock(&sc_observers_srcu);

	sc_for_each_observer(observer)
		if (observer->flow)
			observer->flow(flow, sk);
	srcu_read_unlock(&sc_observers_srcu, idx);
}

void sc_observe_flow_over(struct sc_flow *flow, struct sock *sk, int err)
{
	struct sc_observer *observer;
	int idx = srcu_read_lock(&sc_observers_srcu);

	sc_for_each_observer(observer)
		if (observer->flow_over)
			observer->flow_over(flow, sk, err);
	srcu_read_unlock(&sc_observers_srcu, idx);
}
