/* SPDX-License-Identifier: GPL-2.0-only */
/* A TCP socket as TCP made it: its operations, and what other parts of the kernel use it for. */
#ifndef _SCHANNEL_INET_PLAIN_H
#define _SCHANNEL_INET_PLAIN_H

#include <linux/module.h>
#include <linux/net.h>
#include <net/sock.h>
#include <net/tcp.h>

/*
 * Pass a call on to TCP: it entered through our operations, but the socket is a TCP socket
 * again. The call may sleep, so hold the module until it returns. -EINTR: the module is being
 * unloaded; when the program repeats the call, the socket has TCP's operations.
 */
#define scinet_pass(call) ({						\
	int err_ = -EINTR;						\
									\
	if (try_module_get(THIS_MODULE)) {				\
		err_ = (call);						\
		module_put(THIS_MODULE);				\
	}								\
	err_;								\
})

/* The index in arrays that have an element for IPv4 and one for IPv6. */
static inline int scinet_family(const struct sock *sk)
{
	return sk->sk_family == AF_INET6;
}

static inline const struct proto *scinet_load_proto(const struct sock *sk)
{
	/* acquire: pairs with sctcp_wrap() and sctcp_unwrap() */
	return smp_load_acquire(&((struct sock *)sk)->sk_prot);
}

struct proto *scinet_plain(const struct sock *sk);
const struct proto_ops *scinet_plain_ops(const struct sock *sk);
bool scinet_is_claimed(const struct sock *sk);
bool scinet_dest(const struct sock *sk, const struct sockaddr *addr, int len,
		 struct in6_addr *dest, u16 *port);
void scinet_peer_address(const struct sock *sk, struct in6_addr *addr);

extern const struct proto_ops *scinet_saved_ops[2];
int scinet_plain_init(void);

#endif /* _SCHANNEL_INET_PLAIN_H */
