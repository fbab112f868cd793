// SPDX-License-Identifier: GPL-2.0-only
/*
 * "schannelctl detach --now": connections whose cgroup is not attached any more go back to TCP for
 * good. Once all sockets are TCP's again, the module can be unloaded. See tcp.h.
 */
#include <linux/compat.h>
#include <linux/sched.h>
#include <net/tcp.h>

#include <asm/syscall.h>
#include <asm/unistd.h>

#include "cgroup.h"
#include "tcp.h"

/* ---- Going back -------------------------------------------------------- */

/* The socket is not ours any more: those that wait in a call of ours leave it. */
static void sctcp_dismiss(struct sock *sk)
{
	rcu_read_lock();
	sk->sk_state_change(sk);
	rcu_read_unlock();
}

/*
 * A child that waits for accept() has no file yet, and nobody but TCP uses it. accept() owns it
 * for the first time when it gets its file.
 */
static bool sctcp_detach_queued(struct sctcp *is)
{
	struct sock *sk = is->conn.sk;
	bool queued;

	spin_lock_bh(&sk->sk_lock.slock);
	queued = !sk->sk_socket && !is->closing && !sock_owned_by_user_nocheck(sk) &&
		 sctcp_is_its(is);
	if (queued)
		sctcp_unwrap(sk);
	spin_unlock_bh(&sk->sk_lock.slock);
	return queued;
}

/**
 * sctcp_detach_step() - give the socket back to TCP as soon as both directions are TCP's
 * @is:		of a socket that is to be detached; nothing is held
 *
 * Context: the socket's work.
 *
 * Return: true if the caller retires @is.
 */
bool sctcp_detach_step(struct sctcp *is)
{
	sctcp_leave_any(is, SCTCP_CAUSE_ADMIN);
	return sctcp_finish(is) && sctcp_detach_queued(is);
}

/* The same, while lock_sock() is held. */
bool sctcp_detach_owned(struct sctcp *is)
{
	if (READ_ONCE(is->tx_state) == SCTCP_TX_OWED)
		sctcp_flush(is);
	/* the FIN that is due comes first: this runs again */
	if (is->fin || !sctcp_finish(is))
		return false;
	sctcp_unwrap(is->conn.sk);
	sctcp_dismiss(is->conn.sk);
	return true;
}

/* ---- The request ------------------------------------------------------- */

/* Returns whether the socket is to be detached. The list's lock is held, so @is has its socket. */
static bool sctcp_detach(struct sctcp *is, const struct net *net)
{
	struct sock *sk = is->conn.sk;

	if ((net && !net_eq(sock_net(sk), net)) || scinet_cgroup_attached(sk))
		return false;
	WRITE_ONCE(is->detached, true);
	sctcp_say(is, SCHANNEL_DIVERT_NOT_ATTACHED);
	sctcp_kick(is, 0);
	return true;
}

/**
 * sctcp_detach_all() - have sockets go back to TCP whose cgroup is not attached
 * @net:	only those of this namespace; NULL: those of all
 * @left:	set to how many are on their way. After 0 for all namespaces, they hold the module
 *		no longer
 *
 * Does not wait for them: a direction goes back only when the program has read what is ahead of
 * the marker. New connections of these cgroups are TCP's anyway.
 *
 * Context: process context.
 */
void sctcp_detach_all(const struct net *net, u64 *left)
{
	*left = sctcp_visit_all(sctcp_detach, net);
	/* for sctcp_free(); other namespaces' administrators unload nothing */
	if (!*left && !net)
		rcu_barrier();
}

/* ---- Calls that wait --------------------------------------------------- */

/*
 * Is the call a part of one that has done other things already, and would report our error later?
 * Of 32-bit programs the number says nothing.
 */
static bool sctcp_is_in_batch(void)
{
	int nr = syscall_get_nr(current, current_pt_regs());

	return in_compat_syscall() || nr == __NR_recvmmsg || nr == __NR_io_submit;
}

/**
 * sctcp_may_restart() - should the caller's system call begin anew?
 * @is:		what the socket had when the call began
 * @done:	bytes that the call has sent or received so far
 *
 * Threads of the kernel cannot begin anew, nor can io_uring's workers.
 *
 * Return: true if the socket was given back to TCP meanwhile, and sctcp_restart() can be used. A
 * hint: the waiter is woken after that.
 */
bool sctcp_may_restart(const struct sctcp *is, size_t done)
{
	const struct sock *sk = is->conn.sk;

	if (likely(sctcp_is_wrapped(sk) && rcu_access_pointer(inet_csk(sk)->icsk_ulp_data) == is))
		return false;
	return !done && !(current->flags & (PF_KTHREAD | PF_USER_WORKER)) && !sctcp_is_in_batch();
}

/**
 * sctcp_restart() - have the system call, which has done nothing yet, begin anew
 *
 * It then enters TCP's own operations. Otherwise it would stay in this module for as long as it
 * waits.
 *
 * Return: what the call returns.
 */
int sctcp_restart(void)
{
	/* on its way to user space the kernel then looks whether to restart the call */
	set_thread_flag(TIF_NOTIFY_SIGNAL);
	return -ERESTARTSYS;
}
