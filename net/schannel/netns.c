// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network namespaces start and end. Each has its own ports, its own loopback channel, and the
 * peers that were moved to it. Other domains are peers of the initial namespace, as a
 * machine's network devices are, until sc_peer_move().
 *
 * Sockets hold a reference to their namespace; nothing here does. So when a namespace ends, it
 * has no sockets: its loopback is destroyed, and its peers return to the initial namespace.
 */
#include <linux/memcontrol.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "core/net.h"
#include "core/peer.h"
#include "core/sysctl.h"
#include "loopback.h"
#include "netns.h"

static int __net_init sc_netns_start(struct net *net)
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
 * Runs before the kernel waits for a grace period: code that found a peer's namespace under RCU
 * (sc_listen_incoming()) may still look for sockets in it until then.
 */
static void __net_exit sc_netns_leave(struct net *net)
{
	sc_peers_return(net);
}

static void __net_exit sc_netns_stop(struct net *net)
{
	sc_sysctl_destroy(&sc_net(net)->sysctl);
	sc_loopback_destroy(sc_net(net)->loopback);
	mem_cgroup_put(sc_net(net)->payer);
}

static struct pernet_operations sc_netns_ops = {
	.init		= sc_netns_start,
	.pre_exit	= sc_netns_leave,
	.exit		= sc_netns_stop,
	.id		= &sc_net_id,
	.size		= sizeof(struct sc_net),
};

int __init sc_netns_init(void)
{
	return register_pernet_subsys(&sc_netns_ops);
}

void sc_netns_exit(void)
{
	unregister_pernet_subsys(&sc_netns_ops);
}
