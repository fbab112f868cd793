/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * schannel_inet.ko: a TCP connection is set up, seen and ended by TCP. While both ends can, its
 * bytes travel over the rings of a flow of type TCP, and over TCP whenever they cannot, in
 * place. The ABI header has the protocol under "TCP connections".
 *
 *	main.c		registers with schannel.ko what the files below implement
 *	cgroup.c	whether a socket is in an attached cgroup, and its scope includes it
 *	kfunc.c		the function that BPF programs call when a socket connects
 *	reason.c	why connections were not diverted: counted, and remembered
 *	plain.c		a TCP socket as TCP made it
 *
 *	wrap.c		a socket gets our operations before a program can use it
 *	promote.c	a flow is opened for an established connection
 *	flow.c		the socket as the user of its flow: what the core calls
 *	move.c		a direction announces its move, the other end acknowledges it
 *	advance.c	a reader goes from TCP to the ring and back
 *	recv.c		receives from either, in the order of the bytes
 *	send.c		sends to one of the two
 *	back.c		a direction goes back to TCP, and what the peer has not read with it
 *	end.c		shutdown() and close(), and the socket's work
 *	poll.c		poll(), ioctl(), splice() and socket options
 *	watch.c		looks now and then at a connection whose bytes are in rings
 *	detach.c	sockets of cgroups that were detached go back to TCP for good
 *	life.c		struct sctcp: the list of all, references, giving the socket back
 *	capture.c	shows bytes as packets, with the sequence numbers that they have there
 *	monitor.c	the network devices on which it does
 *
 * Each direction moves by itself. S is the sequence number at which the sender stops using
 * TCP (@tcp_base in the ABI).
 *
 *	sending		         announce: S = write_seq
 *		SCTCP_TX_TCP ------------------------> SCTCP_TX_ANNOUNCED
 *		  ^    ^                                 |           |
 *		  |    | leave: the ring was not used    |           | the peer knows S
 *		  |    +---------------------------------+           v
 *		  |   rest is sent                    leave    SCTCP_TX_RING
 *		  +------------------ SCTCP_TX_OWED <-----------------+
 *
 *	receiving	         S is known, and was reached
 *		SCTCP_RX_TCP ------------------------> SCTCP_RX_RING
 *		  ^    ^                                 |
 *		  |    | what follows S is no marker     | TCP has bytes beyond S, or the flow
 *		  |    +------------------- SCTCP_RX_MARKER <--------+   is gone
 *		  |   all is skipped               | the marker was read
 *		  +------------------ SCTCP_RX_SKIP
 *
 * Model, for whoever changes or verifies it. Bytes are never lost, repeated or reordered since:
 *	1. Between announcing S and leaving, a sender gives nothing to TCP; and to the ring only
 *	   after it has read the acknowledgment of S.
 *	2. A reader that knows S reads from TCP no byte beyond S, unless it is in state MARKER
 *	   or SKIP. One that does not know S may read all that TCP has, since nothing
 *	   follows S before the acknowledgment. It reads rcv_nxt first, and only then whether S is
 *	   known, and asks TCP for no more than that: TCP takes more in the middle of a call.
 *	3. A sender that has read the acknowledgment of S, so that it may have used the ring, puts
 *	   a marker in front of the next byte that it gives to TCP. One that has not
 *	   sends no marker. So what a reader finds beyond S is a marker, or the reader has
 *	   consumed nothing of the ring since S, and it is data.
 *	4. The marker says which positions of the ring follow it. The reader skips those that it
 *	   had consumed. It knows its own position even after the channel is gone.
 *	5. After leaving, a direction moves again, or a new flow is opened, only once the marker was
 *	   sent and read.
 *
 * Locks, outermost first: rd_lock, lock_sock(), conn.tx_lock, conn.rx_lock, lock. A work
 * takes neither rd_lock nor lock_sock() blindly: their owner may be in a page fault for as
 * long as user space likes. It tries to take both, in whatever order. A socket that waits for
 * accept() is never owned.
 */
#ifndef _SCHANNEL_INET_TCP_H
#define _SCHANNEL_INET_TCP_H

#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/sockptr.h>
#include <linux/workqueue.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>

#include <uapi/linux/schannel_netlink.h>
#include "core/peer.h"
#include "plain.h"
#include "sock/conn.h"

struct bpf_sock_addr;
struct sc_flow_ops;
struct schannel_channel;
struct schannel_msg;

enum sctcp_tx_state { SCTCP_TX_TCP, SCTCP_TX_ANNOUNCED, SCTCP_TX_RING, SCTCP_TX_OWED };
enum sctcp_rx_state { SCTCP_RX_TCP, SCTCP_RX_RING, SCTCP_RX_MARKER, SCTCP_RX_SKIP };

/*
 * Why a sending direction goes back to TCP. In the order of SCHANNEL_A_STATS_TCP_BACK_*, which
 * count it.
 */
enum sctcp_cause {
	SCTCP_CAUSE_CHANNEL,	/* the channel has ended */
	SCTCP_CAUSE_PEER,	/* the peer closes the flow, or has asked for it */
	SCTCP_CAUSE_ADMIN,	/* flows kill, flows demote, detach --now */
	SCTCP_CAUSE_PROGRAM,	/* MSG_OOB, or an option that needs TCP */
	SCTCP_CAUSE_FILTER,	/* a filter looks at its packets since */
	SCTCP_CAUSE_UNREAD,	/* nobody has read the ring for long */
	SCTCP_CAUSE_END,	/* shutdown() or close(), or TCP has ended the connection */
	SCTCP_CAUSE_BROKEN,	/* the peer broke the protocol, or memory was short */
};

/**
 * struct sctcp_rest - what goes over TCP before anything else
 * @marker:	the marker
 * @bytes:	what the peer had not consumed of the ring; freed once it is sent
 * @len:	their number; 0: the marker may wait until there is something to send behind it
 * @sent:	bytes of marker and @bytes that TCP has
 */
struct sctcp_rest {
	struct schannel_tcp_marker marker;
	void *bytes;
	u32 len;
	u32 sent;
};

/**
 * struct sctcp_unread - what had arrived in the peer's ring when that was left
 * @bytes:	freed once all are read
 * @len:	their number
 * @read:	how many of them were read
 */
struct sctcp_unread {
	void *bytes;
	u32 len;
	u32 read;
};

/**
 * struct sctcp_shown - what was shown of a direction, see capture.c
 * @any:	there was something
 * @next:	the sequence number behind it
 */
struct sctcp_shown {
	bool any;
	u32 next;
};

/**
 * struct sctcp - what a TCP socket has while it has our operations
 * @conn:	its end of the flow; holds a reference to the socket. @conn.flow is changed under
 *		both data locks and @lock, but not under lock_sock()
 * @ref:	references: the socket's, and of each call in progress
 * @rcu:	frees it after a grace period
 * @retire:	work: the rest of unwrapping, which may sleep
 * @work:	the socket's work, see sctcp_work()
 * @write_space: TCP's own function, to be restored
 * @accepted:	it is the accepting end, which opens flows
 * @verdict:	enum schannel_divert: why its bytes have not moved so far; OK: they have
 * @peer:	the accepting end's: whom it opens a flow to, or NULL. Holds a reference. Only
 *		@waiter's work uses it
 * @seeks:	no domain has the other end's address; the next one that appears may
 * @queued:	a flow is to be opened once it was accepted (the socket's spinlock)
 * @waiter:	waits for a channel, and for the next attempt to open a flow
 * @retry:	delay before the next attempt, in jiffies
 * @refusals:	how often the peer has refused a flow as SOURCE since it accepted one
 * @nonce:	identifies the flow in markers. Set while both directions are TCP's
 * @first_sent:	sequence number of the first byte that was sent (the socket's spinlock)
 * @first_received: and of the first one that was received, likewise
 * @first_known: both are known
 * @dest:	the connecting end's: where to, for those who ask why it was not diverted
 * @port:	its port
 * @node:	in the list of all
 * @walk:	the last walk through that list which has looked at it
 * @detached:	the socket is to be given back to TCP
 * @demoted:	an administrator wants its bytes to stay with TCP
 * @dropped:	the socket is not ours any more: no new flow (conn.tx_lock)
 * @barred:	no new move to a ring
 * @urgent:	urgent data was sent: no new move, since TCP's recvmsg() skips that byte and
 *		may then read one beyond S (lock_sock())
 * @broken:	the peer broke the protocol, or the rest could not be kept: reset the connection
 * @fin:	shutdown() was called and TCP was not told yet (lock_sock())
 * @closing:	close() was called, and what is left of it is done by @work (lock_sock())
 * @until:	when @fin stops waiting for the peer to read the ring, in jiffies
 * @ends:	when @closing stops waiting for the peer, in jiffies
 * @again:	the peer is there: a marker without bytes is sent although nothing follows it, so
 *		that the connection can move again
 * @tx_state:	sctcp_tx_state. Changes under conn.tx_lock; from and to TCP under lock_sock(), too
 * @tx_gen:	our @tcp_gen (conn.tx_lock)
 * @tx_holds:	calls that are in TCP's own sendmsg(): no announcement (lock_sock())
 * @tx_retracts: announcements that were taken back, one after the other (lock_sock())
 * @watch:	looks at the connection now and then
 * @watched:	@watch is queued
 * @watch_unread: the peer had not read all when @watch looked (conn.tx_lock)
 * @watch_pos:	where the peer had read to then (conn.tx_lock)
 * @watch_bytes: bytes that were sent and received until then (conn.tx_lock)
 * @stalled:	the peer does not read on: @work is to leave the ring
 * @refresh:	@work is to send an ACK, and to look for filters
 * @rest:	while @tx_state is OWED (lock_sock(); set under conn.tx_lock)
 * @tx_extra:	bytes of markers and rests that TCP was given, see capture.c (lock_sock())
 * @shown:	what was shown of receiving and of sending, see capture.c
 * @rd_lock:	serialises readers
 * @rd_held:	the reader is a work that holds lock_sock() (@rd_lock)
 * @rx_extra:	bytes of markers that were read, and that were skipped behind them (@rd_lock)
 * @unread:	is read after what TCP has before S, and before the marker (conn.rx_lock)
 * @lock:	protects what follows. Softirq
 * @rx_state:	sctcp_rx_state; changes under @rd_lock, too, and from and to RING under rx_lock
 * @rx_known:	S is known
 * @rx_gen:	the peer's @tcp_gen, as last read
 * @rx_base:	S
 * @rx_start:	position in the ring where it continues behind S
 * @rx_before:	bytes that were received from the ring before, in @conn.rx_count
 * @rx_to:	where the ring is behind the bytes that the marker announced
 * @rx_skip:	bytes to be skipped
 */
struct sctcp {
	struct sc_conn conn;
	refcount_t ref;
	struct rcu_head rcu;
	struct work_struct retire;
	struct delayed_work work;
	void (*write_space)(struct sock *sk);

	bool accepted;
	u8 verdict;
	struct schannel_peer *peer;
	bool seeks;
	bool queued;
	struct sc_waiter waiter;
	unsigned long retry;
	u32 refusals;
	u32 nonce[2];
	u32 first_sent;
	u32 first_received;
	bool first_known;
	struct in6_addr dest;
	u16 port;
	struct list_head node;
	u32 walk;
	bool detached;
	bool demoted;
	bool dropped;
	bool barred;
	bool urgent;
	bool broken;

	bool fin;
	bool closing;
	unsigned long until;
	unsigned long ends;
	bool again;

	u8 tx_state;
	u32 tx_gen;
	u32 tx_holds;
	u32 tx_retracts;
	struct delayed_work watch;
	bool watched;
	bool watch_unread;
	bool stalled;
	bool refresh;
	u32 watch_pos;
	u64 watch_bytes;
	struct sctcp_rest rest;
	u32 tx_extra;
	struct sctcp_shown shown[2];

	struct mutex rd_lock;	/* see above */
	bool rd_held;
	u32 rx_extra;
	struct sctcp_unread unread;
	spinlock_t lock;	/* see above */
	u8 rx_state;
	bool rx_known;
	u32 rx_gen;
	u32 rx_base;
	u32 rx_start;
	u64 rx_before;
	u32 rx_to;
	u32 rx_skip;
};

/* How long the peer may take to read a ring before what is left goes over TCP. */
#define SCTCP_DRAIN		HZ
/* How long a closed socket waits for the marker of a peer that has acknowledged its FIN. */
#define SCTCP_LINGER		HZ
/* Delays between attempts to send the rest, and to open a flow. */
#define SCTCP_AGAIN		max(HZ / 50, 1)
#define SCTCP_RETRY_MIN		max(HZ / 20, 1)
#define SCTCP_RETRY_MAX		(10 * HZ)

/* ---- life.c ---- */

extern struct proto sctcp_proto[2];
extern struct proto_ops sctcp_ops[2];

static inline bool sctcp_is_wrapped(const struct sock *sk)
{
	return scinet_load_proto(sk) == &sctcp_proto[scinet_family(sk)];
}

/* Whether @is is the socket's. The caller holds lock_sock() or the spinlock. */
static inline bool sctcp_is_its(const struct sctcp *is)
{
	const struct sock *sk = is->conn.sk;

	return sctcp_is_wrapped(sk) &&
	       rcu_access_pointer(inet_csk(sk)->icsk_ulp_data) == is;
}

static inline struct schannel_flow_tcp *sctcp_own_words(const struct sc_flow *flow)
{
	return (struct schannel_flow_tcp *)flow->tx.own->type_words;
}

static inline const struct schannel_flow_tcp *sctcp_peer_words(const struct sc_flow *flow)
{
	return (const struct schannel_flow_tcp *)flow->tx.peer->type_words;
}

/* The position in the ring that was received up to since S; also after the ring was lost. */
static inline u32 sctcp_rx_pos(const struct sctcp *is)
{
	return is->rx_start + (u32)(is->conn.rx_count.bytes - is->rx_before);
}

/* Do its bytes have to stay with TCP? */
static inline bool sctcp_stays(const struct sctcp *is)
{
	return READ_ONCE(is->barred) || READ_ONCE(is->urgent) || READ_ONCE(is->detached) ||
	       READ_ONCE(is->demoted);
}

void sctcp_list_add(struct sctcp *is);
u64 sctcp_visit_all(bool (*visit)(struct sctcp *is, const struct net *net),
		    const struct net *net);
struct sctcp *sctcp_get(struct sock *sk);
void sctcp_put(struct sctcp *is);
bool sctcp_has_user(const struct sctcp *is);
struct sctcp *sctcp_unwrap(struct sock *sk);
void sctcp_retire(struct sctcp *is);
void sctcp_kick(struct sctcp *is, unsigned long delay);
void sctcp_try_open(struct sctcp *is, unsigned long delay);
void sctcp_write_space(struct sock *sk);
void sctcp_wake(struct sctcp *is);

/* A direction is TCP's again, which a socket that is to be detached waits for. */
static inline void sctcp_came_back(struct sctcp *is)
{
	if (READ_ONCE(is->detached))
		sctcp_kick(is, 0);
}

void sctcp_keep_error(struct sock *sk, int err);

/* ---- kfunc.c ---- */

int schannel_divert(struct bpf_sock_addr *ctx, bool ahead);
int scinet_kfunc_init(void);

/* ---- wrap.c ---- */

enum schannel_divert sctcp_wrap_connecting(struct sock *sk, const struct in6_addr *dest, u16 port,
					   enum schannel_divert known);
int sctcp_wrap_init(void);
void sctcp_wrap_exit(void);

/* ---- move.c ---- */

bool sctcp_is_filtered(const struct sock *sk);
bool sctcp_fits(const struct sctcp *is);
void sctcp_look(struct sctcp *is, struct sc_flow *flow);
void sctcp_announce(struct sctcp *is);
bool sctcp_heard(struct sctcp *is, struct sc_flow *flow);
bool sctcp_is_idle(struct sctcp *is);
bool sctcp_finish(struct sctcp *is);

/* ---- promote.c ---- */

void sctcp_promote_init(struct sctcp *is);
void sctcp_note_first(struct sctcp *is);
void sctcp_see(struct sctcp *is);
struct schannel_peer *sctcp_find_peer(const struct sock *sk, enum schannel_divert *verdict);
void sctcp_peer_appeared(void);
void sctcp_promote_exit(void);
int sctcp_incoming(struct schannel_channel *ch, const struct schannel_msg *msg);

/* ---- flow.c ---- */

void sctcp_say(struct sctcp *is, enum schannel_divert verdict);
void sctcp_judge(struct sctcp *is);
void sctcp_join(struct sctcp *is, struct sc_flow *flow);
extern const struct sc_flow_ops sctcp_flow_ops;

/* ---- advance.c ---- */

u32 sctcp_space(const struct sock *sk);
u32 sctcp_limit(struct sctcp *is);
bool sctcp_at_base(const struct sctcp *is);
bool sctcp_has_left(const struct sctcp *is);
bool sctcp_is_over(const struct sock *sk);
bool sctcp_is_resolved(struct sctcp *is);
void sctcp_advance(struct sctcp *is);
void sctcp_advance_held(struct sctcp *is);
int sctcp_tcp_recv(struct sock *sk, struct msghdr *msg, size_t len, int flags);
int sctcp_tcp_take(struct sctcp *is, void *to, size_t len, int flags);
int sctcp_tcp_end(struct sock *sk);

/* ---- recv.c ---- */

bool sctcp_readable(struct sctcp *is, u32 want, bool arm);
u32 sctcp_inq(struct sctcp *is);
int sctcp_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags, int *addr_len);

/* ---- send.c ---- */

int sctcp_enter_ring(struct sctcp *is);
bool sctcp_writable(struct sctcp *is);
int sctcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t len);

/* ---- back.c ---- */

u32 sctcp_consumed(const struct sc_tx *tx);
void sctcp_tx_leave(struct sctcp *is, enum sctcp_cause cause);
void sctcp_leave(struct sctcp *is, struct sc_flow *flow, enum sctcp_cause cause);
void sctcp_leave_any(struct sctcp *is, enum sctcp_cause cause);
void sctcp_leave_for_good(struct sctcp *is, enum sctcp_cause cause);
void sctcp_again(struct sctcp *is);
int sctcp_flush(struct sctcp *is);
void sctcp_break(struct sctcp *is);
void sctcp_drop(struct sctcp *is);
void sctcp_unread_free(struct sctcp_unread *unread);

/* ---- end.c ---- */

void sctcp_work(struct work_struct *work);
void sctcp_shutdown(struct sock *sk, int how);
void sctcp_close(struct sock *sk, long timeout);
void sctcp_close_wait(void);

/* ---- watch.c ---- */

void sctcp_watch_init(struct sctcp *is);
void sctcp_watch(struct sctcp *is);
void sctcp_watch_hurry(struct sctcp *is);
void sctcp_watch_step(struct sctcp *is);

/* ---- detach.c ---- */

bool sctcp_detach_step(struct sctcp *is);
bool sctcp_detach_owned(struct sctcp *is);
void sctcp_detach_all(const struct net *net, u64 *left);
bool sctcp_may_restart(const struct sctcp *is, size_t done);
int sctcp_restart(void);

/* ---- poll.c ---- */

__poll_t sctcp_poll(struct file *file, struct socket *sock, poll_table *wait);
int sctcp_ioctl(struct sock *sk, int cmd, int *arg);
ssize_t sctcp_splice_read(struct socket *sock, loff_t *pos, struct pipe_inode_info *pipe,
			  size_t len, unsigned int flags);
int sctcp_mmap(struct file *file, struct socket *sock, struct vm_area_struct *vma);
int sctcp_setsockopt(struct socket *sock, int level, int name, sockptr_t val, unsigned int len);
int sctcp_getsockopt(struct socket *sock, int level, int name, char __user *val,
		     int __user *len);

#endif /* _SCHANNEL_INET_TCP_H */
