// SPDX-License-Identifier: GPL-2.0-only
/* struct sctcp: the list of all, references, its work, giving the socket back to TCP. See tcp.h. */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/tcp.h>

#include "core/common.h"
#include "sock/io.h"
#include "tcp.h"

/* One element for IPv4, one for IPv6; wrap.c fills them in. */
struct proto sctcp_proto[2] __ro_after_init;
struct proto_ops sctcp_ops[2] __ro_after_init;

/* ---- All sockets that are ours ----------------------------------------- */

static LIST_HEAD(sctcp_list);
static DEFINE_SPINLOCK(sctcp_list_lock);

void sctcp_list_add(struct sctcp *is)
{
	spin_lock_bh(&sctcp_list_lock);
	list_add_tail(&is->node, &sctcp_list);
	spin_unlock_bh(&sctcp_list_lock);
}

static void sctcp_list_del(struct sctcp *is)
{
	spin_lock_bh(&sctcp_list_lock);
	list_del(&is->node);
	spin_unlock_bh(&sctcp_list_lock);
}

/* So many sockets are visited before others may run. */
#define SCTCP_BATCH	256

/**
 * sctcp_visit_all() - visit all sockets that are ours
 * @visit:	is called for each, under the list's lock: does not sleep
 * @net:	passed on to it
 *
 * Context: process context.
 *
 * Return: for how many of them @visit has returned true.
 */
u64 sctcp_visit_all(bool (*visit)(struct sctcp *is, const struct net *net), const struct net *net)
{
	static DEFINE_MUTEX(mutex);
	static u32 walk;
	unsigned int seen = 0;
	struct sctcp *is;
	u64 count = 0;

	mutex_lock(&mutex);
	walk++;
	spin_lock_bh(&sctcp_list_lock);
	/* those that were visited are the last ones of the list */
	while ((is = list_first_entry_or_null(&sctcp_list, struct sctcp, node)) &&
	       is->walk != walk) {
		is->walk = walk;
		list_move_tail(&is->node, &sctcp_list);
		count += visit(is, net);
		if (++seen % SCTCP_BATCH)
			continue;
		spin_unlock_bh(&sctcp_list_lock);
		cond_resched();
		spin_lock_bh(&sctcp_list_lock);
	}
	spin_unlock_bh(&sctcp_list_lock);
	mutex_unlock(&mutex);
	return count;
}

/* ---- References -------------------------------------------------------- */

static void sctcp_free(struct rcu_head *rcu)
{
	struct sctcp *is = container_of(rcu, struct sctcp, rcu);

	sctcp_list_del(is);
	/* after a grace period, since the upcall uses both under RCU */
	sock_put(is->conn.sk);
	kfree(is);
	module_put(THIS_MODULE);
}

void sctcp_put(struct sctcp *is)
{
	if (!refcount_dec_and_test(&is->ref))
		return;
	if (is->peer)
		sc_peer_put(is->peer);
	call_rcu(&is->rcu, sctcp_free);
}

/* The struct sctcp of a wrapped socket, to be released with sctcp_put(), or NULL. */
struct sctcp *sctcp_get(struct sock *sk)
{
	struct sctcp *is;

	rcu_read_lock();
	/* another ULP's only if the socket is not wrapped any more: read in this order */
	is = rcu_dereference(inet_csk(sk)->icsk_ulp_data);
	smp_rmb();	/* pairs with sctcp_unwrap() */
	if (!sctcp_is_wrapped(sk) || (is && !refcount_inc_not_zero(&is->ref)))
		is = NULL;
	rcu_read_unlock();
	return is;
}

/* Have the socket's work run. Any context; the caller keeps @is from being freed. */
void sctcp_kick(struct sctcp *is, unsigned long delay)
{
	if (delay)
		queue_delayed_work(sc_wq, &is->work, delay);
	else
		mod_delayed_work(sc_wq, &is->work, 0);
}

/* Have the accepting end try to open a flow later, with longer and longer delays. */
void sctcp_try_open(struct sctcp *is, unsigned long delay)
{
	if (delay)
		WRITE_ONCE(is->retry, min(2 * delay, SCTCP_RETRY_MAX));
	mod_delayed_work(sc_wq, &is->waiter.work, delay);
}

/* Wake all that wait for the socket: something has moved. */
void sctcp_wake(struct sctcp *is)
{
	struct sock *sk = is->conn.sk;

	sk->sk_data_ready(sk);
	sc_io_write_space(sk);
}

/*
 * As sk_write_space: wakes senders and pollers, whether it is TCP or the ring that has space.
 * TCP's own does nothing while TCP's queue is full.
 */
void sctcp_write_space(struct sock *sk)
{
	struct sctcp *is;

	rcu_read_lock();
	is = rcu_dereference(inet_csk(sk)->icsk_ulp_data);
	smp_rmb();	/* as in sctcp_get() */
	if (sctcp_is_wrapped(sk) && is &&
	    (READ_ONCE(is->fin) || READ_ONCE(is->tx_state) == SCTCP_TX_OWED))
		sctcp_kick(is, 0);
	rcu_read_unlock();
	sc_io_write_space(sk);
}

/* Restore TCP's sock->ops. */
static void sctcp_leave_ops(struct sock *sk)
{
	if (!sk->sk_socket || sk->sk_socket->ops != &sctcp_ops[scinet_family(sk)])
		return;
	clear_bit(SOCK_CUSTOM_SOCKOPT, &sk->sk_socket->flags);
	WRITE_ONCE(sk->sk_socket->ops, scinet_plain_ops(sk));
}

/*
 * Has a part of the kernel taken over the socket since it was wrapped, as an iSCSI initiator does?
 * It may read with tcp_read_sock(), which knows nothing of rings.
 */
bool sctcp_has_user(const struct sctcp *is)
{
	bool has;

	rcu_read_lock();
	has = rcu_dereference_sk_user_data(is->conn.sk) != is;
	rcu_read_unlock();
	return has;
}

/*
 * Give the socket back to TCP. lock_sock() is held, or it is being destroyed. The caller takes over
 * the socket's reference, for sctcp_retire().
 */
struct sctcp *sctcp_unwrap(struct sock *sk)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct sctcp *is = rcu_dereference_protected(icsk->icsk_ulp_data, 1);

	/* release: pairs with scinet_load_proto() */
	smp_store_release(&sk->sk_prot, scinet_plain(sk));
	smp_wmb();	/* pairs with sctcp_get() */
	RCU_INIT_POINTER(icsk->icsk_ulp_data, NULL);
	icsk->icsk_ulp_ops = NULL;
	write_lock_bh(&sk->sk_callback_lock);
	if (!sctcp_has_user(is))
		rcu_assign_sk_user_data(sk, NULL);
	/* whoever has replaced it may restore ours, at any time: the module has to stay for ever */
	if (sk->sk_write_space == sctcp_write_space)
		sk->sk_write_space = is->write_space;
	else if (sk->sk_socket)
		__module_get(THIS_MODULE);
	write_unlock_bh(&sk->sk_callback_lock);
	sctcp_leave_ops(sk);
	return is;
}

/* Stop works, close the flow and put @is, in a work: the caller of sctcp_unwrap() may not sleep. */
void sctcp_retire(struct sctcp *is)
{
	queue_work(sc_wq, &is->retire);
}

/* An error that TCP reported once is kept for the next call, since this one returns bytes. */
void sctcp_keep_error(struct sock *sk, int err)
{
	switch (err) {
	case -ECONNRESET:
	case -ETIMEDOUT:
	case -EPIPE:
	case -ECONNABORTED:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
		WRITE_ONCE(sk->sk_err, -err);
	}
}
