// SPDX-License-Identifier: GPL-2.0-only
/*
 * The outbox: where all datagrams to a peer leave, whatever socket sends them.
 *
 * It has a flow of its own, which the first datagram opens and which stays as long as the
 * channel. All senders share the flow's ring: one that finds it full waits in the outbox,
 * or is listed there and notified when there is space. The flow's other direction carries
 * notices of datagrams whose port was not bound.
 */
#include <linux/err.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "core/channel.h"
#include "core/common.h"
#include "core/flow.h"
#include "core/observer.h"
#include "outbox.h"
#include "core/peer.h"
#include "port.h"
#include "ring/record.h"
#include "socket.h"
#include "core/sysctl.h"

/* Time limit for opening the flow, including a channel that has to be brought up. */
#define SC_OUTBOX_TIMEOUT	(10 * HZ)

/* Waiting senders are woken when the largest datagram fits: then every one fits. */
#define SC_OUTBOX_WANT		sc_record_size(SCHANNEL_DGRAM_MAX)

/* A ring that holds the largest datagram while another one is being read: 128 KiB. */
#define SC_OUTBOX_MIN_ORDER	((u8)5)

/* Notices that are handled at a time; the others are discarded. */
#define SC_OUTBOX_NOTICES	64

static const struct sc_flow_ops sc_outbox_flow_ops;

static struct sc_flow *sc_outbox_flow(struct sc_outbox *out)
{
	return rcu_dereference_protected(out->flow,
					 lockdep_is_held(&out->tx_lock));
}

/* ---- Waking senders ---------------------------------------------------- */

/* Sockets and threads that are woken at a time. Any user may have any number of them. */
#define SC_OUTBOX_BATCH		32

/* Wake the first sockets of a list, with an error if @err is not 0. out->lock is held. */
static unsigned int sc_outbox_wake_some(struct list_head *list, int err)
{
	struct sc_sock *ssk, *next;
	unsigned int nr = 0;

	list_for_each_entry_safe(ssk, next, list, outbox_node) {
		if (nr++ == SC_OUTBOX_BATCH)
			break;
		list_del_init(&ssk->outbox_node);
		if (err) {
			WRITE_ONCE(ssk->sk.sk_err, -err);
			sk_error_report(&ssk->sk);
		}
		ssk->sk.sk_write_space(&ssk->sk);
	}
	return nr;
}

/*
 * Wake some senders. Those that came to wait after sc_outbox_wake() are not among them: sockets
 * are in another list, and threads wait in order. Returns whether there are more.
 */
static bool sc_outbox_wake_batch(struct sc_outbox *out)
{
	unsigned int threads;
	bool more;

	spin_lock_bh(&out->lock);
	if (!sc_outbox_wake_some(&out->failed, out->err))
		sc_outbox_wake_some(&out->ready, 0);
	threads = min(out->rousing, SC_OUTBOX_BATCH);
	out->rousing -= threads;
	more = out->rousing || !list_empty(&out->ready) || !list_empty(&out->failed);
	spin_unlock_bh(&out->lock);
	if (threads)
		wake_up_interruptible_nr(&out->wq, threads);
	return more;
}

static void sc_outbox_wake_work(struct work_struct *work)
{
	struct sc_outbox *out = container_of(work, struct sc_outbox, wake_work);

	while (sc_outbox_wake_batch(out))
		cond_resched();
}

/* There is space; or with @err, opening has failed. Wakes some at once, and leaves the rest. */
static void sc_outbox_wake(struct sc_outbox *out, int err)
{
	spin_lock_bh(&out->lock);
	list_splice_tail_init(&out->blocked, err ? &out->failed : &out->ready);
	out->rousing = out->sleepers;
	spin_unlock_bh(&out->lock);
	if (sc_outbox_wake_batch(out))
		queue_work(sc_wq, &out->wake_work);
}

/* The flow is gone, or could not be opened: @err says why. The outbox is idle again. */
static void sc_outbox_failed(struct sc_outbox *out, int err,
			     enum schannel_reason reason)
{
	struct sc_flow *flow;

	lockdep_assert_held(&out->tx_lock);
	flow = out->opening ?: sc_outbox_flow(out);
	out->opening = NULL;
	RCU_INIT_POINTER(out->flow, NULL);
	WRITE_ONCE(out->broken, false);
	if (flow)
		sc_flow_close(flow, reason);
	spin_lock_bh(&out->lock);
	if (out->state != SC_OUTBOX_CLOSED)
		out->state = SC_OUTBOX_IDLE;
	out->failures++;
	out->err = err;
	spin_unlock_bh(&out->lock);
	sc_outbox_wake(out, err);
}

/* ---- Opening ----------------------------------------------------------- */

static int sc_outbox_go(struct sc_outbox *out)
{
	static const struct schannel_msg_open open = {
		.type = SCHANNEL_TYPE_DGRAM,
		.rx_order = 0,
		.uid = SCHANNEL_ID_NONE,
		.gid = SCHANNEL_ID_NONE,
	};
	struct schannel_peer *peer = out->peer;
	u8 order = sc_sysctl_dgram_order();
	struct sc_size_limits limits = {
		.min = order,
		.max = order,
		.fallback = SC_OUTBOX_MIN_ORDER,
	};
	struct schannel_channel *ch;
	struct sc_flow *flow;

	ch = sc_peer_channel(peer, out->net, &out->waiter);
	if (IS_ERR(ch))
		return PTR_ERR(ch) == -EAGAIN ? 0 : PTR_ERR(ch);
	flow = sc_flow_open(ch, &open, limits, &sc_outbox_flow_ops, peer,
			    NULL);
	sc_channel_put(ch);
	if (IS_ERR(flow))
		return PTR_ERR(flow);
	out->opening = flow;
	return 0;
}

/* Have the work run after @delay jiffies, unless the outbox is closed. */
static void sc_outbox_kick(struct sc_outbox *out, unsigned long delay)
{
	spin_lock_bh(&out->lock);
	if (out->state != SC_OUTBOX_CLOSED)
		mod_delayed_work(sc_wq, &out->waiter.work, delay);
	spin_unlock_bh(&out->lock);
}

/* Continue to open the flow, or end it. */
static void sc_outbox_work(struct work_struct *work)
{
	struct sc_outbox *out = container_of(work, struct sc_outbox,
					     waiter.work.work);
	unsigned long now = jiffies;
	unsigned long deadline;
	bool opening;
	int err = 0;

	mutex_lock(&out->tx_lock);
	/* a thread may just begin to open it: all of its stores, or none */
	spin_lock_bh(&out->lock);
	opening = out->state == SC_OUTBOX_OPENING;
	deadline = out->deadline;
	spin_unlock_bh(&out->lock);
	if (READ_ONCE(out->broken)) {
		sc_outbox_failed(out, -ECONNRESET, SCHANNEL_REASON_PROTOCOL);
	} else if (opening) {
		if (time_after_eq(now, deadline)) {
			err = -ETIMEDOUT;
		} else {
			/* first: afterwards it would delay what sc_peer_wake_waiters() queues */
			sc_outbox_kick(out, deadline - now);
			if (!out->opening)
				err = sc_outbox_go(out);
		}
		if (err) {
			sc_peer_unwait(out->peer, &out->waiter);
			sc_outbox_failed(out, err, SCHANNEL_REASON_RESET);
		}
	}
	mutex_unlock(&out->tx_lock);
}

static struct sc_outbox *sc_outbox_alloc(struct schannel_peer *peer)
{
	struct sc_outbox *out = kzalloc(sizeof(*out), GFP_KERNEL);

	if (!out)
		return NULL;
	out->peer = peer;
	mutex_init(&out->tx_lock);
	spin_lock_init(&out->lock);
	INIT_LIST_HEAD(&out->blocked);
	INIT_LIST_HEAD(&out->ready);
	INIT_LIST_HEAD(&out->failed);
	init_waitqueue_head(&out->wq);
	INIT_WORK(&out->wake_work, sc_outbox_wake_work);
	INIT_LIST_HEAD(&out->waiter.node);
	INIT_DELAYED_WORK(&out->waiter.work, sc_outbox_work);
	return out;
}

/* A peer's outbox, made for its first datagram; ERR_PTR(-ENOMEM, -EHOSTUNREACH). */
static struct sc_outbox *sc_outbox_get(struct schannel_peer *peer)
{
	/* acquire: pairs with sc_peer_set_outbox() */
	struct sc_outbox *out = smp_load_acquire(&peer->outbox);

	if (likely(out))
		return out;
	out = sc_outbox_alloc(peer);
	if (!out)
		return ERR_PTR(-ENOMEM);
	if (sc_peer_set_outbox(peer, out))
		return out;
	kfree(out);
	/* another thread was faster, or the peer was removed; acquire: as above */
	return smp_load_acquire(&peer->outbox) ?: ERR_PTR(-EHOSTUNREACH);
}

/* As peer_removed() of struct sc_observer: no thread adds an outbox any more. */
static void sc_outbox_close(struct schannel_peer *peer)
{
	struct sc_outbox *out = peer->outbox;

	if (!out)
		return;
	spin_lock_bh(&out->lock);
	out->state = SC_OUTBOX_CLOSED;
	spin_unlock_bh(&out->lock);
	sc_peer_unwait(peer, &out->waiter);
	cancel_delayed_work_sync(&out->waiter.work);
	mutex_lock(&out->tx_lock);
	sc_outbox_failed(out, -EHOSTUNREACH, SCHANNEL_REASON_RESET);
	mutex_unlock(&out->tx_lock);
	/* until all are woken; no event wakes any more */
	flush_work(&out->wake_work);
}

static struct sc_observer sc_outbox_observer = {
	.peer_removed = sc_outbox_close,
};

void sc_outbox_init(void)
{
	sc_observer_register(&sc_outbox_observer);
}

void sc_outbox_exit(void)
{
	sc_observer_unregister(&sc_outbox_observer);
}

/* Open it if it is idle. out->lock is held. */
static void sc_outbox_open(struct sc_outbox *out, const struct net *net)
{
	if (out->state != SC_OUTBOX_IDLE)
		return;
	out->state = SC_OUTBOX_OPENING;
	out->net = net;
	out->deadline = jiffies + SC_OUTBOX_TIMEOUT;
	mod_delayed_work(sc_wq, &out->waiter.work, 0);
}

/**
 * sc_outbox_prepare() - open the flow before there is a datagram
 * @peer:	the receiver
 * @net:	the sender's namespace
 *
 * So that the first datagram does not wait for a channel. Process context.
 */
void sc_outbox_prepare(struct schannel_peer *peer, const struct net *net)
{
	struct sc_outbox *out = sc_outbox_get(peer);

	if (IS_ERR(out))
		return;		/* the first datagram says so */
	spin_lock_bh(&out->lock);
	sc_outbox_open(out, net);
	spin_unlock_bh(&out->lock);
}

/* ---- Sending ----------------------------------------------------------- */

static void sc_outbox_count(struct schannel_channel *ch, u32 len)
{
	atomic_long_inc(&ch->stats.dgram_sent);
	atomic_long_add(len, &ch->stats.dgram_tx_bytes);
}

/*
 * May a datagram from @net be sent now? 0; -EAGAIN while other senders wait for space, since
 * otherwise those that do not wait would starve them; -EHOSTUNREACH if the peer was moved
 * to another namespace.
 */
static int sc_outbox_may_send(struct sc_outbox *out, struct sc_flow *flow,
			      const struct net *net)
{
	struct sc_flow_view view;
	bool moved;

	rcu_read_lock();
	moved = sc_channel_is_up(flow->channel) &&
		sc_peer_net(out->peer, flow->channel) != net;
	rcu_read_unlock();
	if (moved)
		return -EHOSTUNREACH;
	if (!READ_ONCE(out->wants))
		return 0;
	sc_flow_look(flow, &view);
	return view.space < SC_OUTBOX_WANT ? -EAGAIN : 0;
}

/**
 * sc_outbox_send() - send one datagram
 * @peer:	the receiver; the caller holds a reference
 * @net:	the sender's namespace
 * @from:	@rec->len bytes, at most SCHANNEL_DGRAM_MAX; advanced by what was copied
 * @rec:	the record's header
 *
 * Process context.
 *
 * Return: 0; -EAGAIN if there is no space, or no flow yet; -EFAULT if @from must be
 * faulted in first; -EHOSTUNREACH if the peer is not in @net any more, or was removed;
 * -ENOMEM.
 */
int sc_outbox_send(struct schannel_peer *peer, const struct net *net,
		   struct iov_iter *from, const struct schannel_record *rec)
{
	struct sc_outbox *out = sc_outbox_get(peer);
	struct sc_flow *flow;
	int err = -EAGAIN;

	if (IS_ERR(out))
		return PTR_ERR(out);
	mutex_lock(&out->tx_lock);
	flow = sc_outbox_flow(out);
	if (flow) {
		err = sc_outbox_may_send(out, flow, net) ?:
		      sc_record_send(flow, from, rec);
		if (!err) {
			sc_outbox_count(flow->channel, rec->len);
		} else if (err == -EPROTO || err == -EPIPE) {
			/* the work closes the flow; the next datagram opens another */
			RCU_INIT_POINTER(out->flow, NULL);
			out->opening = flow;
			WRITE_ONCE(out->broken, true);
			sc_outbox_kick(out, 0);
		}
	}
	mutex_unlock(&out->tx_lock);
	switch (err) {
	case 0:
	case -EFAULT:
	case -EHOSTUNREACH:
		return err;
	default:
		return -EAGAIN;
	}
}

/*
 * Ask for an event when there is space, or wait for the flow to be opened. 1: try again
 * now; 0: wait; -errno: waiting is in vain. out->lock is held.
 */
static int sc_outbox_arm(struct sc_outbox *out, struct sc_outbox_wait *w)
{
	struct sc_flow_view view;
	struct sc_flow *flow;
	int ret = 0;

	if (!w->waited)
		w->failures = out->failures;
	w->waited = true;
	if (out->failures != w->failures)
		return out->err;
	if (out->state == SC_OUTBOX_CLOSED)
		return -EHOSTUNREACH;
	sc_outbox_open(out, sock_net(&w->ssk->sk));

	rcu_read_lock();
	flow = rcu_dereference(out->flow);
	if (flow) {
		WRITE_ONCE(out->wants, SC_OUTBOX_WANT);
		ret = sc_flow_await_space(flow, SC_OUTBOX_WANT, &view) &&
		      !(view.flags & SC_FLOW_GONE);
	}
	rcu_read_unlock();
	return ret;
}

/* The call does not wait: list its socket, so that poll() reports space. */
static int sc_outbox_block(struct sc_outbox *out, struct sc_outbox_wait *w)
{
	struct sc_sock *ssk = w->ssk;
	int ret;

	sc_outbox_unblock(ssk);
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, &ssk->sk);
	lock_sock(&ssk->sk);
	set_bit(SOCK_NOSPACE, &ssk->sk.sk_socket->flags);
	spin_lock_bh(&out->lock);
	ret = sc_outbox_arm(out, w);
	if (!ret && !ssk->outbox_peer) {
		refcount_inc(&w->peer->ref);
		ssk->outbox_peer = w->peer;
		list_add_tail(&ssk->outbox_node, &out->blocked);
	} else if (ret) {
		clear_bit(SOCK_NOSPACE, &ssk->sk.sk_socket->flags);
	}
	spin_unlock_bh(&out->lock);
	release_sock(&ssk->sk);
	return ret;
}

static long sc_outbox_sleep(struct sc_outbox_wait *w)
{
	long timeo = schedule_timeout(w->timeo);

	mutex_lock(&w->ssk->conn.tx_lock);
	w->ssk->conn.tx_count.waits++;
	mutex_unlock(&w->ssk->conn.tx_lock);
	return timeo;
}

/**
 * sc_outbox_wait() - wait after sc_outbox_send() returned -EAGAIN
 * @w:	the call
 *
 * Return: 0: try again; -EAGAIN if the call may not wait any longer; -EINTR or
 * -ERESTARTSYS; another -errno if the peer cannot be reached.
 */
int sc_outbox_wait(struct sc_outbox_wait *w)
{
	struct sc_outbox *out = w->peer->outbox;
	struct sock *sk = &w->ssk->sk;
	DEFINE_WAIT(socket_wait);
	DEFINE_WAIT(outbox_wait);
	int ret;

	if (!w->timeo) {
		ret = sc_outbox_block(out, w);
		return ret ? min(ret, 0) : -EAGAIN;
	}
	/* the socket's own queue is woken for a shutdown or an error */
	prepare_to_wait(sk_sleep(sk), &socket_wait, TASK_INTERRUPTIBLE);
	spin_lock_bh(&out->lock);
	/* exclusive, so that as many as are meant are woken, in order */
	prepare_to_wait_exclusive(&out->wq, &outbox_wait, TASK_INTERRUPTIBLE);
	out->sleepers++;
	ret = sc_outbox_arm(out, w);
	spin_unlock_bh(&out->lock);
	if (!ret) {
		if (signal_pending(current))
			ret = sock_intr_errno(w->timeo);
		else if (!READ_ONCE(sk->sk_err) &&
			 !(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN))
			w->timeo = sc_outbox_sleep(w);
	}
	spin_lock_bh(&out->lock);
	finish_wait(&out->wq, &outbox_wait);
	out->sleepers--;
	spin_unlock_bh(&out->lock);
	finish_wait(sk_sleep(sk), &socket_wait);
	return min(ret, 0);
}

/**
 * sc_outbox_unblock() - the socket does not wait for an outbox any more
 * @ssk:	the socket; the caller does not hold lock_sock()
 */
void sc_outbox_unblock(struct sc_sock *ssk)
{
	struct schannel_peer *peer;

	lock_sock(&ssk->sk);
	peer = ssk->outbox_peer;
	ssk->outbox_peer = NULL;
	if (peer) {
		spin_lock_bh(&peer->outbox->lock);
		list_del_init(&ssk->outbox_node);
		spin_unlock_bh(&peer->outbox->lock);
	}
	release_sock(&ssk->sk);
	if (peer)
		sc_peer_put(peer);
}

/* ---- The outbox as the user of its flow -------------------------------- */

/* A datagram's port was not bound: a connected sender gets ECONNREFUSED. Under RCU. */
static void sc_outbox_notice(struct schannel_peer *peer, const struct net *net,
			     const struct schannel_record *rec)
{
	struct sock *sk;

	if (!(rec->flags & SCHANNEL_RECORD_NO_PORT))
		return;
	sk = sc_port_dgram(net, rec->src_port, peer->domid == SC_DOMID_SELF);
	if (!sk)
		return;
	/* acquire: pairs with sc_dgram_connect() */
	if (smp_load_acquire(&sk->sk_state) == TCP_ESTABLISHED &&
	    READ_ONCE(sc_sk(sk)->peer_domid) == peer->domid &&
	    READ_ONCE(sc_sk(sk)->peer_port) == rec->dst_port) {
		WRITE_ONCE(sk->sk_err, ECONNREFUSED);
		sk_error_report(sk);
	}
}

/* Handle some of the notices that are there, discard the others. -EPROTO or 0. */
static int sc_outbox_take_notices(struct schannel_peer *peer,
				  const struct net *net, struct sc_flow *flow)
{
	struct schannel_record rec;
	int handled;
	int err;

	for (handled = 0; handled < SC_OUTBOX_NOTICES; handled++) {
		err = sc_record_next(flow, 0, &rec);
		if (err)
			return err == -EPROTO ? err : 0;
		if (net)
			sc_outbox_notice(peer, net, &rec);
		sc_record_consume(flow, rec.len);
	}
	sc_record_discard(flow);
	return 0;
}

/* A peer that never stops sending notices is cut off after this many rounds. */
#define SC_OUTBOX_ROUNDS	4

/* The upcall owns the receiving side of the flow. */
static void sc_outbox_notices(struct schannel_peer *peer, struct sc_flow *flow)
{
	const struct net *net = sc_peer_net(peer, flow->channel);
	int rounds = SC_OUTBOX_ROUNDS;
	struct sc_flow_view view;
	int err;

	do
		err = sc_outbox_take_notices(peer, net, flow);
	while (!err && --rounds && sc_flow_await_data(flow, 1, &view) &&
	       view.avail);
	if (err || !rounds) {
		WRITE_ONCE(peer->outbox->broken, true);
		sc_outbox_kick(peer->outbox, 0);
	}
}

static unsigned int sc_outbox_event(struct sc_flow *flow, void *user)
{
	struct schannel_peer *peer = user;
	struct sc_outbox *out = peer->outbox;
	struct sc_flow_view view;
	u32 want;

	if (rcu_dereference(out->flow) != flow)
		return 1;
	sc_outbox_notices(peer, flow);
	/* cleared before looking: a request that is made after we looked is kept */
	want = xchg(&out->wants, 0);
	if (want && sc_flow_await_space(flow, want, &view))
		sc_outbox_wake(out, 0);
	else if (want)
		cmpxchg(&out->wants, 0, want);
	return 1;
}

static void sc_outbox_opened(struct sc_flow *flow, void *user)
{
	struct schannel_peer *peer = user;
	struct sc_outbox *out = peer->outbox;

	mutex_lock(&out->tx_lock);
	if (out->opening == flow) {
		out->opening = NULL;
		rcu_assign_pointer(out->flow, flow);
		spin_lock_bh(&out->lock);
		out->state = SC_OUTBOX_OPEN;
		spin_unlock_bh(&out->lock);
		sc_outbox_wake(out, 0);
	}
	mutex_unlock(&out->tx_lock);
}

static void sc_outbox_ended(struct sc_flow *flow, void *user, int err)
{
	struct schannel_peer *peer = user;
	struct sc_outbox *out = peer->outbox;

	mutex_lock(&out->tx_lock);
	if (out->opening == flow || sc_outbox_flow(out) == flow)
		sc_outbox_failed(out, err, SCHANNEL_REASON_RESET);
	mutex_unlock(&out->tx_lock);
}

static bool sc_outbox_user_get(void *user)
{
	struct schannel_peer *peer = user;

	return refcount_inc_not_zero(&peer->ref);
}

static void sc_outbox_user_put(void *user)
{
	sc_peer_put(user);
}

static const struct sc_flow_ops sc_outbox_flow_ops = {
	.event	= sc_outbox_event,
	.opened	= sc_outbox_opened,
	.ended	= sc_outbox_ended,
	.get	= sc_outbox_user_get,
	.put	= sc_outbox_user_put,
};
