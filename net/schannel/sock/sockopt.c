// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket options of level SOL_SCHANNEL; include/uapi/linux/schannel.h documents them.
 *
 * A program limits the sizes of rings in two ways, of which the later call counts: with
 * the options here, and with SO_SNDBUF and SO_RCVBUF. Programs set the latter for any
 * family, often without need, so those accept a smaller ring when memory is short.
 */
#include <linux/cred.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/uaccess.h>

#include "core/flow.h"
#include "core/common.h"
#include "core/namespace.h"
#include "core/peer.h"
#include "ring/record.h"
#include "socket.h"
#include "sockopt.h"
#include "core/sysctl.h"
#include "core/transport.h"

/* ---- The sizes of rings ------------------------------------------------ */

/* The size of the ring that holds @bytes; 0 for 0. */
static u32 sc_sockopt_ring_size(u32 bytes)
{
	return bytes ? roundup_pow_of_two(max_t(u32, bytes, PAGE_SIZE)) : 0;
}

/* The ring for SO_SNDBUF or SO_RCVBUF, of which the kernel keeps twice what was set. */
static u32 sc_sockopt_buffer_size(int buf)
{
	return sc_sockopt_ring_size(clamp_t(u32, buf / 2, 1, SC_RING_MAX));
}

/* The limits in force, in bytes; 0: no limit. */
static void sc_sockopt_limits(const struct sock *sk, struct sc_ring_sizes *min,
			      struct sc_ring_sizes *max)
{
	const struct sc_ring_sizes none = {};
	bool own = sk->sk_family == sc_family();

	/* a diverted TCP socket has no options of this level */
	*min = own ? sc_sk(sk)->ring_min : none;
	*max = own ? sc_sk(sk)->ring_max : none;
	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK) {
		min->tx = sc_sockopt_buffer_size(READ_ONCE(sk->sk_sndbuf));
		max->tx = min->tx;
	}
	if (sk->sk_userlocks & SOCK_RCVBUF_LOCK) {
		min->rx = sc_sockopt_buffer_size(READ_ONCE(sk->sk_rcvbuf));
		max->rx = min->rx;
	}
}

/* The system's limits, except those that the program set. */
static struct sc_size_limits sc_sockopt_size_limits(u32 min, u32 max)
{
	struct sc_size_limits limits = sc_sysctl_ring();

	if (min)
		limits.min = ilog2(min) - PAGE_SHIFT;
	if (max)
		limits.max = ilog2(max) - PAGE_SHIFT;
	/* a limit that was set alone moves the other */
	if (min)
		limits.max = max(limits.max, limits.min);
	else
		limits.min = min(limits.min, limits.max);
	limits.fallback = limits.min;
	return limits;
}

/* Size limits of the ring that a socket sends into. lock_sock() is held. */
struct sc_size_limits sc_sockopt_tx_limits(const struct sock *sk)
{
	struct sc_ring_sizes min, max;
	struct sc_size_limits limits;

	sc_sockopt_limits(sk, &min, &max);
	limits = sc_sockopt_size_limits(min.tx, max.tx);
	limits.room = limits.max;
	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK) {
		limits.fallback = 0;
		/* that size is for a ring that is read: both ends' buffers may be under way */
		limits.room = SCHANNEL_RING_ORDER_MAX;
	}
	return limits;
}
EXPORT_SYMBOL_NS_GPL(sc_sockopt_tx_limits, SC_NS_SOCK);

/**
 * sc_sockopt_rx_order() - the size of ring to ask the peer to send into
 * @sk:		the socket; lock_sock() is held
 * @pool:	our pool, on the assumption that the peer's is similar
 *
 * Return: the order, or SC_ORDER_ANY if the program set no limit.
 */
u8 sc_sockopt_rx_order(const struct sock *sk, struct sc_pool *pool)
{
	struct sc_ring_sizes min, max;

	sc_sockopt_limits(sk, &min, &max);
	if (!min.rx && !max.rx)
		return SC_ORDER_ANY;
	/* the ring keeps this size: with only a maximum set, use that */
	if (max.rx)
		min.rx = max.rx;
	return sc_pool_order(pool, sc_sockopt_size_limits(min.rx, max.rx));
}
EXPORT_SYMBOL_NS_GPL(sc_sockopt_rx_order, SC_NS_SOCK);

static bool sc_sockopt_contradict(u32 min, u32 max)
{
	return max && min > max;
}

static int sc_sockopt_set_limits(struct socket *sock, bool is_max,
				 struct sc_ring_sizes *to)
{
	struct sock *sk = sock->sk;
	struct sc_ring_sizes min, max;

	if (sk->sk_type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (to->tx > SC_RING_MAX || to->rx > SC_RING_MAX)
		return -EINVAL;
	if (!is_max && !sockopt_ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN)) {
		/* as SO_SNDBUF and SO_RCVBUF, which also promise memory */
		to->tx = min(to->tx, READ_ONCE(sysctl_wmem_max));
		to->rx = min(to->rx, READ_ONCE(sysctl_rmem_max));
	}
	if (sock->state != SS_UNCONNECTED || sk->sk_state != TCP_CLOSE)
		return -EISCONN;
	sc_sockopt_limits(sk, &min, &max);
	*(is_max ? &max : &min) = (struct sc_ring_sizes) {
		.tx = sc_sockopt_ring_size(to->tx),
		.rx = sc_sockopt_ring_size(to->rx),
	};
	if (sc_sockopt_contradict(min.tx, max.tx) ||
	    sc_sockopt_contradict(min.rx, max.rx))
		return -EINVAL;
	sc_sk(sk)->ring_min = min;
	sc_sk(sk)->ring_max = max;
	sk->sk_userlocks &= ~(SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK);
	return 0;
}

int sc_setsockopt(struct socket *sock, int level, int optname,
		  sockptr_t optval, unsigned int optlen)
{
	struct sc_ring_sizes sizes;
	int err;

	if (level != SOL_SCHANNEL ||
	    (optname != SO_SC_RING_MIN && optname != SO_SC_RING_MAX))
		return -ENOPROTOOPT;
	if (optlen < sizeof(sizes))
		return -EINVAL;
	if (copy_from_sockptr(&sizes, optval, sizeof(sizes)))
		return -EFAULT;
	lock_sock(sock->sk);
	err = sc_sockopt_set_limits(sock, optname == SO_SC_RING_MAX, &sizes);
	release_sock(sock->sk);
	return err;
}

/* ---- getsockopt() ------------------------------------------------------ */

/* The socket's flow, if it is or was open. lock_sock() is held. */
static struct sc_flow *sc_sockopt_flow(struct sock *sk)
{
	struct sc_flow *flow = sc_conn_flow(&sc_sk(sk)->conn);

	return flow && sc_flow_is_joined(flow) ? flow : NULL;
}

static int sc_sockopt_get_limits(struct sock *sk, bool is_max,
				 struct sc_ring_sizes *sizes)
{
	struct sc_ring_sizes min, max;

	if (sk->sk_type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	sc_sockopt_limits(sk, &min, &max);
	*sizes = is_max ? max : min;
	return sizeof(*sizes);
}

static int sc_sockopt_get_ring(struct sock *sk, struct sc_ring_sizes *sizes)
{
	struct sc_flow *flow = sc_sockopt_flow(sk);

	if (!flow)
		return -ENOTCONN;
	sizes->tx = sc_flow_tx_size(flow);
	sizes->rx = sc_flow_rx_size(flow);
	return sizeof(*sizes);
}

/* The user at the other end. Ids of loopback are ours, so they mean something here. */
static void sc_sockopt_get_peer_ids(const struct sc_flow *flow, struct sc_peer_info *peer)
{
	struct user_namespace *ns = current_user_ns();
	kuid_t uid;
	kgid_t gid;

	peer->uid = flow->opened ? flow->acceptor.uid : flow->open.uid;
	peer->gid = flow->opened ? flow->acceptor.gid : flow->open.gid;
	if (peer->domid != SC_DOMID_SELF)
		return;
	uid = make_kuid(&init_user_ns, peer->uid);
	gid = make_kgid(&init_user_ns, peer->gid);
	if (uid_valid(uid))
		peer->uid = from_kuid_munged(ns, uid);
	if (gid_valid(gid))
		peer->gid = from_kgid_munged(ns, gid);
}

static int sc_sockopt_get_peer(struct sock *sk, struct sc_peer_info *peer)
{
	struct sc_flow *flow = sc_sockopt_flow(sk);
	struct schannel_peer_info info;
	struct schannel_peer *found;

	if (sk->sk_state != TCP_ESTABLISHED)
		return -ENOTCONN;
	memset(peer, 0, sizeof(*peer));
	peer->domid = sc_sk(sk)->peer_domid;
	peer->uid = SCHANNEL_ID_NONE;
	peer->gid = SCHANNEL_ID_NONE;
	if (flow)
		sc_sockopt_get_peer_ids(flow, peer);
	found = sc_peer_get(sock_net(sk), peer->domid);
	if (found) {
		sc_peer_info(found, &info);
		sc_peer_put(found);
		memcpy(peer->uuid, info.uuid, sizeof(peer->uuid));
		memcpy(peer->name, info.name, sizeof(peer->name));
	}
	return sizeof(*peer);
}

static int sc_sockopt_get_record_max(struct sock *sk, u32 *max)
{
	struct sc_flow *flow = sc_sockopt_flow(sk);

	switch (sk->sk_type) {
	case SOCK_DGRAM:
		*max = SC_DGRAM_MAX;
		return sizeof(*max);
	case SOCK_SEQPACKET:
		if (!flow)
			return -ENOTCONN;
		*max = sc_resize_max(flow) - SC_RECORD_HEADER;
		return sizeof(*max);
	default:
		return -EOPNOTSUPP;
	}
}

int sc_getsockopt(struct socket *sock, int level, int optname,
		  char __user *optval, int __user *optlen)
{
	struct sock *sk = sock->sk;
	union {
		struct sc_ring_sizes sizes;
		struct sc_peer_info peer;
		struct sc_flow_stats stats;
		u32 max;
	} val;
	int len, size;

	if (level != SOL_SCHANNEL)
		return -ENOPROTOOPT;
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	lock_sock(sk);
	switch (optname) {
	case SO_SC_RING:
		size = sc_sockopt_get_ring(sk, &val.sizes);
		break;
	case SO_SC_RING_MIN:
	case SO_SC_RING_MAX:
		size = sc_sockopt_get_limits(sk, optname == SO_SC_RING_MAX,
					     &val.sizes);
		break;
	case SO_SC_PEER:
		size = sc_sockopt_get_peer(sk, &val.peer);
		break;
	case SO_SC_STATS:
		sc_conn_stats(&sc_sk(sk)->conn, &val.stats);
		size = sizeof(val.stats);
		break;
	case SO_SC_RECORD_MAX:
		size = sc_sockopt_get_record_max(sk, &val.max);
		break;
	default:
		size = -ENOPROTOOPT;
	}
	release_sock(sk);
	if (size < 0)
		return size;
	len = min(len, size);
	if (copy_to_user(optval, &val, len) || put_user(len, optlen))
		return -EFAULT;
	return 0;
}
