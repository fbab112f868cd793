/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The AF_SCHANNEL socket.
 *
 * Locks, in the order in which they nest:
 *	lock_sock()	state, addresses, @conn.flow being set and cleared
 *	@conn.tx_lock	senders
 *	@conn.rx_lock	receivers
 *	@accept_lock	a listener's queue
 *
 * sk_state: TCP_CLOSE, TCP_LISTEN, TCP_SYN_SENT, TCP_ESTABLISHED. A connection that
 * was reset is TCP_CLOSE and keeps its flow, so that data that had arrived can still be
 * read.
 */
#ifndef _SCHANNEL_SOCKET_H
#define _SCHANNEL_SOCKET_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/spinlock.h>
#include <net/sock.h>

#include <uapi/linux/schannel.h>
#include <uapi/xen/schannel.h>
#include "conn.h"
#include "core/flow.h"
#include "core/peer.h"

/**
 * struct sc_sock - a socket
 * @sk:		the kernel's part; first, as sk_alloc() wants it
 * @conn:	its end of the connection; a datagram socket uses only locks and counters
 * @local_domid: the domain id that it was bound to
 * @local_port:	the port that it was bound to; 0 while not bound
 * @peer_domid:	the domain that it is, or will be, connected to
 * @peer_port:	the port there
 * @table_id:	number in the table of all sockets, or 0
 * @port_node:	in the table of ports, if it has its port from there
 * @ring_min:	ring sizes set by SO_SC_RING_MIN; 0: not set
 * @ring_max:	ring sizes set by SO_SC_RING_MAX; 0: not set
 * @ids:	the user that called connect() or listen()
 * @peer:	the peer that it connects to; holds a reference
 * @waiter:	waits for that peer's channel, and for the answer; initialised with @peer
 * @deadline:	when connect() times out, in jiffies
 * @retry:	how long to wait before a full backlog is tried again, in jiffies
 * @opened:	the peer accepted, whatever happened since
 * @accept_lock: protects a listener's queue
 * @accept_queue: a listener's connections that wait for accept()
 * @accept_node: in the listener's @accept_queue
 * @outbox_peer: the peer whose outbox had no space for it; holds a reference
 * @outbox_node: in that outbox's list while it waits (the outbox's lock)
 */
struct sc_sock {
	struct sock sk;		/* must come first */
	struct sc_conn conn;

	u32 local_domid;
	u32 local_port;
	u32 peer_domid;
	u32 peer_port;
	u32 table_id;
	struct hlist_node port_node;
	struct sc_ring_sizes ring_min;
	struct sc_ring_sizes ring_max;

	struct sc_ids ids;
	struct schannel_peer *peer;
	struct sc_waiter waiter;
	unsigned long deadline;
	unsigned long retry;
	bool opened;

	spinlock_t accept_lock;	/* the queue */
	struct list_head accept_queue;
	struct list_head accept_node;

	struct schannel_peer *outbox_peer;
	struct list_head outbox_node;
};

static inline struct sc_sock *sc_sk(const struct sock *sk)
{
	return (struct sc_sock *)sk;
}

/* The type of the socket's flow, SCHANNEL_TYPE_*. */
static inline u8 sc_sock_flow_type(const struct sock *sk)
{
	return sk->sk_type == SOCK_SEQPACKET ? SCHANNEL_TYPE_SEQPACKET :
					       SCHANNEL_TYPE_STREAM;
}

/* socket.c */
struct sc_ids sc_sock_current_ids(void);
struct sock *sc_sock_alloc(struct net *net, struct socket *sock, struct proto *prot,
			   int type, int kern);
void sc_sock_reset(struct sock *sk, enum schannel_reason reason, int err);
void sc_sock_established(struct sc_sock *ssk);
void sc_sock_connect_ended(struct sc_sock *ssk, u32 domid, u32 port, int err);
int sc_sock_address(const struct sockaddr *addr, int len,
		    const struct sockaddr_sc **sc);

/* socket_flow.c */
void sc_sock_release_cb(struct sock *sk);
extern const struct sc_flow_ops sc_sock_flow_ops;

/* connect.c */
int sc_connect(struct socket *sock, struct sockaddr *addr, int len, int flags);
void sc_connect_failed(struct sock *sk, int err);
void sc_connect_stop(struct sc_sock *ssk);

/* stream.c */
int sc_stream_inq(struct sock *sk);
int sc_stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int sc_stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
		      int flags);

/* seqpacket.c */
int sc_seqpacket_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int sc_seqpacket_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
			 int flags);
int sc_seqpacket_inq(struct sock *sk);

/* dgram.c */
int sc_dgram_connect(struct socket *sock, struct sockaddr *addr, int len,
		     int flags);
int sc_dgram_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int sc_dgram_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
		     int flags);
__poll_t sc_dgram_poll(struct file *file, struct socket *sock, poll_table *wait);
int sc_dgram_shutdown(struct socket *sock, int how);
int sc_dgram_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);
void sc_dgram_release(struct sc_sock *ssk);

#endif /* _SCHANNEL_SOCKET_H */
