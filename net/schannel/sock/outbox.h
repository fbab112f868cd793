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
 * @tx_lock:	who sends, and setting and clearing the two flows
 * @opening:	the flow while the peer has not answered
 * @flow:	the flow once it is open
 * @wants:	somebody wants to hear when there is so much space, or 0
 * @broken:	what the peer wrote makes no sense
 * @lock:	protects what follows
 * @state:	enum sc_outbox_state
 * @blocked:	sockets that got EAGAIN, struct sc_sock @outbox_node
 * @failures:	how often it could not be opened, or was reset
 * @err:	why, the last time
 * @net:	of who had it opened; only compared
 * @deadline:	when opening is given up, in jiffies
 * @wq:		senders that sleep
 */
struct sc_outbox {
	struct schannel_peer *peer;
	struct sc_waiter waiter;
	struct mutex tx_lock;	/* see above */
	struct sc_flow *opening;
	struct sc_flow __rcu *flow;
	u32 wants;
	bool broken;

	spinlock_t lock;	/* what follows */
	enum sc_outbox_state state;
	struct list_head blocked;
	unsigned int failures;
	int err;
	const struct net *net;
	unsigned long deadline;
	wait_queue_head_t wq;
};

/**
 * struct sc_outbox_wait - one call that sends
 * @ssk:	its socket
 * @peer:	to whom; the caller holds a reference
 * @timeo:	how long it may still wait
 * @failures:	of the outbox when the call began to wait
 * @waited:	it did
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
