// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network namespaces: each has its ports, its channel to itself, and the peers that
 * were given to it. Other domains are peers of the initial namespace, as a
 * machine's network devices are, until sc_peer_move().
 *
 * Nothing here holds a namespace, but the sockets in it do. So when one goes, what
 * is left to tidy up is its loopback, and its peers go back where they came from.
 */
#include <linux/memcontrol.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "loopback.h"
#include "net.h"
#include "peer.h"

static unsigned int sc_net_id __read_mostly;

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

static int __net_init sc_net_start(struct net *net)
{
	struct sc_net *own = sc_net(net);
	int err;

	own->loopback = sc_loopback_create(net);
	if (!own->loopback)
		return -ENOMEM;
	err = sc_sysctl_create(net, &own->sysctl);
	if (err)
		sc_loopback_destroy(own->loopback);
	return err;
}

/*
 * Before the grace period that the kernel waits for: who found a peer's namespace under
 * RCU (sc_listen_incoming()) may still look for sockets in it.
 */
static void __net_exit sc_net_leave(struct net *net)
{
	sc_peers_return(net);
}

static void __net_exit sc_net_stop(struct net *net)
{
	sc_sysctl_destroy(&sc_net(net)->sysctl);
	sc_loopback_destroy(sc_net(net)->loopback);
	mem_cgroup_put(sc_net(net)->payer);
}

static struct pernet_operations sc_net_ops = {
	.init		= sc_net_start,
	.pre_exit	= sc_net_leave,
	.exit		= sc_net_stop,
	.id		= &sc_net_id,
	.size		= sizeof(struct sc_net),
};

int __init sc_net_init(void)
{
	return register_pernet_subsys(&sc_net_ops);
}

void sc_net_exit(void)
{
	unregister_pernet_subsys(&sc_net_ops);
}
