// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why a TCP connection was diverted or was not. See inet_why.h.
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

#include "../../include/uapi/linux/schannel.h"
#include "divert.h"
#include "inet_why.h"
#include "peer.h"
#include "sysctl.h"

/**
 * struct scinet_net - a namespace's own
 * @counts:	by enum schannel_divert
 */
struct scinet_net {
	atomic_long_t counts[__SCHANNEL_DIVERT_MAX];
};

static unsigned int scinet_net_id __read_mostly;

/* ---- What is remembered ------------------------------------------------ */

#define SCINET_WHY_SETS		256
#define SCINET_WHY_WAYS		4

/**
 * struct scinet_why - a destination that could not be diverted to
 * @net:	cookie of the namespace, which is never used again
 * @until:	when it is forgotten, in jiffies
 * @addr:	the address, IPv6 or v4-mapped
 * @port:	the port; 0: all of them
 * @verdict:	why; SCHANNEL_DIVERT_OK: the place is free
 */
struct scinet_why {
	u64 net;
	unsigned long until;
	struct in6_addr addr;
	u16 port;
	u8 verdict;
};

struct scinet_why_set {
	spinlock_t lock;	/* all of it */
	struct scinet_why way[SCINET_WHY_WAYS];
} ____cacheline_aligned_in_smp;

static struct scinet_why_set scinet_why_sets[SCINET_WHY_SETS];

static struct scinet_why_set *scinet_why_set(const struct net *net,
					     const struct in6_addr *addr,
					     u16 port)
{
	u32 hash = ipv6_portaddr_hash(net, addr, port);

	return &scinet_why_sets[hash % SCINET_WHY_SETS];
}

static bool scinet_why_is_kept(enum schannel_divert verdict)
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
static bool scinet_why_is_wide(enum schannel_divert verdict)
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
static bool scinet_why_holds(const struct scinet_why *why)
{
	return why->verdict && time_before(jiffies, why->until);
}

static bool scinet_why_is(const struct scinet_why *why, const struct net *net,
			  const struct in6_addr *addr, u16 port)
{
	return why->net == net->net_cookie && why->port == port &&
	       ipv6_addr_equal(&why->addr, addr);
}

/* What is remembered of exactly this. @ms: how long it still holds. */
static enum schannel_divert scinet_why_find(const struct net *net,
					    const struct in6_addr *addr,
					    u16 port, u32 *ms)
{
	struct scinet_why_set *set = scinet_why_set(net, addr, port);
	enum schannel_divert verdict = SCHANNEL_DIVERT_OK;
	const struct scinet_why *why;

	spin_lock_bh(&set->lock);
	for (why = set->way; why < set->way + SCINET_WHY_WAYS; why++)
		if (scinet_why_is(why, net, addr, port) &&
		    scinet_why_holds(why)) {
			verdict = why->verdict;
			*ms = jiffies_to_msecs(why->until - jiffies);
		}
	spin_unlock_bh(&set->lock);
	return verdict;
}

static enum schannel_divert scinet_why_recall(const struct net *net,
					      const struct in6_addr *addr,
					      u16 port, u32 *ms)
{
	return scinet_why_find(net, addr, port, ms) ?:
	       scinet_why_find(net, addr, 0, ms);
}

/* Its old place, or a free one, or that of who is forgotten first. */
static struct scinet_why *scinet_why_place(struct scinet_why_set *set,
					   const struct net *net,
					   const struct in6_addr *addr,
					   u16 port)
{
	struct scinet_why *why, *place = set->way;

	for (why = set->way; why < set->way + SCINET_WHY_WAYS; why++) {
		if (scinet_why_is(why, net, addr, port))
			return why;
		if (!scinet_why_holds(place))
			continue;
		if (!scinet_why_holds(why) ||
		    time_before(why->until, place->until))
			place = why;
	}
	return place;
}

static void scinet_why_keep(const struct net *net, const struct in6_addr *addr,
			    u16 port, enum schannel_divert verdict)
{
	struct scinet_why_set *set = scinet_why_set(net, addr, port);
	struct scinet_why *why;

	spin_lock_bh(&set->lock);
	why = scinet_why_place(set, net, addr, port);
	why->net = net->net_cookie;
	why->until = jiffies + sc_sysctl_divert_retry(net);
	why->addr = *addr;
	why->port = port;
	why->verdict = verdict;
	spin_unlock_bh(&set->lock);
}

static bool scinet_why_is_of(struct net *net, const struct in6_addr *addr,
			     const struct schannel_peer *peer)
{
	if (peer->domid == SC_DOMID_SELF)
		return scinet_why_is_local(net, addr);
	return sc_peer_has_address(peer, addr);
}

/**
 * scinet_why_forget() - a peer is worth another try
 * @net:	in which namespace
 * @peer:	the peer; what is remembered of its addresses is forgotten
 */
void scinet_why_forget(struct net *net, struct schannel_peer *peer)
{
	struct scinet_why_set *set;
	struct scinet_why *why;

	for (set = scinet_why_sets; set < scinet_why_sets + SCINET_WHY_SETS;
	     set++) {
		spin_lock_bh(&set->lock);
		for (why = set->way; why < set->way + SCINET_WHY_WAYS; why++)
			if (why->net == net->net_cookie &&
			    scinet_why_is_of(net, &why->addr, peer))
				why->verdict = SCHANNEL_DIVERT_OK;
		spin_unlock_bh(&set->lock);
	}
}

/* What is remembered of this destination, or SCHANNEL_DIVERT_OK. */
enum schannel_divert scinet_why_recent(const struct net *net,
				       const struct in6_addr *addr, u16 port)
{
	u32 ms;

	return scinet_why_recall(net, addr, port, &ms);
}

/* ---- What is counted --------------------------------------------------- */

/**
 * scinet_why_count() - a verdict was given
 * @net:	of the socket
 * @addr:	where it wanted to connect, IPv6 or v4-mapped
 * @port:	which port there, host byte order
 * @verdict:	what became of it; remembered if it is of the kind
 */
void scinet_why_count(const struct net *net, const struct in6_addr *addr,
		      u16 port, enum schannel_divert verdict)
{
	struct scinet_net *own = net_generic(net, scinet_net_id);

	atomic_long_inc(&own->counts[verdict]);
	if (scinet_why_is_kept(verdict))
		scinet_why_keep(net, addr,
				scinet_why_is_wide(verdict) ? 0 : port,
				verdict);
}

/* @counts: filled in, by enum schannel_divert. */
void scinet_why_counts(const struct net *net, u64 *counts)
{
	struct scinet_net *own = net_generic(net, scinet_net_id);
	unsigned int i;

	for (i = 0; i < __SCHANNEL_DIVERT_MAX; i++)
		counts[i] = atomic_long_read(&own->counts[i]);
}

/* ---- What is known before it is tried ---------------------------------- */

/* Is it an address of this machine, in this namespace? */
bool scinet_why_is_local(struct net *net, const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		return inet_addr_type(net, addr->s6_addr32[3]) == RTN_LOCAL;
	return ipv6_chk_addr(net, addr, NULL, 0);
}

/**
 * scinet_why_look() - what connect() would meet, as far as is known before it tries
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
struct schannel_peer *scinet_why_look(struct net *net,
				      const struct in6_addr *addr, u16 port,
				      struct sc_divert_view *view)
{
	bool local = scinet_why_is_local(net, addr);
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
		view->remembered = scinet_why_recall(net, addr, port,
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

int __init scinet_why_init(void)
{
	unsigned int i;

	for (i = 0; i < SCINET_WHY_SETS; i++)
		spin_lock_init(&scinet_why_sets[i].lock);
	return register_pernet_subsys(&scinet_net_ops);
}

void scinet_why_exit(void)
{
	unregister_pernet_subsys(&scinet_net_ops);
}
