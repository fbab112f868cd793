/* SPDX-License-Identifier: GPL-2.0-only */
/* What is looked after now and then: memory that is not needed any more. */
#ifndef _SCHANNEL_TEND_H
#define _SCHANNEL_TEND_H

#include <linux/types.h>

struct schannel_channel;
struct sc_flow;
struct work_struct;

void sc_tend_work(struct work_struct *work);
void sc_tend_flow(struct sc_flow *flow);
void sc_tend_later(struct schannel_channel *ch);
void sc_tend_soon(struct schannel_channel *ch);
void sc_tend_short(struct schannel_channel *ch);
void sc_tend_lack(struct schannel_channel *ch, u8 order);
void sc_tend_yielded(struct schannel_channel *ch);
bool sc_tend_lacks(const struct schannel_channel *ch);
bool sc_tend_grow(struct schannel_channel *ch, u8 order);

#endif /* _SCHANNEL_TEND_H */
