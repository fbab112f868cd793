// SPDX-License-Identifier: GPL-2.0-only
/*
 * The function that the BPF programs of an attached cgroup call when a socket there connects, and
 * when it was accepted. It wraps the former, see wrap.c.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/filter.h>
#include <linux/module.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "cgroup.h"
#include "core/peer.h"
#include "plain.h"
#include "reason.h"
#include "tcp.h"

/* Can this socket be diverted? connect() holds lock_sock(). */
static bool scinet_sock_fits(struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	const struct inet_sock *inet = inet_sk(sk);

	if (sk->sk_prot != scinet_plain(sk))
		return false;	/* MPTCP, sockmap, TLS, or not TCP */
	if (!sock_owned_by_user_nocheck(sk) || sk->sk_state != TCP_CLOSE ||
	    !sk->sk_socket || sk->sk_socket->state != SS_UNCONNECTED)
		return false;	/* called by a program, but not from connect() */
	if (sk->sk_socket->ops != scinet_plain_ops(sk) || scinet_is_claimed(sk) ||
	    sk->sk_user_data || rcu_access_pointer(inet->inet_opt))
		return false;
	return !tp->fastopen_connect && !tp->fastopen_req &&
	       !inet_test_bit(DEFER_CONNECT, sk);
}

static enum schannel_divert scinet_connecting(struct sock *sk, const struct in6_addr *dest,
					      u16 port, bool ahead)
{
	enum schannel_divert verdict;
	struct schannel_peer *peer;

	if (!scinet_sock_fits(sk))
		return SCHANNEL_DIVERT_SOCKET;
	peer = scinet_reason_peer(sock_net(sk), dest, &verdict);
	if (peer)
		sc_peer_put(peer);
	if (verdict && !(verdict == SCHANNEL_DIVERT_NO_PEER && ahead))
		return verdict;
	return sctcp_wrap_connecting(sk, dest, port, verdict);
}

__bpf_kfunc_start_defs();

/**
 * schannel_divert() - have a TCP connection diverted to a channel, when that is possible
 * @ctx:	the context of a program attached to a cgroup as connect4 or connect6
 * @ahead:	even if its other end is not a peer yet
 *
 * The program's own return value, and the programs after it, decide whether the socket may
 * connect. The connection is TCP's; its bytes move to a channel later.
 *
 * Return: SCHANNEL_DIVERT_OK, or why its bytes will stay with TCP.
 */
__bpf_kfunc int schannel_divert(struct bpf_sock_addr *ctx, bool ahead)
{
	struct bpf_sock_addr_kern *kern = (struct bpf_sock_addr_kern *)ctx;
	struct sock *sk = kern->sk;
	enum schannel_divert verdict;
	struct in6_addr dest;
	u16 port;

	if (sk->sk_family != AF_INET && sk->sk_family != AF_INET6)
		return SCHANNEL_DIVERT_SOCKET;
	if (sk->sk_protocol != IPPROTO_TCP || sk->sk_type != SOCK_STREAM)
		return SCHANNEL_DIVERT_SOCKET;
	if (scinet_cgroup_answer(sk, ahead))
		return SCHANNEL_DIVERT_OK;
	if (!scinet_dest(sk, kern->uaddr, kern->uaddrlen, &dest, &port))
		return SCHANNEL_DIVERT_NO_PEER;	/* invalid destination */
	/* by an earlier program of this connect(), see sctcp_pre_connect() */
	if (sctcp_is_wrapped(sk))
		return SCHANNEL_DIVERT_OK;
	verdict = scinet_connecting(sk, &dest, port, ahead);
	/* one that is wrapped gets its verdict later */
	if (verdict)
		scinet_reason_count(sock_net(sk), verdict);
	if (verdict > SCHANNEL_DIVERT_LOCAL)
		scinet_reason_keep(sock_net(sk), &dest, port, verdict);
	return verdict;
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(scinet_kfuncs)
BTF_ID_FLAGS(func, schannel_divert)
BTF_KFUNCS_END(scinet_kfuncs)

static const struct btf_kfunc_id_set scinet_kfunc_set = {
	.owner	= THIS_MODULE,
	.set	= &scinet_kfuncs,
};

int __init scinet_kfunc_init(void)
{
	/* without BTF the registration would succeed and register nothing */
	if (!THIS_MODULE->btf_data_size) {
		pr_err("schannel_inet: built without type information (BTF), which BPF programs need: build it where pahole is installed\n");
		return -EOPNOTSUPP;
	}
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
					 &scinet_kfunc_set);
}
