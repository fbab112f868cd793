/* SPDX-License-Identifier: GPL-2.0-only */
/* The control ring: sending and handling messages. See control.c. */
#ifndef _SCHANNEL_CONTROL_H
#define _SCHANNEL_CONTROL_H

#include <linux/types.h>

struct sc_flow;
struct schannel_channel;
struct work_struct;

void sc_control_work(struct work_struct *work);
void sc_control_flush(struct schannel_channel *ch);
void sc_control_post(struct sc_flow *flow, u8 what);
bool sc_control_is_posted(struct sc_flow *flow, u8 what);
void sc_control_segment_gone(struct schannel_channel *ch, u16 id);

#endif /* _SCHANNEL_CONTROL_H */
