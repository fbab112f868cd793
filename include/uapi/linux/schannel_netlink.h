/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The generic netlink family "schannel": which peers, channels and flows there are,
 * and what they do. schannel.yaml beside this file says the same to machines.
 *
 * What is seen is that of the caller's network namespace. Flows are shown to who
 * owns their socket, and all of them with CAP_NET_ADMIN: "who" is the user that opened
 * the netlink socket. Flows without a socket belong to nobody.
 *
 * What comes or goes during a dump may be in it or not; what stays is in it once.
 * ENOENT: no such peer in this namespace. An event is lost when its reader is
 * too slow: recvmsg() gives ENOBUFS then.
 */
#ifndef _UAPI_LINUX_SCHANNEL_NETLINK_H
#define _UAPI_LINUX_SCHANNEL_NETLINK_H

#define SCHANNEL_GENL_NAME	"schannel"
#define SCHANNEL_GENL_VERSION	1

/*
 * Multicast groups. "peers": PEER_NTF and CHANNEL_NTF, for everybody. "flows":
 * FLOW_NTF, with CAP_NET_ADMIN.
 */
#define SCHANNEL_GENL_GROUP_PEERS	"peers"
#define SCHANNEL_GENL_GROUP_FLOWS	"flows"

/**
 * enum schannel_cmd - what can be asked and told
 * @SCHANNEL_CMD_PEER_GET: the peer SCHANNEL_A_PEER_DOMID, or a dump of all
 * @SCHANNEL_CMD_PEER_SET: move the peer SCHANNEL_A_PEER_DOMID to the network
 *	namespace SCHANNEL_A_PEER_NETNS_FD; its connections are reset.
 *	CAP_NET_ADMIN in both namespaces
 * @SCHANNEL_CMD_PEER_NTF: a peer appeared, changed, or is gone (SCHANNEL_A_PEER_GONE)
 * @SCHANNEL_CMD_CHANNEL_GET: the channel to SCHANNEL_A_CHANNEL_DOMID, or a dump of
 *	those that are up
 * @SCHANNEL_CMD_CHANNEL_NTF: a channel came up, or went down (SCHANNEL_A_CHANNEL_STATE)
 * @SCHANNEL_CMD_FLOW_GET: a dump; with SCHANNEL_A_FLOW_DOMID of one channel's only
 * @SCHANNEL_CMD_FLOW_NTF: a flow was opened, or ended (SCHANNEL_A_FLOW_ERROR)
 * @SCHANNEL_CMD_STATS_GET: what the whole namespace did: SCHANNEL_A_STATS_*
 * @SCHANNEL_CMD_DIVERT_GET: would a TCP connection to SCHANNEL_A_DIVERT_ADDRESS and
 *	_PORT be diverted if a BPF program wants it, as far as the kernel knows before
 *	it tries; a dump: how often each SCHANNEL_A_DIVERT_VERDICT was given.
 *	EOPNOTSUPP without schannel_inet
 */
enum schannel_cmd {
	SCHANNEL_CMD_UNSPEC,
	SCHANNEL_CMD_PEER_GET,
	SCHANNEL_CMD_PEER_SET,
	SCHANNEL_CMD_PEER_NTF,
	SCHANNEL_CMD_CHANNEL_GET,
	SCHANNEL_CMD_CHANNEL_NTF,
	SCHANNEL_CMD_FLOW_GET,
	SCHANNEL_CMD_FLOW_NTF,
	SCHANNEL_CMD_STATS_GET,
	SCHANNEL_CMD_DIVERT_GET,

	__SCHANNEL_CMD_MAX,
};

#define SCHANNEL_CMD_MAX	(__SCHANNEL_CMD_MAX - 1)

enum schannel_channel_state {
	SCHANNEL_CHANNEL_DOWN,		/* none; one is set up when needed */
	SCHANNEL_CHANNEL_UP,
};

/* A peer. */
enum schannel_attr_peer {
	SCHANNEL_A_PEER_UNSPEC,
	SCHANNEL_A_PEER_PAD,
	SCHANNEL_A_PEER_DOMID,		/* u32: domain id, or SC_DOMID_SELF */
	SCHANNEL_A_PEER_NAME,		/* string; absent if not known */
	SCHANNEL_A_PEER_UUID,		/* binary, 16 bytes; absent if not known */
	SCHANNEL_A_PEER_ADDRESS,	/* binary, 16 bytes, IPv6 or v4-mapped; any number */
	SCHANNEL_A_PEER_TRANSPORT,	/* string: "loopback", "xen" */
	SCHANNEL_A_PEER_CHANNEL_STATE,	/* u32: enum schannel_channel_state */
	SCHANNEL_A_PEER_NETNS_FD,	/* s32: in PEER_SET */
	SCHANNEL_A_PEER_GONE,		/* flag: in PEER_NTF */
	SCHANNEL_A_PEER_OWN_DOMID,	/* u32: this domain's own id, with loopback's peer */

	__SCHANNEL_A_PEER_MAX,
};

#define SCHANNEL_A_PEER_MAX	(__SCHANNEL_A_PEER_MAX - 1)

/*
 * A channel. Counters count since it came up; memory is in bytes. One that is down has
 * a domid and a state. Over loopback both ends are this domain's: it is one channel,
 * and what is counted is the sum of both.
 */
enum schannel_attr_channel {
	SCHANNEL_A_CHANNEL_UNSPEC,
	SCHANNEL_A_CHANNEL_PAD,
	SCHANNEL_A_CHANNEL_DOMID,	/* u32 */
	SCHANNEL_A_CHANNEL_STATE,	/* u32: enum schannel_channel_state */
	SCHANNEL_A_CHANNEL_AGE_MS,	/* u64: how long it has been up */
	SCHANNEL_A_CHANNEL_QUEUES,	/* u32: event queues */
	SCHANNEL_A_CHANNEL_FLOWS,	/* u32: flows there are */
	SCHANNEL_A_CHANNEL_POOL_SIZE,	/* u64: memory in our pool */
	SCHANNEL_A_CHANNEL_POOL_USED,	/* u64: of that, in rings */
	SCHANNEL_A_CHANNEL_POOL_LIMIT,	/* u64: how large it may become */
	SCHANNEL_A_CHANNEL_PEER_POOL,	/* u64: memory of the peer's pool mapped here */
	SCHANNEL_A_CHANNEL_FLOW_TABLE,	/* u64: memory in our flow table */
	SCHANNEL_A_CHANNEL_TX_BYTES,	/* u64: sent in all flows, as struct sc_flow_stats */
	SCHANNEL_A_CHANNEL_RX_BYTES,	/* u64: received, likewise */
	SCHANNEL_A_CHANNEL_OPENED,	/* u64: flows that we opened */
	SCHANNEL_A_CHANNEL_ACCEPTED,	/* u64: flows that the peer opened */
	SCHANNEL_A_CHANNEL_REFUSED,	/* u64: flows that we refused */
	SCHANNEL_A_CHANNEL_RESET,	/* u64: flows that ended in a reset */
	SCHANNEL_A_CHANNEL_NOTIFY_SENT,	/* u64: notifications sent */
	SCHANNEL_A_CHANNEL_NOTIFY_RECEIVED, /* u64: notifications received */
	SCHANNEL_A_CHANNEL_NOTIFY_SPURIOUS, /* u64: received, with nothing behind */
	SCHANNEL_A_CHANNEL_OVERFLOWS,	/* u64: the peer's event queue overflowed */
	SCHANNEL_A_CHANNEL_ERRORS,	/* u64: flows reset since the peer made no sense */
	SCHANNEL_A_CHANNEL_DGRAM_SENT,	/* u64: datagrams */
	SCHANNEL_A_CHANNEL_DGRAM_RECEIVED, /* u64: given to a socket */
	SCHANNEL_A_CHANNEL_DGRAM_DROPPED, /* u64: the socket had no room */
	SCHANNEL_A_CHANNEL_DGRAM_NO_PORT, /* u64: nobody was bound to the port */
	SCHANNEL_A_CHANNEL_DGRAM_COPIED, /* u64: copied aside for a slow reader */

	__SCHANNEL_A_CHANNEL_MAX,
};

#define SCHANNEL_A_CHANNEL_MAX	(__SCHANNEL_A_CHANNEL_MAX - 1)

/*
 * A flow. Over loopback it is shown twice, as its two ends: SCHANNEL_A_FLOW_OPENED
 * tells them apart, and together with domid and id tells any flow from others.
 *
 * SCHANNEL_A_FLOW_ERROR: 0 if it was closed in order; the error of connect() if it never
 * came to be; ECONNRESET if the peer, or the end of the channel, reset it; EPROTO
 * if it was reset here since what the peer wrote made no sense, ECONNABORTED if for another
 * reason (closed with unread data, SO_LINGER, SOCK_DESTROY).
 *
 * SCHANNEL_A_FLOW_LOCAL_ADDRESS, _PEER_ADDRESS: of a diverted TCP connection only; its ports
 * are TCP's.
 */
enum schannel_attr_flow {
	SCHANNEL_A_FLOW_UNSPEC,
	SCHANNEL_A_FLOW_PAD,
	SCHANNEL_A_FLOW_DOMID,		/* u32: the peer's domain id */
	SCHANNEL_A_FLOW_ID,		/* u32: number in our flow table */
	SCHANNEL_A_FLOW_PEER_ID,	/* u32: in the peer's; absent until it answered */
	SCHANNEL_A_FLOW_TYPE,		/* u32: SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM */
	SCHANNEL_A_FLOW_LOCAL_PORT,	/* u32: 0 for the flow that carries datagrams */
	SCHANNEL_A_FLOW_PEER_PORT,	/* u32: likewise */
	SCHANNEL_A_FLOW_OPENED,		/* flag: we opened it */
	SCHANNEL_A_FLOW_CLOSED,		/* flag: its socket is gone, the peer still reads */
	SCHANNEL_A_FLOW_UID,		/* u32: of the socket */
	SCHANNEL_A_FLOW_INODE,		/* u64: of the socket; 0 if it waits for accept() */
	SCHANNEL_A_FLOW_COOKIE,		/* u64: of the socket, as SO_COOKIE */
	SCHANNEL_A_FLOW_TX_RING,	/* u32: size in bytes */
	SCHANNEL_A_FLOW_RX_RING,	/* u32: the peer's, absent until it answered */
	SCHANNEL_A_FLOW_TX_QUEUED,	/* u32: bytes the peer has not consumed */
	SCHANNEL_A_FLOW_RX_QUEUED,	/* u32: bytes we have not consumed */
	SCHANNEL_A_FLOW_STATS,		/* binary: struct sc_flow_stats */
	SCHANNEL_A_FLOW_ERROR,		/* u32: in FLOW_NTF, ended: errno, see above */
	SCHANNEL_A_FLOW_LOCAL_ADDRESS,	/* binary, 16 bytes, IPv6 or v4-mapped: see above */
	SCHANNEL_A_FLOW_PEER_ADDRESS,	/* binary, 16 bytes, likewise */

	__SCHANNEL_A_FLOW_MAX,
};

#define SCHANNEL_A_FLOW_MAX	(__SCHANNEL_A_FLOW_MAX - 1)

/* What a namespace did since it is there. All u64. */
enum schannel_attr_stats {
	SCHANNEL_A_STATS_UNSPEC,
	SCHANNEL_A_STATS_PAD,
	SCHANNEL_A_STATS_SOCKETS,	/* sockets there are */
	SCHANNEL_A_STATS_CONNECTS,	/* connect() calls that were tried */
	SCHANNEL_A_STATS_CONNECTED,	/* of those, that succeeded */
	SCHANNEL_A_STATS_REFUSED,	/* nobody listened, or its backlog was full */
	SCHANNEL_A_STATS_UNREACHABLE,	/* no such peer, or no channel to it */
	SCHANNEL_A_STATS_TIMEOUTS,	/* no answer in time */
	SCHANNEL_A_STATS_NO_MEMORY,	/* no memory for a ring, here or there */
	SCHANNEL_A_STATS_ACCEPTED,	/* connections that came in */
	SCHANNEL_A_STATS_BACKLOG_FULL,	/* refused here: backlog full */
	SCHANNEL_A_STATS_NO_LISTENER,	/* refused here: nobody listens */
	SCHANNEL_A_STATS_RESETS,	/* connections that ended in a reset */
	SCHANNEL_A_STATS_CHANNELS_UP,	/* times a channel came up */
	SCHANNEL_A_STATS_CHANNELS_FAILED, /* times a peer broke the protocol */

	__SCHANNEL_A_STATS_MAX,
};

#define SCHANNEL_A_STATS_MAX	(__SCHANNEL_A_STATS_MAX - 1)

/**
 * enum schannel_divert - what became of a TCP connection that a BPF program wanted diverted
 *
 * All but the first: it proceeds as plain TCP, and this is why. Those marked (kept) are
 * remembered for the destination, net.schannel.divert_retry_ms long or until a channel to the
 * peer comes up: so long connections to it are plain TCP at once. (kept, all) is
 * remembered for all ports of the address.
 */
enum schannel_divert {
	SCHANNEL_DIVERT_OK,		/* it was, or would be, diverted */
	SCHANNEL_DIVERT_NO_PEER,	/* not an address of a peer in this namespace */
	SCHANNEL_DIVERT_LOCAL,		/* this domain's own, and net.schannel.divert_local is 0 */
	SCHANNEL_DIVERT_SOCKET,		/* ULP, MPTCP, sockmap, TCP_REPAIR, fast open */
	SCHANNEL_DIVERT_REWRITTEN,	/* a later program changed the destination */
	SCHANNEL_DIVERT_SOURCE,		/* bound to an address that is not published for us */
	SCHANNEL_DIVERT_RECENT,		/* one of the (kept) ones below, a short while ago */
	SCHANNEL_DIVERT_NO_CHANNEL,	/* (kept, all) no channel comes up */
	SCHANNEL_DIVERT_TIMEOUT,	/* (kept, all) no answer in divert_timeout_ms */
	SCHANNEL_DIVERT_UNSUPPORTED,	/* (kept, all) the peer does not divert */
	SCHANNEL_DIVERT_NO_LISTENER,	/* the peer: nobody listens there */
	SCHANNEL_DIVERT_NOT_ATTACHED,	/* (kept) the peer: the listener's cgroup is not attached */
	SCHANNEL_DIVERT_BACKLOG,	/* the peer: the listener's backlog is full */
	SCHANNEL_DIVERT_NO_MEMORY,	/* no memory for a ring, here or there */
	SCHANNEL_DIVERT_REFUSED_SOURCE,	/* (kept) the peer: our address is not published for us */
	SCHANNEL_DIVERT_DENIED,		/* the peer: a security module says no */

	__SCHANNEL_DIVERT_MAX,
};

#define SCHANNEL_DIVERT_MAX	(__SCHANNEL_DIVERT_MAX - 1)

/* What became of TCP connections. */
enum schannel_attr_divert {
	SCHANNEL_A_DIVERT_UNSPEC,
	SCHANNEL_A_DIVERT_PAD,
	SCHANNEL_A_DIVERT_ADDRESS,	/* binary, 16 bytes, IPv6 or v4-mapped */
	SCHANNEL_A_DIVERT_PORT,		/* u32: 1 to 65535; absent: what holds for all */
	SCHANNEL_A_DIVERT_VERDICT,	/* u32: enum schannel_divert */
	SCHANNEL_A_DIVERT_REMEMBERED,	/* u32: with RECENT: which it was */
	SCHANNEL_A_DIVERT_RETRY_MS,	/* u32: with RECENT: how long it still holds */
	SCHANNEL_A_DIVERT_DOMID,	/* u32: whose address it is, if any peer's */
	SCHANNEL_A_DIVERT_COUNT,	/* u64: in a dump */

	__SCHANNEL_A_DIVERT_MAX,
};

#define SCHANNEL_A_DIVERT_MAX	(__SCHANNEL_A_DIVERT_MAX - 1)

#endif /* _UAPI_LINUX_SCHANNEL_NETLINK_H */
