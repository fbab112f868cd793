// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of ports: which socket is bound to which port.
 *
 * Each network namespace has two spaces of ports: one for connections, streams and
 * seqpackets alike, and one for datagrams.
 *
 * An accepted connection shares its listener's port and is not in the table, so a port is
 * free again as soon as the socket that was bound to it is closed.
 *
 * Lookups take no lock: each datagram is one. They find a socket under RCU, and sockets are
 * freed a grace period after their last reference. Nodes never move to another chain.
 */
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/hashtable.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/spinlock.h>
#include <net/netns/hash.h>

#include "core/peer.h"
#include "port.h"
#include "socket.h"

/* As many chains as the kernel has for UDP with a gigabyte or two of memory. */
#define SC_PORTS_BITS	12

/* Serialises binding. Changes of the table are visible to lookups at once. */
static DEFINE_SPINLOCK(sc_ports_lock);
static DEFINE_HASHTABLE(sc_ports, SC_PORTS_BITS);

/* Random since init: neither programs nor peers can tell which ports share a chain. */
static u64 sc_port_factor __ro_after_init;

void __init sc_port_init(void)
{
	/* odd, so that no two ports have all bits of the product in common */
	sc_port_factor = get_random_u64() | 1;
}

/* Multiply and shift: universal for a random factor, and only a few instructions. */
static struct hlist_head *sc_port_chain(const struct net *net, bool dgram, u32 port)
{
	u64 key = port ^ net_hash_mix(net) ^ (u32)dgram << 31;

	return &sc_ports[sc_port_factor * key >> (64 - SC_PORTS_BITS)];
}

static bool sc_port_is_dgram(const struct sc_sock *ssk)
{
	return ssk->sk.sk_type == SOCK_DGRAM;
}

/* Under RCU, or with sc_ports_lock. */
static struct sc_sock *sc_port_find(const struct net *net, bool dgram, u32 port)
{
	struct sc_sock *ssk;

	hlist_for_each_entry_rcu(ssk, sc_port_chain(net, dgram, port), port_node,
				 lockdep_is_held(&sc_ports_lock))
		if (READ_ONCE(ssk->local_port) == port &&
		    net_eq(sock_net(&ssk->sk), net) &&
		    sc_port_is_dgram(ssk) == dgram)
			return ssk;
	return NULL;
}

/* From a large range and at random, so that other domains cannot predict the port. */
static u32 sc_port_choose(const struct net *net, bool dgram)
{
	u32 port;

	do
		port = get_random_u32_inclusive(SC_PORT_EPHEMERAL, S32_MAX);
	while (sc_port_find(net, dgram, port));
	return port;
}

/**
 * sc_port_bind() - bind a socket
 * @ssk:	a socket that is not bound; lock_sock() is held. Its type chooses the space
 * @domid:	SC_DOMID_ANY, SC_DOMID_SELF or our own
 * @port:	the port, or SC_PORT_ANY to choose one
 *
 * Return: 0, -EADDRNOTAVAIL for another domid, -EACCES for a reserved port
 * without the capability, -EADDRINUSE.
 */
int sc_port_bind(struct sc_sock *ssk, u32 domid, u32 port)
{
	const struct net *net = sock_net(&ssk->sk);
	bool dgram = sc_port_is_dgram(ssk);
	int err = 0;

	if (domid != SC_DOMID_ANY && domid != SC_DOMID_SELF &&
	    domid != sc_own_domid())
		return -EADDRNOTAVAIL;
	if (port != SC_PORT_ANY && port < SC_PORT_RESERVED &&
	    !ns_capable(net->user_ns, CAP_NET_BIND_SERVICE))
		return -EACCES;

	spin_lock_bh(&sc_ports_lock);
	if (port == SC_PORT_ANY)
		port = sc_port_choose(net, dgram);
	else if (sc_port_find(net, dgram, port))
		err = -EADDRINUSE;
	if (!err) {
		WRITE_ONCE(ssk->local_domid, domid);
		hlist_add_head_rcu(&ssk->port_node, sc_port_chain(net, dgram, port));
		/*
		 * release: whoever sees the port may tell it to others, and they find the
		 * socket. A lookup that sees it sees the domid, too.
		 */
		smp_store_release(&ssk->local_port, port);
	}
	spin_unlock_bh(&sc_ports_lock);
	return err;
}

void sc_port_unbind(struct sc_sock *ssk)
{
	spin_lock_bh(&sc_ports_lock);
	hlist_del_init_rcu(&ssk->port_node);
	spin_unlock_bh(&sc_ports_lock);
}

/* Does the socket take what comes to its port, from where it comes? */
static bool sc_port_is_open(const struct sc_sock *ssk, bool loopback)
{
	return loopback || READ_ONCE(ssk->local_domid) != SC_DOMID_SELF;
}

/**
 * sc_port_listener() - find the socket that listens on a port
 * @net:	the namespace; compared, not used
 * @port:	the port
 * @loopback:	for a connection from this domain itself
 *
 * Return: the socket, with a reference, or NULL.
 */
struct sock *sc_port_listener(const struct net *net, u32 port, bool loopback)
{
	struct sock *sk = NULL;
	struct sc_sock *ssk;

	rcu_read_lock();
	ssk = sc_port_find(net, false, port);
	if (ssk && READ_ONCE(ssk->sk.sk_state) == TCP_LISTEN &&
	    sc_port_is_open(ssk, loopback) && refcount_inc_not_zero(&ssk->sk.sk_refcnt))
		sk = &ssk->sk;
	rcu_read_unlock();
	return sk;
}

/**
 * sc_port_dgram() - find the socket that receives datagrams at a port
 * @net:	the namespace; compared, not used
 * @port:	the port
 * @loopback:	for a datagram from this domain itself
 *
 * Context: Under rcu_read_lock(), which keeps the socket: it may be closed at any time.
 *
 * Return: the socket, or NULL.
 */
struct sock *sc_port_dgram(const struct net *net, u32 port, bool loopback)
{
	struct sc_sock *ssk = sc_port_find(net, true, port);

	return ssk && sc_port_is_open(ssk, loopback) ? &ssk->sk : NULL;
}
