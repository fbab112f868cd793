/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * AF_SCHANNEL: sockets between two domains of one Xen host.
 *
 * This header is what a program needs to use the family: its number, its
 * address, the names of special domains and ports, and the socket options that
 * other families do not have. Socket types are SOCK_STREAM, SOCK_SEQPACKET and
 * SOCK_DGRAM.
 */
#ifndef _UAPI_LINUX_SCHANNEL_H
#define _UAPI_LINUX_SCHANNEL_H

#include <linux/socket.h>
#include <linux/types.h>

/*
 * AF_MAX is fixed when a kernel is built, so a family that comes as a module
 * borrows a retired number. This is the default; the number in use on a
 * running system is in /sys/module/schannel/parameters/family.
 */
#define AF_SCHANNEL_DEFAULT	18
#define PF_SCHANNEL_DEFAULT	AF_SCHANNEL_DEFAULT

/* sc_domid: the local end of every channel there is (bind only). */
#define SC_DOMID_ANY		0xffffffffU
/*
 * sc_domid: this domain, whatever its number. A socket bound to it is reached
 * over loopback only; connecting to it is connecting to oneself.
 */
#define SC_DOMID_SELF		0x7ff0U

/* sc_port: bind() and connect() choose an unused port. */
#define SC_PORT_ANY		0U
/* Ports below this one are bound only with CAP_NET_BIND_SERVICE. */
#define SC_PORT_RESERVED	1024U
/*
 * The kernel chooses ports from here up to 0x7fffffff, so that it never takes
 * one that a service is known by.
 */
#define SC_PORT_EPHEMERAL	65536U

/**
 * struct sockaddr_sc - the address of an AF_SCHANNEL socket
 * @sc_family:	the family's number, see AF_SCHANNEL_DEFAULT
 * @sc_flags:	0; anything else is EINVAL
 * @sc_domid:	a Xen domain id, SC_DOMID_SELF or SC_DOMID_ANY, host byte order
 * @sc_port:	the port inside that domain, host byte order
 * @sc_zero:	0; anything else is EINVAL
 */
struct sockaddr_sc {
	__kernel_sa_family_t	sc_family;
	__u16			sc_flags;
	__u32			sc_domid;
	__u32			sc_port;
	__u32			sc_zero;
};

/* Largest datagram, in bytes. */
#define SC_DGRAM_MAX		65536U

/* ------------------------------------------------------------------------
 * Socket options, level SOL_SCHANNEL
 *
 * An option that is not here, or not for this direction (get or set), is
 * ENOPROTOOPT. getsockopt() with a buffer shorter than the value fills it as
 * far as it goes and says so in *optlen, as other families do; structs only
 * grow at their end.
 */
#define SOL_SCHANNEL		388

/*
 * SO_SC_RING (get): struct sc_ring_sizes, the sizes of the rings now: they
 * change, see net.schannel.ring_idle_ms. ENOTCONN for a socket that has none.
 */
#define SO_SC_RING		1
/*
 * SO_SC_RING_MIN, SO_SC_RING_MAX (get, set): struct sc_ring_sizes, the limits
 * within which the sizes of the rings are chosen. 0 is "whatever the system does";
 * sizes are rounded up to a power of two of at least 4096. Set before connect() or
 * listen() (EISCONN after it); what is accepted inherits them. @rx is
 * a wish to the peer, since its ring is its memory. EINVAL: more than SC_RING_MAX, or a
 * minimum above the maximum. A minimum that memory does not allow makes
 * connect() fail with ENOBUFS. SO_SNDBUF and SO_RCVBUF set both limits to one size,
 * but settle for less where memory is short.
 * Stream and seqpacket only (EOPNOTSUPP).
 */
#define SO_SC_RING_MIN		2
#define SO_SC_RING_MAX		3
/*
 * SO_SC_PEER (get): struct sc_peer_info, the domain the socket is connected to.
 * ENOTCONN if it is not.
 */
#define SO_SC_PEER		4
/* SO_SC_STATS (get): struct sc_flow_stats. */
#define SO_SC_STATS		5
/*
 * SO_SC_RECORD_MAX (get): __u32, the largest record that send() takes, in bytes:
 * SC_DGRAM_MAX for a datagram socket; for a seqpacket socket what the ring holds
 * once it has grown as far as it may (ENOTCONN before there is one). If there is no memory
 * for that, send() waits for some, or gives EAGAIN, and after five seconds ENOBUFS.
 * EOPNOTSUPP for a stream.
 */
#define SO_SC_RECORD_MAX	6

/* Largest ring, in bytes. */
#define SC_RING_MAX		(4U << 20)

/**
 * struct sc_ring_sizes - of the two rings of a connection, in bytes
 * @tx:	what this end sends into
 * @rx:	what it receives from
 */
struct sc_ring_sizes {
	__u32	tx;
	__u32	rx;
};

#define SC_NAME_MAX		128

/**
 * struct sc_peer_info - the domain at the other end
 * @domid:	its id; SC_DOMID_SELF for this domain itself
 * @reserved:	0
 * @uuid:	its UUID, all zero if not known
 * @name:	its name, ends in a NUL; empty if not known
 */
struct sc_peer_info {
	__u32	domid;
	__u32	reserved;
	__u8	uuid[16];
	char	name[SC_NAME_MAX];
};

/**
 * struct sc_flow_stats - what a socket did since it was connected, or opened
 * @tx_bytes:	bytes sent, without what frames records
 * @rx_bytes:	bytes received
 * @tx_records:	records sent: seqpacket and datagram
 * @rx_records:	records received
 * @tx_waits:	times a sender went to sleep since there was no space
 * @rx_waits:	times a receiver went to sleep since there was nothing
 * @tx_events:	times the peer was told of something in this flow
 * @rx_events:	times the peer told us
 * @drops:	datagrams for this socket that were thrown away: it had no room
 */
struct sc_flow_stats {
	__u64	tx_bytes;
	__u64	rx_bytes;
	__u64	tx_records;
	__u64	rx_records;
	__u64	tx_waits;
	__u64	rx_waits;
	__u64	tx_events;
	__u64	rx_events;
	__u64	drops;
};

#endif /* _UAPI_LINUX_SCHANNEL_H */
