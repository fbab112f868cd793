// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of the peers' addresses. See address.h.
 *
 * It is changed under the lock of the table of peers and read under RCU. The addresses of a
 * peer are replaced as a whole. The entry of an address that stays is replaced in place, so
 * that readers find it at any moment, and it keeps its rank among the claims.
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
 * @node:	entry in the table
 * @addr:	the address, IPv6 or v4-mapped
 * @peer:	the peer
 * @since:	rank of the claim: an earlier claim in the namespace has a smaller number
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
 * Can the address identify a domain? Loopback and link-local addresses exist on every
 * machine, so a claim to one of them is ignored.
 */
static bool sc_address_is_valid(const struct in6_addr *addr)
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

/**
 * sc_addresses_alloc() - prepare the addresses of a peer
 * @peer:	the peer
 * @info:	its identity; addresses that cannot identify a domain are left out
 *
 * Return: the addresses, for sc_addresses_set() or sc_addresses_free(); NULL without memory.
 */
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

		if (!sc_address_is_valid(addr) ||
		    sc_addresses_find(new, addr))
			continue;
		new->nr++;
		new->list[new->nr - 1].addr = *addr;
		new->list[new->nr - 1].peer = peer;
	}
	return new;
}

/* Free addresses that sc_addresses_set() was not called with. */
void sc_addresses_free(struct sc_addresses *addresses)
{
	kfree(addresses);
}

/**
 * sc_addresses_set() - replace the addresses of a peer
 * @peer:	a peer in the table
 * @new:	from sc_addresses_alloc(); NULL for no addresses
 *
 * Context: Under the lock of the table of peers.
 */
void sc_addresses_set(struct schannel_peer *peer, struct sc_addresses *new)
{
	/* lockdep cannot check this here: the lock is static in peer.c */
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

/* The peer is being removed. Under the lock of the table of peers. */
void sc_addresses_clear(struct schannel_peer *peer)
{
	sc_addresses_set(peer, NULL);
}

/*
 * The peer is about to be moved to another namespace, where its claims rank last. Under the
 * lock of the table of peers.
 */
void sc_addresses_moving(struct schannel_peer *peer)
{
	struct sc_addresses *own = rcu_dereference_protected(peer->addresses, 1);
	unsigned int i;

	for (i = 0; own && i < own->nr; i++)
		WRITE_ONCE(own->list[i].since, ++sc_addresses_claims);
}

/* The peer with the earliest claim, or NULL. Under rcu_read_lock(). */
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
 * sc_peer_get_by_address() - find the peer that an address belongs to
 * @net:	the namespace to look in
 * @addr:	the address, IPv6 or v4-mapped
 *
 * Context: Any but hard interrupts.
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
 * Unlike sc_peer_get_by_address(), this also accepts an address that another peer claimed
 * first: both may use it as a source, since answers return on the connection itself.
 *
 * Context: Any context.
 *
 * Return: whether it was.
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
