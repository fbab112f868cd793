/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What other BPF programs in the kernel may do to a connection. Each of them works until
 * its file descriptor is closed, and skips the case where the kernel has no such thing.
 */
#ifndef TEST_BPF_H
#define TEST_BPF_H

#include <stdint.h>

/* Rewrites the port of all connects in this cgroup. @family: that of the sockets. */
int bpf_redirect(int cgroup, int family, uint32_t port);

/* Looks at the packets that the sockets of this cgroup receive, and lets all pass. */
int bpf_look_at_packets(int cgroup);

#endif
