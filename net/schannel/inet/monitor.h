/* SPDX-License-Identifier: GPL-2.0-only */
/* The network devices on which capture.c shows bytes that travel in rings. */
#ifndef _SCHANNEL_INET_MONITOR_H
#define _SCHANNEL_INET_MONITOR_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct net;
struct sk_buff;

/* Some monitor device is up, in whatever network namespace. */
DECLARE_STATIC_KEY_FALSE(scinet_monitor_key);

bool scinet_monitor_is_up(const struct net *net);
void scinet_monitor_show(const struct net *net, struct sk_buff *skb, bool out);
void scinet_monitor_lost(const struct net *net, bool out);
int scinet_monitor_init(void);
void scinet_monitor_exit(void);

#endif /* _SCHANNEL_INET_MONITOR_H */
