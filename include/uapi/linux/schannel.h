/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * AF_SCHANNEL: sockets between two domains of one Xen host.
 *
 * A program that uses the family needs this header: the family's number, its
 * addresses, the special domain ids and ports, and the socket options that other
 * families do not have. The socket types are SOCK_STREAM, SOCK_SEQPACKET and
 * SOCK_DGRAM. af_schannel(7) describes the family.
 */
#ifndef _UAPI_LINUX_SCHANNEL_H
#define _UAPI_LINUX_SCHANNEL_H

#include <linux/socket.h>
#include <linux/types.h>

/*
 * A kernel has a fixed number of families (AF_MAX), so a family in a module uses
 * a retired number. This is the default. A running system shows its number in
 * /sys/module/schannel/parameters/family.
 */
#define AF_SCHANNEL_DEFAULT	18
#define PF_SCHANNEL_DEFAULT	AF_SCHANNEL_DEFAULT

/* sc_domid: every local address, for bind() only. */
#define SC_DOMID_ANY		0xffffffffU
/*
 * sc_domid: this domain, whatever its id. A socket bound to it accepts connections
 * over loopback only; a socket that connects to it reaches this domain.
 */
#define SC_DOMID_SELF		0x7ff0U

/* sc_port: bind() chooses an unused port, as connect() does for an unbound socket. */
#define SC_PORT_ANY		0U
/* To bind a port below this one needs CAP_NET_BIND_SERVICE. */
#define SC_PORT_RESERVED	1024U
/*
 * The kernel chooses ports from this one to 0x7fffffff, so that it never takes the
 * well-known port of a service.
 */
#define SC_PORT_EPHEMERAL	65536U

/**
 * struct sockaddr_sc - the address of an AF_SCHANNEL socket
 * @sc_family:	the family's number, see AF_SCHANNEL_DEFAULT
 * @sc_flags:	0; anything else is EOPNOTSUPP
 * @sc_domid:	a Xen domain id, SC_DOMID_SELF or SC_DOMID_ANY, host byte order
 * @sc_port:	the port inside that domain, host byte order
 * @sc_zero:	0; anything else is EOPNOTSUPP
 */
struct sockaddr_sc {
	__kernel_sa_family_t	sc_family;
	__u16			sc_flags;
	__u32			sc_domid;
	__u32			sc_port;
	__u32			sc_zero;
};

/* Size of the largest datagram, in bytes. */
#define SC_DGRAM_MAX		65536U

/* ------------------------------------------------------------------------
 * Socket options, level SOL_SCHANNEL
 *
 * Options that are not listed, or not for this direction (get or set), fail with
 * ENOPROTOOPT. If the buffer of getsockopt() is shorter than the value, the kernel
 * fills the buffer and returns that length in *optlen, as other families do. A
 * struct may grow at its end only.
 */
#define SOL_SCHANNEL		388

/*
 * SO_SC_RING (get): struct sc_ring_sizes, the present sizes of the rings. They change,
 * see net.schannel.ring_idle_ms. ENOTCONN for a socket that has no rings.
 */
#define SO_SC_RING		1
/*
 * SO_SC_RING_MIN, SO_SC_RING_MAX (get, set): struct sc_ring_sizes, the limits within
 * which the kernel chooses the sizes of the rings. 0 leaves a limit to the system.
 * Sizes are rounded up to a power of two of at least 4096. They must be set before
 * connect() or listen() (EISCONN afterwards); accepted sockets inherit them. @rx is a
 * request to the peer, because that ring is the peer's memory. The connecting end makes
 * it, and it does not limit what may be under way while nothing is read (SO_RCVBUF does).
 * A value above SC_RING_MAX, or a minimum above the maximum, is EINVAL. If memory does
 * not allow the minimum, connect() fails with ENOBUFS. SO_SNDBUF and SO_RCVBUF set both
 * limits to one size, but accept smaller rings when memory is short.
 * Stream and seqpacket sockets only (EOPNOTSUPP).
 */
#define SO_SC_RING_MIN		2
#define SO_SC_RING_MAX		3
/*
 * SO_SC_PEER (get): struct sc_peer_info, the domain that the socket is connected to.
 * ENOTCONN if it is not connected.
 */
#define SO_SC_PEER		4
/* SO_SC_STATS (get): struct sc_flow_stats. */
#define SO_SC_STATS		5
/*
 * SO_SC_RECORD_MAX (get): __u32, size in bytes of the largest record that send()
 * accepts. For a datagram socket that is SC_DGRAM_MAX. For a seqpacket socket it is
 * what the largest ring that the connection may have can hold (ENOTCONN without a
 * connection). If there is no memory for such a ring, send() waits, or fails with
 * EAGAIN; after five seconds it fails with ENOBUFS. EOPNOTSUPP for a stream socket.
 */
#define SO_SC_RECORD_MAX	6

/* Size of the largest ring, in bytes. */
#define SC_RING_MAX		(4U << 20)

/**
 * struct sc_ring_sizes - sizes of the two rings of a connection, in bytes
 * @tx:	the ring that this end sends into
 * @rx:	the ring that this end receives from
 */
struct sc_ring_sizes {
	__u32	tx;
	__u32	rx;
};

#define SC_NAME_MAX		128

/**
 * struct sc_peer_info - the domain at the other end
 * @domid:	domain id; SC_DOMID_SELF for this domain itself
 * @reserved:	0
 * @uuid:	UUID; all zero if it is not known
 * @name:	name, terminated by a NUL; empty if it is not known
 * @uid:	effective user id of the process that called connect() or listen() there,
 *		0xffffffff if it is not known. It is the id in the initial user namespace
 *		of that domain, and what that domain says: do not take it for a user of
 *		this domain. From loopback it is translated for the caller's user
 *		namespace, as in SO_PEERCRED.
 * @gid:	effective group id of that process, likewise
 */
struct sc_peer_info {
	__u32	domid;
	__u32	reserved;
	__u8	uuid[16];
	char	name[SC_NAME_MAX];
	__u32	uid;
	__u32	gid;
};

/**
 * struct sc_flow_stats - counters of a socket since it was connected or, for a
 * datagram socket, created
 * @tx_bytes:	bytes sent, without the headers of records
 * @rx_bytes:	bytes received, without the headers of records
 * @tx_records:	records sent (seqpacket and datagram)
 * @rx_records:	records received (seqpacket and datagram)
 * @tx_waits:	number of times a sender slept because there was no space
 * @rx_waits:	number of times a receiver slept because there was no data
 * @tx_events:	number of notifications sent to the peer about this flow
 * @rx_events:	number of notifications received from the peer about this flow
 * @drops:	datagrams for this socket that were dropped because its receive buffer
 *		was full
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
