// SPDX-License-Identifier: GPL-2.0-only
/* A TCP socket as TCP made it. See plain.h. */
#include <linux/in.h>
#include <linux/in6.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/transp_v6.h>

#include "plain.h"

/* One element for IPv4, one for IPv6: NULL if that is disabled. */
const struct proto_ops *scinet_saved_ops[2] __ro_after_init;

/* TCP's own operations. */
struct proto *scinet_plain(const struct sock *sk)
{
	return scinet_family(sk) ? &tcpv6_prot : &tcp_prot;
}

const struct proto_ops *scinet_plain_ops(const struct sock *sk)
{
	return scinet_saved_ops[scinet_family(sk)];
}

/* Does the socket use a feature that needs TCP itself: SMC, TCP-MD5, TCP-AO, a ULP, repair? */
bool scinet_is_claimed(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);

#if IS_ENABLED(CONFIG_SMC)
	if (tp->syn_smc)
		return true;
#endif
#ifdef CONFIG_TCP_MD5SIG
	if (rcu_access_pointer(tp->md5sig_info))
		return true;
#endif
#ifdef CONFIG_TCP_AO
	if (rcu_access_pointer(tp->ao_info))
		return true;
#endif
	return sk->sk_kern_sock || inet_csk(sk)->icsk_ulp_ops || tp->repair;
}

/**
 * scinet_dest() - the destination of a connect()
 * @sk:		the socket
 * @addr:	the address that the program gave
 * @len:	its length
 * @dest:	filled in: the address, IPv6 or v4-mapped
 * @port:	filled in: the port, host byte order
 *
 * Return: false if the address is of another family, too short, or has port 0.
 */
bool scinet_dest(const struct sock *sk, const struct sockaddr *addr, int len,
		 struct in6_addr *dest, u16 *port)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

	if (addr->sa_family != sk->sk_family)
		return false;
	if (scinet_family(sk)) {
		if (len < SIN6_LEN_RFC2133)
			return false;
		*dest = in6->sin6_addr;
		*port = ntohs(in6->sin6_port);
	} else {
		if (len < (int)sizeof(*in))
			return false;
		ipv6_addr_set_v4mapped(in->sin_addr.s_addr, dest);
		*port = ntohs(in->sin_port);
	}
	return *port;
}

/* The address of the other end of a connection, IPv6 or v4-mapped. */
void scinet_peer_address(const struct sock *sk, struct in6_addr *addr)
{
	if (sk->sk_family == AF_INET6)
		*addr = sk->sk_v6_daddr;
	else
		ipv6_addr_set_v4mapped(sk->sk_daddr, addr);
}

/* inet6_stream_ops is not exported: get it from a socket. */
int __init scinet_plain_init(void)
{
	struct socket *sock;
	int err;

	scinet_saved_ops[0] = &inet_stream_ops;
	err = sock_create_kern(&init_net, PF_INET6, SOCK_STREAM, IPPROTO_TCP, &sock);
	if (err == -EAFNOSUPPORT)
		return 0;	/* IPv6 is disabled */
	if (err)
		return err;
	scinet_saved_ops[1] = sock->ops;
	sock_release(sock);
	return 0;
}
