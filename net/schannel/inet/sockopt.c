// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options of sockets that are diverted, or may have been. Those of TCP can be set and
 * do nothing, but for the few that take it apart.
 */
#include <linux/module.h>
#include <linux/tcp.h>
#include <linux/uaccess.h>
#include <net/tcp.h>

#include "core/flow.h"
#include "sock.h"

/* Options after which a TCP is not what it was: how it works, or whose it is. */
static bool scinet_transforms(int level, int name)
{
	if (level == SOL_IPV6)
		return name == IPV6_ADDRFORM;
	if (level != SOL_TCP)
		return false;
	switch (name) {
	case TCP_ULP:
	case TCP_REPAIR:
	case TCP_REPAIR_QUEUE:
	case TCP_REPAIR_OPTIONS:
	case TCP_REPAIR_WINDOW:
	case TCP_QUEUE_SEQ:
		return true;
	default:
		return false;
	}
}

/*
 * A TCP that is about to be another's must be found as it was made: what it is given is
 * copied. Whether our operations were taken from it.
 */
static bool scinet_leave(struct sock *sk)
{
	bool left = false;

	lock_sock(sk);
	if (scinet_is_marked(sk))
		scinet_put(scinet_unmark(sk));
	if (!scinet_is_diverted(sk))
		left = scinet_leave_ops(sk);
	release_sock(sk);
	if (left)
		synchronize_rcu();	/* for scinet_get() */
	return left;
}

/*
 * TCP_KEEPIDLE has started TCP's timer. While that runs it may find the socket owned, and
 * start itself again; it only takes the spinlock, so that it can be waited for. If it ran before,
 * it has counted a probe that nobody will answer. lock_sock() is held.
 */
static void scinet_stop_keepalive(struct sock *sk)
{
	struct inet_connection_sock *icsk = inet_csk(sk);

	sk_stop_timer_sync(sk, &icsk->icsk_keepalive_timer);
	icsk->icsk_probes_out = 0;
}

static int scinet_set(struct socket *sock, int level, int name, sockptr_t val,
		      unsigned int len)
{
	struct sock *sk = sock->sk;
	bool left = false;
	int err;

	if (scinet_transforms(level, name)) {
		if (scinet_is_diverted(sk))
			return -EOPNOTSUPP;
		left = scinet_leave(sk);
	}
	err = sock_common_setsockopt(sock, level, name, val, len);
	if (left) {
		module_put(THIS_MODULE);
	} else if (level == SOL_TCP && scinet_is_diverted(sk)) {
		lock_sock(sk);
		if (scinet_is_diverted(sk))
			scinet_stop_keepalive(sk);
		release_sock(sk);
	}
	return err;
}

int scinet_setsockopt(struct socket *sock, int level, int name,
		      sockptr_t val, unsigned int len)
{
	int err;

	/* sock->ops may be given back while this sleeps */
	if (!try_module_get(THIS_MODULE))
		return -EINTR;
	err = scinet_set(sock, level, name, val, len);
	module_put(THIS_MODULE);
	return err;
}

/* ---- Asking ------------------------------------------------------------ */

/* TCP counts what it carries in struct tcp_sock. lock_sock() is held. */
static void scinet_account(struct scinet_sock *is)
{
	struct tcp_sock *tp = tcp_sk(is->conn.sk);
	struct sc_flow_view view;

	sc_conn_look(&is->conn, &view);
	tp->bytes_sent = READ_ONCE(is->conn.tx_count.bytes);
	tp->bytes_acked = tp->bytes_sent - min_t(u64, tp->bytes_sent,
						 view.queued);
	tp->bytes_received = READ_ONCE(is->conn.rx_count.bytes) + view.avail;
}

static int scinet_get_info(struct scinet_sock *is, char __user *val,
			   int __user *optlen)
{
	struct sock *sk = is->conn.sk;
	struct tcp_info info;
	int len, state;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	lock_sock(sk);
	if (scinet_is_diverted(sk))
		scinet_account(is);
	state = scinet_state(is);
	release_sock(sk);
	tcp_get_info(sk, &info);
	info.tcpi_state = state;
	len = min_t(unsigned int, len, sizeof(info));
	if (put_user(len, optlen) || copy_to_user(val, &info, len))
		return -EFAULT;
	return 0;
}

int scinet_getsockopt(struct socket *sock, int level, int name,
		      char __user *val, int __user *len)
{
	struct scinet_sock *is;
	int err;

	if (!try_module_get(THIS_MODULE))
		return -EINTR;
	is = level == SOL_TCP ? scinet_get(sock->sk) : NULL;
	if (is && name == TCP_INFO)
		err = scinet_get_info(is, val, len);
	else if (is && name == TCP_ULP)
		err = put_user(0, len) ? -EFAULT : 0;	/* as without one */
	else
		err = sock_common_getsockopt(sock, level, name, val, len);
	if (is)
		scinet_put(is);
	module_put(THIS_MODULE);
	return err;
}
