/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of TCP connections, beside those of core/trace.h. IPv4 addresses are shown as
 * v4-mapped ones. TCP's own tracepoints see the connection as one of TCP's.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM schannel

#if !defined(_SCHANNEL_INET_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _SCHANNEL_INET_TRACE_H

#include <linux/ipv6.h>
#include <linux/tracepoint.h>
#include <net/ipv6.h>

#include "core/channel.h"
#include "core/flow.h"
#include "core/peer.h"

#ifndef _SCHANNEL_INET_TRACE_ONCE
#define _SCHANNEL_INET_TRACE_ONCE
static inline void sctcp_trace_addresses(const struct sock *sk, void *saddr, void *daddr)
{
	if (sk->sk_family == AF_INET6) {
		memcpy(saddr, &sk->sk_v6_rcv_saddr, sizeof(struct in6_addr));
		memcpy(daddr, &sk->sk_v6_daddr, sizeof(struct in6_addr));
	} else {
		ipv6_addr_set_v4mapped(sk->sk_rcv_saddr, saddr);
		ipv6_addr_set_v4mapped(sk->sk_daddr, daddr);
	}
}
#endif

/* The connection got a flow, to which either direction may move. */
TRACE_EVENT(schannel_tcp_promoted,
	    TP_PROTO(const struct sock *sk, const struct sc_flow *flow),
	    TP_ARGS(sk, flow),
	    TP_STRUCT__entry(__array(u8, saddr, 16)
			     __array(u8, daddr, 16)
			     __field(u16, sport)
			     __field(u16, dport)
			     __field(u32, domid)
			     __field(u32, flow)),
	    TP_fast_assign(sctcp_trace_addresses(sk, __entry->saddr, __entry->daddr);
			   __entry->sport = sk->sk_num;
			   __entry->dport = ntohs(sk->sk_dport);
			   __entry->domid = flow->channel->peer->domid;
			   __entry->flow = flow->id;),
	    TP_printk("saddr=%pI6c sport=%u daddr=%pI6c dport=%u domid=%u flow=%u",
		      __entry->saddr, __entry->sport, __entry->daddr, __entry->dport,
		      __entry->domid, __entry->flow));

/* This end sends in the ring what follows this sequence number. */
TRACE_EVENT(schannel_tcp_moved,
	    TP_PROTO(const struct sock *sk, u32 seq),
	    TP_ARGS(sk, seq),
	    TP_STRUCT__entry(__array(u8, saddr, 16)
			     __array(u8, daddr, 16)
			     __field(u16, sport)
			     __field(u16, dport)
			     __field(u32, seq)),
	    TP_fast_assign(sctcp_trace_addresses(sk, __entry->saddr, __entry->daddr);
			   __entry->sport = sk->sk_num;
			   __entry->dport = ntohs(sk->sk_dport);
			   __entry->seq = seq;),
	    TP_printk("saddr=%pI6c sport=%u daddr=%pI6c dport=%u seq=%u",
		      __entry->saddr, __entry->sport, __entry->daddr, __entry->dport,
		      __entry->seq));

/* This end sends over TCP again: first this many bytes of the ring. cause: enum sctcp_cause. */
TRACE_EVENT(schannel_tcp_back,
	    TP_PROTO(const struct sock *sk, u32 cause, u32 bytes),
	    TP_ARGS(sk, cause, bytes),
	    TP_STRUCT__entry(__array(u8, saddr, 16)
			     __array(u8, daddr, 16)
			     __field(u16, sport)
			     __field(u16, dport)
			     __field(u32, cause)
			     __field(u32, bytes)),
	    TP_fast_assign(sctcp_trace_addresses(sk, __entry->saddr, __entry->daddr);
			   __entry->sport = sk->sk_num;
			   __entry->dport = ntohs(sk->sk_dport);
			   __entry->cause = cause;
			   __entry->bytes = bytes;),
	    TP_printk("saddr=%pI6c sport=%u daddr=%pI6c dport=%u cause=%s bytes=%u",
		      __entry->saddr, __entry->sport, __entry->daddr, __entry->dport,
		      __print_symbolic(__entry->cause, { 0, "channel" }, { 1, "peer" },
				       { 2, "admin" }, { 3, "program" }, { 4, "filter" },
				       { 5, "unread" }, { 6, "end" }, { 7, "broken" }),
		      __entry->bytes));

#endif /* _SCHANNEL_INET_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
