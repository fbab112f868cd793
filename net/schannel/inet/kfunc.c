// SPDX-License-Identifier: GPL-2.0-only
/*
 * The function that the BPF programs of an attached cgroup call when a socket there connects.
 * It finds out whether the socket can be diverted, as far as is known, and marks it. connect()
 * continues in connect.c.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/filter.h>
#include <linux/module.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "core/divert.h"
#include "sock.h"
#include "tcp.h"
#include "reason.h"

/* Can this socket be diverted? connect() holds lock_sock(). */
static bool scinet_sock_fits(struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	const struct inet_sock *inet = inet_sk(sk);

	if (sk->sk_prot != scinet_plain(sk) && !scinet_is_marked(sk))
		return false;	/* MPTCP, sockmap, TLS, or not TCP */
	if (!sock_owned_by_user_nocheck(sk) || sk->sk_state != TCP_CLOSE ||
	    !sk->sk_socket || sk->sk_socket->state != SS_UNCONNECTED)
		return false;	/* called by a program, but not from connect() */
	if (!scinet_has_plain_ops(sk) || scinet_is_claimed(sk) ||
	    sk->sk_user_data || rcu_access_pointer(inet->inet_opt))
		return false;
	return !tp->fastopen_connect && !tp->fastopen_req &&
	       !inet_test_bit(DEFER_CONNECT, sk);
}

/* Mark the socket, which is not marked. Takes over the reference to @peer if it succeeds. */
static enum schannel_divert scinet_mark_for(struct sock *sk,
					    struct schannel_peer *peer,
					    const struct in6_addr *dest,
					    u16 port)
{
	struct scinet_sock *is;

	is = scinet_alloc(GFP_ATOMIC);
	if (!is)
		return SCHANNEL_DIVERT_NO_MEMORY;
	scinet_init(is, sk);
	scinet_connect_init(is);
	is->peer = peer;
	is->dest = *dest;
	is->port = port;
	scinet_mark(is);
	return SCHANNEL_DIVERT_OK;
}

static enum schannel_divert scinet_try_mark(struct sock *sk,
					    const struct in6_addr *dest,
					    u16 port)
{
	struct sc_divert_view view = {};
	struct schannel_peer *peer;

	peer = scinet_reason_look(sock_net(sk), dest, port, &view);
	if (!view.verdict && scinet_promote) {
		view.verdict = sctcp_wrap_connecting(sk, dest, port);
		sc_peer_put(peer);
		return view.verdict;
	}
	if (!view.verdict)
		view.verdict = scinet_mark_for(sk, peer, dest, port);
	if (view.verdict && peer)
		sc_peer_put(peer);
	return view.verdict;
}

__bpf_kfunc_start_defs();

/**
 * schannel_divert() - divert a TCP connection to a channel, if possible
 * @ctx:	the context of a program attached to a cgroup as connect4 or connect6
 *
 * The return value does not decide whether the socket may connect: this program's own return
 * value and the programs after it do. A connection that is not diverted goes over TCP.
 *
 * Return: enum schannel_divert.
 */
__bpf_kfunc int schannel_divert(struct bpf_sock_addr *ctx)
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
	if (!scinet_dest(sk, kern->uaddr, kern->uaddrlen, &dest, &port))
		return SCHANNEL_DIVERT_NO_PEER;	/* invalid destination */
	/* a connect() that another program forbade, or that failed */
	if (sctcp_is_wrapped(sk) && sk->sk_state == TCP_CLOSE &&
	    sock_owned_by_user_nocheck(sk))
		sctcp_retire(sctcp_unwrap(sk));
	if (!scinet_sock_fits(sk)) {
		verdict = SCHANNEL_DIVERT_SOCKET;
	} else {
		/* marked by an earlier program, or before a connect() that was forbidden */
		if (scinet_is_marked(sk))
			scinet_put(scinet_unmark(sk));
		verdict = scinet_try_mark(sk, &dest, port);
	}
	/* a marked socket is counted when connect() has a result */
	if (verdict)
		scinet_reason_count(sock_net(sk), &dest, port, verdict);
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
