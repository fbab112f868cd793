/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose sockets and flows the sender of a netlink request may see. See netlink.c. */
#ifndef _SCHANNEL_NETLINK_H
#define _SCHANNEL_NETLINK_H

#include <linux/types.h>
#include <linux/uidgid.h>

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

int sc_netlink_init(void);
void sc_netlink_exit(void);

#endif /* _SCHANNEL_NETLINK_H */
