/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * schannel_inet.ko: TCP sockets whose bytes travel over a channel.
 *
 * A diverted socket stays the struct tcp_sock it was: bound, named and known to its process
 * as before. What changes is what the kernel calls for it (sk_prot, and sock->ops), and
 * that it is in no table of TCP's, so that nothing from the wire reaches it. Its
 * struct scinet_sock hangs on icsk_ulp_data. A socket goes through
 *
 *	marked		a BPF program wants it diverted, connect() will see to it
 *	connecting	TCP_SYN_SENT: a flow is being opened
 *	open		TCP_ESTABLISHED: it has its flow. An accepted one begins here
 *	reset		TCP_CLOSE, with what can still be read
 *
 * and becomes TCP's again when it cannot be diverted, is disconnected, or closed.
 *
 * What is ours, is so under lock_sock(), or for who has not yet been given the socket: sk_prot
 * is set last, and taken back first. Who holds no lock asks scinet_get().
 *
 * Each struct scinet_sock holds the module, and so does sock->ops. A function of ours that may
 * sleep runs with one of the two: else there would be no code to return to.
 */
#ifndef _SCHANNEL_INET_SOCK_H
#define _SCHANNEL_INET_SOCK_H

#include <linux/in.h>
#include <linux/in6.h>
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
 * @retire:	ends in process context what the release of the socket cannot end
 * @af_ops:	TCP's own operations, to be restored
 * @backlog_rcv: TCP's own function, to be restored
 * @tuple:	its addresses
 * @peer:	the peer it connects to; holds a reference
 * @waiter:	waits for the peer's channel, and for the answer
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

/* ---- sock.c: its life ---- */

extern struct proto scinet_proto[2], scinet_marked_proto[2];
extern struct proto_ops scinet_ops[2];
extern const struct proto_ops *scinet_saved_ops[2];

/* Index of the above, and of all that is there for each of the two families. */
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

/* Of a socket that is marked or diverted. It has its lock, owned or not. */
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

/* ---- sockopt.c ---- */

int scinet_setsockopt(struct socket *sock, int level, int name,
		      sockptr_t val, unsigned int len);
int scinet_getsockopt(struct socket *sock, int level, int name,
		      char __user *val, int __user *len);

/* ---- kfunc.c ---- */

int schannel_divert(struct bpf_sock_addr *ctx);
int scinet_kfunc_init(void);

#endif /* _SCHANNEL_INET_SOCK_H */
