// SPDX-License-Identifier: GPL-2.0-only
/* Per network namespace data. See net.h; netns.c creates and destroys it. */
#include <linux/memcontrol.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "net.h"
#include "peer.h"

unsigned int sc_net_id __read_mostly;

/**
 * sc_net() - the data of a network namespace
 * @net:	the namespace
 *
 * Return: the data, which lives as long as the namespace.
 */
struct sc_net *sc_net(const struct net *net)
{
	return net_generic(net, sc_net_id);
}

/**
 * sc_net_charge() - decide which memory cgroup is charged for a namespace's channels
 * @net:	the namespace, in which the caller creates a socket
 *
 * Any user can create namespaces, each with a channel to itself. Their memory is charged to
 * the memory cgroup of the process that creates the first socket of the namespace.
 *
 * Context: Process context, in the process that creates the socket.
 */
void sc_net_charge(const struct net *net)
{
	struct mem_cgroup *payer;

	if (net_eq(net, &init_net) || READ_ONCE(sc_net(net)->payer))
		return;
	payer = get_mem_cgroup_from_mm(current->mm);
	if (cmpxchg(&sc_net(net)->payer, NULL, payer))
		mem_cgroup_put(payer);
}

/**
 * sc_net_payer() - the memory cgroup that is charged for a peer's channel
 * @peer:	the peer
 *
 * Return: the memory cgroup, to be released with mem_cgroup_put(), or NULL if none is charged.
 */
struct mem_cgroup *sc_net_payer(const struct schannel_peer *peer)
{
	struct mem_cgroup *payer;

	/* no reference to the namespace is held, but it is not freed in this RCU section */
	rcu_read_lock();
	payer = READ_ONCE(sc_net(READ_ONCE(peer->net))->payer);
	if (payer && !css_tryget(&payer->css))
		payer = NULL;
	rcu_read_unlock();
	return payer;
}

/**
 * sc_net_has_payer() - is a memory cgroup charged for all of a peer's channel?
 * @peer:	the peer
 *
 * Return: false if the channel's rings are charged one by one.
 */
bool sc_net_has_payer(const struct schannel_peer *peer)
{
	bool has;

	rcu_read_lock();
	has = READ_ONCE(sc_net(READ_ONCE(peer->net))->payer);
	rcu_read_unlock();
	return has;
}
