// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of diverted connections. TCP's tables, which do not contain them, keep addresses and
 * ports unique among connections; this table does so among the diverted ones. A diverted and
 * a plain TCP connection may have the same addresses and ports: their data take different
 * ways and cannot be confused.
 */
#include <linux/hashtable.h>
#include <linux/spinlock.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

#include "tuple.h"

static DEFINE_SPINLOCK(scinet_tuples_lock);
static DEFINE_HASHTABLE(scinet_tuples, 12);

/* Fill in the addresses and ports of a socket. They have been chosen. */
void scinet_tuple_of(struct scinet_tuple *tuple, const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);

	tuple->net = sock_net(sk);
	/* an IPv4 socket has v4-mapped addresses here */
	tuple->local = sk->sk_v6_rcv_saddr;
	tuple->remote = sk->sk_v6_daddr;
	tuple->local_port = ntohs(inet->inet_sport);
	tuple->remote_port = ntohs(inet->inet_dport);
}

static u32 scinet_tuple_hash(const struct scinet_tuple *tuple)
{
	return ipv6_portaddr_hash(tuple->net, &tuple->local,
				  tuple->local_port) ^
	       ipv6_portaddr_hash(tuple->net, &tuple->remote,
				  tuple->remote_port) * 31;
}

static bool scinet_tuple_equal(const struct scinet_tuple *a,
			       const struct scinet_tuple *b)
{
	return a->net == b->net && a->local_port == b->local_port &&
	       a->remote_port == b->remote_port &&
	       ipv6_addr_equal(&a->local, &b->local) &&
	       ipv6_addr_equal(&a->remote, &b->remote);
}

/* Returns false if another diverted connection has the same addresses and ports. */
bool scinet_tuple_add(struct scinet_tuple *tuple)
{
	u32 hash = scinet_tuple_hash(tuple);
	struct scinet_tuple *other;
	bool added = false;

	spin_lock_bh(&scinet_tuples_lock);
	hash_for_each_possible(scinet_tuples, other, node, hash)
		if (scinet_tuple_equal(tuple, other))
			goto out;
	hash_add(scinet_tuples, &tuple->node, hash);
	added = true;
out:
	spin_unlock_bh(&scinet_tuples_lock);
	return added;
}

/* Remove @tuple from the table, if it is there. */
void scinet_tuple_del(struct scinet_tuple *tuple)
{
	spin_lock_bh(&scinet_tuples_lock);
	hash_del(&tuple->node);
	spin_unlock_bh(&scinet_tuples_lock);
}
