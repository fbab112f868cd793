/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a TCP connection was diverted or was not: counted per network namespace, and
 * for some verdicts remembered per destination for a while, so that a thousand
 * connects do not wait a thousand times.
 */
#ifndef _SCHANNEL_INET_WHY_H
#define _SCHANNEL_INET_WHY_H

#include <linux/in6.h>
#include <linux/types.h>

#include "../../include/uapi/linux/schannel_netlink.h"

struct net;

/* What is remembered of this destination, or SCHANNEL_DIVERT_OK. Any context, does not sleep. */
enum schannel_divert scinet_why_recent(const struct net *net,
				       const struct in6_addr *addr, u16 port);

/* It was given; remembered if it is of the kind. Any context, does not sleep. */
void scinet_why_count(const struct net *net, const struct in6_addr *addr,
		      u16 port, enum schannel_divert verdict);

#endif /* _SCHANNEL_INET_WHY_H */
