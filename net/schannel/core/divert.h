/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls from schannel.ko to schannel_inet.ko, the module of transparent mode, if that is
 * loaded.
 */
#ifndef _SCHANNEL_DIVERT_H
#define _SCHANNEL_DIVERT_H

#include <linux/types.h>

#include <uapi/linux/schannel_netlink.h>

struct in6_addr;
struct module;
struct net;

/**
 * struct sc_divert_view - what is known about a destination without a connection to it
 * @verdict:	SCHANNEL_DIVERT_OK, _NO_PEER or _LOCAL
 * @last:	the verdict of the last connection there that was not diverted, if that is recent
 *		and none was since; else SCHANNEL_DIVERT_OK
 * @age_ms:	milliseconds since that connection ended
 * @domid:	the peer that has the address; SC_DOMID_ANY if no peer has it
 */
struct sc_divert_view {
	enum schannel_divert verdict;
	enum schannel_divert last;
	u32 age_ms;
	u32 domid;
};

/**
 * struct sc_divert_ops - queries and requests to transparent mode
 * @owner:	the module that has the functions; held during each call
 * @look:	fill in what is known about a destination. @addr is IPv6 or v4-mapped, @port
 *		is in host byte order
 * @counts:	fill in the number of times that each verdict was given in the namespace,
 *		indexed by enum schannel_divert
 * @detach:	have connections go back to TCP whose cgroup is not attached any more: those of
 *		the namespace, or of all if it is NULL. Tells how many are on their way
 *
 * Process context; they may sleep.
 */
struct sc_divert_ops {
	struct module *owner;
	void (*look)(struct net *net, const struct in6_addr *addr, u16 port,
		     struct sc_divert_view *view);
	void (*counts)(const struct net *net, u64 *counts);
	void (*detach)(const struct net *net, u64 *left);
};

void sc_divert_register(const struct sc_divert_ops *ops);
void sc_divert_unregister(void);

int sc_divert_look(struct net *net, const struct in6_addr *addr, u16 port,
		   struct sc_divert_view *view);
int sc_divert_counts(const struct net *net, u64 *counts);
int sc_divert_detach(const struct net *net, u64 *left);

#endif /* _SCHANNEL_DIVERT_H */
