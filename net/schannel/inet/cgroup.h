/* SPDX-License-Identifier: GPL-2.0-only */
/* Which sockets are in a cgroup that was attached (schannelctl attach). */
#ifndef _SCHANNEL_INET_CGROUP_H
#define _SCHANNEL_INET_CGROUP_H

#include <linux/types.h>

struct sock;

/* The BPF programs that schannelctl attaches; a cgroup is attached if these run for it. */
#define SCINET_PROG_CONNECT4	"schannel_conn4"
#define SCINET_PROG_CONNECT6	"schannel_conn6"

/* Do they run for @sk's cgroup now? Any context, does not sleep. */
bool scinet_cgroup_attached(const struct sock *sk);

#endif /* _SCHANNEL_INET_CGROUP_H */
