/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inbox: where all datagrams from a peer arrive. See inbox.c.
 */
#ifndef _SCHANNEL_INBOX_H
#define _SCHANNEL_INBOX_H

#include <linux/skbuff.h>
#include <linux/types.h>

struct iov_iter;
struct sc_inbox;

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

int sc_inbox_init(void);
void sc_inbox_exit(void);
int sc_inbox_keep(struct sk_buff *skb);
int sc_inbox_read(struct sk_buff *skb, u32 offset, struct iov_iter *to, u32 len);

#endif /* _SCHANNEL_INBOX_H */
