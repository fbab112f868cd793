/* SPDX-License-Identifier: GPL-2.0-only */
/* The control ring: messages between the two domains about flows and shared memory. */
#ifndef _SCHANNEL_CONTROL_H
#define _SCHANNEL_CONTROL_H

#include <linux/types.h>

struct sc_flow;
struct schannel_channel;
struct work_struct;

/* control_tx.c */
void sc_control_flush(struct schannel_channel *ch);
void sc_control_post(struct sc_flow *flow, u8 what);
void sc_control_close(struct sc_flow *flow, u32 reason);
void sc_control_reset(struct sc_flow *flow);
bool sc_control_is_posted(struct sc_flow *flow, u8 what);
bool sc_control_refuse(struct schannel_channel *ch, u32 flow, int reason);

/* control_rx.c */
void sc_control_work(struct work_struct *work);

#endif /* _SCHANNEL_CONTROL_H */
