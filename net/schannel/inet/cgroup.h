/* SPDX-License-Identifier: GPL-2.0-only */
/* Which connections attached cgroups (schannelctl attach) want to be diverted. See cgroup.c. */
#ifndef _SCHANNEL_INET_CGROUP_H
#define _SCHANNEL_INET_CGROUP_H

#include <linux/types.h>

struct sock;

/* The BPF programs that schannelctl attaches. A cgroup is attached if they run for it. */
#define SCINET_PROG_CONNECT4	"schannel_conn4"
#define SCINET_PROG_CONNECT6	"schannel_conn6"

bool scinet_cgroup_attached(const struct sock *sk);
bool scinet_cgroup_filters(const struct sock *sk);
bool scinet_cgroup_wants(struct sock *sk, bool *ahead);
bool scinet_cgroup_answer(const struct sock *sk, bool ahead);

#endif /* _SCHANNEL_INET_CGROUP_H */
