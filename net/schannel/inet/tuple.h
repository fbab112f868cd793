/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of diverted connections, by addresses and ports. See tuple.c. */
#ifndef _SCHANNEL_INET_TUPLE_H
#define _SCHANNEL_INET_TUPLE_H

#include <linux/in6.h>
#include <linux/list.h>
#include <linux/types.h>

struct net;
struct sock;

/**
 * struct scinet_tuple - the addresses and ports of a connection
 * @node:	in the table of tuples
 * @net:	its network namespace; held by the socket
 * @local:	the local address, IPv6 or v4-mapped
 * @remote:	the remote address, IPv6 or v4-mapped
 * @local_port:	in host byte order
 * @remote_port: in host byte order
 */
struct scinet_tuple {
	struct hlist_node node;
	const struct net *net;
	struct in6_addr local;
	struct in6_addr remote;
	u16 local_port;
	u16 remote_port;
};

void scinet_tuple_of(struct scinet_tuple *tuple, const struct sock *sk);
bool scinet_tuple_add(struct scinet_tuple *tuple);
void scinet_tuple_del(struct scinet_tuple *tuple);

#endif /* _SCHANNEL_INET_TUPLE_H */
