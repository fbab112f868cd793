/* SPDX-License-Identifier: GPL-2.0-only */
/* The control messages about shared memory: pages of the flow tables, segments of the pools. */
#ifndef _SCHANNEL_CONTROL_MEMORY_H
#define _SCHANNEL_CONTROL_MEMORY_H

#include <linux/types.h>

struct schannel_channel;
struct schannel_msg;

bool sc_control_memory_next(struct schannel_channel *ch, struct schannel_msg *msg);
const char *sc_control_memory_received(struct schannel_channel *ch,
				       const struct schannel_msg *msg);

#endif /* _SCHANNEL_CONTROL_MEMORY_H */
