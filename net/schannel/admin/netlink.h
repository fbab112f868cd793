/* SPDX-License-Identifier: GPL-2.0-only */
/* The generic netlink family. See netlink.c. */
#ifndef _SCHANNEL_NETLINK_H
#define _SCHANNEL_NETLINK_H

int sc_netlink_init(void);
void sc_netlink_exit(void);

#endif /* _SCHANNEL_NETLINK_H */
