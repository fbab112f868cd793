/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a TCP connection was diverted or was not: counted per network namespace, and
 * for some verdicts remembered per destination for a while, so that a thousand
 * connects do not wait a thousand times.
 */
#ifndef _SCHANNEL_INET_REASON_H
#define _SCHANNEL_INET_REASON_H

#include <linux/types.h>

#include <uapi/linux/schannel_netlink.h>

struct in6_addr;
struct net;
struct sc_divert_view;
struct schannel_peer;

/* Any context but hard interrupts, and none of them sleeps: */
struct schannel_peer *scinet_reason_look(struct net *net,
					 const struct in6_addr *addr, u16 port,
				      struct sc_divert_view *view);
enum schannel_divert scinet_reason_recent(const struct net *net,
					  const struct in6_addr *addr, u16 port);
void scinet_reason_count(const struct net *net, const struct in6_addr *addr,
			 u16 port, enum schannel_divert verdict);
bool scinet_reason_is_local(struct net *net, const struct in6_addr *addr);

/* As struct sc_divert_ops wants them: */
void scinet_reason_forget(struct net *net, struct schannel_peer *peer);
void scinet_reason_counts(const struct net *net, u64 *counts);

int scinet_reason_init(void);
void scinet_reason_exit(void);

#endif /* _SCHANNEL_INET_REASON_H */
