/* SPDX-License-Identifier: GPL-2.0-only */
/* What each network namespace has of its own. See net.c. */
#ifndef _SCHANNEL_NET_H
#define _SCHANNEL_NET_H

#include "sysctl.h"

struct net;
struct sc_loopback;

/**
 * struct sc_net - a namespace's own
 * @loopback:	the namespace's channel to itself
 * @sysctl:	its part of net.schannel.*
 */
struct sc_net {
	struct sc_loopback *loopback;
	struct sc_sysctl sysctl;
};

struct sc_net *sc_net(const struct net *net);

int sc_net_init(void);
void sc_net_exit(void);

#endif /* _SCHANNEL_NET_H */
