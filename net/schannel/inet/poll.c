// SPDX-License-Identifier: GPL-2.0-only
/* Wrapped sockets: poll(), ioctl(), splice() and socket options. See tcp.h. */
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sockios.h>
#include <linux/splice.h>
#include <linux/tcp.h>
#include <linux/uaccess.h>
#include <asm/ioctls.h>
#include <net/tcp.h>

#include "core/flow.h"
#include "sock/arrival.h"
#include "tcp.h"

/* ---- poll() ------------------------------------------------------------ */

#define SCTCP_IN	(EPOLLIN | EPOLLRDNORM)
#define SCTCP_OUT	(EPOLLOUT | EPOLLWRNORM)

/*
 * Skip what is no data of the program's: a marker must not look like something to be read. Who
 * holds the lock does the same, but does not wake those that have polled meanwhile.
 */
static void sctcp_poll_advance(struct sctcp *is)
{
	if (!mutex_trylock(&is->rd_lock)) {
		if (sctcp_is_resolved(is) ||
		    (READ_ONCE(is->rx_state) == SCTCP_RX_RING && !sctcp_has_left(is)))
			return;
		mutex_lock(&is->rd_lock);
	}
	sctcp_advance(is);
	mutex_unlock(&is->rd_lock);
}

/* Does a marker precede what TCP has? What has come since sctcp_poll_advance() wakes who polls. */
static bool sctcp_poll_marker(struct sctcp *is)
{
	switch (READ_ONCE(is->rx_state)) {
	case SCTCP_RX_RING:
		return sctcp_has_left(is);
	case SCTCP_RX_MARKER:
	case SCTCP_RX_SKIP:
		return true;
	default:
		return false;
	}
}

/* @mask is what TCP says of its own part of the bytes, @ring what the ring says of the others. */
static __poll_t sctcp_poll_in(struct sctcp *is, __poll_t mask, __poll_t ring)
{
	if (sctcp_poll_marker(is) && !sctcp_is_over(is->conn.sk))
		return mask & ~SCTCP_IN;
	if (sctcp_is_resolved(is) && READ_ONCE(is->rx_state) == SCTCP_RX_TCP &&
	    !READ_ONCE(is->rx_known))
		return mask;
	if (ring & SCTCP_IN && READ_ONCE(is->rx_state) == SCTCP_RX_RING)
		return mask | SCTCP_IN;
	if (sctcp_readable(is, READ_ONCE(is->conn.sk->sk_rcvlowat), false))
		return mask | SCTCP_IN;
	return mask & ~SCTCP_IN;
}

static __poll_t sctcp_poll_out(struct sctcp *is, __poll_t mask)
{
	switch (READ_ONCE(is->tx_state)) {
	case SCTCP_TX_RING:
	case SCTCP_TX_ANNOUNCED:
		return sctcp_writable(is) ? mask | SCTCP_OUT : mask & ~SCTCP_OUT;
	default:
		return mask;
	}
}

static __poll_t sctcp_poll_wrapped(struct sctcp *is, struct file *file, struct socket *sock,
				   const poll_table *wait)
{
	__poll_t mask, ring;

	sctcp_poll_advance(is);
	mask = tcp_poll(file, sock, NULL);
	if ((1 << inet_sk_state_load(sock->sk)) & (TCPF_SYN_SENT | TCPF_SYN_RECV | TCPF_CLOSE |
						   TCPF_LISTEN))
		return mask;
	/* asks for events, too */
	ring = sc_conn_poll(&is->conn, wait);
	mask = sctcp_poll_in(is, mask, ring);
	return sctcp_poll_out(is, mask);
}

__poll_t sctcp_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct sctcp *is = sctcp_get(sock->sk);
	__poll_t mask;

	/* does not sleep, so the module cannot go meanwhile */
	if (!is)
		return tcp_poll(file, sock, wait);
	sock_poll_wait(file, sock, wait);
	sc_arrival_poll(&is->conn, wait);
	mask = sctcp_poll_wrapped(is, file, sock, wait);
	sctcp_put(is);
	return mask;
}

/* ---- ioctl() and splice() ---------------------------------------------- */

/* Bytes that were sent and that neither the peer nor TCP has. A hint. */
static u32 sctcp_outq(const struct sctcp *is, const struct sc_flow_view *view)
{
	switch (READ_ONCE(is->tx_state)) {
	case SCTCP_TX_RING:
		return view->queued;
	case SCTCP_TX_OWED:
		return READ_ONCE(is->rest.sent) ? 0 : READ_ONCE(is->rest.len);
	default:	/* the peer may have to skip what is in the ring */
		return 0;
	}
}

int sctcp_ioctl(struct sock *sk, int cmd, int *arg)
{
	struct sctcp *is = sctcp_get(sk);
	struct sc_flow_view view;
	int err;

	if (!is)
		return scinet_pass(scinet_plain(sk)->ioctl(sk, cmd, arg));
	/* a marker is no data that precedes the mark */
	if (cmd == SIOCATMARK)
		sctcp_poll_advance(is);
	err = scinet_plain(sk)->ioctl(sk, cmd, arg);
	sc_conn_look(&is->conn, &view);
	if (!err && cmd == SIOCINQ && !sctcp_is_resolved(is))
		*arg = sctcp_inq(is);
	else if (!err && cmd == SIOCINQ)
		*arg += view.avail;
	else if (!err && cmd == SIOCOUTQ)
		*arg += sctcp_outq(is, &view);
	sctcp_put(is);
	return err;
}

/* TCP moves pages into the pipe; from a ring they are copied. */
ssize_t sctcp_splice_read(struct socket *sock, loff_t *pos, struct pipe_inode_info *pipe,
			  size_t len, unsigned int flags)
{
	struct sctcp *is = sctcp_get(sock->sk);
	ssize_t n;

	if (!is)
		return scinet_pass(scinet_plain_ops(sock->sk)->splice_read(sock, pos, pipe, len,
									  flags));
	n = copy_splice_read(sock->file, pos, pipe, len, flags);
	sctcp_put(is);
	return n;
}

/* For TCP_ZEROCOPY_RECEIVE, which takes bytes of TCP without asking us. */
int sctcp_mmap(struct file *file, struct socket *sock, struct vm_area_struct *vma)
{
	if (sctcp_is_wrapped(sock->sk))
		return -ENODEV;
	return scinet_pass(scinet_plain_ops(sock->sk)->mmap(file, sock, vma));
}

/* ---- Options ----------------------------------------------------------- */

/* Options that replace TCP's operations, or expose its sequence numbers. */
static bool sctcp_transforms(int level, int name)
{
	if (level == SOL_IPV6)
		return name == IPV6_ADDRFORM;
	return level == SOL_TCP && (name == TCP_ULP || name == TCP_REPAIR);
}

/* Both directions go back to TCP, and do not move again. */
static bool sctcp_is_back(struct sctcp *is)
{
	struct sock *sk = is->conn.sk;
	struct sc_flow *flow;
	bool fin;

	mutex_lock(&is->rd_lock);
	sctcp_advance(is);
	mutex_unlock(&is->rd_lock);
	lock_sock(sk);
	rcu_read_lock();
	flow = rcu_dereference(is->conn.flow);
	if (flow && !refcount_inc_not_zero(&flow->ref))
		flow = NULL;
	rcu_read_unlock();
	if (flow) {
		sctcp_leave(is, flow, SCTCP_CAUSE_PROGRAM);
		sc_flow_put(flow);
	}
	if (READ_ONCE(is->tx_state) == SCTCP_TX_OWED)
		sctcp_flush(is);
	fin = is->fin;
	release_sock(sk);
	return !fin && sctcp_is_idle(is);
}

/* How long an option may wait for the peer. */
#define SCTCP_BACK	(2 * HZ)

/* 0 or -errno. */
static int sctcp_go_back(struct sctcp *is)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = is->conn.sk;
	long timeo = SCTCP_BACK;
	int err = 0;

	WRITE_ONCE(is->barred, true);
	add_wait_queue(sk_sleep(sk), &wait);
	while (!err && !sctcp_is_back(is)) {
		if (!timeo)
			err = -EBUSY;
		else if (signal_pending(current))
			err = -EINTR;
		else
			timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, timeo);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	if (err)
		WRITE_ONCE(is->barred, false);
	return err;
}

/* Make a plain TCP socket of it. Returns 0 or -errno. */
static int sctcp_become_plain(struct sock *sk)
{
	struct sctcp *is = sctcp_get(sk);
	int err = 0;

	if (!is)
		return 0;
	if (!((1 << inet_sk_state_load(sk)) & (TCPF_CLOSE | TCPF_SYN_SENT)))
		err = sctcp_go_back(is);
	lock_sock(sk);
	if (!err && sctcp_is_its(is)) {
		sctcp_say(is, SCHANNEL_DIVERT_SOCKET);
		sctcp_retire(sctcp_unwrap(sk));
	}
	release_sock(sk);
	if (err && is->accepted)
		sctcp_try_open(is, READ_ONCE(is->retry));
	sctcp_put(is);
	return err;
}

/* A filter has to see all bytes: while it is there, the connection does not move again. */
static int sctcp_set_filter(struct socket *sock, int name, sockptr_t val, unsigned int len)
{
	struct sock *sk = sock->sk;
	struct sctcp *is = sctcp_get(sk);
	int err = 0;

	if (is && !((1 << inet_sk_state_load(sk)) & (TCPF_CLOSE | TCPF_SYN_SENT)))
		err = sctcp_go_back(is);
	if (!err)
		err = sock_setsockopt(sock, SOL_SOCKET, name, val, len);
	if (is) {
		WRITE_ONCE(is->barred, false);
		if (is->accepted)
			sctcp_try_open(is, READ_ONCE(is->retry));
		sctcp_put(is);
	}
	return err;
}

/* The ring's bytes count for it, too. */
static int sctcp_set_user_timeout(struct socket *sock, sockptr_t val, unsigned int len)
{
	int err = sock_common_setsockopt(sock, SOL_TCP, TCP_USER_TIMEOUT, val, len);
	struct sctcp *is = err ? NULL : sctcp_get(sock->sk);

	if (is) {
		sctcp_watch_hurry(is);
		sctcp_put(is);
	}
	return err;
}

/* Those of SOL_SOCKET come here since SOCK_CUSTOM_SOCKOPT is set. */
static int sctcp_pass_option(struct socket *sock, int level, int name, sockptr_t val,
			     unsigned int len)
{
	if (level == SOL_TCP && name == TCP_USER_TIMEOUT)
		return sctcp_set_user_timeout(sock, val, len);
	if (level != SOL_SOCKET)
		return sock_common_setsockopt(sock, level, name, val, len);
	if (name == SO_ATTACH_FILTER || name == SO_ATTACH_BPF)
		return sctcp_set_filter(sock, name, val, len);
	return sock_setsockopt(sock, level, name, val, len);
}

int sctcp_setsockopt(struct socket *sock, int level, int name, sockptr_t val, unsigned int len)
{
	int err = 0;

	/* the socket, with its reference to the module, may be unwrapped while this sleeps */
	if (!try_module_get(THIS_MODULE))
		return -EINTR;
	if (sctcp_transforms(level, name))
		err = sctcp_become_plain(sock->sk);
	err = err ?: sctcp_pass_option(sock, level, name, val, len);
	module_put(THIS_MODULE);
	return err;
}

/* TCP's own, with the bytes of the rings. */
static int sctcp_get_info(struct sctcp *is, char __user *val, int __user *optlen)
{
	struct sc_flow_stats stats;
	struct sc_flow_view view;
	struct tcp_info info;
	int len;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	tcp_get_info(is->conn.sk, &info);
	sc_conn_stats(&is->conn, &stats);
	sc_conn_look(&is->conn, &view);
	info.tcpi_bytes_sent += stats.tx_bytes;
	info.tcpi_bytes_acked += stats.tx_bytes - min_t(u64, stats.tx_bytes,
							sctcp_outq(is, &view));
	info.tcpi_bytes_received += stats.rx_bytes + view.avail;
	len = min_t(unsigned int, len, sizeof(info));
	if (put_user(len, optlen) || copy_to_user(val, &info, len))
		return -EFAULT;
	return 0;
}

int sctcp_getsockopt(struct socket *sock, int level, int name, char __user *val, int __user *len)
{
	struct sctcp *is;
	int err;

	if (!try_module_get(THIS_MODULE))
		return -EINTR;
	is = level == SOL_TCP ? sctcp_get(sock->sk) : NULL;
	if (is && name == TCP_ZEROCOPY_RECEIVE)
		err = -EOPNOTSUPP;
	else if (is && name == TCP_INFO)
		err = sctcp_get_info(is, val, len);
	else if (is && name == TCP_ULP)
		err = put_user(0, len) ? -EFAULT : 0;	/* as TCP does without a ULP */
	else
		err = sock_common_getsockopt(sock, level, name, val, len);
	if (is)
		sctcp_put(is);
	module_put(THIS_MODULE);
	return err;
}
