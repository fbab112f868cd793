/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface between the core and a transport.
 *
 * A transport carries pages and notifications between this domain and its peers and knows
 * when a peer appears and disappears. It knows nothing of rings, flows and messages.
 *
 *	transport			core
 *	---------			----
 *	a peer appeared			schannel_peer_add()
 *	  <-	->open()		a socket needs a channel to it
 *	handshake starts		schannel_channel_create()
 *	  <-	->share()		  once per page of ours
 *	...announces our directory
 *	the peer announced its own	schannel_channel_attach()
 *	  <-	->map()			  the channel is up
 *	  <-	->notify()		at any time from now on
 *	the peer notified us		schannel_channel_poll()
 *	the channel or peer is gone	schannel_channel_destroy()
 *	  <-	->unmap(), ->unshare()
 *	the peer is gone for good	schannel_peer_remove()
 */
#ifndef _SCHANNEL_TRANSPORT_H
#define _SCHANNEL_TRANSPORT_H

#include <linux/in6.h>
#include <linux/types.h>

#include <uapi/linux/schannel.h>

/* Limit for the event queues of a channel, and so for a transport's notification paths. */
#define SCHANNEL_QUEUES		4U

struct module;
struct net;
struct page;
struct schannel_channel;
struct schannel_peer;

/**
 * struct schannel_mapping - pages of a peer that are mapped here, read-only
 * @nr:		number of pages
 * @addr:	the kernel address of each. Where addresses of consecutive pages are
 *		contiguous, one copy spans the pages: a transport maps neighbouring pages
 *		to contiguous addresses if it can
 *
 * Allocated and freed by the transport, which embeds it in its own struct.
 */
struct schannel_mapping {
	unsigned int nr;
	void **addr;
};

/**
 * struct schannel_grants - entries of a table of limited size that shared pages take
 * @used:	entries that the pages of the channel take, also pages of earlier channels to
 *		the same peer that the peer still maps
 * @refused:	number of times that no entry was left for a page
 * @all:	entries that the pages of all channels take
 * @limit:	most entries that they may take
 */
struct schannel_grants {
	unsigned long used;
	unsigned long refused;
	unsigned long all;
	unsigned long limit;
};

/**
 * struct schannel_transport - the operations of a transport
 * @name:	its name, for tools and traces
 * @owner:	its module
 * @open:	start to bring up a channel to the peer, or do nothing if that is under
 *		way. Asynchronous: it ends in schannel_channel_attach(), in
 *		schannel_channel_destroy(), in schannel_peer_unreachable(), or never (the
 *		core's callers wait with a time limit). Atomic context: queue a work. Returns
 *		0 or -errno
 * @fail:	reset the channel: the peer broke the protocol, or was moved to another
 *		network namespace. The transport shall soon call schannel_channel_destroy()
 *		from another context, and notify the peer. Atomic context
 * @share:	let the peer read @page. @ref is filled in: the name by which the peer maps
 *		the page. Returns 0, -ENOBUFS if the table of shared pages is full, or another
 *		-errno
 * @unshare:	end that and take over the caller's reference to @page. Never waits for the
 *		peer. Returns true if the page is freed now; false if the peer still maps it:
 *		the page is freed once the peer has unmapped it, however long that takes, and
 *		the transport then calls schannel_page_freed()
 * @map:	map @nr pages of the peer, which the peer names @refs (private memory of the
 *		caller). Returns the mapping, all pages or none, or ERR_PTR
 * @unmap:	undo @map
 * @grants:	fill in the numbers; NULL if the transport has no such table. Atomic context
 * @notify:	notify the peer that there are events in queue @queue. Atomic context
 *
 * Unless stated otherwise, an operation is called in process context and may sleep. No
 * operation runs concurrently with schannel_peer_remove() of its peer.
 */
struct schannel_transport {
	const char *name;
	struct module *owner;

	int (*open)(struct schannel_peer *peer);
	void (*fail)(struct schannel_peer *peer);
	int (*share)(struct schannel_peer *peer, struct page *page, u32 *ref);
	bool (*unshare)(struct schannel_peer *peer, struct page *page, u32 ref);
	struct schannel_mapping *(*map)(struct schannel_peer *peer,
					const u32 *refs, unsigned int nr);
	void (*unmap)(struct schannel_peer *peer, struct schannel_mapping *m);
	void (*grants)(struct schannel_peer *peer, struct schannel_grants *grants);
	void (*notify)(struct schannel_peer *peer, unsigned int queue);
};

/**
 * schannel_page_freed - a page was freed after ->unshare() had returned false
 *
 * Until then the page counts against the limit for the shared pages of this domain.
 */
void schannel_page_freed(void);

/**
 * schannel_peer_add - a domain with which a channel is possible has appeared
 * @transport:	the transport that reaches it
 * @domid:	its Xen domain id, or SC_DOMID_SELF
 * @priv:	the transport's private data, see schannel_peer_priv()
 *
 * Context: Process context.
 *
 * Return: the peer; ERR_PTR(-EEXIST) if the domain id has a peer; ERR_PTR(-ENOMEM).
 */
struct schannel_peer *
schannel_peer_add(const struct schannel_transport *transport, u32 domid,
		  void *priv);

/**
 * schannel_loopback_add - make a namespace able to connect to itself
 * @transport:	the loopback transport
 * @net:	the namespace
 * @local_priv:	private data of the local end, see schannel_peer_priv()
 * @remote_priv: private data of the remote end
 * @local:	filled in: the peer that sockets connect to
 * @remote:	filled in: the peer at which their connections arrive; no socket finds it
 *
 * Both are filled in before ->open() may be called. Each of the two is removed with
 * schannel_peer_remove().
 *
 * Context: Process context.
 *
 * Return: 0, -EEXIST if @net has a loopback, or -ENOMEM.
 */
int schannel_loopback_add(const struct schannel_transport *transport, struct net *net,
			  void *local_priv, void *remote_priv,
			  struct schannel_peer **local, struct schannel_peer **remote);

/**
 * schannel_peer_remove - the domain is gone
 * @peer:	the peer, whose channel has been destroyed already
 *
 * The core calls no operation for this peer after the return.
 *
 * Context: Process context.
 */
void schannel_peer_remove(struct schannel_peer *peer);

/**
 * schannel_peer_unreachable - the attempt to bring up a channel failed
 * @peer:	the peer
 * @err:	the negative error: callers of connect() that wait for a channel get ENOBUFS if
 *		memory was short, and EHOSTUNREACH otherwise
 *
 * To be called once for each attempt that failed, after schannel_channel_destroy() if there
 * was a channel already: a connect() that begins later starts another attempt, and must
 * not get the error of this one.
 */
void schannel_peer_unreachable(struct schannel_peer *peer, int err);

#define SCHANNEL_ADDRESSES_MAX	16

/**
 * struct schannel_peer_info - identity of a peer, as the control domain gives it
 * @name:	its name, NUL-terminated; empty if not known
 * @uuid:	its UUID, all zero if not known
 * @pool_mib:	limit in MiB for our rings in a channel to it; 0: only our own limit
 * @nr_addresses: number of addresses in @address
 * @address:	its IP addresses; IPv4 addresses are v4-mapped
 *
 * Unused bytes are 0.
 */
struct schannel_peer_info {
	char name[SC_NAME_MAX];
	u8 uuid[16];
	u32 pool_mib;
	unsigned int nr_addresses;
	struct in6_addr address[SCHANNEL_ADDRESSES_MAX];
};

/**
 * schannel_peer_info_set - set the identity of a peer
 * @peer:	the peer
 * @info:	its identity; replaces what was set before
 *
 * Control characters in the name are replaced.
 *
 * Context: Process context.
 *
 * Return: 0, or -ENOMEM: the identity is unchanged.
 */
int schannel_peer_info_set(struct schannel_peer *peer,
			   const struct schannel_peer_info *info);

/**
 * schannel_domid_set - set this domain's own id
 * @domid:	the id
 *
 * To be called before the first peer is added, and whenever the id changes.
 */
void schannel_domid_set(u32 domid);

void *schannel_peer_priv(const struct schannel_peer *peer);
u32 schannel_peer_domid(const struct schannel_peer *peer);

/**
 * schannel_channel_create - create our side of a channel
 * @peer:	a peer without a channel
 *
 * Allocates the pages of our side and shares them.
 *
 * Context: Process context.
 *
 * Return: the channel, not yet up, or ERR_PTR.
 */
struct schannel_channel *schannel_channel_create(struct schannel_peer *peer);

/* The name of our directory page, by which the peer maps it. */
u32 schannel_channel_dir_ref(const struct schannel_channel *ch);

/* Number of event queues: those of our side before the channel is up, then those of both. */
unsigned int schannel_channel_queues(const struct schannel_channel *ch);

/**
 * schannel_channel_attach - map the peer's side and bring the channel up
 * @ch:		from schannel_channel_create()
 * @dir_ref:	the name of the peer's directory page, as the peer gave it
 *
 * ->notify() must work from now on. Events that arrived earlier were ignored: after this
 * call, poll each queue once.
 *
 * Context: Process context.
 *
 * Return: 0; -EPROTONOSUPPORT if the two sides have no ABI version in common or the peer
 * requires an unknown feature; -EPROTO if its directory is invalid (these errors are
 * logged); or another -errno from ->map(). After an error the channel can only be destroyed.
 */
int schannel_channel_attach(struct schannel_channel *ch, u32 dir_ref);

enum schannel_poll {
	SCHANNEL_POLL_NONE,	/* nothing had changed: the notification was spurious */
	SCHANNEL_POLL_DONE,	/* all events were handled */
	SCHANNEL_POLL_MORE,	/* budget used up: let other work run, then call again */
	SCHANNEL_POLL_LATER,	/* the peer posts useless events: call again after a delay */
};

/**
 * schannel_poll_delay - how long a queue with useless events has to wait
 * @late:	number of times that schannel_channel_poll() has returned SCHANNEL_POLL_LATER
 *		since it last returned anything else
 *
 * Return: the delay in jiffies, up to 16.
 */
static inline unsigned long schannel_poll_delay(unsigned int late)
{
	return 1UL << (late < 5 ? late - 1 : 4);
}

/**
 * schannel_channel_poll - handle the events of a queue that the peer has notified
 * @ch:		a channel; if it is not up, there are no events
 * @queue:	the queue
 *
 * Looks at the flows that the peer posted and wakes their users in this context.
 *
 * Context: Softirq. Not concurrently for the same queue; the transport ensures that no call
 * is under way when it calls schannel_channel_destroy().
 *
 * After SCHANNEL_POLL_LATER the transport waits schannel_poll_delay() jiffies, even if the peer
 * notifies meanwhile.
 *
 * Return: whether there were events, and whether there are more.
 */
enum schannel_poll schannel_channel_poll(struct schannel_channel *ch,
					 unsigned int queue);

/**
 * schannel_channel_destroy - take a channel down
 * @ch:		the channel, in any state
 *
 * Resets every flow, unmaps the peer's pages and unshares ours. The transport makes no call
 * with @ch afterwards. If the channel did not come up, the transport then calls
 * schannel_peer_unreachable().
 *
 * Context: Process context. Waits for an RCU grace period, never for the peer.
 */
void schannel_channel_destroy(struct schannel_channel *ch);

#endif /* _SCHANNEL_TRANSPORT_H */
