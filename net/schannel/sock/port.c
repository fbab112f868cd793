// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of ports: which socket is bound to which port.
 *
 * Each network namespace has two spaces of ports: one for connections, streams and
 * seqpackets alike, and one for datagrams.
 *
 * An accepted connection shares its listener's port and is not in the table, so a port is
 * free again as soon as the socket that was bound to it is closed.
 */
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/hashtable.h>
#include <linux/random.h>
#include <linux/spinlock.h>
#include <net/netns/hash.h>

#include "core/peer.h"
#include "port.h"
#include "socket.h"

static DEFINE_SPINLOCK(sc_ports_lock);
static DEFINE_HASHTABLE(sc_ports, 10);

static u32 sc_port_key(const struct net *net, u32 port)
{
	return net_hash_mix(net) ^ port;
}

static bool sc_port_is_dgram(const struct sc_sock *ssk)
{
	return ssk->sk.sk_type == SOCK_DGRAM;
}

static struct sc_sock *sc_port_find(const struct net *net, bool dgram, u32 port)
{
	struct sc_sock *ssk;

	lockdep_assert_held(&sc_ports_lock);
	hash_for_each_possible(sc_ports, ssk, port_node, sc_port_key(net, port))
		if (ssk->local_port == port &&
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
		ssk->local_domid = domid;
		ssk->local_port = port;
		hash_add(sc_ports, &ssk->port_node, sc_port_key(net, port));
	}
	spin_unlock_bh(&sc_ports_lock);
	return err;
}

void sc_port_unbind(struct sc_sock *ssk)
{
	spin_lock_bh(&sc_ports_lock);
	hash_del(&ssk->port_node);
	spin_unlock_bh(&sc_ports_lock);
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

	spin_lock_bh(&sc_ports_lock);
	ssk = sc_port_find(net, false, port);
	if (ssk && READ_ONCE(ssk->sk.sk_state) == TCP_LISTEN &&
	    (loopback || ssk->local_domid != SC_DOMID_SELF)) {
		sk = &ssk->sk;
		sock_hold(sk);
	}
	spin_unlock_bh(&sc_ports_lock);
	return sk;
}

/**
 * sc_port_dgram() - find the socket that receives datagrams at a port
 * @net:	the namespace; compared, not used
 * @port:	the port
 * @loopback:	for a datagram from this domain itself
 *
 * Return: the socket, with a reference, or NULL.
 */
struct sock *sc_port_dgram(const struct net *net, u32 port, bool loopback)
{
	struct sock *sk = NULL;
	struct sc_sock *ssk;

	spin_lock_bh(&sc_ports_lock);
	ssk = sc_port_find(net, true, port);
	if (ssk && (loopback || ssk->local_domid != SC_DOMID_SELF)) {
		sk = &ssk->sk;
		sock_hold(sk);
	}
	spin_unlock_bh(&sc_ports_lock);
	return sk;
}
