// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why a TCP connection was diverted or was not. See inet_reason.h.
 *
 * What is remembered is in a table of fixed size for all namespaces, since anybody may
 * connect to anything: where a new destination finds no place, it takes that of
 * the one that would be forgotten first. What is forgotten too early costs a wait.
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
 * struct scinet_net - a namespace's own
 * @counts:	by enum schannel_divert
 */
struct scinet_net {
	atomic_long_t counts[__SCHANNEL_DIVERT_MAX];
};

static unsigned int scinet_net_id __read_mostly;

/* ---- What is remembered ------------------------------------------------ */

#define SCINET_REASON_SETS		256
#define SCINET_REASON_WAYS		4

/**
 * struct scinet_reason - a destination that could not be diverted to
 * @net:	cookie of the namespace, which is never used again
 * @until:	when it is forgotten, in jiffies
 * @addr:	the address, IPv6 or v4-mapped
 * @port:	the port; 0: all of them
 * @verdict:	why; SCHANNEL_DIVERT_OK: the place is free
 */
struct scinet_reason {
	u64 net;
	unsigned long until;
	struct in6_addr addr;
	u16 port;
	u8 verdict;
};

struct scinet_reason_set {
	spinlock_t lock;	/* all of it */
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

/* Is it about the whole domain, and so about all ports? */
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

/* It is remembered, and not expired. The set's lock is held. */
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

/* What is remembered of exactly this. @ms: how long it still holds. */
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

static enum schannel_divert scinet_reason_recall(const struct net *net,
						 const struct in6_addr *addr,
					      u16 port, u32 *ms)
{
	return scinet_reason_find(net, addr, port, ms) ?:
	       scinet_reason_find(net, addr, 0, ms);
}

/* Its old place, or a free one, or that of who is forgotten first. */
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

static bool scinet_reason_is_of(struct net *net, const struct in6_addr *addr,
				const struct schannel_peer *peer)
{
	if (peer->domid == SC_DOMID_SELF)
		return scinet_reason_is_local(net, addr);
	return sc_peer_has_address(peer, addr);
}

/**
 * scinet_reason_forget() - a peer is worth another try
 * @net:	in which namespace
 * @peer:	the peer; what is remembered of its addresses is forgotten
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

/* What is remembered of this destination, or SCHANNEL_DIVERT_OK. */
enum schannel_divert scinet_reason_recent(const struct net *net,
					  const struct in6_addr *addr, u16 port)
{
	u32 ms;

	return scinet_reason_recall(net, addr, port, &ms);
}

/* ---- What is counted --------------------------------------------------- */

/**
 * scinet_reason_count() - a verdict was given
 * @net:	of the socket
 * @addr:	where it wanted to connect, IPv6 or v4-mapped
 * @port:	which port there, host byte order
 * @verdict:	what became of it; remembered if it is of the kind
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

/* @counts: filled in, by enum schannel_divert. */
void scinet_reason_counts(const struct net *net, u64 *counts)
{
	struct scinet_net *own = net_generic(net, scinet_net_id);
	unsigned int i;

	for (i = 0; i < __SCHANNEL_DIVERT_MAX; i++)
		counts[i] = atomic_long_read(&own->counts[i]);
}

/* ---- What is known before it is tried ---------------------------------- */

/* Is it an address of this machine, in this namespace? */
bool scinet_reason_is_local(struct net *net, const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		return inet_addr_type(net, addr->s6_addr32[3]) == RTN_LOCAL;
	return ipv6_chk_addr(net, addr, NULL, 0);
}

/**
 * scinet_reason_look() - what connect() would meet, as far as is known before it tries
 * @net:	of the socket
 * @addr:	where it wants to connect, IPv6 or v4-mapped
 * @port:	which port there, host byte order
 * @view:	filled in
 *
 * Nothing is counted. An address of this machine is never a peer's, whatever is
 * published.
 *
 * Return: whose address it is, to be released with sc_peer_put(), or NULL; not NULL
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

/* ---- Beginning and end ------------------------------------------------- */

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
