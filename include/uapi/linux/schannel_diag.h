/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * sock_diag for AF_SCHANNEL: the sockets of the caller's network namespace,
 * connected or not. Users see their own sockets; with CAP_NET_ADMIN they see all.
 */
#ifndef _UAPI_LINUX_SCHANNEL_DIAG_H
#define _UAPI_LINUX_SCHANNEL_DIAG_H

#include <linux/types.h>

/**
 * struct sc_diag_req - a SOCK_DIAG_BY_FAMILY request, with NLM_F_DUMP
 * @sdiag_family: number of the family
 * @sdiag_protocol: 0
 * @pad:	0
 * @types:	1 << SOCK_* for each type to show; 0 shows all types
 * @states:	1 << TCP_* for each state to show; 0 shows all states
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
 * struct sc_diag_msg - one socket of the answer; attributes follow
 * @sdiag_family: number of the family
 * @type:	SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM
 * @state:	TCP_CLOSE, TCP_LISTEN, TCP_SYN_SENT or TCP_ESTABLISHED
 * @shutdown:	RCV_SHUTDOWN (1) and SEND_SHUTDOWN (2)
 * @local_domid: domain id that the socket is bound to, or SC_DOMID_*
 * @local_port:	local port; 0 if the socket is not bound
 * @peer_domid:	domain id of the peer; SC_DOMID_ANY if the socket is not connected
 * @peer_port:	port of the peer; 0 if the socket is not connected
 * @rqueue:	bytes to receive, with the headers of records; for a datagram socket what
 *		they use of SO_RCVBUF; for a listener the number of connections that wait
 *		for accept()
 * @wqueue:	bytes sent that the peer has not consumed; for a listener its backlog
 * @uid:	user id of the owner
 * @inode:	inode number; 0 for a socket that waits for accept()
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
 * @sdiag_family: number of the family
 * @sdiag_protocol: 0
 * @pad:	0
 * @cookie:	the socket's cookie, as in struct sc_diag_msg
 *
 * The kernel ends the socket as if its peer had reset it, but the program gets
 * ECONNABORTED; the peer gets ECONNRESET. A listener stops listening. A datagram socket
 * is disconnected, and stays usable. ENOENT: the network namespace has no such socket.
 * ENOTCONN: the socket neither listens nor is connected. EPERM: the caller does not have
 * CAP_NET_ADMIN.
 */
struct sc_diag_destroy {
	__u8	sdiag_family;
	__u8	sdiag_protocol;
	__u16	pad;
	__u32	cookie[2];
};

#endif /* _UAPI_LINUX_SCHANNEL_DIAG_H */
