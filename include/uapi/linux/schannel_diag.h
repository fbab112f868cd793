/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * sock_diag for AF_SCHANNEL: the sockets of the caller's network namespace,
 * connected or not. A socket is shown to who owns it, and all of them with
 * CAP_NET_ADMIN.
 */
#ifndef _UAPI_LINUX_SCHANNEL_DIAG_H
#define _UAPI_LINUX_SCHANNEL_DIAG_H

#include <linux/types.h>

/**
 * struct sc_diag_req - a SOCK_DIAG_BY_FAMILY request; with NLM_F_DUMP
 * @sdiag_family: the family's number
 * @sdiag_protocol: 0
 * @types:	1 << SOCK_*, of the sockets to show; 0 is all
 * @states:	1 << TCP_*, likewise
 * @show:	SC_DIAG_SHOW_*
 */
struct sc_diag_req {
	__u8	sdiag_family;
	__u8	sdiag_protocol;
	__u16	pad;
	__u32	types;
	__u32	states;
	__u32	show;
};

#define SC_DIAG_SHOW_MEMINFO	(1U << 0)	/* SC_DIAG_MEMINFO */
#define SC_DIAG_SHOW_STATS	(1U << 1)	/* SC_DIAG_STATS */

/**
 * struct sc_diag_msg - an answer, followed by attributes
 * @sdiag_family: the family's number
 * @type:	SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM
 * @state:	TCP_CLOSE, TCP_LISTEN, TCP_SYN_SENT or TCP_ESTABLISHED
 * @shutdown:	RCV_SHUTDOWN (1) and SEND_SHUTDOWN (2)
 * @local_domid: what it is bound to, SC_DOMID_*
 * @local_port:	0 while not bound
 * @peer_domid:	SC_DOMID_ANY while not connected
 * @peer_port:	0 while not connected
 * @rqueue:	bytes to be received, with what frames records; of a datagram socket
 *		what they cost of SO_RCVBUF; of a listener, connections to be accepted
 * @wqueue:	bytes sent and not consumed; of a listener, its backlog
 * @uid:	whose it is
 * @inode:	0 if it waits for accept()
 * @cookie:	as SO_COOKIE
 */
struct sc_diag_msg {
	__u8	sdiag_family;
	__u8	type;
	__u8	state;
	__u8	shutdown;
	__u32	local_domid;
	__u32	local_port;
	__u32	peer_domid;
	__u32	peer_port;
	__u32	rqueue;
	__u32	wqueue;
	__u32	uid;
	__u32	inode;
	__u32	cookie[2];
};

enum {
	SC_DIAG_UNSPEC,
	SC_DIAG_MEMINFO,	/* u32[SK_MEMINFO_VARS] */
	SC_DIAG_STATS,		/* struct sc_flow_stats */

	__SC_DIAG_MAX,
};

#define SC_DIAG_MAX	(__SC_DIAG_MAX - 1)

/**
 * struct sc_diag_destroy - a SOCK_DESTROY request
 * @sdiag_family: the family's number
 * @sdiag_protocol: 0
 * @pad:	0
 * @cookie:	which socket, as in struct sc_diag_msg
 *
 * Ends the socket as if its peer had reset it, but with ECONNABORTED for who uses
 * it; the peer gets ECONNRESET. A listener stops listening. ENOENT: no such socket in
 * this network namespace. ENOTCONN: it neither listens nor is connected. EPERM:
 * CAP_NET_ADMIN is needed. A datagram socket is disconnected, and may go on.
 */
struct sc_diag_destroy {
	__u8	sdiag_family;
	__u8	sdiag_protocol;
	__u16	pad;
	__u32	cookie[2];
};

#endif /* _UAPI_LINUX_SCHANNEL_DIAG_H */
