// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why a TCP connection was diverted or was not. See reason.h.
 *
 * All namespaces share one table of remembered verdicts. Its size is fixed, since any user may
 * connect to any number of destinations. A new destination whose set is full replaces the
 * entry that expires first. An entry that is lost early costs its next connect() a wait.
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

/**
 * struct scinet_reason - a destination to which connections could not be diverted
 * @net:	cookie of the namespace; no later namespace gets the same
 * @until:	when the entry expires, in jiffies
 * @addr:	the address, IPv6 or v4-mapped
 * @port:	the port; 0: all of them
 * @verdict:	why, enum schannel_divert; SCHANNEL_DIVERT_OK: the entry is unused
 */
struct scinet_reason {
	u64 net;
	unsigned long until;
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

static bool scinet_reason_is_kept(enum schannel_divert verdict)
{
	switch (verdict) {
	case SCHANNEL_DIVERT_NO_CHANNEL:
	case SCHANNEL_DIVERT_TIMEOUT:
	case SCHANNEL_DIVERT_UNSUPPORTED:
	case SCHANNEL_DIVERT_NOT_ATTACHED:
	case SCHANNEL_DIVERT_REFUSED_SOURCE:
		return true;
	default:
		return false;
	}
}

/* Does the verdict apply to the whole peer, and so to all of its ports? */
static bool scinet_reason_is_wide(enum schannel_divert verdict)
{
	switch (verdict) {
	case SCHANNEL_DIVERT_NO_CHANNEL:
	case SCHANNEL_DIVERT_TIMEOUT:
	case SCHANNEL_DIVERT_UNSUPPORTED:
		return true;
	default:
		return false;
	}
}

/* Is the entry used and not expired? The set's lock is held. */
static bool scinet_reason_holds(const struct scinet_reason *reason)
{
	return reason->verdict && time_before(jiffies, reason->until);
}

static bool scinet_reason_is(const struct scinet_reason *reason, const struct net *net,
			     const struct in6_addr *addr, u16 port)
{
	return reason->net == net->net_cookie && reason->port == port &&
	       ipv6_addr_equal(&reason->addr, addr);
}

/* The verdict for this address and port. @ms: milliseconds until it expires. */
static enum schannel_divert scinet_reason_find(const struct net *net,
					       const struct in6_addr *addr,
					       u16 port, u32 *ms)
{
	struct scinet_reason_set *set = scinet_reason_set(net, addr, port);
	enum schannel_divert verdict = SCHANNEL_DIVERT_OK;
	const struct scinet_reason *reason;

	spin_lock_bh(&set->lock);
	for (reason = set->way; reason < set->way + SCINET_REASON_WAYS; reason++)
		if (scinet_reason_is(reason, net, addr, port) &&
		    scinet_reason_holds(reason)) {
			verdict = reason->verdict;
			*ms = jiffies_to_msecs(reason->until - jiffies);
		}
	spin_unlock_bh(&set->lock);
	return verdict;
}

/* The verdict for this address and port, or for all ports of the address. */
static enum schannel_divert scinet_reason_recall(const struct net *net,
						 const struct in6_addr *addr,
						 u16 port, u32 *ms)
{
	return scinet_reason_find(net, addr, port, ms) ?:
	       scinet_reason_find(net, addr, 0, ms);
}

/* The entry to write: this destination's own, or an unused one, or the first to expire. */
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
		if (!scinet_reason_holds(reason) ||
		    time_before(reason->until, slot->until))
			slot = reason;
	}
	return slot;
}

static void scinet_reason_keep(const struct net *net, const struct in6_addr *addr,
			       u16 port, enum schannel_divert verdict)
{
	struct scinet_reason_set *set = scinet_reason_set(net, addr, port);
	struct scinet_reason *reason;

	spin_lock_bh(&set->lock);
	reason = scinet_reason_slot(set, net, addr, port);
	reason->net = net->net_cookie;
	reason->until = jiffies + sc_sysctl_divert_retry(net);
	reason->addr = *addr;
	reason->port = port;
	reason->verdict = verdict;
	spin_unlock_bh(&set->lock);
}

/* Is this an address of the peer? */
static bool scinet_reason_is_of(struct net *net, const struct in6_addr *addr,
				const struct schannel_peer *peer)
{
	if (peer->domid == SC_DOMID_SELF)
		return scinet_reason_is_local(net, addr);
	return sc_peer_has_address(peer, addr);
}

/**
 * scinet_reason_forget() - forget the verdicts for a peer's addresses
 * @net:	the namespace
 * @peer:	the peer, which may now be reachable
 */
void scinet_reason_forget(struct net *net, struct schannel_peer *peer)
{
	struct scinet_reason_set *set;
	struct scinet_reason *reason;

	for (set = scinet_reason_sets; set < scinet_reason_sets + SCINET_REASON_SETS;
	     set++) {
		spin_lock_bh(&set->lock);
		for (reason = set->way; reason < set->way + SCINET_REASON_WAYS; reason++)
			if (reason->net == net->net_cookie &&
			    scinet_reason_is_of(net, &reason->addr, peer))
				reason->verdict = SCHANNEL_DIVERT_OK;
		spin_unlock_bh(&set->lock);
	}
}

/* The verdict that is remembered for this destination, or SCHANNEL_DIVERT_OK. */
enum schannel_divert scinet_reason_recent(const struct net *net,
					  const struct in6_addr *addr, u16 port)
{
	u32 ms;

	return scinet_reason_recall(net, addr, port, &ms);
}

/* ---- Counters ---------------------------------------------------------- */

/**
 * scinet_reason_count() - count a verdict, and remember it if later connects would get it too
 * @net:	the socket's namespace
 * @addr:	the destination, IPv6 or v4-mapped
 * @port:	the destination's port, host byte order
 * @verdict:	the verdict
 */
void scinet_reason_count(const struct net *net, const struct in6_addr *addr,
			 u16 port, enum schannel_divert verdict)
{
	struct scinet_net *own = net_generic(net, scinet_net_id);

	atomic_long_inc(&own->counts[verdict]);
	if (scinet_reason_is_kept(verdict))
		scinet_reason_keep(net, addr,
				   scinet_reason_is_wide(verdict) ? 0 : port,
				   verdict);
}

/* Fill in @counts, by enum schannel_divert. */
void scinet_reason_counts(const struct net *net, u64 *counts)
{
	struct scinet_net *own = net_generic(net, scinet_net_id);
	unsigned int i;

	for (i = 0; i < __SCHANNEL_DIVERT_MAX; i++)
		counts[i] = atomic_long_read(&own->counts[i]);
}

/* ---- What is known before connect() ------------------------------------ */

/* Is @addr an address of this machine, in this namespace? */
bool scinet_reason_is_local(struct net *net, const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		return inet_addr_type(net, addr->s6_addr32[3]) == RTN_LOCAL;
	return ipv6_chk_addr(net, addr, NULL, 0);
}

/**
 * scinet_reason_look() - whether a connection could be diverted, as far as is known
 * @net:	the socket's namespace
 * @addr:	the destination, IPv6 or v4-mapped
 * @port:	the destination's port, host byte order
 * @view:	filled in
 *
 * Counts nothing. An address of this machine is not taken for a peer's, even if a peer
 * publishes the same address.
 *
 * Return: the peer that has the address, to be released with sc_peer_put(), or NULL. Not NULL
 * if the verdict is SCHANNEL_DIVERT_OK.
 */
struct schannel_peer *scinet_reason_look(struct net *net,
					 const struct in6_addr *addr, u16 port,
					 struct sc_divert_view *view)
{
	bool local = scinet_reason_is_local(net, addr);
	struct schannel_peer *peer;

	memset(view, 0, sizeof(*view));
	peer = local ? sc_peer_get(net, SC_DOMID_SELF) :
		       sc_peer_get_by_address(net, addr);
	view->domid = peer ? peer->domid : SC_DOMID_ANY;
	if (!peer) {
		view->verdict = SCHANNEL_DIVERT_NO_PEER;
	} else if (local && !sc_sysctl_divert_local(net)) {
		view->verdict = SCHANNEL_DIVERT_LOCAL;
	} else {
		view->remembered = scinet_reason_recall(net, addr, port,
							&view->retry_ms);
		if (view->remembered)
			view->verdict = SCHANNEL_DIVERT_RECENT;
	}
	return peer;
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
