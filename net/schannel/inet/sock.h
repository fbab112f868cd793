/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * schannel_inet.ko: TCP sockets whose bytes travel over a channel.
 *
 *	main.c		registers with schannel.ko what the files below implement
 *	kfunc.c		the function that BPF programs call: it marks a socket
 *	ops.c		the tables of operations that replace TCP's, and close()
 *	connect.c	a marked socket connects: over a flow, or by TCP after all
 *	listen.c	a peer's connection goes into the queue of a TCP listener
 *	io.c		send, receive, splice, poll
 *	sockopt.c	socket options
 *	flow.c		the socket as the user of its flow: what the core calls
 *	sock.c		struct scinet_sock: its life, and replacing a socket's operations
 *	tuple.c		the table of diverted connections, by addresses
 *	reason.c	why connections were not diverted: counted, and remembered
 *	cgroup.c	whether a socket is in an attached cgroup
 *
 * A diverted socket is the same struct tcp_sock as before, with the same file, local address
 * and port. Two things change: its operations (sk_prot and sock->ops) are ours, and TCP's
 * tables do not contain it, so no packet reaches it. icsk_ulp_data points to its
 * struct scinet_sock. A socket goes through these states:
 *
 *	marked		a BPF program asked for diversion; connect() will try it
 *	connecting	TCP_SYN_SENT: a flow is being opened
 *	open		TCP_ESTABLISHED: it has a flow. An accepted socket begins here
 *	reset		TCP_CLOSE: received data can still be read
 *
 * It becomes a TCP socket again when it cannot be diverted, is disconnected, or is closed.
 *
 * A socket is marked, diverted and given back to TCP under lock_sock(), or while no other
 * thread can find it. sk_prot is set last and restored first. A thread that holds no lock
 * calls scinet_get().
 *
 * Each struct scinet_sock holds a reference to the module, and so does sock->ops. A function
 * of this module that may sleep runs with one of these references: otherwise the module could be
 * unloaded before the function returns.
 */
#ifndef _SCHANNEL_INET_SOCK_H
#define _SCHANNEL_INET_SOCK_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/sockptr.h>
#include <linux/workqueue.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>

#include <uapi/linux/schannel_netlink.h>
#include "sock/conn.h"
#include "tuple.h"
#include "core/peer.h"

struct bpf_sock_addr;
struct sc_flow_ops;
struct schannel_channel;
struct schannel_msg;

/**
 * struct scinet_sock - the state of a TCP socket while it is diverted
 * @conn:	its end of the connection; holds a reference to the socket
 * @ref:	references: of the socket, and of each call in progress
 * @rcu:	frees it after a grace period
 * @retire:	work: closes the flow where the release of the socket must not sleep
 * @af_ops:	TCP's own operations, to be restored
 * @backlog_rcv: TCP's own function, to be restored
 * @tuple:	its addresses and ports
 * @peer:	the peer it connects to; holds a reference
 * @waiter:	waits for the peer's channel, and for the answer to OPEN
 * @deadline:	when it falls back to TCP, in jiffies
 * @addr:	the address that connect() was given
 * @addr_len:	its length
 * @dest:	the destination as the program named it, before any BPF program changed it
 * @port:	the port of @dest
 * @write_seq:	TCP's own value, to be restored
 * @window_clamp: TCP's own value, to be restored
 *
 * lock_sock() protects the members from @peer on, which only a connecting socket uses.
 */
struct scinet_sock {
	struct sc_conn conn;
	refcount_t ref;
	struct rcu_head rcu;
	struct work_struct retire;

	const struct inet_connection_sock_af_ops *af_ops;
	int (*backlog_rcv)(struct sock *sk, struct sk_buff *skb);
	struct scinet_tuple tuple;

	struct schannel_peer *peer;
	struct sc_waiter waiter;
	unsigned long deadline;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} addr;
	int addr_len;
	struct in6_addr dest;
	u16 port;
	u32 write_seq;
	u32 window_clamp;
};

/* ---- sock.c ---- */

/*
 * Pass a call on to TCP: it entered through our operations, but the socket is a TCP socket
 * again. The call may sleep, so hold the module until it returns. -EINTR: the module is being
 * unloaded; when the program repeats the call, the socket has TCP's operations.
 */
#define scinet_pass(call) ({						\
	int err_ = -EINTR;						\
									\
	if (try_module_get(THIS_MODULE)) {				\
		err_ = (call);						\
		module_put(THIS_MODULE);				\
	}								\
	err_;								\
})

extern struct proto scinet_proto[2], scinet_marked_proto[2];
extern struct proto_ops scinet_ops[2];
extern const struct proto_ops *scinet_saved_ops[2];

/* The index in arrays that have an element for IPv4 and one for IPv6. */
static inline int scinet_family(const struct sock *sk)
{
	return sk->sk_family == AF_INET6;
}

static inline const struct proto *scinet_load_proto(const struct sock *sk)
{
	/* acquire: pairs with scinet_set_proto() */
	return smp_load_acquire(&((struct sock *)sk)->sk_prot);
}

static inline bool scinet_is_diverted(const struct sock *sk)
{
	return scinet_load_proto(sk) == &scinet_proto[scinet_family(sk)];
}

static inline bool scinet_is_marked(const struct sock *sk)
{
	return scinet_load_proto(sk) == &scinet_marked_proto[scinet_family(sk)];
}

/* For a marked or diverted socket. The caller holds lock_sock() or the spinlock. */
static inline struct scinet_sock *scinet_sk(const struct sock *sk)
{
	return rcu_dereference_protected(inet_csk(sk)->icsk_ulp_data,
					 lockdep_sock_is_held(sk));
}

struct proto *scinet_plain(const struct sock *sk);
const struct proto_ops *scinet_plain_ops(const struct sock *sk);
bool scinet_is_claimed(const struct sock *sk);
bool scinet_has_plain_ops(const struct sock *sk);
bool scinet_leave_ops(struct sock *sk);
struct scinet_sock *scinet_alloc(gfp_t gfp);
void scinet_init(struct scinet_sock *is, struct sock *sk);
struct scinet_sock *scinet_get(struct sock *sk);
void scinet_put(struct scinet_sock *is);
void scinet_mark(struct scinet_sock *is);
struct scinet_sock *scinet_unmark(struct sock *sk);
bool scinet_divert(struct scinet_sock *is);
struct scinet_sock *scinet_undivert(struct sock *sk);
void scinet_retire(struct scinet_sock *is);
int scinet_state(struct scinet_sock *is);
void scinet_reset(struct scinet_sock *is, int err);
void scinet_take_ops(struct sock *sk);
void scinet_connect_stop(struct scinet_sock *is);
bool scinet_dest(const struct sock *sk, const struct sockaddr *addr, int len,
		 struct in6_addr *dest, u16 *port);

/* ---- flow.c ---- */

bool scinet_is_connecting(const struct scinet_sock *is);
void scinet_count(const struct scinet_sock *is, enum schannel_divert verdict);
void scinet_apply(struct sc_conn *conn);
void scinet_accepted(struct sock *sk);
extern const struct sc_flow_ops scinet_flow_ops;

/* ---- ops.c ---- */

int scinet_ops_init(void);

/* ---- connect.c ---- */

int scinet_connect(struct sock *sk, struct sockaddr *addr, int addr_len);
void scinet_connect_init(struct scinet_sock *is);

/* ---- listen.c ---- */

int scinet_incoming(struct schannel_channel *ch, const struct schannel_msg *msg);

/* ---- io.c ---- */

int scinet_sendmsg(struct sock *sk, struct msghdr *msg, size_t len);
int scinet_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags,
		   int *addr_len);
int scinet_ioctl(struct sock *sk, int cmd, int *arg);
ssize_t scinet_splice_read(struct socket *sock, loff_t *pos,
			   struct pipe_inode_info *pipe, size_t len,
			   unsigned int flags);
int scinet_mmap(struct file *file, struct socket *sock,
		struct vm_area_struct *vma);
int scinet_set_rcvlowat(struct sock *sk, int val);
__poll_t scinet_poll(struct file *file, struct socket *sock, poll_table *wait);
int scinet_getname(struct socket *sock, struct sockaddr *addr, int peer);

/* Whom a TCP socket belongs to, for the peer. */
static inline struct sc_ids scinet_ids(const struct sock *sk)
{
	return (struct sc_ids) {
		.uid = from_kuid(&init_user_ns, sk->sk_uid),
		.gid = SCHANNEL_ID_NONE,
	};
}

/* ---- sockopt.c ---- */

int scinet_setsockopt(struct socket *sock, int level, int name,
		      sockptr_t val, unsigned int len);
int scinet_getsockopt(struct socket *sock, int level, int name,
		      char __user *val, int __user *len);

/* ---- kfunc.c ---- */

int schannel_divert(struct bpf_sock_addr *ctx);
int scinet_kfunc_init(void);

#endif /* _SCHANNEL_INET_SOCK_H */
