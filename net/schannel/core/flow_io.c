// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data path of a flow: bytes in and out, and what can be done right now. flow.h has
 * its rules.
 */
#include <linux/kernel.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "channel.h"
#include "flow.h"
#include "peer.h"

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

/*
 * The peer wrote an invalid index or record header: count and log it. Returns -EPROTO, with
 * which the user resets the flow.
 */
int sc_flow_broken(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;

	atomic_long_inc(&ch->stats.flow_errors);
	pr_warn_ratelimited("schannel: domain %u: flow %u: invalid ring index or record from peer, connection reset\n",
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

/* ---- Looking, and asking for an event ----------------------------------- */

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
	view->avail = min(view->prod - index, sc_rx_max_size(rx));
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
