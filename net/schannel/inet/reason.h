/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a TCP connection was diverted or was not. Verdicts are counted per network namespace. Of
 * the last connection to a destination that never was, the verdict is remembered for a minute, for
 * those who ask.
 */
#ifndef _SCHANNEL_INET_REASON_H
#define _SCHANNEL_INET_REASON_H

#include <linux/types.h>

#include <uapi/linux/schannel_netlink.h>

struct in6_addr;
struct net;
struct sc_divert_view;
struct schannel_peer;

/* These do not sleep. Any context but hard interrupts. */
struct schannel_peer *scinet_reason_peer(struct net *net, const struct in6_addr *addr,
					 enum schannel_divert *verdict);
void scinet_reason_count(const struct net *net, enum schannel_divert verdict);
void scinet_reason_keep(const struct net *net, const struct in6_addr *addr, u16 port,
			enum schannel_divert verdict);
bool scinet_reason_is_local(struct net *net, const struct in6_addr *addr);

/* For struct sc_divert_ops. */
void scinet_reason_look(struct net *net, const struct in6_addr *addr, u16 port,
			struct sc_divert_view *view);
void scinet_reason_counts(const struct net *net, u64 *counts);

int scinet_reason_init(void);
void scinet_reason_exit(void);

#endif /* _SCHANNEL_INET_REASON_H */
