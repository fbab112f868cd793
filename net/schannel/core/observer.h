/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Observers of peers, channels and flows that come and go. The layers above the core register
 * them.
 */
#ifndef _SCHANNEL_OBSERVER_H
#define _SCHANNEL_OBSERVER_H

#include <linux/list.h>
#include <linux/types.h>

struct net;
struct sc_flow;
struct schannel_peer;
struct sock;

/**
 * struct sc_observer - an observer; each callback is optional
 * @node:	in the list of observers
 * @peer:	a peer appeared or changed in a namespace, or, with @gone, has left it. The
 *		caller holds the lock of the table of peers, which keeps @net alive and makes
 *		the order of the calls the order of the changes: must not sleep
 * @peer_removed: a peer was removed for good, and its channel destroyed. Process context
 * @channel:	a channel came up, or, with !@up, goes down. Process context; @net is held
 * @flow:	a flow was established: both ends know each other. Process context; @sk is
 *		held
 * @flow_over:	a flow ended: @err is 0 after an orderly close, else negative. Process
 *		context; @sk is held
 */
struct sc_observer {
	struct list_head node;
	void (*peer)(struct net *net, struct schannel_peer *peer, bool gone);
	void (*peer_removed)(struct schannel_peer *peer);
	void (*channel)(struct net *net, struct schannel_peer *peer, bool up);
	void (*flow)(struct sc_flow *flow, struct sock *sk);
	void (*flow_over)(struct sc_flow *flow, struct sock *sk, int err);
};

void sc_observer_register(struct sc_observer *observer);
void sc_observer_unregister(struct sc_observer *observer);

void sc_observe_peer(struct net *net, struct schannel_peer *peer, bool gone);
void sc_observe_peer_removed(struct schannel_peer *peer);
void sc_observe_channel(struct net *net, struct schannel_peer *peer, bool up);
void sc_observe_flow(struct sc_flow *flow, struct sock *sk);
void sc_observe_flow_over(struct sc_flow *flow, struct sock *sk, int err);

#endif /* _SCHANNEL_OBSERVER_H */
