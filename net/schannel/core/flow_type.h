/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The acceptors of the flows that a peer opens: a table indexed by the type of the flow,
 * which the layers above the core fill in.
 */
#ifndef _SCHANNEL_FLOW_TYPE_H
#define _SCHANNEL_FLOW_TYPE_H

#include <linux/types.h>

struct module;
struct schannel_channel;
struct schannel_msg;

/**
 * struct sc_flow_type - the acceptor of one type of flow
 * @owner:	the module that has @incoming, NULL for schannel.ko itself; held during each
 *		call
 * @incoming:	the peer opens a flow of this type. @msg is its OPEN, checked by
 *		sc_message_check(). Runs in the channel's work, which handles the
 *		messages of all flows: it must not wait for user space. Returns 0, or the
 *		enum schannel_reason to refuse the flow with
 */
struct sc_flow_type {
	struct module *owner;
	int (*incoming)(struct schannel_channel *ch, const struct schannel_msg *msg);
};

int sc_flow_type_register(u8 type, const struct sc_flow_type *ops);
void sc_flow_type_unregister(u8 type);
int sc_flow_type_incoming(struct schannel_channel *ch, const struct schannel_msg *msg);

#endif /* _SCHANNEL_FLOW_TYPE_H */
