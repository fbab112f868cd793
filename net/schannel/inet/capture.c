// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes of diverted connections are shown on the monitor devices of their namespace (monitor.c),
 * as the TCP packets that would have carried them. An end shows both directions: what it sends,
 * when that is in the ring, and what it receives, when the program has it; what was only peeked at
 * is not shown. If both ends are in the namespace, each of them shows all.
 *
 * Sequence numbers: each byte has one, which both ends compute alike and which does not depend on
 * the way that the byte takes. It is TCP's own before the direction has moved for the first time,
 * so the first byte in a ring has S. Later, in modular arithmetic,
 *
 *	shown number = TCP's number + bytes that were in rings - extra
 *
 * where TCP's number is write_seq at the sender, copied_seq at the reader, and stays while bytes
 * travel in rings. @extra counts the numbers that TCP has used for no new bytes: markers,
 * and what follows them to be skipped. The sender counts all of the rest that it gives to
 * TCP, since it was in the ring before. The reader has not received some of that from the ring,
 * receives those bytes from TCP, and counts the others.
 *
 * From its first byte in a ring on, a direction is shown with the bytes that TCP carries between
 * two stays in rings, so that a reader sees a stream without gaps. On the network, those have
 * numbers of TCP's own, and markers between them. What was sent before is seen there alone.
 *
 * The acknowledgment number is where this end has shown the other direction up to: packets that
 * were shown earlier reach each reader first, so no packet acknowledges what was not seen.
 *
 * Sending is shown under conn.tx_lock, or lock_sock() if TCP takes the bytes; receiving under
 * rd_lock. What cannot be shown for want of memory counts as dropped by the devices and leaves
 * a gap. Urgent data is shown where it was sent, and not where it was received.
 */
#include <linux/mm.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "capture.h"
#include "core/flow.h"

/* The data locks are held, so there is no long search for memory. */
#define SCTCP_CAPTURE_GFP	(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN)

/* Bytes of a packet; with all that belongs to it, the packet is an allocation of 16 KiB. */
#define SCTCP_CAPTURE_MAX	16000
#define SCTCP_CAPTURE_HEADERS	(sizeof(struct ipv6hdr) + sizeof(struct tcphdr))

/* ---- Numbers ----------------------------------------------------------- */

/* The number of the next byte that is sent. */
static u32 sctcp_capture_next_out(const struct sctcp *is)
{
	return READ_ONCE(tcp_sk(is->conn.sk)->write_seq) +
	       (u32)READ_ONCE(is->conn.tx_count.bytes) - READ_ONCE(is->tx_extra);
}

/**
 * sctcp_capture_next() - the number of the next byte that is received
 * @is:		rd_lock is held; otherwise it is a hint
 *
 * Return: the number that it is shown with.
 */
u32 sctcp_capture_next(const struct sctcp *is)
{
	return READ_ONCE(tcp_sk(is->conn.sk)->copied_seq) +
	       (u32)READ_ONCE(is->conn.rx_count.bytes) - READ_ONCE(is->rx_extra);
}

/* Where the other direction is; a hint while nothing of it was shown, when nobody can tell. */
static u32 sctcp_capture_ack(const struct sctcp *is, bool out)
{
	/* acquire: pairs with sctcp_capture_show() */
	if (smp_load_acquire(&is->shown[!out].any))
		return READ_ONCE(is->shown[!out].next);
	return out ? sctcp_capture_next(is) : sctcp_capture_next_out(is);
}

/* ---- Packets ----------------------------------------------------------- */

static void sctcp_capture_ipv4(struct sk_buff *skb, const struct sock *sk, bool out)
{
	const struct inet_sock *inet = inet_sk(sk);
	u32 len = skb->len;
	struct tcphdr *tcp = (struct tcphdr *)skb->data;
	struct iphdr *ip = skb_push(skb, sizeof(*ip));

	*ip = (struct iphdr) {
		.version	= 4,
		.ihl		= sizeof(*ip) / 4,
		.tot_len	= htons(skb->len),
		.frag_off	= htons(IP_DF),
		.ttl		= IPDEFTTL,
		.protocol	= IPPROTO_TCP,
		.saddr		= out ? inet->inet_rcv_saddr : inet->inet_daddr,
		.daddr		= out ? inet->inet_daddr : inet->inet_rcv_saddr,
	};
	ip_send_check(ip);
	tcp->check = csum_tcpudp_magic(ip->saddr, ip->daddr, len, IPPROTO_TCP,
				       csum_partial(tcp, len, 0));
	skb->protocol = htons(ETH_P_IP);
}

static void sctcp_capture_ipv6(struct sk_buff *skb, const struct sock *sk, bool out)
{
	u32 len = skb->len;
	struct tcphdr *tcp = (struct tcphdr *)skb->data;
	struct ipv6hdr *ip = skb_push(skb, sizeof(*ip));

	*ip = (struct ipv6hdr) {
		.version	= 6,
		.payload_len	= htons(len),
		.nexthdr	= IPPROTO_TCP,
		.hop_limit	= IPDEFTTL,
		.saddr		= out ? sk->sk_v6_rcv_saddr : sk->sk_v6_daddr,
		.daddr		= out ? sk->sk_v6_daddr : sk->sk_v6_rcv_saddr,
	};
	tcp->check = csum_ipv6_magic(&ip->saddr, &ip->daddr, len, IPPROTO_TCP,
				     csum_partial(tcp, len, 0));
	skb->protocol = htons(ETH_P_IPV6);
}

static bool sctcp_capture_is_ipv4(const struct sock *sk)
{
	return sk->sk_family == AF_INET || ipv6_addr_v4mapped(&sk->sk_v6_daddr);
}

/* NULL without memory. */
static struct sk_buff *sctcp_capture_packet(const struct sctcp *is, bool out, u32 seq,
					    const void *bytes, u32 len)
{
	const struct sock *sk = is->conn.sk;
	const struct inet_sock *inet = inet_sk(sk);
	struct sk_buff *skb;
	struct tcphdr *tcp;

	skb = alloc_skb(SCTCP_CAPTURE_HEADERS + len, SCTCP_CAPTURE_GFP);
	if (!skb)
		return NULL;
	skb_reserve(skb, SCTCP_CAPTURE_HEADERS);
	skb_put_data(skb, bytes, len);
	tcp = skb_push(skb, sizeof(*tcp));
	*tcp = (struct tcphdr) {
		.source		= out ? inet->inet_sport : inet->inet_dport,
		.dest		= out ? inet->inet_dport : inet->inet_sport,
		.seq		= htonl(seq),
		.ack_seq	= htonl(sctcp_capture_ack(is, out)),
		.doff		= sizeof(*tcp) / 4,
		.psh		= 1,
		.ack		= 1,
		.window		= htons(U16_MAX),
	};
	skb_reset_transport_header(skb);
	if (sctcp_capture_is_ipv4(sk))
		sctcp_capture_ipv4(skb, sk, out);
	else
		sctcp_capture_ipv6(skb, sk, out);
	skb_reset_network_header(skb);
	skb_reset_mac_header(skb);
	return skb;
}

/* @bytes: NULL if there was no memory for them. */
static void sctcp_capture_show(struct sctcp *is, bool out, u32 seq, const void *bytes, u32 len)
{
	const struct net *net = sock_net(is->conn.sk);
	struct sk_buff *skb;
	u32 done, run;

	for (done = 0; done < len; done += run) {
		run = min_t(u32, len - done, SCTCP_CAPTURE_MAX);
		skb = bytes ? sctcp_capture_packet(is, out, seq + done, bytes + done, run) : NULL;
		if (skb)
			scinet_monitor_show(net, skb, out);
		else
			scinet_monitor_lost(net, out);
		WRITE_ONCE(is->shown[out].next, seq + done + run);
		/* release: the packet, and where it ends */
		smp_store_release(&is->shown[out].any, true);
	}
}

/* ---- Sending ----------------------------------------------------------- */

/**
 * sctcp_capture_alloc() - memory for bytes that are to be shown
 * @len:	in: how many; out: at most SC_FLOW_CHUNK
 *
 * Return: the memory, for kvfree(); NULL if there is none.
 */
void *sctcp_capture_alloc(size_t *len)
{
	*len = min_t(size_t, *len, SC_FLOW_CHUNK);
	return kvmalloc(*len, SCTCP_CAPTURE_GFP);
}

/**
 * sctcp_capture_ring_sent() - show what was sent into the ring
 * @is:		the user of @flow; conn.tx_lock is held
 * @flow:	the flow
 * @sent:	bytes that sc_flow_send() has copied, and that are counted
 */
void sctcp_capture_ring_sent(struct sctcp *is, const struct sc_flow *flow, u32 sent)
{
	const struct sc_tx *tx = &flow->tx;
	u32 from = tx->prod - sent, at, run;
	size_t len = sent;
	void *bytes, *addr;

	bytes = sctcp_capture_alloc(&len);
	/* in our own pages, so the peer can neither change them nor make them longer */
	if (bytes && sc_flow_is_there(flow)) {
		for (at = 0; at < sent; at += run) {
			run = sent - at;
			addr = sc_ring_run(&tx->ring, from + at, &run);
			memcpy(bytes + at, addr, run);
		}
		sctcp_capture_show(is, true, sctcp_capture_next_out(is) - sent, bytes, sent);
	} else {
		sctcp_capture_show(is, true, sctcp_capture_next_out(is) - sent, NULL, sent);
	}
	kvfree(bytes);
}

/**
 * sctcp_capture_tcp_sent() - show what was given to TCP
 * @is:		lock_sock() is held
 * @from:	the program's bytes, as it was before TCP took them. Those of a program that changes
 *		them meanwhile are shown as they are now
 * @sent:	how many TCP has taken
 */
void sctcp_capture_tcp_sent(struct sctcp *is, struct iov_iter *from, u32 sent)
{
	u32 seq = sctcp_capture_next_out(is) - sent, done, run;
	size_t len = sent;
	void *bytes;
	bool copied;

	bytes = sctcp_capture_alloc(&len);
	for (done = 0; done < sent; done += run) {
		run = min_t(u32, sent - done, len);
		copied = bytes && copy_from_iter_full(bytes, run, from);
		sctcp_capture_show(is, true, seq + done, copied ? bytes : NULL, run);
	}
	kvfree(bytes);
}

/* ---- Receiving --------------------------------------------------------- */

/**
 * sctcp_capture_received() - show what a program has received
 * @is:		rd_lock is held
 * @seq:	sctcp_capture_next() before that
 * @bytes:	the bytes; NULL: there was no memory for them
 * @len:	how many
 */
void sctcp_capture_received(struct sctcp *is, u32 seq, const void *bytes, u32 len)
{
	sctcp_capture_show(is, false, seq, bytes, len);
}
