/* SPDX-License-Identifier: GPL-2.0-only */
/* Socket options of level SOL_SCHANNEL, and what they choose. See sockopt.c. */
#ifndef _SCHANNEL_SOCKOPT_H
#define _SCHANNEL_SOCKOPT_H

#include <linux/sockptr.h>
#include <linux/types.h>

#include "ring/pool.h"

struct sock;
struct socket;

int sc_setsockopt(struct socket *sock, int level, int optname,
		  sockptr_t optval, unsigned int optlen);
int sc_getsockopt(struct socket *sock, int level, int optname,
		  char __user *optval, int __user *optlen);

struct sc_size_limits sc_sockopt_tx_limits(const struct sock *sk);
u8 sc_sockopt_rx_order(const struct sock *sk, struct sc_pool *pool);

#endif /* _SCHANNEL_SOCKOPT_H */
