// SPDX-License-Identifier: GPL-2.0-only
/* What each network namespace has of its own. See net.h; netns.c starts and ends it. */
#include <linux/memcontrol.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "net.h"
#include "peer.h"

unsigned int sc_net_id __read_mostly;

struct sc_net *sc_net(const struct net *net)
{
	return net_generic(net, sc_net_id);
}

/**
 * sc_net_charge() - somebody makes a socket
 * @net:	the namespace
 *
 * Anybody can have namespaces, and as many channels to himself: he shall pay for
 * their memory. In the caller's context, where it is known who that is.
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

/* Who pays for a peer's channel, with a reference; NULL: the machine. */
struct mem_cgroup *sc_net_payer(const struct schannel_peer *peer)
{
	struct mem_cgroup *payer;

	/* the namespace is not held, but does not go within this */
	rcu_read_lock();
	payer = READ_ONCE(sc_net(READ_ONCE(peer->net))->payer);
	if (payer && !css_tryget(&payer->css))
		payer = NULL;
	rcu_read_unlock();
	return payer;
}
