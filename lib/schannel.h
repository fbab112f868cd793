/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libschannel: what a program wants besides the socket calls to use
 * AF_SCHANNEL. The family's number, addresses as text, sockets in one call, and
 * questions to the kernel about peers, channels, flows and sockets.
 *
 * Calls return 0 (or what they say) when they succeed; else -1, with the reason in
 * errno. All may be called by any thread at any time; only a struct
 * schannel_monitor belongs to one thread at a time. The library keeps no state,
 * starts no thread, handles no signal, raises none, and prints nothing; every file
 * descriptor it makes for itself is close-on-exec.
 *
 * Structs that describe something are made and freed by the library. A newer
 * library may add to their end, so no program may depend on their size: neither
 * copy nor embed them. Where the kernel is older than the library, what it does
 * not tell is 0 or NULL.
 *
 * Each call has a manual page; libschannel(3) and af_schannel(7) begin.
 */
#ifndef SCHANNEL_H
#define SCHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/schannel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The family, and this domain ------------------------------------------ */

/*
 * The number of the socket family on this system.
 *
 * EAFNOSUPPORT: the module is not loaded.
 */
int schannel_family(void);

/*
 * This domain's id, as others address it.
 *
 * ENODATA: this is no Xen domain, or its id is not known.
 */
int schannel_domid(uint32_t *domid);

/* ---- Addresses as text ---------------------------------------------------- */

/*
 * An address is HOST:PORT. PORT is a decimal number up to 4294967295. HOST is one of
 *
 *	3			a domain id
 *	web			the name of a peer
 *	0123abcd-...		a peer's UUID
 *	10.0.0.3, [fd00::3]	one of a peer's IP addresses
 *	self			this domain, over loopback
 *	any, *			all of the local ends (to listen on)
 *
 * and is tried as self, any, number, UUID and IP address before it is taken for a
 * name. Names are compared exactly, UUIDs in either case. A name with a colon in it,
 * or that looks like one of the others, can only be reached by id or UUID.
 */

/* Enough for every address that schannel_format() can make, and its NUL. */
#define SCHANNEL_TEXT_MAX	144

/*
 * Make an address of text. Only names, UUIDs and IP addresses are looked up;
 * the rest needs no kernel but for the family's number.
 *
 * EINVAL: this is no address. ENOENT: no peer has this name, UUID or IP address.
 * ENOTUNIQ: several do. EAFNOSUPPORT: the module is not loaded.
 */
int schannel_parse(const char *text, struct sockaddr_sc *address);

/* For schannel_format(): the name of a peer instead of its id, where it has one. */
#define SCHANNEL_NAMES		1U

/*
 * Make text of an address: DOMID:PORT, "self:PORT" or "any:PORT". With
 * SCHANNEL_NAMES, the peer's name if schannel_parse() would find the same peer by
 * it; whatever goes wrong in looking for it, the id is used.
 *
 * EINVAL: an unknown flag, or this is no AF_SCHANNEL address. ENOSPC: size is
 * too small.
 */
int schannel_format(const struct sockaddr_sc *address, char *text, size_t size,
		    unsigned int flags);

/* ---- Sockets in one call -------------------------------------------------- */

/*
 * type is SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM; SOCK_CLOEXEC and SOCK_NONBLOCK
 * may be added. timeout_ms is in milliseconds; -1 is as long as it takes. The
 * errors of socket(2), bind(2), listen(2), connect(2), accept(2) and
 * schannel_parse() are also theirs.
 */

/*
 * A socket that is bound to address and listens; of a datagram socket, one that is
 * bound (backlog does not matter then). Port 0 chooses one: see getsockname(2).
 */
int schannel_listen(const char *address, int type, int backlog);

/*
 * A socket that is connected to address. With SOCK_NONBLOCK and a timeout of 0 it
 * may be connecting still: wait for POLLOUT, then ask SO_ERROR.
 *
 * ETIMEDOUT: not within timeout_ms. EINTR: a signal came.
 */
int schannel_connect(const char *address, int type, int timeout_ms);

/*
 * The next connection of a listener. flags are SOCK_CLOEXEC and SOCK_NONBLOCK; peer,
 * where not NULL, is set to who connected. Waits for up to timeout_ms also on a
 * listener that is SOCK_NONBLOCK. Where several take from one listener with a
 * timeout, make it so: else one may wait longer, since another was quicker.
 *
 * EAGAIN: none within timeout_ms. EINVAL: fd does not listen. EINTR: a signal came.
 */
int schannel_accept(int fd, struct sockaddr_sc *peer, int flags, int timeout_ms);

/* ---- Questions to the kernel ---------------------------------------------- */

/*
 * What there is in the caller's network namespace. A list is NULL if there is
 * nothing; it belongs to the caller, who frees all of it with the matching
 * _free(), which takes NULL as well. Flows and sockets of other users are seen with
 * CAP_NET_ADMIN only.
 *
 * All: EAFNOSUPPORT: the module is not loaded. EOPNOTSUPP: it does not have this. ENOMEM,
 * EMFILE, ENFILE: no memory, no file descriptor. EPROTO: an answer that makes no sense.
 */

/**
 * struct schannel_peer - a domain there can be a channel to
 * @next:	of the list
 * @name:	NULL if not known
 * @uuid:	in its usual form, lower case; NULL if not known
 * @addresses:	its IP addresses as inet_ntop(3) writes them, up to a NULL
 * @transport:	what channels to it are made of: "loopback", "xen"
 * @domid:	its id; SC_DOMID_SELF for this domain itself
 * @channel_up:	there is a channel to it
 */
struct schannel_peer {
	struct schannel_peer *next;
	const char *name;
	const char *uuid;
	const char *const *addresses;
	const char *transport;
	uint32_t domid;
	bool channel_up;
};

int schannel_peers(struct schannel_peer **list);
void schannel_peers_free(struct schannel_peer *list);

/*
 * The peer with this domain id ("self" as well), UUID, IP address or name: HOST of
 * an address. A list of one.
 *
 * EINVAL: cannot be any of these. ENOENT: no such peer. ENOTUNIQ: several have it.
 */
int schannel_peer_find(const char *host, struct schannel_peer **peer);

/*
 * Move a peer to another network namespace: netns is a descriptor of that
 * (/proc/PID/ns/net, /run/netns/NAME). Its connections are reset.
 *
 * EPERM: CAP_NET_ADMIN is needed in both. ENOENT: no such peer here. EOPNOTSUPP: it is
 * SC_DOMID_SELF.
 */
int schannel_peer_move(uint32_t domid, int netns);

/**
 * struct schannel_channel - what is shared with a peer
 * @next:	of the list
 * @domid:	the peer's
 * @up:		it is up. In an event it may not be, and the rest is 0
 * @queues:	event queues
 * @flows:	flows there are
 * @age_ms:	how long it has been up
 * @pool_size:	bytes in our pool
 * @pool_used:	of these, in rings
 * @pool_limit:	how many there may be
 * @peer_pool:	bytes of the peer's pool that are mapped here
 * @flow_table:	bytes in our flow table
 * @tx_bytes:	sent, in all flows since it came up
 * @rx_bytes:	received
 * @opened:	flows that we opened
 * @accepted:	flows that the peer opened
 * @refused:	flows that we refused
 * @reset:	flows that ended in a reset
 * @notify_sent: notifications sent
 * @notify_received: notifications received
 * @notify_spurious: of these, with nothing behind them
 * @overflows:	times the peer's event queue overflowed
 * @errors:	flows that were reset since the peer made no sense
 * @dgram_sent:	datagrams sent
 * @dgram_received: datagrams given to a socket
 * @dgram_dropped: datagrams dropped since the socket had no room
 * @dgram_no_port: datagrams to a port nobody was bound to
 * @dgram_copied: datagrams copied aside for a slow reader
 */
struct schannel_channel {
	struct schannel_channel *next;
	uint32_t domid;
	bool up;
	uint32_t queues;
	uint32_t flows;
	uint64_t age_ms;
	uint64_t pool_size;
	uint64_t pool_used;
	uint64_t pool_limit;
	uint64_t peer_pool;
	uint64_t flow_table;
	uint64_t tx_bytes;
	uint64_t rx_bytes;
	uint64_t opened;
	uint64_t accepted;
	uint64_t refused;
	uint64_t reset;
	uint64_t notify_sent;
	uint64_t notify_received;
	uint64_t notify_spurious;
	uint64_t overflows;
	uint64_t errors;
	uint64_t dgram_sent;
	uint64_t dgram_received;
	uint64_t dgram_dropped;
	uint64_t dgram_no_port;
	uint64_t dgram_copied;
};

int schannel_channels(struct schannel_channel **list);
void schannel_channels_free(struct schannel_channel *list);

/**
 * struct schannel_flow - one end of a connection, inside a channel
 * @next:	of the list
 * @stats:	what it did; NULL if not known
 * @domid:	the peer's
 * @id:		number in our flow table
 * @peer_id:	number in the peer's, if @answered
 * @answered:	the peer took it
 * @opened:	we opened it, not the peer
 * @closed:	its socket is gone, the peer still reads
 * @type:	SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM
 * @local_port:	0 for the flow that carries datagrams
 * @peer_port:	likewise
 * @tx_ring:	size of the ring we send into, in bytes
 * @rx_ring:	size of the ring we receive from
 * @tx_queued:	bytes the peer has not consumed
 * @rx_queued:	bytes we have not consumed
 * @error:	of an event that ended it: errno, 0 if it ended in order
 * @uid:	of its socket
 * @inode:	of its socket; 0 if it waits for accept()
 * @cookie:	of its socket, as SO_COOKIE
 * @local_address: of a TCP connection that is diverted, as inet_ntop(3) writes it; the ports
 *		are TCP's then. NULL of all others
 * @peer_address: likewise
 */
struct schannel_flow {
	struct schannel_flow *next;
	const struct sc_flow_stats *stats;
	uint32_t domid;
	uint32_t id;
	uint32_t peer_id;
	bool answered;
	bool opened;
	bool closed;
	int type;
	uint32_t local_port;
	uint32_t peer_port;
	uint32_t tx_ring;
	uint32_t rx_ring;
	uint32_t tx_queued;
	uint32_t rx_queued;
	int error;
	uint32_t uid;
	uint64_t inode;
	uint64_t cookie;
	const char *local_address;
	const char *peer_address;
};

/* Those of the channel to domid; SC_DOMID_ANY is all. */
int schannel_flows(uint32_t domid, struct schannel_flow **list);
void schannel_flows_free(struct schannel_flow *list);

/**
 * struct schannel_socket - a socket, connected or not
 * @next:	of the list
 * @stats:	what it did; NULL if not known
 * @meminfo:	its memory: SK_MEMINFO_VARS numbers by SK_MEMINFO_*; NULL if not known
 * @local:	what it is bound to; port 0 while it is not
 * @peer:	what it is connected to; SC_DOMID_ANY and port 0 while it is not
 * @type:	SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM
 * @state:	TCP_CLOSE, TCP_LISTEN, TCP_SYN_SENT or TCP_ESTABLISHED (netinet/tcp.h)
 * @shutdown_rd: nothing more is received
 * @shutdown_wr: nothing more is sent
 * @rqueue:	bytes to be received; of a listener, connections to be accepted
 * @wqueue:	bytes sent and not consumed; of a listener, its backlog
 * @uid:	whose it is
 * @inode:	0 if it waits for accept()
 * @cookie:	as SO_COOKIE
 */
struct schannel_socket {
	struct schannel_socket *next;
	const struct sc_flow_stats *stats;
	const uint32_t *meminfo;
	struct sockaddr_sc local;
	struct sockaddr_sc peer;
	int type;
	int state;
	bool shutdown_rd;
	bool shutdown_wr;
	uint32_t rqueue;
	uint32_t wqueue;
	uint32_t uid;
	uint64_t inode;
	uint64_t cookie;
};

/*
 * types and states choose: 1 << SOCK_STREAM, ..., 1 << TCP_LISTEN, ..., or-ed
 * together; 0 is all.
 */
int schannel_sockets(uint32_t types, uint32_t states, struct schannel_socket **list);
void schannel_sockets_free(struct schannel_socket *list);

/*
 * End a socket, whosever it is: who uses it gets ECONNABORTED, the peer ECONNRESET.
 *
 * EPERM: CAP_NET_ADMIN is needed. ENOENT: no such socket in this network namespace.
 * ENOTCONN: it neither is connected nor listens.
 */
int schannel_socket_destroy(uint64_t cookie);

/**
 * struct schannel_stats - what the network namespace did since it is there
 * @sockets:	sockets there are
 * @connects:	connect() calls that were tried
 * @connected:	of those, that succeeded
 * @refused:	nobody listened, or the backlog was full
 * @unreachable: no such peer, or no channel to it
 * @timeouts:	no answer in time
 * @no_memory:	no memory for a ring, here or there
 * @accepted:	connections that came in
 * @backlog_full: refused here: backlog full
 * @no_listener: refused here: nobody listens
 * @resets:	connections that ended in a reset
 * @channels_up: times a channel came up
 * @channels_failed: times a peer broke the protocol
 */
struct schannel_stats {
	uint64_t sockets;
	uint64_t connects;
	uint64_t connected;
	uint64_t refused;
	uint64_t unreachable;
	uint64_t timeouts;
	uint64_t no_memory;
	uint64_t accepted;
	uint64_t backlog_full;
	uint64_t no_listener;
	uint64_t resets;
	uint64_t channels_up;
	uint64_t channels_failed;
};

int schannel_stats(struct schannel_stats **stats);
void schannel_stats_free(struct schannel_stats *stats);

/* ---- TCP connections that are diverted ------------------------------------ */

/*
 * SCHANNEL_DIVERT_* are those of <linux/schannel_netlink.h>; newer kernels may have more.
 *
 * Both: EOPNOTSUPP: the module schannel_inet is not loaded.
 */

/**
 * struct schannel_diversion - what a TCP connection would meet
 * @verdict:	SCHANNEL_DIVERT_OK, NO_PEER, LOCAL or RECENT
 * @remembered:	with SCHANNEL_DIVERT_RECENT: what was met a short while ago
 * @retry_ms:	with SCHANNEL_DIVERT_RECENT: how long nothing else is tried
 * @domid:	of the peer whose address it is; SC_DOMID_SELF: this domain's own;
 *		SC_DOMID_ANY: nobody's
 */
struct schannel_diversion {
	int verdict;
	int remembered;
	uint32_t retry_ms;
	uint32_t domid;
};

/*
 * What a TCP connection from an attached cgroup to this IP address and port would meet, as
 * far as the kernel knows it without trying. Port 0: what holds for all ports.
 *
 * EINVAL: address is not one as inet_pton(3) takes it.
 */
int schannel_divert_get(const char *address, uint16_t port,
			struct schannel_diversion **diversion);
void schannel_divert_free(struct schannel_diversion *diversion);

/**
 * struct schannel_divert_count - how often a connection met something
 * @next:	of the list
 * @verdict:	SCHANNEL_DIVERT_*
 * @count:	how often, since the network namespace or the module is there
 */
struct schannel_divert_count {
	struct schannel_divert_count *next;
	int verdict;
	uint64_t count;
};

/* Of each verdict there is, in the order of their numbers. */
int schannel_divert_counts(struct schannel_divert_count **list);
void schannel_divert_counts_free(struct schannel_divert_count *list);

/* ---- What happens --------------------------------------------------------- */

struct schannel_monitor;

enum schannel_event_type {
	SCHANNEL_EVENT_PEER = 1,	/* a peer appeared or changed */
	SCHANNEL_EVENT_PEER_GONE,
	SCHANNEL_EVENT_CHANNEL_UP,
	SCHANNEL_EVENT_CHANNEL_DOWN,
	SCHANNEL_EVENT_FLOW_OPENED,
	SCHANNEL_EVENT_FLOW_ENDED,	/* flow->error says why */
};

/**
 * struct schannel_event - something happened
 * @type:	what
 * @peer:	of the PEER events, else NULL
 * @channel:	of the CHANNEL events, else NULL
 * @flow:	of the FLOW events, else NULL
 */
struct schannel_event {
	enum schannel_event_type type;
	const struct schannel_peer *peer;
	const struct schannel_channel *channel;
	const struct schannel_flow *flow;
};

#define SCHANNEL_MONITOR_PEERS	1U	/* peers and channels */
#define SCHANNEL_MONITOR_FLOWS	2U	/* flows */

/*
 * From this call on, events are collected. what is SCHANNEL_MONITOR_*, or-ed
 * together.
 *
 * EINVAL: what is 0 or has unknown bits. EPERM: flows need CAP_NET_ADMIN.
 */
int schannel_monitor_open(unsigned int what, struct schannel_monitor **monitor);

/* To be polled for POLLIN; for nothing else. It lives as long as the monitor. */
int schannel_monitor_fd(const struct schannel_monitor *monitor);

/*
 * The next event, which is valid until the next call with this monitor. Types that
 * a newer library knows may come up: ignore what you do not know.
 *
 * EAGAIN: none within timeout_ms (0: do not wait; -1: for ever). EINTR: a signal
 * came. ENOBUFS: events were lost, since they came faster than they were
 * taken; ask for all there is, and go on.
 */
int schannel_monitor_next(struct schannel_monitor *monitor,
			  const struct schannel_event **event, int timeout_ms);

void schannel_monitor_close(struct schannel_monitor *monitor);

#ifdef __cplusplus
}
#endif

#endif /* SCHANNEL_H */
