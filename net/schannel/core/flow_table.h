/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pages of the two flow tables: ours are added, announced and answered for; the peer's
 * are mapped. A page that the peer could not map is announced again later.
 */
#ifndef _SCHANNEL_FLOW_TABLE_H
#define _SCHANNEL_FLOW_TABLE_H

#include <linux/types.h>

struct sc_flow;
struct schannel_channel;
struct schannel_msg_table;

int sc_flow_table_alloc(struct schannel_channel *ch, u32 *id);
bool sc_flow_table_remove(struct sc_flow *flow);
void sc_flow_table_forget(struct schannel_channel *ch, u32 id);
void sc_flow_table_free(struct schannel_channel *ch, u32 id);
const char *sc_flow_table_answered(struct schannel_channel *ch,
				   const struct schannel_msg_table *msg);
const char *sc_flow_table_announced(struct schannel_channel *ch,
				    const struct schannel_msg_table *msg);

#endif /* _SCHANNEL_FLOW_TABLE_H */
