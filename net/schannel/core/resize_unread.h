/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Growing a full ring that the peer does not read. resize_unread.c lists flows, resize_grow.c
 * looks at them.
 *
 * Two programs that both send before they receive need a place for what they send, so a sender
 * may have as much under way as its SO_SNDBUF and the peer's SO_RCVBUF promise together, whether
 * or not the peer reads. A ring that is read does not need that much: larger rings cost memory,
 * and copies when they are replaced. So the ring grows only when it is full and the peer's
 * index has not moved for SC_UNREAD_TIME, or when the peer says that it waits for more (rx_want).
 * In the latter case the peer is told if the ring cannot grow.
 *
 * Whoever finds the ring full lists the flow (sc_unread_note()). One delayed work per channel
 * looks at the listed flows only, and takes at most a fifth of the time.
 */
#ifndef _SCHANNEL_RESIZE_UNREAD_H
#define _SCHANNEL_RESIZE_UNREAD_H

#include <linux/jiffies.h>
#include <linux/math.h>
#include <linux/types.h>

struct sc_flow;

/*
 * How long the peer must have read nothing before the ring grows, in jiffies. A receiver that is
 * about to read waits a few milliseconds for a processor, and must not be taken for one that
 * does not read; programs that wait for each other do not notice ten.
 */
#define SC_UNREAD_TIME	DIV_ROUND_UP(HZ, 100)

bool sc_unread_must_answer(const struct sc_flow *flow);
bool sc_unread_is_full(const struct sc_flow *flow, u32 cons, bool awaited);
void sc_unread_list(struct sc_flow *flow, u32 cons, unsigned long since,
		    unsigned long delay);

#endif /* _SCHANNEL_RESIZE_UNREAD_H */
