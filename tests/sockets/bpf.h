/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What other BPF programs in the kernel may do to a connection. Each of them works until
 * its file descriptor is closed, and skips the case where the kernel has no such thing.
 */
#ifndef BPF_H
#define BPF_H

#include <stdint.h>

/* As a security module that lets no connection in, TCP's neither. */
int bpf_deny_incoming(void);

/* Whoever connects in this cgroup gets to that port. @family: as its sockets'. */
int bpf_redirect(int cgroup, int family, uint32_t port);

#endif
