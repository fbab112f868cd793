// SPDX-License-Identifier: GPL-2.0-only
/* Flows: their life, and the data path. See flow.h. */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "channel.h"
#include "control.h"
#include "flow.h"
#include "namespace.h"
#include "peer.h"
#include "peer_segment.h"
#include "alloc.h"
#include "stats.h"
#include "maintain.h"
#include "trace.h"
#include "transport.h"

/* ---- Life -------------------------------------------------------------- */

/* Its entry, and its ring, unless the channel has just gone. 0 or -errno. */
static int sc_flow_number(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;
	struct schannel_flow *entry;
	int err = -ECONNRESET;

	rcu_read_lock();
	if (sc_channel_is_up(ch)) {
		entry = ch->table[flow->id / SCHANNEL_FLOWS_PER_PAGE].addr;
		entry += flow->id % SCHANNEL_FLOWS_PER_PAGE;
		memset(entry, 0, sizeof(*entry));
		entry->tx_event = SC_EVENT_NEVER;
		flow->tx.own = entry;
		flow->rx.own = entry;
		sc_extent_ring(ch, &flow->extent, &flow->tx.ring);
		err = 0;
	}
	rcu_read_unlock();
	return err;
}

static struct sc_flow *sc_flow_alloc(struct schannel_channel *ch, u8 type,
				     struct sc_size_limits limits,
				     const struct sc_flow_ops *ops, void *user)
{
	struct sc_flow *flow;
	int err;

	flow = kzalloc(sizeof(*flow), GFP_KERNEL);
	if (!flow)
		return ERR_PTR(-ENOMEM);
	flow->type = type;
	flow->resize.limits = limits;
	err = sc_alloc_extent(ch, sc_pool_order(&ch->pool, limits), limits.least,
			    &flow->extent);
	if (err)
		goto err_free;

	sc_channel_hold(ch);
	flow->channel = ch;
	flow->ops = ops;
	RCU_INIT_POINTER(flow->user, user);
	flow->peer_id = SCHANNEL_FLOW_NONE;
	INIT_LIST_HEAD(&flow->post_node);
	INIT_LIST_HEAD(&flow->resize.node);
	refcount_set(&flow->ref, 2);	/* the table's and the user's */

	for (;;) {
		/* acquire: pairs with sc_alloc_table() */
		unsigned int pages = smp_load_acquire(&ch->table_pages);

		/* reserved first: nobody may find it before it is complete */
		err = xa_alloc(&ch->flows, &flow->id, NULL,
			       XA_LIMIT(1, pages * SCHANNEL_FLOWS_PER_PAGE - 1),
			       GFP_KERNEL);
		if (err != -EBUSY)
			break;
		err = sc_alloc_table(ch, pages);
		if (err)
			break;
	}
	if (err)
		goto err_extent;
	err = sc_flow_number(flow);
	if (err)
		goto err_id;
	/* the queues are served by different processors */
	flow->own_queue = flow->id % ch->nr_queues;
	return flow;

err_id:
	xa_erase(&ch->flows, flow->id);
err_extent:
	sc_pool_free(&ch->pool, &flow->extent);
	sc_channel_put(ch);
err_free:
	kfree(flow);
	return ERR_PTR(err);
}

/* Nobody knows it yet: undo sc_flow_alloc(). */
static void sc_flow_discard(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;

	xa_erase(&ch->flows, flow->id);
	sc_resize_end(flow);
	sc_channel_put(ch);
	kfree(flow);
}

/* Make it findable and queue its first message, unless the channel is gone. */
static int sc_flow_publish(struct sc_flow *flow, u8 what)
{
	struct schannel_channel *ch = flow->channel;
	int err = -ECONNRESET;

	spin_lock(&ch->ctl_lock);
	if (ch->state == SC_CHANNEL_UP) {
		/* does not allocate: the place is reserved */
		xa_store(&ch->flows, flow->id, flow, GFP_ATOMIC);
		flow->posts = what;
		list_add_tail(&flow->post_node, &ch->posts);
		err = 0;
	}
	spin_unlock(&ch->ctl_lock);
	if (!err && !sc_resize_is_idle(flow))
		sc_maintain_flow(flow);
	return err;
}

/**
 * sc_flow_open() - ask the peer for a flow
 * @ch:		a channel that is up
 * @open:	ports, type and @rx_order; the rest is filled in here
 * @limits:	how large our ring is to be
 * @ops:	who is told
 * @user:	the caller, for @ops
 *
 * Process context. ops->opened or ops->ended follows.
 *
 * Return: the flow, or ERR_PTR(-ENOBUFS, -ENOMEM, -ECONNRESET).
 */
struct sc_flow *sc_flow_open(struct schannel_channel *ch,
			     const struct schannel_msg_open *open,
			     struct sc_size_limits limits,
			     const struct sc_flow_ops *ops, void *user)
{
	struct sc_flow *flow = sc_flow_alloc(ch, open->type, limits, ops, user);
	int err;

	if (IS_ERR(flow))
		return flow;
	flow->open = *open;
	flow->opened = true;
	err = sc_flow_publish(flow, SC_FLOW_POST_OPEN);
	if (err) {
		sc_flow_discard(flow);
		return ERR_PTR(err);
	}
	sc_control_flush(ch);
	return flow;
}
EXPORT_SYMBOL_NS_GPL(sc_flow_open, SC_NS_SOCK);

static int sc_flow_join(struct sc_flow *flow, u32 peer_id,
			const struct schannel_ring_at *at)
{
	struct schannel_channel *ch = flow->channel;
	const struct schannel_flow *entry;

	/* checked by sc_message_check(), but for what only we know */
	entry = ch->peer_table[peer_id / SCHANNEL_FLOWS_PER_PAGE];
	if (!entry)
		return -ENOMEM;
	entry += peer_id % SCHANNEL_FLOWS_PER_PAGE;
	flow->resize.segment = sc_peer_segment_get(ch, at, &flow->rx.ring);
	if (!flow->resize.segment)
		return -ENOMEM;
	flow->tx.peer = entry;
	flow->queue = at->queue;
	flow->peer_id = peer_id;
	/* release: pairs with sc_flow_is_joined() */
	smp_store_release(&flow->rx.peer, entry);
	flow->accepted = true;
	return 0;
}

/**
 * sc_flow_accept() - make our end of a flow the peer opens
 * @ch:		the channel
 * @msg:	its OPEN, checked
 * @limits:	how large our ring is to be; within that as the peer wishes
 * @ops:	who is told
 * @user:	the caller, for @ops
 *
 * For the channel's work. The flow is open on return.
 *
 * Return: the flow, or ERR_PTR.
 */
struct sc_flow *sc_flow_accept(struct schannel_channel *ch,
			       const struct schannel_msg *msg,
			       struct sc_size_limits limits,
			       const struct sc_flow_ops *ops, void *user)
{
	struct sc_flow *flow;
	int err;

	if (msg->open.rx_order != SC_ORDER_ANY) {
		limits.min = clamp(msg->open.rx_order, limits.min, limits.max);
		limits.max = limits.min;
	}
	flow = sc_flow_alloc(ch, msg->open.type, limits, ops, user);
	if (IS_ERR(flow))
		return flow;
	flow->open = msg->open;
	err = sc_flow_join(flow, msg->src_flow, &msg->open.ring);
	if (!err)
		err = sc_flow_publish(flow, SC_FLOW_POST_ACCEPT);
	if (err) {
		sc_flow_discard(flow);
		return ERR_PTR(err);
	}
	trace_schannel_accept(ch, msg, flow->id, 0);
	sc_stats_flow_began(flow);
	sc_control_flush(ch);
	return flow;
}
EXPORT_SYMBOL_NS_GPL(sc_flow_accept, SC_NS_SOCK);

/**
 * sc_flow_answered() - the peer sent ACCEPT
 * @flow:	one we opened
 * @msg:	the message, checked
 *
 * For the channel's work. The user is told, unless the peer's ring cannot be
 * reached: then the flow is reset.
 */
void sc_flow_answered(struct sc_flow *flow, const struct schannel_msg *msg)
{
	int err;

	err = sc_flow_join(flow, msg->src_flow, &msg->accept.ring);
	if (err) {
		/* what CLOSE needs to name the other end */
		flow->peer_id = msg->src_flow;
		flow->accepted = true;
		sc_flow_ended(flow, -ENOBUFS);
	} else {
		sc_stats_flow_began(flow);
		sc_flow_opened(flow);
	}
	/* it may have been given up meanwhile, its CLOSE held back till now */
	sc_control_post(flow, 0);
	sc_control_flush(flow->channel);
}

/* The flow with number @id, to be released with sc_flow_put(), or NULL. */
struct sc_flow *sc_flow_get(struct schannel_channel *ch, u32 id)
{
	struct sc_flow *flow;

	rcu_read_lock();
	flow = xa_load(&ch->flows, id);
	if (flow && !refcount_inc_not_zero(&flow->ref))
		flow = NULL;
	rcu_read_unlock();
	return flow;
}

void sc_flow_put(struct sc_flow *flow)
{
	if (refcount_dec_and_test(&flow->ref)) {
		sc_channel_put(flow->channel);
		kfree_rcu(flow, rcu);
	}
}

/*
 * Take it out of the table: neither side refers to it any more, or there is no
 * other side. Caller holds ctl_lock, or is the one who destroys the channel.
 */
void sc_flow_retire(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;

	if (xa_erase(&ch->flows, flow->id) != flow)
		return;
	list_del_init(&flow->post_node);
	list_del_init(&flow->resize.node);
	sc_resize_end(flow);
	sc_flow_put(flow);
}

/**
 * sc_flow_close() - the user is done with a flow
 * @flow:	its reference is given up
 * @reason:	SCHANNEL_REASON_DONE lets the peer read what was sent; anything else
 *		resets the connection
 *
 * The user has stopped its data path for good. ops may be called until an RCU
 * grace period has passed.
 */
void sc_flow_close(struct sc_flow *flow, enum schannel_reason reason)
{
	struct schannel_channel *ch = flow->channel;

	sc_stats_flow_closed(flow, reason);
	if (reason == SCHANNEL_REASON_DONE) {
		sc_flow_fin(flow);
		sc_flow_rx_shut(flow);
	}
	flow->reason = reason;
	sc_control_post(flow, SC_FLOW_POST_CLOSE);
	sc_control_flush(ch);
	sc_flow_put(flow);
}

/* ---- Telling the user -------------------------------------------------- */

/* Softirq, under rcu_read_lock(). Returns how much that was, as ops->event(). */
unsigned int sc_flow_event(struct sc_flow *flow)
{
	void *user = rcu_dereference(flow->user);

	trace_schannel_wake(flow);
	return user ? flow->ops->event(flow, user) : 1;
}

/* Its user with a reference, or NULL if it has none (any more). */
void *sc_flow_user_get(struct sc_flow *flow)
{
	void *user;

	rcu_read_lock();
	user = rcu_dereference(flow->user);
	if (user && !try_module_get(flow->ops->owner))
		user = NULL;
	if (user && !flow->ops->get(user)) {
		module_put(flow->ops->owner);
		user = NULL;
	}
	rcu_read_unlock();
	return user;
}

void sc_flow_user_put(struct sc_flow *flow, void *user)
{
	flow->ops->put(user);
	module_put(flow->ops->owner);
}

void sc_flow_opened(struct sc_flow *flow)
{
	void *user;

	WRITE_ONCE(flow->answered, true);
	user = sc_flow_user_get(flow);
	if (user) {
		flow->ops->opened(flow, user);
		sc_flow_user_put(flow, user);
	}
}

void sc_flow_ended(struct sc_flow *flow, int err)
{
	void *user;

	sc_stats_flow_over(flow, err);
	cmpxchg(&flow->ended, 0, err);
	user = sc_flow_user_get(flow);
	if (user) {
		flow->ops->ended(flow, user, err);
		sc_flow_user_put(flow, user);
	}
}

/* The flow's socket, or NULL if it has none (any more). Under rcu_read_lock(). */
struct sock *sc_flow_sock(struct sc_flow *flow)
{
	void *user = rcu_dereference(flow->user);

	return user && flow->ops->sock ? flow->ops->sock(user) : NULL;
}

/* The same with a reference. */
struct sock *sc_flow_hold_sock(struct sc_flow *flow)
{
	struct sock *sk;

	rcu_read_lock();
	sk = sc_flow_sock(flow);
	if (sk && !refcount_inc_not_zero(&sk->sk_refcnt))
		sk = NULL;
	rcu_read_unlock();
	return sk;
}

/* What its user counted. False if it has none (any more). Under rcu_read_lock(). */
bool sc_flow_get_stats(struct sc_flow *flow, struct sc_flow_stats *stats)
{
	void *user = rcu_dereference(flow->user);

	if (!user || !flow->ops->stats)
		return false;
	flow->ops->stats(user, stats);
	return true;
}

/* ---- The data path ----------------------------------------------------- */

/**
 * sc_flow_copy_in() - copy from a user into a ring
 * @ring:	ours
 * @pos:	where to
 * @from:	advanced as far as was copied
 * @len:	how many bytes
 *
 * Under rcu_read_lock(), the channel is up. A page fault ends it.
 *
 * Return: bytes copied.
 */
u32 sc_flow_copy_in(const struct sc_ring *ring, u32 pos, struct iov_iter *from,
		    u32 len)
{
	u32 done = 0;

	pagefault_disable();
	while (done < len) {
		u32 run = len - done;
		void *addr = sc_ring_run(ring, pos + done, &run);
		size_t n = _copy_from_iter(addr, run, from);

		done += n;
		if (n < run)
			break;
	}
	pagefault_enable();
	return done;
}

/* From a ring to a user; otherwise as sc_flow_copy_in(). */
u32 sc_flow_copy_out(const struct sc_ring *ring, u32 pos, struct iov_iter *to,
		     u32 len)
{
	u32 done = 0;

	pagefault_disable();
	while (done < len) {
		u32 run = len - done;
		void *addr = sc_ring_run(ring, pos + done, &run);
		size_t n = _copy_to_iter(addr, run, to);

		done += n;
		if (n < run)
			break;
	}
	pagefault_enable();
	return done;
}

/* Have the peer look at the flow. Under rcu_read_lock(), the channel is up. */
void sc_flow_post(struct sc_flow *flow)
{
	atomic_long_inc(&flow->events);
	sc_channel_post(flow->channel, flow->queue, flow->peer_id, &flow->pending);
}

/* The peer's half of the flow makes no sense: -EPROTO, counted and logged. */
int sc_flow_broken(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;

	atomic_long_inc(&ch->stats.flow_errors);
	pr_warn_ratelimited("schannel: domain %u: flow %u: what the peer wrote makes no sense, reset\n",
			    ch->peer->domid, flow->id);
	return -EPROTO;
}

/**
 * sc_flow_send() - copy some bytes into the ring
 * @flow:	an open flow, whose tx side the caller serialises
 * @from:	advanced by what was copied
 * @len:	at most this many; no more than SC_FLOW_CHUNK is copied
 *
 * Return: bytes copied; 0 if there is no space; -EFAULT if @from must be faulted in
 * first; -EPIPE if the peer reads no more; -ECONNRESET if the channel is gone;
 * -EPROTO if the peer's index makes no sense.
 */
ssize_t sc_flow_send(struct sc_flow *flow, struct iov_iter *from, size_t len)
{
	struct sc_tx *tx = &flow->tx;
	ssize_t done;

	len = min_t(size_t, len, SC_FLOW_CHUNK);
	rcu_read_lock();
	if (!sc_channel_is_up(flow->channel)) {
		done = -ECONNRESET;
	} else if (READ_ONCE(tx->peer->rx_flags) & SCHANNEL_RX_SHUT) {
		done = -EPIPE;
	} else if (sc_tx_space(tx) < len && sc_tx_refresh(tx)) {
		done = sc_flow_broken(flow);
	} else if (!sc_tx_space(tx)) {
		done = 0;
	} else {
		len = min_t(size_t, len, sc_tx_space(tx));
		done = sc_flow_copy_in(&tx->ring, tx->prod, from, len);
		if (!done)
			done = -EFAULT;
		else if (sc_tx_publish(tx, done))
			sc_flow_post(flow);
	}
	rcu_read_unlock();
	return done;
}

/**
 * sc_flow_recv() - copy some bytes out of the ring
 * @flow:	an open flow, whose rx side the caller serialises
 * @to:		advanced by what was copied; NULL to discard
 * @len:	at most this many; no more than SC_FLOW_CHUNK is copied
 * @skip:	start that far behind the first byte (without @consume)
 * @consume:	whether the bytes are gone afterwards
 *
 * Return: bytes copied; 0 if there are none; -EFAULT if @to must be faulted in
 * first; -ECONNRESET and -EPROTO as sc_flow_send().
 */
ssize_t sc_flow_recv(struct sc_flow *flow, struct iov_iter *to, size_t len,
		     u32 skip, bool consume)
{
	struct sc_rx *rx = &flow->rx;
	const struct sc_ring *ring;
	ssize_t done;
	u32 run;

	len = min_t(size_t, len, SC_FLOW_CHUNK);
	rcu_read_lock();
	if (!sc_channel_is_up(flow->channel)) {
		done = -ECONNRESET;
	} else if (sc_rx_avail(rx) < skip + len && sc_rx_refresh(rx)) {
		done = sc_flow_broken(flow);
	} else if (sc_rx_avail(rx) <= skip) {
		done = 0;
	} else {
		run = min_t(size_t, len, sc_rx_avail(rx) - skip);
		ring = sc_flow_rx_at(flow, skip, &run);
		done = to ? sc_flow_copy_out(ring, rx->cons + skip, to, run)
			  : run;
		if (!done)
			done = -EFAULT;
		else if (consume && sc_rx_publish(rx, done))
			sc_flow_post(flow);
	}
	rcu_read_unlock();
	return done;
}

/* Nothing more will be sent. The caller serialises the tx side. */
void sc_flow_fin(struct sc_flow *flow)
{
	struct schannel_flow *own = flow->tx.own;

	rcu_read_lock();
	if (sc_channel_is_up(flow->channel) &&
	    !(own->tx_flags & SCHANNEL_TX_FIN)) {
		/* release: the final tx_prod is seen before the flag */
		virt_store_release(&own->tx_flags,
				   own->tx_flags | SCHANNEL_TX_FIN);
		virt_mb();	/* before sc_queue_post() may leave it out */
		if (flow->accepted)
			sc_flow_post(flow);
	}
	rcu_read_unlock();
}

/* Nothing more will be received. The caller serialises the rx side. */
void sc_flow_rx_shut(struct sc_flow *flow)
{
	struct schannel_flow *own = flow->rx.own;

	rcu_read_lock();
	if (sc_channel_is_up(flow->channel) &&
	    !(own->rx_flags & SCHANNEL_RX_SHUT)) {
		WRITE_ONCE(own->rx_flags, own->rx_flags | SCHANNEL_RX_SHUT);
		virt_mb();	/* before sc_queue_post() may leave it out */
		if (flow->accepted)
			sc_flow_post(flow);
	}
	rcu_read_unlock();
}

/**
 * sc_flow_look() - what could be done with a flow right now
 * @flow:	an open flow
 * @view:	filled in
 *
 * Needs no lock, changes nothing and believes nothing: the numbers never exceed
 * the rings' sizes, and the data path checks them again.
 */
void sc_flow_look(struct sc_flow *flow, struct sc_flow_view *view)
{
	const struct sc_tx *tx = &flow->tx;
	const struct sc_rx *rx = &flow->rx;
	u32 index, size;

	memset(view, 0, sizeof(*view));
	rcu_read_lock();
	if (!sc_channel_is_up(flow->channel)) {
		view->flags = SC_FLOW_GONE;
		goto out;
	}
	/* acquire: with the flag, tx_prod is the final one */
	if (virt_load_acquire(&rx->peer->tx_flags) & SCHANNEL_TX_FIN)
		view->flags |= SC_FLOW_FIN;
	if (READ_ONCE(tx->peer->rx_flags) & SCHANNEL_RX_SHUT)
		view->flags |= SC_FLOW_PEER_SHUT;
	/* ours first: the peer's is never behind what ours was before it */
	index = READ_ONCE(rx->cons);
	view->prod = READ_ONCE(rx->peer->tx_prod);
	view->avail = min(view->prod - index, sc_rx_most(rx));
	index = READ_ONCE(tx->peer->rx_cons);
	size = sc_flow_tx_size(flow);
	view->queued = min(READ_ONCE(tx->prod) - index, size);
	view->space = size - view->queued;
out:
	rcu_read_unlock();
}

/* Has the peer ended both directions in order? */
bool sc_flow_is_over(struct sc_flow *flow)
{
	struct sc_flow_view view;

	sc_flow_look(flow, &view);
	return view.flags & SC_FLOW_FIN && view.flags & SC_FLOW_PEER_SHUT;
}

/**
 * sc_flow_rx_size() - the size of the ring that the peer sends into
 * @flow:	an open flow
 *
 * For showing: a reader with nothing to read follows to another ring when something comes.
 *
 * Return: bytes.
 */
u32 sc_flow_rx_size(struct sc_flow *flow)
{
	const struct sc_rx *rx = &flow->rx;
	u32 size = READ_ONCE(rx->ring.size), next = READ_ONCE(rx->next.size);

	rcu_read_lock();
	if (next && sc_channel_is_up(flow->channel) &&
	    (READ_ONCE(rx->switching) ||
	     READ_ONCE(rx->peer->tx_switches) != READ_ONCE(rx->switches)))
		size = next;
	rcu_read_unlock();
	return size;
}

/* As sc_flow_await_data(), but that no event is asked for. */
bool sc_flow_has_data(struct sc_flow *flow, u32 want, struct sc_flow_view *view)
{
	want = clamp(want, 1U, sc_flow_rx_half(flow));
	sc_flow_look(flow, view);
	return view->avail >= want ||
	       view->flags & (SC_FLOW_GONE | SC_FLOW_FIN);
}

/**
 * sc_flow_await_data() - have an event sent when data comes, if there is none
 * @flow:	an open flow
 * @want:	how many bytes; at most half a ring is waited for
 * @view:	filled in
 *
 * No lock needed: when somebody receives meanwhile, so that the event index is
 * about an older consumer index than @view, it is done again. So it is when a smaller
 * ring was offered, which may not hold so much.
 *
 * Return: whether there is no reason to wait: so much is there, or no more will
 * come.
 */
bool sc_flow_await_data(struct sc_flow *flow, u32 want,
			struct sc_flow_view *view)
{
	u32 cons, half;
	bool ready;

	do {
		cons = READ_ONCE(flow->rx.cons);
		half = sc_flow_rx_half(flow);
		want = clamp(want, 1U, half);
		rcu_read_lock();
		if (sc_channel_is_up(flow->channel))
			sc_rx_arm(&flow->rx, want);
		rcu_read_unlock();
		ready = sc_flow_has_data(flow, want, view);
	} while (!ready && (cons != READ_ONCE(flow->rx.cons) ||
			    half > sc_flow_rx_half(flow)));
	return ready;
}

/* Times to look again when the peer moved its index while we looked. */
#define SC_FLOW_TRIES	16

/**
 * sc_flow_await_more() - have an event sent when more comes than is there
 * @flow:	an open flow
 * @view:	what is known to be there; brought up to date
 *
 * A peer that never stops moving its index is not waited for.
 *
 * Return: whether an event will be sent, or nothing more will come.
 */
bool sc_flow_await_more(struct sc_flow *flow, struct sc_flow_view *view)
{
	int tries = SC_FLOW_TRIES;
	u32 prod;

	do {
		prod = view->prod;
		rcu_read_lock();
		if (sc_channel_is_up(flow->channel))
			sc_rx_arm_at(&flow->rx, prod);
		rcu_read_unlock();
		sc_flow_look(flow, view);
	} while (view->prod != prod && !(view->flags & SC_FLOW_GONE) &&
		 --tries);
	return tries;
}

/* As sc_flow_await_space(), but that no event is asked for. */
bool sc_flow_has_space(struct sc_flow *flow, u32 want, struct sc_flow_view *view)
{
	sc_flow_look(flow, view);
	if (view->flags & (SC_FLOW_GONE | SC_FLOW_PEER_SHUT))
		return true;
	if (want > view->space + view->queued)
		return sc_resize_can_proceed(flow, !view->queued);
	return view->space >= want;
}

/**
 * sc_flow_await_space() - have an event sent when there is space, if there is none
 * @flow:	an open flow
 * @want:	how many bytes; if that is more than the ring's size, sc_resize_fit()
 *		was asked for a larger one
 * @view:	filled in
 *
 * No lock needed: when somebody sends meanwhile, so that the event index is about an
 * older producer index than @view, it is done again.
 *
 * Return: whether there is no reason to wait.
 */
bool sc_flow_await_space(struct sc_flow *flow, u32 want,
			 struct sc_flow_view *view)
{
	u32 prod, size;
	bool ready;

	do {
		prod = READ_ONCE(flow->tx.prod);
		size = sc_flow_tx_size(flow);
		rcu_read_lock();
		if (sc_channel_is_up(flow->channel))
			sc_tx_arm(&flow->tx, clamp(want, 1U, size));
		rcu_read_unlock();
		ready = sc_flow_has_space(flow, want, view);
	} while (!ready && (prod != READ_ONCE(flow->tx.prod) ||
			    size != sc_flow_tx_size(flow)));
	return ready;
}
