/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel's maintenance: a work that gives back memory which the channel does not need any
 * more, and finds memory for records that wait for it.
 */
#ifndef _SCHANNEL_MAINTAIN_H
#define _SCHANNEL_MAINTAIN_H

#include <linux/types.h>

struct schannel_channel;
struct sc_flow;
struct work_struct;

/* maintain.c */
unsigned long sc_maintain_interval(void);
void sc_maintain_flow(struct sc_flow *flow);
void sc_maintain_later(struct schannel_channel *ch);
void sc_maintain_soon(struct schannel_channel *ch);
void sc_maintain_low_memory(struct schannel_channel *ch);
void sc_maintain_starved(struct schannel_channel *ch, u8 order);
void sc_maintain_yielded(struct schannel_channel *ch);
bool sc_maintain_is_starved(const struct schannel_channel *ch);
bool sc_maintain_grow(struct schannel_channel *ch, u8 order);

/* maintain_work.c */
void sc_maintain_work(struct work_struct *work);

#endif /* _SCHANNEL_MAINTAIN_H */
