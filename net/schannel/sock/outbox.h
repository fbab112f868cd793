/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The outbox: where all datagrams to a peer leave. See outbox.c.
 */
#ifndef _SCHANNEL_OUTBOX_H
#define _SCHANNEL_OUTBOX_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "core/peer.h"

struct iov_iter;
struct net;
struct sc_flow;
struct sc_sock;
struct schannel_record;

enum sc_outbox_state {
	SC_OUTBOX_IDLE,		/* no flow; the next datagram opens one */
	SC_OUTBOX_OPENING,
	SC_OUTBOX_OPEN,
	SC_OUTBOX_CLOSED,	/* the peer is gone */
};

/**
 * struct sc_outbox - a peer's outbox, from the first datagram on
 * @peer:	the peer. Not held: it frees the outbox, and closes it before that
 * @waiter:	waits for the peer's channel; its work opens the flow, or ends it
 * @tx_lock:	serialises senders; protects @opening, and changes of @flow
 * @opening:	the flow until the peer has answered
 * @flow:	the flow once it is open
 * @wants:	a sender waits for an event when there is this much space; 0: none does
 * @broken:	the peer wrote an invalid index or record
 * @lock:	protects what follows
 * @state:	enum sc_outbox_state
 * @blocked:	sockets that got EAGAIN, by struct sc_sock @outbox_node
 * @ready:	those of them that there is space for, to be woken
 * @failed:	those that will get the error @err
 * @sleepers:	number of threads in @wq
 * @rousing:	how many of them are still to be woken
 * @failures:	times that it could not be opened, or was reset
 * @err:	the last failure's error, negative
 * @net:	the namespace for which it was opened; compared only
 * @deadline:	when opening times out, in jiffies
 * @wq:		senders that sleep
 * @wake_work:	wakes the rest of @ready, @failed and @wq
 */
struct sc_outbox {
	struct schannel_peer *peer;
	struct sc_waiter waiter;
	struct mutex tx_lock;	/* see above */
	struct sc_flow *opening;
	struct sc_flow __rcu *flow;
	u32 wants;
	bool broken;

	spinlock_t lock;	/* see above */
	enum sc_outbox_state state;
	struct list_head blocked;
	struct list_head ready;
	struct list_head failed;
	unsigned int sleepers;
	unsigned int rousing;
	unsigned int failures;
	int err;
	const struct net *net;
	unsigned long deadline;
	wait_queue_head_t wq;
	struct work_struct wake_work;
};

/**
 * struct sc_outbox_wait - one sending call
 * @ssk:	its socket
 * @peer:	the receiver; the caller holds a reference
 * @timeo:	how long the call may still wait, in jiffies
 * @failures:	the outbox's @failures when the call began to wait
 * @waited:	whether it has begun to wait
 */
struct sc_outbox_wait {
	struct sc_sock *ssk;
	struct schannel_peer *peer;
	long timeo;
	unsigned int failures;
	bool waited;
};

void sc_outbox_init(void);
void sc_outbox_exit(void);
void sc_outbox_prepare(struct schannel_peer *peer, const struct net *net);
int sc_outbox_send(struct schannel_peer *peer, const struct net *net,
		   struct iov_iter *from, const struct schannel_record *rec);
int sc_outbox_wait(struct sc_outbox_wait *w);
void sc_outbox_unblock(struct sc_sock *ssk);

#endif /* _SCHANNEL_OUTBOX_H */
