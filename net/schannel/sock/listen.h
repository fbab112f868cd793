/* SPDX-License-Identifier: GPL-2.0-only */
/* Listening sockets. See listen.c. */
#ifndef _SCHANNEL_LISTEN_H
#define _SCHANNEL_LISTEN_H

#include <linux/types.h>

struct proto_accept_arg;
struct sock;
struct socket;

int sc_listen(struct socket *sock, int backlog);
int sc_accept(struct socket *sock, struct socket *newsock,
	      struct proto_accept_arg *arg);
void sc_listen_stop(struct sock *sk);
bool sc_listen_pending(struct sock *sk);
int sc_listen_init(void);
void sc_listen_exit(void);

#endif /* _SCHANNEL_LISTEN_H */
