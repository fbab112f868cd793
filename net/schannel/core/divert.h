/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The border to transparent mode: what schannel.ko asks and tells schannel_inet.ko, if that is
 * loaded.
 */
#ifndef _SCHANNEL_DIVERT_H
#define _SCHANNEL_DIVERT_H

#include <linux/types.h>

#include <uapi/linux/schannel_netlink.h>

struct in6_addr;
struct module;
struct net;
struct schannel_channel;
struct schannel_msg;
struct schannel_peer;

/**
 * struct sc_divert_view - what is known of a destination before anything is tried
 * @verdict:	what connect() would meet
 * @remembered:	with SCHANNEL_DIVERT_RECENT: which it was
 * @retry_ms:	with SCHANNEL_DIVERT_RECENT: how long it still holds
 * @domid:	whose address it is; SC_DOMID_ANY: no peer's
 */
struct sc_divert_view {
	enum schannel_divert verdict;
	enum schannel_divert remembered;
	u32 retry_ms;
	u32 domid;
};

/**
 * struct sc_divert_ops - what transparent mode does
 * @owner:	whose code this is; held during each call
 * @incoming:	the peer opens a flow of type INET: its OPEN, checked. 0, or the
 *		enum schannel_reason to refuse it with
 * @channel_up:	a channel came up: what was remembered of its peer no longer holds
 * @look:	what is known of a destination
 * @counts:	fills in how often each verdict was given in the namespace
 *
 * All in process context, and may sleep.
 */
struct sc_divert_ops {
	struct module *owner;
	int (*incoming)(struct schannel_channel *ch,
			const struct schannel_msg *msg);
	void (*channel_up)(struct net *net, struct schannel_peer *peer);
	void (*look)(struct net *net, const struct in6_addr *addr, u16 port,
		     struct sc_divert_view *view);
	void (*counts)(const struct net *net, u64 *counts);
};

int sc_divert_register(const struct sc_divert_ops *ops);
void sc_divert_unregister(void);

int sc_divert_incoming(struct schannel_channel *ch,
		       const struct schannel_msg *msg);
void sc_divert_channel_up(struct net *net, struct schannel_peer *peer);
int sc_divert_look(struct net *net, const struct in6_addr *addr, u16 port,
		   struct sc_divert_view *view);
int sc_divert_counts(const struct net *net, u64 *counts);

#endif /* _SCHANNEL_DIVERT_H */
