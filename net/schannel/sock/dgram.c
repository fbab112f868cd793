// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagram sockets: what a program calls. Datagrams leave by the peer's outbox and arrive
 * by the channel's inbox.
 *
 * A connected socket has nothing but an address: the peer is looked up for each datagram,
 * so that a domain may go and come back. A connected socket is TCP_ESTABLISHED, any other
 * TCP_CLOSE.
 */
#include <linux/err.h>
#include <linux/pagemap.h>
#include <linux/sockios.h>
#include <asm/ioctls.h>

#include "held.h"
#include "core/common.h"
#include "outbox.h"
#include "port.h"
#include "socket.h"

/* Count a datagram. The data path of datagrams takes no other lock of the socket. */
static void sc_dgram_count(struct mutex *lock, struct sc_count *count, u32 len)
{
	mutex_lock(lock);
	count->bytes += len;
	count->records++;
	mutex_unlock(lock);
}

/* Bind the socket if it is not bound, so that receivers can answer. lock_sock() is held. */
static int sc_dgram_autobind(struct sc_sock *ssk)
{
	return ssk->local_port ? 0 :
	       sc_port_bind(ssk, SC_DOMID_ANY, SC_PORT_ANY);
}

/* The peer at an address, if the socket may send there; or ERR_PTR. */
static struct schannel_peer *sc_dgram_peer(const struct sc_sock *ssk, u32 domid,
					   u32 port)
{
	struct schannel_peer *peer;

	if (domid == SC_DOMID_ANY || port == SC_PORT_ANY)
		return ERR_PTR(-EINVAL);
	if (READ_ONCE(ssk->local_domid) == SC_DOMID_SELF &&
	    READ_ONCE(ssk->local_port) && domid != SC_DOMID_SELF &&
	    domid != sc_own_domid())
		return ERR_PTR(-EINVAL);	/* as from 127.0.0.1 to elsewhere */
	peer = sc_peer_get(sock_net(&ssk->sk), domid);
	return peer ?: ERR_PTR(-EHOSTUNREACH);
}

int sc_dgram_connect(struct socket *sock, struct sockaddr *addr, int len,
		     int flags)
{
	struct sock *sk = sock->sk;
	struct sc_sock *ssk = sc_sk(sk);
	const struct sockaddr_sc *to;
	struct schannel_peer *peer;
	int err;

	lock_sock(sk);
	if (len >= (int)sizeof(addr->sa_family) &&
	    addr->sa_family == AF_UNSPEC) {
		WRITE_ONCE(sk->sk_state, TCP_CLOSE);
		sock->state = SS_UNCONNECTED;
		err = 0;
		goto out;
	}
	err = sc_sock_address(addr, len, &to);
	if (err)
		goto out;
	peer = sc_dgram_peer(ssk, to->sc_domid, to->sc_port);
	err = PTR_ERR_OR_ZERO(peer);
	if (err)
		goto out;
	err = sc_dgram_autobind(ssk);
	if (!err) {
		WRITE_ONCE(ssk->peer_domid, peer->domid);
		WRITE_ONCE(ssk->peer_port, to->sc_port);
		/* release: whoever sees the state sees the address */
		smp_store_release(&sk->sk_state, TCP_ESTABLISHED);
		sock->state = SS_CONNECTED;
		sc_outbox_prepare(peer, sock_net(sk));
	}
	sc_peer_put(peer);
out:
	release_sock(sk);
	return err;
}

/* ---- Sending ----------------------------------------------------------- */

/* The destination of a datagram: the peer, with a reference, and @port. Or ERR_PTR. */
static struct schannel_peer *sc_dgram_to(struct sc_sock *ssk,
					 const struct msghdr *msg, u32 *port)
{
	const struct sockaddr_sc *to;
	int err;

	if (!msg->msg_namelen) {
		/* acquire: pairs with sc_dgram_connect() */
		if (smp_load_acquire(&ssk->sk.sk_state) != TCP_ESTABLISHED)
			return ERR_PTR(-ENOTCONN);
		*port = READ_ONCE(ssk->peer_port);
		return sc_dgram_peer(ssk, READ_ONCE(ssk->peer_domid), *port);
	}
	err = sc_sock_address(msg->msg_name, msg->msg_namelen, &to);
	if (err)
		return ERR_PTR(err);
	*port = to->sc_port;
	return sc_dgram_peer(ssk, to->sc_domid, to->sc_port);
}

static int sc_dgram_send(struct sc_outbox_wait *w, struct msghdr *msg,
			 const struct schannel_record *rec)
{
	const struct iov_iter start = msg->msg_iter;
	struct sock *sk = &w->ssk->sk;
	size_t left;
	int err;

	do {
		err = sock_error(sk);
		if (err)
			break;
		if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
			return -EPIPE;
		err = sc_outbox_send(w->peer, sock_net(sk), &msg->msg_iter, rec);
		if (!err)
			return 0;
		if (err == -EAGAIN) {
			err = sc_outbox_wait(w);
			continue;
		}
		if (err != -EFAULT)
			return err;
		/* fault in from where the copy stopped, then copy all of it again */
		left = rec->len - (iov_iter_count(&start) -
				   iov_iter_count(&msg->msg_iter));
		if (fault_in_iov_iter_readable(&msg->msg_iter, left) != left)
			err = fatal_signal_pending(current) ? -EINTR : 0;
		msg->msg_iter = start;
	} while (!err);
	return err;
}

int sc_dgram_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct sc_sock *ssk = sc_sk(sk);
	struct sc_outbox_wait w = { .ssk = ssk };
	struct schannel_record rec = { .len = len };
	int err;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (len > SCHANNEL_DGRAM_MAX)
		return -EMSGSIZE;
	/* acquire: the port is in the table, before a receiver can answer */
	if (!smp_load_acquire(&ssk->local_port)) {
		lock_sock(sk);
		err = sc_dgram_autobind(ssk);
		release_sock(sk);
		if (err)
			return err;
	}
	w.peer = sc_dgram_to(ssk, msg, &rec.dst_port);
	if (IS_ERR(w.peer))
		return PTR_ERR(w.peer);
	rec.src_port = READ_ONCE(ssk->local_port);
	w.timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	err = sc_dgram_send(&w, msg, &rec);
	if (!err)
		sc_dgram_count(&ssk->conn.tx_lock, &ssk->conn.tx_count, len);
	sc_peer_put(w.peer);
	return err ?: len;
}

/* ---- Receiving --------------------------------------------------------- */

/*
 * Copy @len bytes; pages are faulted in as needed. If the datagram stays in the queue, then so
 * does what the program has got of it: with @keep, and if the copy fails.
 */
static int sc_dgram_copy(struct sk_buff *skb, u32 offset, struct msghdr *msg,
			 size_t len, bool keep)
{
	const struct iov_iter start = msg->msg_iter;
	size_t left;
	int err;

	for (;;) {
		err = keep ? sc_held_keep(skb) : 0;
		if (err)
			return err;
		err = sc_held_read(skb, offset, &msg->msg_iter, len);
		if (err != -EAGAIN)
			return err;
		left = len - (iov_iter_count(&start) -
			      iov_iter_count(&msg->msg_iter));
		/* a copy that was kept says -EFAULT by itself */
		if (fault_in_iov_iter_writeable(&msg->msg_iter, left) == left)
			keep = true;
		if (fatal_signal_pending(current))
			return -EINTR;
		msg->msg_iter = start;
	}
}

/* There was no memory to keep the datagram when its channel or its space in the ring went. */
static void sc_dgram_lost(struct sock *sk, struct sk_buff *skb, int flags)
{
	atomic_inc(&sk->sk_drops);
	if (flags & MSG_PEEK)
		__sk_queue_drop_skb(sk, &sk->sk_receive_queue, skb, flags,
				    NULL);
	skb_free_datagram(sk, skb);
}

/* The datagram could not be copied to the program, which may try another buffer. */
static void sc_dgram_put_back(struct sock *sk, struct sk_buff *skb, int flags)
{
	if (flags & MSG_PEEK) {
		skb_free_datagram(sk, skb);
	} else {
		skb_queue_head(&sk->sk_receive_queue, skb);
		sk->sk_data_ready(sk);
	}
}

static void sc_dgram_name(struct msghdr *msg, struct sk_buff *skb)
{
	struct sockaddr_sc *from = msg->msg_name;

	if (!from)
		return;
	memset(from, 0, sizeof(*from));
	from->sc_family = sc_family();
	from->sc_domid = sc_dgram(skb)->domid;
	from->sc_port = sc_dgram(skb)->port;
	msg->msg_namelen = sizeof(*from);
}

int sc_dgram_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
		     int flags)
{
	struct sock *sk = sock->sk;
	struct sc_sock *ssk = sc_sk(sk);
	struct sk_buff *skb;
	size_t copied;
	int offset;
	int err;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE)
		return -EAGAIN;
	do {
		offset = max(sk_peek_offset(sk, flags), 0);
		skb = __skb_recv_datagram(sk, &sk->sk_receive_queue, flags,
					  &offset, &err);
		if (!skb)
			return err;
		copied = min_t(size_t, len, skb->len - offset);
		err = sc_dgram_copy(skb, offset, msg, copied,
				    flags & MSG_PEEK);
		/* look for the next one */
		if (err == -ENOMEM)
			sc_dgram_lost(sk, skb, flags);
	} while (err == -ENOMEM);
	if (err) {
		sc_dgram_put_back(sk, skb, flags);
		return err;
	}
	sc_dgram_name(msg, skb);
	sock_recv_cmsgs(msg, sk, skb);
	if (copied < skb->len - offset)
		msg->msg_flags |= MSG_TRUNC;
	if (flags & MSG_PEEK) {
		sk_peek_offset_fwd(sk, copied);
	} else {
		sk_peek_offset_bwd(sk, skb->len);
		sc_dgram_count(&ssk->conn.rx_lock, &ssk->conn.rx_count, skb->len);
	}
	err = flags & MSG_TRUNC ? skb->len - offset : copied;
	skb_free_datagram(sk, skb);
	return err;
}

/* ---- Other calls ------------------------------------------------------- */

__poll_t sc_dgram_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct sock *sk = sock->sk;
	__poll_t mask = 0;
	u8 shutdown;

	sock_poll_wait(file, sock, wait);
	shutdown = READ_ONCE(sk->sk_shutdown);
	if (READ_ONCE(sk->sk_err))
		mask |= EPOLLERR;
	if (shutdown == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (!skb_queue_empty_lockless(&sk->sk_receive_queue))
		mask |= EPOLLIN | EPOLLRDNORM;
	/*
	 * In the list while it waits for a peer's outbox to have space. A socket that another
	 * thread puts there just now may be reported either way.
	 */
	if (data_race(list_empty(&sc_sk(sk)->outbox_node)) ||
	    shutdown & SEND_SHUTDOWN)
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return mask;
}

int sc_dgram_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	lock_sock(sk);
	/* from SHUT_* to RCV_SHUTDOWN and SEND_SHUTDOWN */
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | (how + 1));
	sk->sk_state_change(sk);
	release_sock(sk);
	return 0;
}

/* As UDP's: SIOCINQ is the size of the next datagram. */
int sc_dgram_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct sock *sk = sock->sk;
	struct sk_buff *skb;
	int amount = 0;

	if (cmd != SIOCINQ && cmd != SIOCOUTQ)
		return -ENOIOCTLCMD;
	if (cmd == SIOCINQ) {
		spin_lock_irq(&sk->sk_receive_queue.lock);
		skb = skb_peek(&sk->sk_receive_queue);
		if (skb)
			amount = skb->len;
		spin_unlock_irq(&sk->sk_receive_queue.lock);
	}
	return put_user(amount, (int __user *)arg);
}

/* The socket is being closed and receives nothing more. lock_sock() is not held. */
void sc_dgram_release(struct sc_sock *ssk)
{
	sc_outbox_unblock(ssk);
	skb_queue_purge(&ssk->sk.sk_receive_queue);
}
