/* SPDX-License-Identifier: GPL-2.0-only */
/* Which sockets are in an attached cgroup (schannelctl attach). See cgroup.c. */
#ifndef _SCHANNEL_INET_CGROUP_H
#define _SCHANNEL_INET_CGROUP_H

#include <linux/types.h>

struct sock;

/* The BPF programs that schannelctl attaches. A cgroup is attached if they run for it. */
#define SCINET_PROG_CONNECT4	"schannel_conn4"
#define SCINET_PROG_CONNECT6	"schannel_conn6"

bool scinet_cgroup_attached(const struct sock *sk);
bool scinet_cgroup_filters(const struct sock *sk);

#endif /* _SCHANNEL_INET_CGROUP_H */
