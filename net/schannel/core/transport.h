/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a transport does for a channel, and what it is given for that.
 *
 * A transport carries pages and notifications between this domain and its
 * peers and knows when a peer comes and goes; it knows nothing of rings, flows
 * and messages.
 *
 *	transport			core
 *	---------			----
 *	a peer is there			schannel_peer_add()
 *	  <-	->open()		somebody wants a channel to it
 *	handshake starts		schannel_channel_create()
 *	  <-	->share()		  once per page of ours
 *	...announces the directory
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

/* Most event queues of a channel, and so notification paths of a transport. */
#define SCHANNEL_QUEUES		4U

struct module;
struct net;
struct page;
struct schannel_channel;
struct schannel_peer;

/**
 * struct schannel_mapping - pages of a peer that are mapped here, read-only
 * @nr:		how many
 * @addr:	the kernel address of each. Addresses in ascending order are
 *		copied from in one go where they adjoin: a transport
 *		gives neighbouring pages neighbouring addresses if it can.
 *
 * Allocated and freed by the transport, which embeds it in its own struct.
 */
struct schannel_mapping {
	unsigned int nr;
	void **addr;
};

/**
 * struct schannel_transport - the operations of a transport
 *
 * Unless an operation says otherwise, it is called in process context and may
 * sleep, and not concurrently with schannel_peer_remove() of its peer.
 */
struct schannel_transport {
	const char *name;
	struct module *owner;

	/*
	 * Start bringing up a channel to the peer, or do nothing if that is
	 * under way. Asynchronous: ends in schannel_channel_attach(), or in
	 * schannel_channel_destroy(), or not at all (the core's callers wait
	 * with a time limit). Atomic context: queue a work. 0 or -errno.
	 */
	int (*open)(struct schannel_peer *peer);

	/*
	 * The channel must not go on: the peer broke the protocol, or was moved
	 * to another network namespace. The transport shall soon call schannel_channel_destroy()
	 * from another context, and tell the peer. Atomic context.
	 */
	void (*fail)(struct schannel_peer *peer);

	/*
	 * Let the peer read @page. @ref is the name by which the peer maps it. 0 or
	 * -errno.
	 */
	int (*share)(struct schannel_peer *peer, struct page *page, u32 *ref);

	/*
	 * End that and take over the caller's reference to @page: it is freed
	 * now, or once the peer has let go of it, however long that takes.
	 * Never waits for the peer.
	 */
	void (*unshare)(struct schannel_peer *peer, struct page *page, u32 ref);

	/*
	 * Map @nr pages of the peer, which calls them @refs (private memory of
	 * the caller). The mapping, all or nothing, or ERR_PTR.
	 */
	struct schannel_mapping *(*map)(struct schannel_peer *peer,
					const u32 *refs, unsigned int nr);
	void (*unmap)(struct schannel_peer *peer, struct schannel_mapping *m);

	/* Wake the peer's side of event queue @queue. Atomic context. */
	void (*notify)(struct schannel_peer *peer, unsigned int queue);
};

/**
 * schannel_peer_add - a domain with which a channel is possible has appeared
 * @transport:	how to reach it
 * @domid:	its Xen domain id, or SC_DOMID_SELF
 * @priv:	the transport's own, see schannel_peer_priv()
 *
 * Return: the peer, or ERR_PTR(-EEXIST) if there is one with this domid, or
 * ERR_PTR(-ENOMEM).
 */
struct schannel_peer *
schannel_peer_add(const struct schannel_transport *transport, u32 domid,
		  void *priv);

/**
 * schannel_loopback_add - a namespace can reach itself
 * @transport:	the loopback transport
 * @net:	the namespace
 * @local_priv, @remote_priv: the transport's own for each of the two ends, see
 *		schannel_peer_priv()
 * @local:	filled in: the peer that sockets connect to
 * @remote:	filled in: the peer that their connections come in at; no socket finds
 *		it. Each of the two is removed with schannel_peer_remove()
 *
 * Both are filled in before ->open() may be called.
 *
 * Return: 0, -EEXIST if @net has a loopback, or -ENOMEM.
 */
int schannel_loopback_add(const struct schannel_transport *transport, struct net *net,
			  void *local_priv, void *remote_priv,
			  struct schannel_peer **local, struct schannel_peer **remote);

/**
 * schannel_peer_remove - the domain is gone
 * @peer:	its channel has been destroyed already. After return the
 *		core makes no more calls for this peer.
 */
void schannel_peer_remove(struct schannel_peer *peer);

/**
 * schannel_peer_unreachable - no channel comes up, and none is being tried
 * @peer:	the peer
 * @err:	why, negative: what connect() gives to whoever waits
 *
 * For a transport whose ->open() led nowhere before there was a channel to
 * destroy.
 */
void schannel_peer_unreachable(struct schannel_peer *peer, int err);

#define SCHANNEL_ADDRESSES_MAX	16

/**
 * struct schannel_peer_info - who a peer is
 * @name:	its name, ends in a NUL; empty if not known
 * @uuid:	its UUID, all zero if not known
 * @pool_mib:	most memory that a channel to it may take for our rings; 0: no limit
 *		but our own
 * @nr_addresses: how many of @address there are
 * @address:	its IP addresses, IPv4 ones mapped
 *
 * Bytes that are not in use are 0.
 */
struct schannel_peer_info {
	char name[SC_NAME_MAX];
	u8 uuid[16];
	u32 pool_mib;
	unsigned int nr_addresses;
	struct in6_addr address[SCHANNEL_ADDRESSES_MAX];
};

/**
 * schannel_peer_info_set - who the peer is became known, or changed
 * @peer:	the peer
 * @info:	what is known now
 *
 * Control characters in the name are replaced. Process context.
 *
 * Return: 0, or -ENOMEM: what was known before still holds.
 */
int schannel_peer_info_set(struct schannel_peer *peer,
			   const struct schannel_peer_info *info);

/* This domain's own id; to be set before the first peer is added, and again
 * whenever it changes.
 */
void schannel_domid_set(u32 domid);

void *schannel_peer_priv(const struct schannel_peer *peer);
u32 schannel_peer_domid(const struct schannel_peer *peer);

/**
 * schannel_channel_create - make our side of a channel
 * @peer:	a peer without a channel
 *
 * Allocates the pages of our side and shares them. Process context.
 *
 * Return: the channel, not yet up, or ERR_PTR.
 */
struct schannel_channel *schannel_channel_create(struct schannel_peer *peer);

/* The name of our directory page, to be told to the peer. */
u32 schannel_channel_dir_ref(const struct schannel_channel *ch);

/* How many event queues it has: our side before it is up, both since then. */
unsigned int schannel_channel_queues(const struct schannel_channel *ch);

/**
 * schannel_channel_attach - map the peer's side and go up
 * @ch:		from schannel_channel_create()
 * @dir_ref:	the name of the peer's directory page, as the peer gave it
 *
 * ->notify() must work from now on. An event that arrived earlier must be
 * delivered again: poll every queue once after this. Process context.
 *
 * Return: 0, -EPROTONOSUPPORT if the ABI versions or features do not meet,
 * -EPROTO if the directory makes no sense (each logged), or another -errno from
 * ->map(). After an error the channel can only be destroyed.
 */
int schannel_channel_attach(struct schannel_channel *ch, u32 dir_ref);

enum schannel_poll {
	SCHANNEL_POLL_NONE,	/* there was nothing: a spurious event */
	SCHANNEL_POLL_DONE,	/* something, and it is all done */
	SCHANNEL_POLL_MORE,	/* there is more: call again soon, let others run */
};

/**
 * schannel_channel_poll - the peer notified us
 * @ch:		a channel; it need not be up (then there is nothing)
 * @queue:	the queue notified
 *
 * Looks at the flows the peer asks us to look at and wakes their users right
 * here. Softirq context, not concurrently for the same queue; the transport
 * ensures that there is none under way when it calls
 * schannel_channel_destroy().
 */
enum schannel_poll schannel_channel_poll(struct schannel_channel *ch,
					 unsigned int queue);

/**
 * schannel_channel_destroy - take the channel down
 * @ch:		in whatever state
 *
 * Resets every flow, unmaps the peer's pages and unshares ours. The transport
 * makes no call with @ch afterwards. Process context; waits for an RCU grace
 * period, never for the peer.
 */
void schannel_channel_destroy(struct schannel_channel *ch);

#endif /* _SCHANNEL_TRANSPORT_H */
