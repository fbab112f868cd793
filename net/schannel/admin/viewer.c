// SPDX-License-Identifier: GPL-2.0-only
/* Whose sockets and flows the sender of a netlink request may see. */
#include <linux/capability.h>
#include <linux/cred.h>
#include <net/netlink.h>
#include <net/sock.h>

#include "viewer.h"

/**
 * sc_viewer_init() - fill in the viewer of a dump when it starts
 * @viewer:	the viewer; it stays as it is for the whole dump
 * @request:	the request: the viewer is the user that opened its socket, even if another
 *		user's process reads the dump from that socket
 */
void sc_viewer_init(struct sc_viewer *viewer, const struct sk_buff *request)
{
	viewer->admin = netlink_net_capable(request, CAP_NET_ADMIN);
	viewer->uid = NETLINK_CB(request).sk->sk_uid;
}

/**
 * sc_viewer_sees() - may the viewer see a socket, or a flow?
 * @viewer:	the viewer
 * @sk:		the socket, or the flow's, or NULL for a flow without a socket
 *
 * Return: true if it may.
 */
bool sc_viewer_sees(const struct sc_viewer *viewer, const struct sock *sk)
{
	return viewer->admin || (sk && uid_eq(sk->sk_uid, viewer->uid));
}
