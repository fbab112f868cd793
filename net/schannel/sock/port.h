/* SPDX-License-Identifier: GPL-2.0-only */
/* Which socket has which port. See port.c. */
#ifndef _SCHANNEL_PORT_H
#define _SCHANNEL_PORT_H

#include <linux/types.h>

struct net;
struct sc_sock;
struct sock;

void sc_port_init(void);
int sc_port_bind(struct sc_sock *ssk, u32 domid, u32 port);
void sc_port_unbind(struct sc_sock *ssk);
struct sock *sc_port_listener(const struct net *net, u32 port, bool loopback);
struct sock *sc_port_dgram(const struct net *net, u32 port, bool loopback);

#endif /* _SCHANNEL_PORT_H */
