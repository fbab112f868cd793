/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints. domid is the peer's domain id. It is SC_DOMID_SELF over loopback, where both
 * ends of a flow are in this domain; opened is 1 at the end that opened the flow. flow is the
 * number in our flow table, peer_flow the number in the peer's.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM schannel

#if !defined(_SCHANNEL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _SCHANNEL_TRACE_H

#include <linux/tracepoint.h>

#include "channel.h"
#include "flow.h"
#include "peer.h"

/* A connect() finished. err: 0 or a negative error. */
TRACE_EVENT(schannel_connect,
	    TP_PROTO(u32 local_port, u32 domid, u32 port, u16 type, int err),
	    TP_ARGS(local_port, domid, port, type, err),
	    TP_STRUCT__entry(__field(u32, domid)
			     __field(u32, local_port)
			     __field(u32, peer_port)
			     __field(u16, type)
			     __field(int, err)),
	    TP_fast_assign(__entry->domid = domid;
			   __entry->local_port = local_port;
			   __entry->peer_port = port;
			   __entry->type = type;
			   __entry->err = err;),
	    TP_printk("domid=%u local_port=%u peer_port=%u type=%u err=%d",
		      __entry->domid, __entry->local_port, __entry->peer_port,
		      __entry->type, __entry->err));

/* The peer opens a flow. reason: 0 if it was accepted, else enum schannel_reason. */
TRACE_EVENT(schannel_accept,
	    TP_PROTO(const struct schannel_channel *ch,
		     const struct schannel_msg *msg, u32 flow, int reason),
	    TP_ARGS(ch, msg, flow, reason),
	    TP_STRUCT__entry(__field(u32, domid)
			     __field(u32, local_port)
			     __field(u32, peer_port)
			     __field(u32, flow)
			     __field(u32, peer_flow)
			     __field(u16, type)
			     __field(int, reason)),
	    TP_fast_assign(__entry->domid = ch->peer->domid;
			   __entry->local_port = msg->open.dst_port;
			   __entry->peer_port = msg->open.src_port;
			   __entry->flow = flow;
			   __entry->peer_flow = msg->src_flow;
			   __entry->type = msg->open.type;
			   __entry->reason = reason;),
	    TP_printk("domid=%u local_port=%u peer_port=%u flow=%u peer_flow=%u type=%u reason=%d",
		      __entry->domid, __entry->local_port, __entry->peer_port,
		      __entry->flow, __entry->peer_flow, __entry->type,
		      __entry->reason));

/* Our end of a flow was closed. reason: enum schannel_reason. */
TRACE_EVENT(schannel_close,
	    TP_PROTO(const struct sc_flow *flow, u32 reason),
	    TP_ARGS(flow, reason),
	    TP_STRUCT__entry(__field(u32, domid)
			     __field(u32, flow)
			     __field(u32, peer_flow)
			     __field(bool, opened)
			     __field(u32, reason)),
	    TP_fast_assign(__entry->domid = flow->channel->peer->domid;
			   __entry->flow = flow->id;
			   __entry->peer_flow = flow->peer_id;
			   __entry->opened = flow->opened;
			   __entry->reason = reason;),
	    TP_printk("domid=%u flow=%u peer_flow=%d opened=%d reason=%u",
		      __entry->domid, __entry->flow, (int)__entry->peer_flow,
		      __entry->opened, __entry->reason));

/* A flow was reset. err: as SCHANNEL_A_FLOW_ERROR, but negative. */
TRACE_EVENT(schannel_reset,
	    TP_PROTO(const struct sc_flow *flow, int err),
	    TP_ARGS(flow, err),
	    TP_STRUCT__entry(__field(u32, domid)
			     __field(u32, flow)
			     __field(u32, peer_flow)
			     __field(bool, opened)
			     __field(int, err)),
	    TP_fast_assign(__entry->domid = flow->channel->peer->domid;
			   __entry->flow = flow->id;
			   __entry->peer_flow = flow->peer_id;
			   __entry->opened = flow->opened;
			   __entry->err = err;),
	    TP_printk("domid=%u flow=%u peer_flow=%d opened=%d err=%d",
		      __entry->domid, __entry->flow, (int)__entry->peer_flow,
		      __entry->opened, __entry->err));

/* The peer is notified: this costs a hypercall and wakes one of the peer's CPUs. */
TRACE_EVENT(schannel_notify,
	    TP_PROTO(const struct schannel_channel *ch, unsigned int queue, u32 flow),
	    TP_ARGS(ch, queue, flow),
	    TP_STRUCT__entry(__field(u32, domid)
			     __field(u32, queue)
			     __field(u32, peer_flow)),
	    TP_fast_assign(__entry->domid = ch->peer->domid;
			   __entry->queue = queue;
			   __entry->peer_flow = flow;),
	    TP_printk("domid=%u queue=%u peer_flow=%u",
		      __entry->domid, __entry->queue, __entry->peer_flow));

/* The peer posted an event for a flow, and the flow's user is called. */
TRACE_EVENT(schannel_wake,
	    TP_PROTO(const struct sc_flow *flow),
	    TP_ARGS(flow),
	    TP_STRUCT__entry(__field(u32, domid)
			     __field(u32, flow)
			     __field(bool, opened)),
	    TP_fast_assign(__entry->domid = flow->channel->peer->domid;
			   __entry->flow = flow->id;
			   __entry->opened = flow->opened;),
	    TP_printk("domid=%u flow=%u opened=%d",
		      __entry->domid, __entry->flow, __entry->opened));

DECLARE_EVENT_CLASS(schannel_channel,
		    TP_PROTO(const struct schannel_channel *ch),
		    TP_ARGS(ch),
		    TP_STRUCT__entry(__field(u32, domid)
				     __string(transport, ch->peer->transport->name)),
		    TP_fast_assign(__entry->domid = ch->peer->domid;
				   __assign_str(transport);),
		    TP_printk("domid=%u transport=%s",
			      __entry->domid, __get_str(transport)));

/* A channel came up. Over loopback, both ends report it. */
DEFINE_EVENT(schannel_channel, schannel_channel_up,
	     TP_PROTO(const struct schannel_channel *ch),
	     TP_ARGS(ch));

/* A channel that was up went down. */
DEFINE_EVENT(schannel_channel, schannel_channel_down,
	     TP_PROTO(const struct schannel_channel *ch),
	     TP_ARGS(ch));

#endif /* _SCHANNEL_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
