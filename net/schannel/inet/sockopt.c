// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options of sockets that are or were marked or diverted. TCP's options can be set and have no
 * effect on a diverted socket, except for the few that change what the socket is: those fail.
 */
#include <linux/module.h>
#include <linux/tcp.h>
#include <linux/uaccess.h>
#include <net/tcp.h>

#include "core/flow.h"
#include "sock.h"

/* Options that replace TCP's operations or expose its sequence numbers. */
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
 * Restore TCP's operations before such an option is set: a ULP, for example TLS, copies those
 * that it finds. Returns true if sock->ops was ours: the caller puts the module reference.
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
 * TCP_KEEPIDLE has started TCP's keepalive timer: stop it. If the timer's function finds the
 * socket owned, it starts the timer again, so wait for it; it takes only the spinlock, so this
 * cannot deadlock. If it has run, it has counted a probe that will not be answered. lock_sock()
 * is held.
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

	/* sock->ops, with its reference to the module, may be restored while this sleeps */
	if (!try_module_get(THIS_MODULE))
		return -EINTR;
	err = scinet_set(sock, level, name, val, len);
	module_put(THIS_MODULE);
	return err;
}

/* ---- getsockopt() ------------------------------------------------------ */

/* Fill in the counters in struct tcp_sock, for tcp_get_info(). lock_sock() is held. */
static void scinet_account(struct scinet_sock *is)
{
	struct tcp_sock *tp = tcp_sk(is->conn.sk);
	struct sc_flow_stats stats;
	struct sc_flow_view view;

	sc_conn_stats(&is->conn, &stats);
	sc_conn_look(&is->conn, &view);
	tp->bytes_sent = stats.tx_bytes;
	tp->bytes_acked = tp->bytes_sent - min_t(u64, tp->bytes_sent,
						 view.queued);
	tp->bytes_received = stats.rx_bytes + view.avail;
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
		err = put_user(0, len) ? -EFAULT : 0;	/* as TCP does without a ULP */
	else
		err = sock_common_getsockopt(sock, level, name, val, len);
	if (is)
		scinet_put(is);
	module_put(THIS_MODULE);
	return err;
}
