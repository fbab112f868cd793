/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finishing flows that one side does not finish: a work for each channel. See reap.c for the
 * rules, and orphan.h for the lists that it works on.
 */
#ifndef _SCHANNEL_REAP_H
#define _SCHANNEL_REAP_H

struct sc_flow;
struct schannel_channel;
struct work_struct;

void sc_reap_limit(struct schannel_channel *ch);
void sc_reap_kill(struct sc_flow *flow);
void sc_reap_work(struct work_struct *work);

#endif /* _SCHANNEL_REAP_H */
