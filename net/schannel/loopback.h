/* SPDX-License-Identifier: GPL-2.0-only */
/* The transport from a network namespace to itself. See loopback.c. */
#ifndef _SCHANNEL_LOOPBACK_H
#define _SCHANNEL_LOOPBACK_H

struct net;
struct sc_loopback;

struct sc_loopback *sc_loopback_create(struct net *net);
void sc_loopback_destroy(struct sc_loopback *lo);

#endif /* _SCHANNEL_LOOPBACK_H */
