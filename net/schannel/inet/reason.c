// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why a TCP connection was diverted or was not. See reason.h.
 *
 * All namespaces share one table of remembered verdicts. Its size is fixed, since any user may
 * connect to any number of destinations. A new destination whose set is full replaces the
 * oldest entry.
 */
#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/jiffies.h>
#include <linux/spinlock.h>
#include <net/addrconf.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/route.h>

#include <uapi/linux/schannel.h>
#include "core/divert.h"
#include "reason.h"
#include "core/peer.h"
#include "core/sysctl.h"

/**
 * struct scinet_net - the counters of a network namespace
 * @counts:	connections, by enum schannel_divert
 */
struct scinet_net {
	atomic_long_t counts[__SCHANNEL_DIVERT_MAX];
};

static unsigned int scinet_net_id __read_mostly;

/* ---- Remembered verdicts ----------------------------------------------- */

#define SCINET_REASON_SETS		256
#define SCINET_REASON_WAYS		4
#define SCINET_REASON_KEEP		(60 * HZ)

/**
 * struct scinet_reason - a destination, and why the last connection there was not diverted
 * @net:	cookie of the namespace; no later namespace gets the same
 * @when:	when that connection ended, in jiffies
 * @addr:	the address, IPv6 or v4-mapped
 * @port:	the port
 * @verdict:	why, enum schannel_divert; SCHANNEL_DIVERT_OK: the entry is unused
 */
struct scinet_reason {
	u64 net;
	unsigned long when;
	struct in6_addr addr;
	u16 port;
	u8 verdict;
};

struct scinet_reason_set {
	spinlock_t lock;	/* the whole set */
	struct scinet_reason way[SCINET_REASON_WAYS];
} ____cacheline_aligned_in_smp;

static struct scinet_reason_set scinet_reason_sets[SCINET_REASON_SETS];

static struct scinet_reason_set *scinet_reason_set(const struct net *net,
						   const struct in6_addr *addr,
						   u16 port)
{
	u32 hash = ipv6_portaddr_hash(net, addr, port);

	return &scinet_reason_sets[hash % SCINET_REASON_SETS];
}

/* Is the entry used and not expired? The set's lock is held. */
static bool scinet_reason_holds(const struct scinet_reason *reason)
{
	return reason->verdict && time_before(jiffies, reason->when + SCINET_REASON_KEEP);
}

static bool scinet_reason_is(const struct scinet_reason *reason, const struct net *net,
			     const struct in6_addr *addr, u16 port)
{
	return reason->net == net->net_cookie && reason->port == port &&
	       ipv6_addr_equal(&reason->addr, addr);
}

/* The verdict for this address and port, and its age. */
static enum schannel_divert scinet_reason_recall(const struct net *net,
						 const struct in6_addr *addr,
						 u16 port, u32 *age_ms)
{
	struct scinet_reason_set *set = scinet_reason_set(net, addr, port);
	enum schannel_divert verdict = SCHANNEL_DIVERT_OK;
	const struct scinet_reason *reason;

	spin_lock_bh(&set->lock);
	for (reason = set->way; reason < set->way + SCINET_REASON_WAYS; reason++)
		if (scinet_reason_is(reason, net, addr, port) &&
		    scinet_reason_holds(reason)) {
			verdict = reason->verdict;
			*age_ms = jiffies_to_msecs(jiffies - reason->when);
		}
	spin_unlock_bh(&set->lock);
	return verdict;
}

/* The entry to write: this destination's own, or an unused one, or the oldest. */
static struct scinet_reason *scinet_reason_slot(struct scinet_reason_set *set,
						const struct net *net,
						const struct in6_addr *addr,
						u16 port)
{
	struct scinet_reason *reason, *slot = set->way;

	for (reason = set->way; reason < set->way + SCINET_REASON_WAYS; reason++) {
		if (scinet_reason_is(reason, net, addr, port))
			return reason;
		if (!scinet_reason_holds(slot))
			continue;
		if (!scinet_reason_holds(reason) || time_before(reason->when, slot->when))
			slot = reason;
	}
	return slot;
}

/**
 * scinet_reason_keep() - remember what became of a connection, until another one there
 * @net:	its namespace
 * @addr:	where it went to, IPv6 or v4-mapped
 * @port:	the port there, host byte order
 * @verdict:	its verdict; SCHANNEL_DIVERT_OK has an earlier one forgotten
 */
void scinet_reason_keep(const struct net *net, const struct in6_addr *addr, u16 port,
			enum schannel_divert verdict)
{
	struct scinet_reason_set *set = scinet_reason_set(net, addr, port);
	struct scinet_reason *reason;

	spin_lock_bh(&set->lock);
	reason = scinet_reason_slot(set, net, addr, port);
	if (verdict || scinet_reason_is(reason, net, addr, port)) {
		reason->net = net->net_cookie;
		reason->when = jiffies;
		reason->addr = *addr;
		reason->port = port;
		reason->verdict = verdict;
	}
	spin_unlock_bh(&set->lock);
}

/* ---- Counters ---------------------------------------------------------- */

void scinet_reason_count(const struct net *net, enum schannel_divert verdict)
{
	struct scinet_net *own = net_generic(net, scinet_net_id);

	atomic_long_inc(&own->counts[verdict]);
}

/* Fill in @counts, by enum schannel_divert. */
void scinet_reason_counts(const struct net *net, u64 *counts)
{
	struct scinet_net *own = net_generic(net, scinet_net_id);
	unsigned int i;

	for (i = 0; i < __SCHANNEL_DIVERT_MAX; i++)
		counts[i] = atomic_long_read(&own->counts[i]);
}

/* ---- What is known of an address --------------------------------------- */

/* Is @addr an address of this machine, in this namespace? */
bool scinet_reason_is_local(struct net *net, const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		return inet_addr_type(net, addr->s6_addr32[3]) == RTN_LOCAL;
	return ipv6_chk_addr(net, addr, NULL, 0);
}

/**
 * scinet_reason_peer() - the peer that has an address
 * @net:	the namespace
 * @addr:	the address, IPv6 or v4-mapped
 * @verdict:	set to SCHANNEL_DIVERT_OK, _NO_PEER or _LOCAL
 *
 * An address of this machine is not taken for a peer's, even if a peer publishes the same.
 *
 * Return: the peer, to be released with sc_peer_put(), or NULL. Not NULL if @verdict is
 * SCHANNEL_DIVERT_OK.
 */
struct schannel_peer *scinet_reason_peer(struct net *net, const struct in6_addr *addr,
					 enum schannel_divert *verdict)
{
	bool local = scinet_reason_is_local(net, addr);
	struct schannel_peer *peer = local ? sc_peer_get(net, SC_DOMID_SELF) :
					     sc_peer_get_by_address(net, addr);

	if (!peer)
		*verdict = SCHANNEL_DIVERT_NO_PEER;
	else if (local && !sc_sysctl_divert_local(net))
		*verdict = SCHANNEL_DIVERT_LOCAL;
	else
		*verdict = SCHANNEL_DIVERT_OK;
	return peer;
}

/**
 * scinet_reason_look() - what is known of a destination without a connection there
 * @net:	the namespace
 * @addr:	the destination, IPv6 or v4-mapped
 * @port:	its port, host byte order
 * @view:	filled in
 */
void scinet_reason_look(struct net *net, const struct in6_addr *addr, u16 port,
			struct sc_divert_view *view)
{
	struct schannel_peer *peer;

	memset(view, 0, sizeof(*view));
	peer = scinet_reason_peer(net, addr, &view->verdict);
	view->domid = peer ? peer->domid : SC_DOMID_ANY;
	view->last = scinet_reason_recall(net, addr, port, &view->age_ms);
	if (peer)
		sc_peer_put(peer);
}

/* ---- Init and exit ----------------------------------------------------- */

static struct pernet_operations scinet_net_ops = {
	.id	= &scinet_net_id,
	.size	= sizeof(struct scinet_net),
};

int __init scinet_reason_init(void)
{
	unsigned int i;

	for (i = 0; i < SCINET_REASON_SETS; i++)
		spin_lock_init(&scinet_reason_sets[i].lock);
	return register_pernet_subsys(&scinet_net_ops);
}

void scinet_reason_exit(void)
{
	unregister_pernet_subsys(&scinet_net_ops);
}
