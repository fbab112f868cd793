/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose sockets and flows the sender of a netlink request may see. See viewer.c. */
#ifndef _SCHANNEL_VIEWER_H
#define _SCHANNEL_VIEWER_H

#include <linux/types.h>
#include <linux/uidgid.h>

struct sk_buff;
struct sock;

/**
 * struct sc_viewer - the user that sees sockets and flows in a dump
 * @admin:	sees those of all users
 * @uid:	sees those of this user
 */
struct sc_viewer {
	bool admin;
	kuid_t uid;
};

void sc_viewer_init(struct sc_viewer *viewer, const struct sk_buff *request);
bool sc_viewer_sees(const struct sc_viewer *viewer, const struct sock *sk);

#endif /* _SCHANNEL_VIEWER_H */
