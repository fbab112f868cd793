/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may see what, and what is told over netlink as it happens; costs next to nothing while nobody
 * listens. In process context and without spinlocks, but for sc_netlink_peer(). See
 * netlink.c.
 */
#ifndef _SCHANNEL_NETLINK_H
#define _SCHANNEL_NETLINK_H

#include <linux/types.h>
#include <linux/uidgid.h>

struct net;
struct sc_flow;
struct schannel_peer;
struct sk_buff;
struct sock;

/**
 * struct sc_netlink_viewer - who asks to see sockets and flows
 * @admin:	sees those of all
 * @uid:	sees its own
 */
struct sc_netlink_viewer {
	bool admin;
	kuid_t uid;
};

void sc_netlink_who(const struct sk_buff *request,
		    struct sc_netlink_viewer *who);
bool sc_netlink_sees(const struct sc_netlink_viewer *who,
		     const struct sock *sk);

void sc_netlink_peer(struct net *net, struct schannel_peer *peer, bool gone);
void sc_netlink_channel(struct net *net, struct schannel_peer *peer, bool up);
void sc_netlink_flow(struct sc_flow *flow, struct sock *sk);
void sc_netlink_flow_over(struct sc_flow *flow, struct sock *sk, int err);

#endif /* _SCHANNEL_NETLINK_H */
