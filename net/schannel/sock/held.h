/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Datagrams in the receive queues of sockets: inbox.c delivers them, dgram.c receives them,
 * held.c knows where their bytes are.
 */
#ifndef _SCHANNEL_HELD_H
#define _SCHANNEL_HELD_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct iov_iter;
struct schannel_channel;
struct sc_flow;
struct sock;

/**
 * struct sc_inbox - a channel's inbox, the user of the flow that the peer opened for it
 * @flow:	the flow; NULL until that is made
 * @channel:	the flow's channel
 * @ref:	held by the flow, each datagram in a receive queue, and the queued work
 * @rcu:	the inbox is freed after a grace period: the upcall has no reference
 * @work:	delivers what an upcall left, or ends a flow with an invalid index; holds
 *		a reference while queued
 * @lock:	protects what follows, and both directions of the flow. Softirq
 * @next:	position of the first record that was not delivered
 * @held:	datagrams that keep space in the ring, in order
 * @broken:	the peer wrote an invalid index or record; also read without @lock
 * @gone:	the flow must not be used any more; also read without @lock
 */
struct sc_inbox {
	struct sc_flow *flow;
	struct schannel_channel *channel;
	refcount_t ref;
	struct rcu_head rcu;
	struct work_struct work;

	spinlock_t lock;	/* see above */
	u32 next;
	struct list_head held;
	bool broken;
	bool gone;
};

static inline void sc_inbox_put(struct sc_inbox *in)
{
	if (refcount_dec_and_test(&in->ref))
		kfree_rcu(in, rcu);
}

/**
 * struct sc_dgram - a datagram in a socket's receive queue, in an skb's @cb
 * @node:	in the inbox's list of datagrams that keep space in the ring; empty once
 *		this one does not
 * @inbox:	the inbox it arrived in; holds a reference
 * @pos:	its record's position in the ring
 * @domid:	the domain that sent it
 * @port:	the port that sent it
 * @pins:	receivers that are copying from the ring
 * @in_place:	it is in the ring; otherwise in the skb, where it was copied aside
 * @lost:	there was no memory to copy it aside: nothing can be received
 *
 * @node, @pins, @in_place and @lost: the inbox's lock.
 */
struct sc_dgram {
	struct list_head node;
	struct sc_inbox *inbox;
	u32 pos;
	u32 domid;
	u32 port;
	u16 pins;
	bool in_place;
	bool lost;
};

static inline struct sc_dgram *sc_dgram(struct sk_buff *skb)
{
	return (struct sc_dgram *)skb->cb;
}

u32 sc_held_copy_size(u32 len);
bool sc_held_copy_out(struct sc_inbox *in, struct sk_buff *skb, bool pages);
void sc_held_copy_aside(struct sc_inbox *in);
bool sc_held_copy_some_aside(struct sc_inbox *in);
int sc_held_queue(struct sock *sk, struct sk_buff *skb);
int sc_held_keep(struct sk_buff *skb);
int sc_held_read(struct sk_buff *skb, u32 offset, struct iov_iter *to, u32 len);

#endif /* _SCHANNEL_HELD_H */
