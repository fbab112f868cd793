// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which peer has which address. See address.h.
 *
 * Changed under the lock of the table of peers, read under RCU. What is published for a
 * peer is replaced as a whole; an address that stays keeps its place, so that
 * who looks for it finds it at any moment, and its owner remains the first.
 */
#include <linux/hashtable.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "address.h"
#include "namespace.h"
#include "peer.h"
#include "transport.h"

/**
 * struct sc_address - an address of a peer
 * @node:	in the table
 * @addr:	IPv6 or v4-mapped
 * @peer:	whose
 * @since:	who claimed it in its namespace earlier has a smaller number
 */
struct sc_address {
	struct hlist_node node;
	struct in6_addr addr;
	struct schannel_peer *peer;
	u64 since;
};

struct sc_addresses {
	struct rcu_head rcu;
	unsigned int nr;
	struct sc_address list[] __counted_by(nr);
};

static DEFINE_HASHTABLE(sc_addresses_table, 8);
static u64 sc_addresses_claims;

static u32 sc_address_hash(const struct in6_addr *addr)
{
	return ipv6_addr_hash(addr);
}

/*
 * Every machine has its own loopback, and its own links: such an address says
 * nothing about where a connection goes, whoever claims it.
 */
static bool sc_address_is_sensible(const struct in6_addr *addr)
{
	__be32 v4 = addr->s6_addr32[3];
	int type;

	if (ipv6_addr_v4mapped(addr))
		return !ipv4_is_zeronet(v4) && !ipv4_is_loopback(v4) &&
		       !ipv4_is_multicast(v4) && !ipv4_is_lbcast(v4);
	type = ipv6_addr_type(addr);
	return type & IPV6_ADDR_UNICAST &&
	       !(type & (IPV6_ADDR_LOOPBACK | IPV6_ADDR_LINKLOCAL));
}

static struct sc_address *sc_addresses_find(struct sc_addresses *addresses,
					    const struct in6_addr *addr)
{
	unsigned int i;

	for (i = 0; addresses && i < addresses->nr; i++)
		if (ipv6_addr_equal(&addresses->list[i].addr, addr))
			return &addresses->list[i];
	return NULL;
}

/* Those of @info, to be given to sc_addresses_set() or freed. NULL: no memory. */
struct sc_addresses *sc_addresses_alloc(struct schannel_peer *peer,
					const struct schannel_peer_info *info)
{
	struct sc_addresses *new;
	unsigned int i;

	new = kzalloc(struct_size(new, list, info->nr_addresses), GFP_KERNEL);
	if (!new)
		return NULL;
	for (i = 0; i < info->nr_addresses; i++) {
		const struct in6_addr *addr = &info->address[i];

		if (!sc_address_is_sensible(addr) ||
		    sc_addresses_find(new, addr))
			continue;
		new->nr++;
		new->list[new->nr - 1].addr = *addr;
		new->list[new->nr - 1].peer = peer;
	}
	return new;
}

void sc_addresses_free(struct sc_addresses *addresses)
{
	kfree(addresses);
}

/**
 * sc_addresses_set() - what is published for a peer changed
 * @peer:	a peer in the table
 * @new:	from sc_addresses_alloc(); NULL: nothing
 *
 * Under the lock of the table of peers.
 */
void sc_addresses_set(struct schannel_peer *peer, struct sc_addresses *new)
{
	/* the lock is peer.c's */
	struct sc_addresses *old = rcu_dereference_protected(peer->addresses, 1);
	unsigned int i;

	for (i = 0; new && i < new->nr; i++) {
		struct sc_address *to = &new->list[i];
		struct sc_address *from = sc_addresses_find(old, &to->addr);

		to->since = from ? from->since : ++sc_addresses_claims;
		if (from)
			hlist_replace_rcu(&from->node, &to->node);
		else
			hash_add_rcu(sc_addresses_table, &to->node,
				     sc_address_hash(&to->addr));
	}
	rcu_assign_pointer(peer->addresses, new);
	for (i = 0; old && i < old->nr; i++)
		if (!sc_addresses_find(new, &old->list[i].addr))
			hash_del_rcu(&old->list[i].node);
	if (old)
		kfree_rcu(old, rcu);
}

/* The peer is going. Under the lock of the table of peers. */
void sc_addresses_clear(struct schannel_peer *peer)
{
	sc_addresses_set(peer, NULL);
}

/* About to be in another namespace, where it comes last. Under that lock, too. */
void sc_addresses_moving(struct schannel_peer *peer)
{
	struct sc_addresses *own = rcu_dereference_protected(peer->addresses, 1);
	unsigned int i;

	for (i = 0; own && i < own->nr; i++)
		WRITE_ONCE(own->list[i].since, ++sc_addresses_claims);
}

/* Under rcu_read_lock(). */
static struct schannel_peer *sc_address_owner(const struct net *net,
					      const struct in6_addr *addr)
{
	struct schannel_peer *owner = NULL;
	struct sc_address *at;
	u64 first = U64_MAX;

	hash_for_each_possible_rcu(sc_addresses_table, at, node,
				   sc_address_hash(addr)) {
		u64 since = READ_ONCE(at->since);

		if (since < first && ipv6_addr_equal(&at->addr, addr) &&
		    READ_ONCE(at->peer->net) == net &&
		    refcount_read(&at->peer->ref)) {
			owner = at->peer;
			first = since;
		}
	}
	return owner;
}

/**
 * sc_peer_get_by_address() - whose address is it
 * @net:	in which namespace
 * @addr:	the address, IPv6 or v4-mapped
 *
 * Any context but hard interrupts.
 *
 * Return: the peer, to be released with sc_peer_put(), or NULL.
 */
struct schannel_peer *sc_peer_get_by_address(const struct net *net,
					     const struct in6_addr *addr)
{
	struct schannel_peer *peer;

	rcu_read_lock();
	do
		peer = sc_address_owner(net, addr);
	while (peer && !refcount_inc_not_zero(&peer->ref));
	rcu_read_unlock();
	return peer;
}
EXPORT_SYMBOL_NS_GPL(sc_peer_get_by_address, SC_NS_SOCK);

/**
 * sc_peer_has_address() - was an address published for a peer
 * @peer:	the peer
 * @addr:	the address, IPv6 or v4-mapped
 *
 * Also if another peer claimed it first: both may use it, and answers go back where the
 * connection came from. Any context.
 */
bool sc_peer_has_address(const struct schannel_peer *peer,
			 const struct in6_addr *addr)
{
	bool has;

	rcu_read_lock();
	has = sc_addresses_find(rcu_dereference(peer->addresses), addr);
	rcu_read_unlock();
	return has;
}
EXPORT_SYMBOL_NS_GPL(sc_peer_has_address, SC_NS_SOCK);
