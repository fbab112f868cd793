// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of ports: which socket is bound to which port.
 *
 * Each network namespace has two spaces of ports: one for connections, streams and
 * seqpackets alike, and one for datagrams.
 *
 * Lookups run under RCU, since each datagram makes one: a socket's memory is freed a grace
 * period after its last reference. The table's hash is keyed with a random number and the
 * table grows, so programs and peers cannot make its chains long.
 *
 * An accepted connection shares its listener's port and is not in the table, so a port is
 * free again as soon as the socket that was bound to it is closed.
 */
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <net/netns/hash.h>

#include "core/peer.h"
#include "port.h"
#include "socket.h"

/* What a socket is found by. */
struct sc_port_key {
	const struct net *net;
	u32 port;
	bool dgram;
};

static bool sc_port_is_dgram(const struct sc_sock *ssk)
{
	return ssk->sk.sk_type == SOCK_DGRAM;
}

/* Random since init: programs and peers cannot tell which ports share a chain. */
static u64 sc_port_factor __ro_after_init, sc_port_offset __ro_after_init;

/*
 * Multiply and shift, which is strongly universal for random factor and offset, takes fewer
 * instructions than jhash: each datagram looks up a port.
 */
static u32 sc_port_hash(const void *data, u32 len, u32 seed)
{
	const struct sc_port_key *key = data;
	u32 word = key->port ^ net_hash_mix(key->net) ^ (u32)key->dgram << 31;

	return (sc_port_factor * word + sc_port_offset) >> 32;
}

static u32 sc_port_hash_sock(const void *data, u32 len, u32 seed)
{
	const struct sc_sock *ssk = data;
	const struct sc_port_key key = {
		.net = sock_net(&ssk->sk),
		.port = ssk->bound_port,
		.dgram = sc_port_is_dgram(ssk),
	};

	return sc_port_hash(&key, len, seed);
}

/* 0 if the socket has the key. */
static int sc_port_compare(struct rhashtable_compare_arg *arg, const void *data)
{
	const struct sc_port_key *key = arg->key;
	const struct sc_sock *ssk = data;

	return ssk->bound_port != key->port || sock_net(&ssk->sk) != key->net ||
	       sc_port_is_dgram(ssk) != key->dgram;
}

static struct rhashtable sc_ports;

static const struct rhashtable_params sc_ports_params = {
	.key_len		= sizeof(struct sc_port_key),
	.head_offset		= offsetof(struct sc_sock, port_node),
	.hashfn			= sc_port_hash,
	.obj_hashfn		= sc_port_hash_sock,
	.obj_cmpfn		= sc_port_compare,
	.automatic_shrinking	= true,
};

/* Bind to this port, unless another socket is. 0, -EADDRINUSE or -ENOMEM. */
static int sc_port_take(struct sc_sock *ssk, u32 port)
{
	const struct sc_port_key key = {
		.net = sock_net(&ssk->sk),
		.port = port,
		.dgram = sc_port_is_dgram(ssk),
	};
	int err;

	ssk->bound_port = port;
	err = rhashtable_lookup_insert_key(&sc_ports, &key, &ssk->port_node,
					   sc_ports_params);
	if (!err) {
		/* only now: senders of datagrams read it without a lock */
		WRITE_ONCE(ssk->local_port, port);
		return 0;
	}
	ssk->bound_port = 0;
	return err == -EEXIST ? -EADDRINUSE : -ENOMEM;
}

/* From a large range and at random, so that other domains cannot predict the port. */
static int sc_port_choose(struct sc_sock *ssk)
{
	int err;

	do
		err = sc_port_take(ssk, get_random_u32_inclusive(SC_PORT_EPHEMERAL,
								 S32_MAX));
	while (err == -EADDRINUSE);
	return err;
}

/**
 * sc_port_bind() - bind a socket
 * @ssk:	a socket that is not bound; lock_sock() is held. Its type chooses the space
 * @domid:	SC_DOMID_ANY, SC_DOMID_SELF or our own
 * @port:	the port, or SC_PORT_ANY to choose one
 *
 * Return: 0, -EADDRNOTAVAIL for another domid, -EACCES for a reserved port
 * without the capability, -EADDRINUSE, -ENOMEM.
 */
int sc_port_bind(struct sc_sock *ssk, u32 domid, u32 port)
{
	u32 before = ssk->local_domid;
	int err;

	if (domid != SC_DOMID_ANY && domid != SC_DOMID_SELF &&
	    domid != sc_own_domid())
		return -EADDRNOTAVAIL;
	if (port != SC_PORT_ANY && port < SC_PORT_RESERVED &&
	    !ns_capable(sock_net(&ssk->sk)->user_ns, CAP_NET_BIND_SERVICE))
		return -EACCES;

	/* the domid restricts who may connect: set it before the socket can be found */
	WRITE_ONCE(ssk->local_domid, domid);
	err = port == SC_PORT_ANY ? sc_port_choose(ssk) : sc_port_take(ssk, port);
	if (err)
		WRITE_ONCE(ssk->local_domid, before);
	return err;
}

/* The socket is being closed: its port is free again. lock_sock() is held. */
void sc_port_unbind(struct sc_sock *ssk)
{
	if (!ssk->bound_port)
		return;
	rhashtable_remove_fast(&sc_ports, &ssk->port_node, sc_ports_params);
	ssk->bound_port = 0;
}

/* The socket with a port, if it may be reached; with a reference. */
static struct sock *sc_port_find(const struct sc_port_key *key, bool loopback, bool listening)
{
	struct sock *sk = NULL;
	struct sc_sock *ssk;

	rcu_read_lock();
	ssk = rhashtable_lookup(&sc_ports, key, sc_ports_params);
	if (ssk && (loopback || READ_ONCE(ssk->local_domid) != SC_DOMID_SELF) &&
	    (!listening || READ_ONCE(ssk->sk.sk_state) == TCP_LISTEN) &&
	    refcount_inc_not_zero(&ssk->sk.sk_refcnt))
		sk = &ssk->sk;
	rcu_read_unlock();
	return sk;
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
	const struct sc_port_key key = { .net = net, .port = port };

	return sc_port_find(&key, loopback, true);
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
	const struct sc_port_key key = { .net = net, .port = port, .dgram = true };

	return sc_port_find(&key, loopback, false);
}

/* Process context. 0 or -ENOMEM. */
int __init sc_port_init(void)
{
	sc_port_factor = get_random_u64();
	sc_port_offset = get_random_u64();
	return rhashtable_init(&sc_ports, &sc_ports_params);
}

/* No socket and no channel is left: a datagram that arrives causes a lookup, too. */
void sc_port_exit(void)
{
	rhashtable_destroy(&sc_ports);
}
