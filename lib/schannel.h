/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libschannel adds to the socket calls of AF_SCHANNEL: the number of the family,
 * addresses as text, sockets in one call, and queries to the kernel about peers,
 * channels, flows and sockets.
 *
 * A call that succeeds returns 0, or what its comment says. A call that fails
 * returns -1 and sets errno. Any thread may make any call at any time; only one
 * thread at a time may use a struct schannel_monitor. The library keeps no state,
 * starts no thread, neither handles nor raises signals, and prints nothing. Every
 * file descriptor that it opens for itself is close-on-exec.
 *
 * The library allocates and frees the structs that it returns. A newer library may
 * add fields at their end, so a program must neither copy nor embed them, nor use
 * their size. Fields that an older kernel does not report are 0 or NULL.
 *
 * Each call has a manual page; start with libschannel(3) and af_schannel(7).
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
 * This domain's id, which peers use to address it.
 *
 * ENODATA: this is not a Xen domain, or its id is not known.
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
 *	any, *			every local address (for listeners)
 *
 * and is tried as self, any, number, UUID and IP address before it is taken for a
 * name. Names are compared exactly, UUIDs in either case. A peer whose name contains
 * a colon, or looks like one of the others, can only be reached by id or UUID.
 */

/* Enough for every address that schannel_format() can make, and its NUL. */
#define SCHANNEL_TEXT_MAX	144

/*
 * Convert text to an address. Only names, UUIDs and IP addresses are looked up; for
 * the rest the kernel is asked for the number of the family only.
 *
 * EINVAL: the text is not an address. ENOENT: no peer has this name, UUID or IP address.
 * ENOTUNIQ: several do. EAFNOSUPPORT: the module is not loaded.
 */
int schannel_parse(const char *text, struct sockaddr_sc *address);

/* For schannel_format(): the name of a peer instead of its id, where it has one. */
#define SCHANNEL_NAMES		1U

/*
 * Convert an address to text: DOMID:PORT, "self:PORT" or "any:PORT". With
 * SCHANNEL_NAMES it has the peer's name, if schannel_parse() would find the same
 * peer by it; if not, or if the lookup fails, it has the id.
 *
 * EINVAL: an unknown flag, or not an AF_SCHANNEL address. ENOSPC: size is
 * too small.
 */
int schannel_format(const struct sockaddr_sc *address, char *text, size_t size,
		    unsigned int flags);

/* ---- Sockets in one call -------------------------------------------------- */

/*
 * type is SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM; SOCK_CLOEXEC and SOCK_NONBLOCK
 * may be added. timeout_ms is in milliseconds; -1 is no limit. The calls also fail
 * with the errors of socket(2), bind(2), listen(2), connect(2), accept(2) and
 * schannel_parse().
 */

/*
 * Return a socket that is bound to address and listens. A datagram socket is bound
 * only; backlog has no effect then. Port 0 chooses an unused port: see getsockname(2).
 */
int schannel_listen(const char *address, int type, int backlog);

/*
 * Return a socket that is connected to address. With SOCK_NONBLOCK and a timeout of
 * 0 it may still be connecting: wait for POLLOUT, then read SO_ERROR.
 *
 * ETIMEDOUT: not connected within timeout_ms. EINTR: a signal was caught.
 */
int schannel_connect(const char *address, int type, int timeout_ms);

/*
 * Return the next connection of a listener. flags are SOCK_CLOEXEC and SOCK_NONBLOCK.
 * If peer is not NULL, it is set to the client's address. The call waits for up to
 * timeout_ms even if the listener is SOCK_NONBLOCK. If several threads accept from one
 * listener with a timeout, make the listener SOCK_NONBLOCK: otherwise a thread that
 * loses the race for a connection waits for the next one without a limit.
 *
 * EAGAIN: no connection within timeout_ms. EINVAL: fd does not listen. EINTR: a signal
 * was caught.
 */
int schannel_accept(int fd, struct sockaddr_sc *peer, int flags, int timeout_ms);

/* ---- Queries to the kernel ------------------------------------------------ */

/*
 * These calls list objects of the caller's network namespace. An empty list is NULL.
 * The caller frees the whole list with the matching _free(), which accepts NULL. Only
 * callers with CAP_NET_ADMIN see flows and sockets of other users.
 *
 * Errors of all calls: EAFNOSUPPORT: the module is not loaded. EOPNOTSUPP: the module
 * does not support the query. ENOMEM, EMFILE, ENFILE: no memory, no file descriptor.
 * EPROTO: the answer of the kernel is invalid.
 */

/**
 * struct schannel_peer - a domain that a channel can connect to
 * @next:	next one in the list
 * @name:	NULL if not known
 * @uuid:	in its usual form, lower case; NULL if not known
 * @addresses:	its IP addresses as inet_ntop(3) writes them, up to a NULL
 * @transport:	transport of channels to it: "loopback" or "xen"
 * @domid:	domain id; SC_DOMID_SELF for this domain itself
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
 * Find the peer with this domain id ("self" included), UUID, IP address or name, the
 * HOST of an address. The list has one entry.
 *
 * EINVAL: host cannot identify a peer. ENOENT: no such peer. ENOTUNIQ: several match.
 */
int schannel_peer_find(const char *host, struct schannel_peer **peer);

/*
 * Move a peer to another network namespace; netns is a descriptor of that namespace
 * (/proc/PID/ns/net, /run/netns/NAME). The peer's connections are reset; TCP connections go on
 * over TCP.
 *
 * EPERM: CAP_NET_ADMIN is needed in both namespaces. ENOENT: no such peer here. EOPNOTSUPP: it is
 * SC_DOMID_SELF.
 */
int schannel_peer_move(uint32_t domid, int netns);

/**
 * struct schannel_channel - a channel to a peer
 * @next:	next one in the list
 * @domid:	the peer's domain id
 * @up:		the channel is up; false in some events, and then the rest is 0
 * @queues:	number of event queues
 * @flows:	number of flows
 * @age_ms:	time since it came up
 * @pool_size:	bytes in our pool
 * @pool_used:	bytes of the pool that are in rings
 * @pool_limit:	largest size of the pool
 * @peer_pool:	bytes of the peer's pool that are mapped here
 * @flow_table:	bytes in our flow table
 * @tx_bytes:	bytes sent in all flows since it came up
 * @rx_bytes:	bytes received in all flows since it came up
 * @opened:	flows that we opened
 * @accepted:	flows that the peer opened
 * @refused:	flows that we refused
 * @reset:	flows that ended in a reset
 * @notify_sent: notifications sent
 * @notify_received: notifications received
 * @notify_spurious: notifications received without an entry
 * @overflows:	number of times the peer's event queue overflowed
 * @errors:	flows that were reset because the peer wrote invalid values
 * @dgram_sent:	datagrams sent
 * @dgram_received: datagrams passed to a socket
 * @dgram_dropped: datagrams dropped because the receive buffer was full
 * @dgram_no_port: datagrams to a port that no socket was bound to
 * @dgram_copied: datagrams copied aside for a slow reader
 * @orphans:	flows that we have closed and the peer has not
 * @orphan_memory: bytes of their rings
 * @grants:	grant entries that our pages take, also those of earlier channels to this peer
 *		that the peer still maps; 0 on loopback, as the following three
 * @grants_refused: number of times no entry was left for the channels to this peer
 * @grants_all:	entries that the pages of all channels take
 * @grants_limit: most entries that they may take
 * @over_share:	flows and rings refused because their user had a full share
 * @dgram_no_memory: datagrams dropped for lack of memory
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
	uint64_t orphans;
	uint64_t orphan_memory;
	uint64_t grants;
	uint64_t grants_refused;
	uint64_t grants_all;
	uint64_t grants_limit;
	uint64_t over_share;
	uint64_t dgram_no_memory;
};

int schannel_channels(struct schannel_channel **list);
void schannel_channels_free(struct schannel_channel *list);

/**
 * struct schannel_flow - one end of a connection in a channel
 * @next:	next one in the list
 * @stats:	counters; NULL if not known
 * @domid:	the peer's domain id
 * @id:		number in our flow table
 * @peer_id:	number in the peer's flow table, if @answered
 * @answered:	the peer has accepted it
 * @opened:	this side opened it
 * @closed:	its socket was closed, and the peer still reads
 * @type:	SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM
 * @local_port:	local port; 0 for the flow that carries datagrams
 * @peer_port:	the peer's port; 0 for the flow that carries datagrams
 * @tx_ring:	size in bytes of the ring that this side sends into
 * @rx_ring:	size in bytes of the ring that this side receives from
 * @tx_queued:	bytes that the peer has not consumed
 * @rx_queued:	bytes that this side has not consumed
 * @error:	in an event that it ended: errno, or 0 for an orderly end
 * @uid:	user id of the socket's owner
 * @inode:	inode number of the socket; 0 if it waits for accept()
 * @cookie:	cookie of the socket, as SO_COOKIE
 * @local_address: local address of a diverted TCP connection, as inet_ntop(3) writes it; its
 *		ports are TCP ports. NULL for all other flows
 * @peer_address: the peer's address, in the same form
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

/* The flows in the channel to domid, or in all channels with SC_DOMID_ANY. */
int schannel_flows(uint32_t domid, struct schannel_flow **list);
void schannel_flows_free(struct schannel_flow *list);

/*
 * End a flow from such a list at once: its program gets ECONNABORTED, the peer's ECONNRESET.
 * A TCP connection goes on over TCP instead, and may move to another flow. Also ends flows
 * whose socket was closed. ENOENT: it has ended already.
 */
int schannel_flow_destroy(const struct schannel_flow *flow);

/*
 * Have the bytes of a flow that carries a TCP connection go over TCP again. The connection does not
 * move to a channel again. EOPNOTSUPP: it cannot, or the flow carries none. ENOENT: as above.
 */
int schannel_flow_demote(const struct schannel_flow *flow);

/**
 * struct schannel_socket - a socket, connected or not
 * @next:	next one in the list
 * @stats:	counters; NULL if not known
 * @meminfo:	memory: SK_MEMINFO_VARS numbers, indexed by SK_MEMINFO_*; NULL if not known
 * @local:	local address; port 0 if the socket is not bound
 * @peer:	the peer's address; SC_DOMID_ANY and port 0 if it is not connected
 * @type:	SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM
 * @state:	TCP_CLOSE, TCP_LISTEN, TCP_SYN_SENT or TCP_ESTABLISHED (netinet/tcp.h)
 * @shutdown_rd: the socket receives nothing more
 * @shutdown_wr: the socket sends nothing more
 * @rqueue:	bytes to receive; for a listener, connections that wait for accept()
 * @wqueue:	bytes that the peer has not consumed; for a listener, its backlog
 * @uid:	user id of its owner
 * @inode:	inode number; 0 if it waits for accept()
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
 * types and states select sockets: 1 << SOCK_STREAM, ..., 1 << TCP_LISTEN, ..., or-ed
 * together; 0 selects all.
 */
int schannel_sockets(uint32_t types, uint32_t states, struct schannel_socket **list);
void schannel_sockets_free(struct schannel_socket *list);

/*
 * End a socket of any process: the program gets ECONNABORTED, the peer ECONNRESET.
 *
 * EPERM: CAP_NET_ADMIN is needed. ENOENT: no such socket in this network namespace.
 * ENOTCONN: the socket neither is connected nor listens.
 */
int schannel_socket_destroy(uint64_t cookie);

/**
 * struct schannel_stats - counters of the network namespace since it exists
 * @sockets:	number of sockets
 * @connects:	connect() calls
 * @connected:	connect() calls that succeeded
 * @refused:	connect() calls that failed: no listener at the port
 * @unreachable: connect() calls that failed: no such peer, or no channel to it
 * @timeouts:	connect() calls that failed: no answer in time
 * @no_memory:	connect() calls that failed: no memory for a ring, here or there
 * @accepted:	incoming connections
 * @backlog_full: attempts refused because the backlog was full; the peer tries again
 * @no_listener: incoming connections refused because no socket listened
 * @resets:	connections that ended in a reset
 * @channels_up: number of times a channel came up
 * @channels_failed: number of times a channel was reset because of invalid values
 * @orphans:	number of flows that we have closed and the peer has not
 * @orphan_memory: bytes of their rings
 * @orphans_timed_out: such flows reset because the peer neither read nor closed
 * @orphans_over_limit: such flows reset because there were too many
 * @tcp_promoted: times a TCP connection got a flow to move to
 * @tcp_moved: times its sending direction moved to a ring
 * @tcp_back_channel: times it went back: the channel has ended
 * @tcp_back_peer: the peer wanted it
 * @tcp_back_admin: an administrator wanted it
 * @tcp_back_program: a program used what only TCP has
 * @tcp_back_filter: a filter looks at its packets since
 * @tcp_back_unread: the peer had read nothing for long
 * @tcp_back_end: the connection was shut down or closed
 * @tcp_back_broken: the peer violated the protocol, or memory was short
 * @tcp_back_bytes: bytes of rings that TCP carried after that
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
	uint64_t orphans;
	uint64_t orphan_memory;
	uint64_t orphans_timed_out;
	uint64_t orphans_over_limit;
	uint64_t tcp_promoted;
	uint64_t tcp_moved;
	uint64_t tcp_back_channel;
	uint64_t tcp_back_peer;
	uint64_t tcp_back_admin;
	uint64_t tcp_back_program;
	uint64_t tcp_back_filter;
	uint64_t tcp_back_unread;
	uint64_t tcp_back_end;
	uint64_t tcp_back_broken;
	uint64_t tcp_back_bytes;
};

int schannel_stats(struct schannel_stats **stats);
void schannel_stats_free(struct schannel_stats *stats);

/* ---- TCP connections that are diverted ------------------------------------ */

/*
 * <linux/schannel_netlink.h> defines SCHANNEL_DIVERT_*; newer kernels may have more.
 *
 * Error of all calls: EOPNOTSUPP: the module schannel_inet is not loaded.
 */

/**
 * struct schannel_diversion - the prospects of a TCP connection
 * @verdict:	SCHANNEL_DIVERT_OK, NO_PEER or LOCAL
 * @last:	the verdict on the last connection to this address and port that ended without
 *		having been diverted; 0 if there was none in the last minute, or one was since
 * @age_ms:	time since that connection ended
 * @domid:	domain id of the peer that has the address; SC_DOMID_SELF: this domain has
 *		it; SC_DOMID_ANY: no peer has it
 */
struct schannel_diversion {
	int verdict;
	int last;
	uint32_t age_ms;
	uint32_t domid;
};

/*
 * The prospects of a TCP connection from an attached cgroup to this IP address and port,
 * as far as the kernel knows them without one. Port 0: about the address alone.
 *
 * EINVAL: inet_pton(3) does not accept the address.
 */
int schannel_divert_get(const char *address, uint16_t port,
			struct schannel_diversion **diversion);
void schannel_divert_free(struct schannel_diversion *diversion);

/**
 * struct schannel_divert_count - how often a verdict was given
 * @next:	next one in the list
 * @verdict:	SCHANNEL_DIVERT_*
 * @count:	number of connections, since the network namespace or the module exists; one
 *		over loopback has two ends, and counts for each that is in an attached cgroup
 */
struct schannel_divert_count {
	struct schannel_divert_count *next;
	int verdict;
	uint64_t count;
};

/* One entry for each verdict, in the order of their numbers. */
int schannel_divert_counts(struct schannel_divert_count **list);
void schannel_divert_counts_free(struct schannel_divert_count *list);

/*
 * Have TCP connections go back to TCP whose cgroup is not attached any more: those of this network
 * namespace; in the initial one, those of all. left: how many are on their way; some wait for
 * a program to read what it has received. Ask again to learn when there are none.
 *
 * EPERM: CAP_NET_ADMIN is needed.
 */
int schannel_divert_detach(uint64_t *left);

/* ---- Events --------------------------------------------------------------- */

struct schannel_monitor;

enum schannel_event_type {
	SCHANNEL_EVENT_PEER = 1,	/* a peer appeared or changed */
	SCHANNEL_EVENT_PEER_GONE,
	SCHANNEL_EVENT_CHANNEL_UP,
	SCHANNEL_EVENT_CHANNEL_DOWN,
	SCHANNEL_EVENT_FLOW_OPENED,
	SCHANNEL_EVENT_FLOW_ENDED,	/* flow->error is the reason */
};

/**
 * struct schannel_event - an event
 * @type:	the kind of event
 * @peer:	the peer of a PEER event, else NULL
 * @channel:	the channel of a CHANNEL event, else NULL
 * @flow:	the flow of a FLOW event, else NULL
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
 * Start to collect events. what is SCHANNEL_MONITOR_*, or-ed together.
 *
 * EINVAL: what is 0 or has unknown bits. EPERM: flows need CAP_NET_ADMIN.
 */
int schannel_monitor_open(unsigned int what, struct schannel_monitor **monitor);

/* The descriptor is only for polling for POLLIN. It exists as long as the monitor. */
int schannel_monitor_fd(const struct schannel_monitor *monitor);

/*
 * Return the next event, which is valid until the next call with this monitor. A
 * newer library may report more types: ignore those that you do not know.
 *
 * EAGAIN: no event within timeout_ms (0: do not wait; -1: no limit). EINTR: a signal
 * was caught. ENOBUFS: events were lost because they came faster than the program
 * took them; read the lists again, and continue.
 */
int schannel_monitor_next(struct schannel_monitor *monitor,
			  const struct schannel_event **event, int timeout_ms);

void schannel_monitor_close(struct schannel_monitor *monitor);

#ifdef __cplusplus
}
#endif

#endif /* SCHANNEL_H */
