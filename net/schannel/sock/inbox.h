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
 * @node:	in the inbox's list of those whose space cannot be given back yet;
 *		empty once it can
 * @inbox:	where it came in; holds a reference
 * @pos:	its record's position in the ring
 * @domid:	who sent it,
 * @port:	and from which port
 * @pins:	readers that are copying from the ring
 * @in_place:	it is in the ring; else it was copied aside, into the skb
 * @lost:	it could not be: there is nothing to read
 *
 * @node, @pins and what follows: the inbox's lock.
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
int sc_inbox_read(struct sk_buff *skb, u32 offset, struct iov_iter *to, u32 len);

#endif /* _SCHANNEL_INBOX_H */
