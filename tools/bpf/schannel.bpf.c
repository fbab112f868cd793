// SPDX-License-Identifier: GPL-2.0-only
/*
 * These programs run when a program in an attached cgroup connects. If the scope includes the
 * connection, they ask schannel_inet to divert it. They never refuse the connection: one that
 * cannot be diverted is plain TCP.
 *
 * schannel_inet runs them, too, when a connection was accepted there, with the address of the other
 * end, and the port of this one. So the port is the server's at both ends.
 */
#include <stdbool.h>
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "scope.h"

#define SOCK_STREAM	1

/* The module counts the results itself. */
extern int schannel_divert(struct bpf_sock_addr *ctx, bool ahead) __ksym;

const volatile struct scope_rodata scope = {};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	__uint(max_entries, 2);
	__type(key, struct scope_prefix);
	__type(value, __u8);
} prefixes SEC(".maps");

static bool port_included(__u16 port)
{
	return scope.ports[port / 64] >> (port % 64) & 1;
}

static void divert_if_included(struct bpf_sock_addr *ctx, struct scope_prefix *to)
{
	const __u8 *included;

	if (ctx->type != SOCK_STREAM || ctx->protocol != IPPROTO_TCP)
		return;
	if (!port_included(bpf_ntohs(ctx->user_port)))
		return;
	to->length = 8 * sizeof(to->address);
	included = bpf_map_lookup_elem(&prefixes, to);
	if (included && *included)
		schannel_divert(ctx, scope.ahead);
}

SEC("cgroup/connect4")
int schannel_conn4(struct bpf_sock_addr *ctx)
{
	struct scope_prefix to = {
		.address = { 0, 0, bpf_htonl(0xffff), ctx->user_ip4 },
	};

	divert_if_included(ctx, &to);
	return 1;
}

SEC("cgroup/connect6")
int schannel_conn6(struct bpf_sock_addr *ctx)
{
	struct scope_prefix to = {
		.address = {
			ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3],
		},
	};

	divert_if_included(ctx, &to);
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
