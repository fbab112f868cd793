// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data path of a flow: sending, receiving, and waiting for either. flow.h has the rules
 * of the data path.
 */
#include <linux/kernel.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/xarray.h>

#include "channel.h"
#include "flow.h"
#include "namespace.h"

/**
 * sc_flow_copy_in() - copy from user memory into a ring
 * @ring:	a ring of ours
 * @pos:	free-running position of the first byte
 * @from:	source; advanced by the bytes copied
 * @len:	number of bytes
 *
 * A page that is not present ends the copy: page faults are disabled.
 *
 * Context: Under rcu_read_lock(), the channel is up.
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

/**
 * sc_flow_copy_out() - copy from a ring to user memory
 * @ring:	a ring of the peer
 * @pos:	free-running position of the first byte
 * @to:		destination; advanced by the bytes copied
 * @len:	number of bytes
 *
 * A page that is not present ends the copy: page faults are disabled.
 *
 * Context: Under rcu_read_lock(), the channel is up.
 *
 * Return: bytes copied.
 */
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

/**
 * sc_flow_send() - copy bytes into the ring and publish them
 * @flow:	an open flow; the caller holds the sender's lock
 * @from:	source; advanced by the bytes copied
 * @len:	limit for the bytes; no more than SC_FLOW_CHUNK is copied
 *
 * Return: bytes copied; 0 if there is no space; -EFAULT if @from must be faulted in
 * first; -EPIPE if the peer receives no more; -ECONNRESET if the flow is lost;
 * -EPROTO if the peer's index is invalid.
 */
ssize_t sc_flow_send(struct sc_flow *flow, struct iov_iter *from, size_t len)
{
	struct sc_tx *tx = &flow->tx;
	ssize_t done;

	len = min_t(size_t, len, SC_FLOW_CHUNK);
	rcu_read_lock();
	if (!sc_flow_is_live(flow)) {
		done = sc_flow_dead_error(flow, -EPIPE);
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
EXPORT_SYMBOL_NS_GPL(sc_flow_send, SC_NS_SOCK);

/**
 * sc_flow_recv() - copy bytes out of the ring
 * @flow:	an open flow; the caller holds the receiver's lock
 * @to:		destination; advanced by the bytes copied. NULL to discard them
 * @len:	limit for the bytes; no more than SC_FLOW_CHUNK is copied
 * @skip:	distance from the first unconsumed byte at which to start; 0 with @consume
 * @consume:	whether to consume the bytes: their space is given back to the peer
 *
 * Return: bytes copied; 0 if none are available; -EFAULT if @to must be faulted in
 * first; -ECONNRESET and -EPROTO as sc_flow_send().
 */
ssize_t sc_flow_recv(struct sc_flow *flow, struct iov_iter *to, size_t len,
		     u32 skip, bool consume)
{
	struct sc_rx *rx = &flow->rx;
	ssize_t done;

	len = min_t(size_t, len, SC_FLOW_CHUNK);
	rcu_read_lock();
	if (!sc_flow_is_live(flow)) {
		done = sc_flow_dead_error(flow, 0);
	} else if (sc_rx_avail(rx) < skip + len && sc_flow_refresh_rx(flow)) {
		done = -EPROTO;
	} else if (sc_rx_avail(rx) <= skip) {
		done = 0;
	} else {
		len = min_t(size_t, len, sc_rx_avail(rx) - skip);
		done = to ? sc_flow_copy_out(&rx->ring, rx->cons + skip, to, len)
			  : len;
		if (!done)
			done = -EFAULT;
		else if (consume && sc_rx_publish(rx, done))
			sc_flow_post(flow);
	}
	rcu_read_unlock();
	return done;
}
EXPORT_SYMBOL_NS_GPL(sc_flow_recv, SC_NS_SOCK);

/**
 * sc_flow_consume() - consume bytes without reading them
 * @flow:	the flow; the caller holds the receiver's lock
 * @len:	number of bytes, no more than sc_rx_avail()
 */
void sc_flow_consume(struct sc_flow *flow, u32 len)
{
	rcu_read_lock();
	if (sc_flow_is_live(flow) && sc_rx_publish(&flow->rx, len))
		sc_flow_post(flow);
	rcu_read_unlock();
}

/* Say in our entry that nothing more will be sent (@fin) or received (@shut). */
static void sc_flow_say_over(struct sc_flow *flow, bool fin, bool shut)
{
	struct schannel_flow *own = flow->tx.own;

	rcu_read_lock();
	if (!sc_flow_is_live(flow))
		goto out;
	fin = fin && !(own->tx_flags & SCHANNEL_TX_FIN);
	shut = shut && !(own->rx_flags & SCHANNEL_RX_SHUT);
	if (fin)
		/* release: a peer that sees the flag sees the final tx_prod */
		virt_store_release(&own->tx_flags, own->tx_flags | SCHANNEL_TX_FIN);
	if (shut)
		WRITE_ONCE(own->rx_flags, own->rx_flags | SCHANNEL_RX_SHUT);
	if (fin || shut) {
		virt_mb();	/* they are visible before sc_queue_post() may skip the event */
		/* acquire: pairs with sc_flow_join() */
		if (smp_load_acquire(&flow->accepted))
			sc_flow_post(flow);
	}
out:
	rcu_read_unlock();
}

/**
 * sc_flow_fin() - tell the peer that nothing more will be sent
 * @flow:	the flow; the caller holds the sender's lock
 */
void sc_flow_fin(struct sc_flow *flow)
{
	sc_flow_say_over(flow, true, false);
}

/**
 * sc_flow_rx_shut() - tell the peer that nothing more will be received
 * @flow:	the flow; the caller holds the receiver's lock
 */
void sc_flow_rx_shut(struct sc_flow *flow)
{
	sc_flow_say_over(flow, false, true);
}

/**
 * sc_flow_finish() - sc_flow_fin() and sc_flow_rx_shut() with one event for the peer
 * @flow:	the flow; the caller holds both locks, or the user has left it
 */
void sc_flow_finish(struct sc_flow *flow)
{
	sc_flow_say_over(flow, true, true);
}

/**
 * sc_flow_promise() - tell the peer how much may wait for us in its ring
 * @flow:	an open flow
 * @room:	SO_RCVBUF, in bytes
 *
 * Context: Any but hard interrupts.
 */
void sc_flow_promise(struct sc_flow *flow, u32 room)
{
	struct schannel_flow *own = flow->rx.own;

	rcu_read_lock();
	if (sc_flow_is_live(flow) && READ_ONCE(own->rx_room) != room) {
		WRITE_ONCE(own->rx_room, room);
		virt_mb();	/* it is visible before sc_queue_post() may skip the event */
		/* acquire: pairs with sc_flow_join() */
		if (smp_load_acquire(&flow->accepted))
			sc_flow_post(flow);
	}
	rcu_read_unlock();
}

/* ---- A flow that ends --------------------------------------------------- */

/**
 * sc_flow_is_there() - may the rings of a flow still be read?
 * @flow:	a flow that is joined and that its user has not closed
 *
 * Also while @ops->ended is called since the channel goes down: its pages are taken away after
 * that. Not if the flow alone was taken away.
 *
 * Return: true if so, until the caller releases the sender's and the receiver's lock.
 */
bool sc_flow_is_there(const struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;

	/* one that is in the table is left before schannel_channel_destroy() unmaps anything */
	return sc_flow_is_live(flow) ||
	       (!sc_channel_is_up(ch) && xa_load(&ch->flows, flow->id) == flow);
}
EXPORT_SYMBOL_NS_GPL(sc_flow_is_there, SC_NS_SOCK);

/**
 * sc_flow_unread() - bytes that arrived and were not received
 * @flow:	a flow for which sc_flow_is_there(); the caller holds the receiver's lock
 *
 * Return: their number, 0 if the peer's index is invalid.
 */
u32 sc_flow_unread(struct sc_flow *flow)
{
	return sc_rx_refresh(&flow->rx) < 0 ? 0 : sc_rx_avail(&flow->rx);
}
EXPORT_SYMBOL_NS_GPL(sc_flow_unread, SC_NS_SOCK);

/**
 * sc_flow_salvage() - copy bytes that arrived and were not received
 * @flow:	as for sc_flow_unread(), which was called
 * @skip:	distance from the first of them
 * @to:		where to
 * @len:	how many
 */
void sc_flow_salvage(const struct sc_flow *flow, u32 skip, void *to, u32 len)
{
	u32 done, run;
	void *addr;

	for (done = 0; done < len; done += run) {
		run = len - done;
		addr = sc_ring_run(&flow->rx.ring, flow->rx.cons + skip + done, &run);
		memcpy(to + done, addr, run);
	}
}
EXPORT_SYMBOL_NS_GPL(sc_flow_salvage, SC_NS_SOCK);

/* ---- Polling, and asking for an event ----------------------------------- */

/* What can be received. Under rcu_read_lock(); false if the flow is not live. */
static bool sc_flow_view_data(const struct sc_flow *flow, struct sc_flow_view *view)
{
	const struct sc_rx *rx = &flow->rx;
	u32 cons;

	if (!sc_flow_is_live(flow)) {
		*view = (struct sc_flow_view) { .flags = READ_ONCE(flow->dead) };
		return false;
	}
	view->flags = 0;
	/* acquire: if the flag is set, tx_prod is final */
	if (virt_load_acquire(&rx->peer->tx_flags) & SCHANNEL_TX_FIN)
		view->flags |= SC_FLOW_FIN;
	if (READ_ONCE(rx->peer->rx_flags) & SCHANNEL_RX_SHUT)
		view->flags |= SC_FLOW_PEER_SHUT;
	/*
	 * The consumer's index first (acquire): the producer's is never behind it. Read in
	 * the other order, an index that moves meanwhile would make the difference wrap.
	 */
	cons = smp_load_acquire(&rx->cons);
	view->prod = READ_ONCE(rx->peer->tx_prod);
	view->avail = min(view->prod - cons, sc_rx_max_size(rx));
	if (unlikely(sc_rx_is_full(rx, view->prod, view->avail)))
		view->flags |= SC_FLOW_FULL;
	return true;
}

/**
 * sc_flow_look_data() - take a snapshot of what can be received
 * @flow:	an open flow
 * @view:	@flags, @prod and @avail are filled in
 *
 * As sc_flow_look(), but touches nothing that the sending half of this side writes.
 */
void sc_flow_look_data(struct sc_flow *flow, struct sc_flow_view *view)
{
	rcu_read_lock();
	sc_flow_view_data(flow, view);
	rcu_read_unlock();
}

/**
 * sc_flow_look() - take a snapshot of a flow
 * @flow:	an open flow
 * @view:	filled in
 *
 * Needs no lock and changes nothing. It reads the peer's indexes without checking them: the
 * numbers are only clamped to the rings' sizes, and the data path checks the indexes.
 */
void sc_flow_look(struct sc_flow *flow, struct sc_flow_view *view)
{
	const struct sc_tx *tx = &flow->tx;
	u32 index, size;

	rcu_read_lock();
	if (sc_flow_view_data(flow, view)) {
		/*
		 * acquire: our own producer's index after the consumer's, as in
		 * sc_flow_view_data()
		 */
		index = virt_load_acquire(&tx->peer->rx_cons);
		size = sc_flow_tx_size(flow);
		view->queued = min(READ_ONCE(tx->prod) - index, size);
		view->space = size - view->queued;
	}
	rcu_read_unlock();
}
EXPORT_SYMBOL_NS_GPL(sc_flow_look, SC_NS_SOCK);

/**
 * sc_flow_is_over() - has the peer shut both directions in order?
 * @flow:	an open flow
 *
 * Return: whether it has.
 */
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
 * For reports. The peer may have switched to another ring while this side still has the old
 * one: a receiver follows when there is something to receive.
 *
 * Return: the size in bytes.
 */
u32 sc_flow_rx_size(struct sc_flow *flow)
{
	const struct sc_rx *rx = &flow->rx;
	u32 size = READ_ONCE(rx->ring.size), next = READ_ONCE(rx->next.size);

	rcu_read_lock();
	if (next && sc_flow_is_live(flow) && sc_rx_is_behind(rx))
		size = next;
	rcu_read_unlock();
	return size;
}

/**
 * sc_flow_want() - tell the peer that more than half of the ring is waited for
 * @flow:	an open flow
 * @want:	number of bytes; less than that is waited for without telling
 *
 * Context: Any; no lock is needed.
 */
void sc_flow_want(struct sc_flow *flow, u32 want)
{
	if (likely(want <= sc_flow_rx_half(flow)))
		return;
	rcu_read_lock();
	if (sc_flow_is_live(flow) && sc_rx_want(&flow->rx, min(want, SC_WANT_MAX)))
		sc_flow_post(flow);
	rcu_read_unlock();
}

/**
 * sc_flow_has_data() - as sc_flow_await_data(), but without asking for an event
 * @flow:	an open flow
 * @want:	number of bytes; capped at SC_WANT_MAX
 * @view:	filled in as by sc_flow_look_data()
 *
 * Return: whether @want bytes are available, or no more will arrive or fit.
 */
bool sc_flow_has_data(struct sc_flow *flow, u32 want, struct sc_flow_view *view)
{
	want = clamp(want, 1U, SC_WANT_MAX);
	sc_flow_look_data(flow, view);
	return view->avail >= want ||
	       view->flags & (SC_FLOW_GONE | SC_FLOW_FIN | SC_FLOW_FULL);
}

/**
 * sc_flow_await_data() - ask for an event when data arrives, unless it is available
 * @flow:	an open flow
 * @want:	number of bytes; capped at SC_WANT_MAX
 * @view:	filled in as by sc_flow_look_data()
 *
 * Needs no lock. If another thread receives meanwhile, the event index refers to an older
 * consumer index than @view, so the function starts again. It also does if the peer has
 * offered a smaller ring meanwhile, half of which may be less than @want.
 *
 * Return: true if the caller must not wait: @want bytes are available, or no more will
 * arrive or fit.
 */
bool sc_flow_await_data(struct sc_flow *flow, u32 want,
			struct sc_flow_view *view)
{
	u32 cons, half;
	bool ready;

	want = clamp(want, 1U, SC_WANT_MAX);
	do {
		cons = READ_ONCE(flow->rx.cons);
		half = sc_flow_rx_half(flow);
		sc_flow_want(flow, want);
		rcu_read_lock();
		if (sc_flow_is_live(flow))
			sc_rx_arm(&flow->rx, want);
		rcu_read_unlock();
		ready = sc_flow_has_data(flow, want, view);
	} while (!ready && (cons != READ_ONCE(flow->rx.cons) ||
			    half > sc_flow_rx_half(flow)));
	return ready;
}

/* Limit for repetitions when the peer advances its index between two reads. */
#define SC_FLOW_TRIES	16

/**
 * sc_flow_await_more() - ask for an event when more data arrives than is available now
 * @flow:	an open flow
 * @view:	in: the data that the caller knows of; out: an up-to-date snapshot
 *		as of sc_flow_look_data()
 *
 * Gives up after SC_FLOW_TRIES with a peer that advances its index all the time.
 *
 * Return: true if an event will be sent or nothing more will arrive.
 */
bool sc_flow_await_more(struct sc_flow *flow, struct sc_flow_view *view)
{
	int tries = SC_FLOW_TRIES;
	u32 prod;

	do {
		prod = view->prod;
		rcu_read_lock();
		if (sc_flow_is_live(flow))
			sc_rx_arm_at(&flow->rx, prod);
		rcu_read_unlock();
		sc_flow_look_data(flow, view);
	} while (view->prod != prod && !(view->flags & SC_FLOW_GONE) &&
		 --tries);
	return tries;
}

/**
 * sc_flow_has_space() - as sc_flow_await_space(), but without asking for an event
 * @flow:	an open flow
 * @want:	number of bytes
 * @view:	filled in
 *
 * Return: true if the caller must not wait.
 */
bool sc_flow_has_space(struct sc_flow *flow, u32 want, struct sc_flow_view *view)
{
	bool awaited;

	sc_flow_look(flow, view);
	if (view->flags & (SC_FLOW_GONE | SC_FLOW_PEER_SHUT))
		return true;
	if (want > view->space + view->queued)
		return sc_resize_can_proceed(flow);
	if (view->space >= want)
		return true;
	rcu_read_lock();
	awaited = view->space && sc_flow_is_live(flow) && sc_flow_is_awaited(flow);
	rcu_read_unlock();
	return awaited;
}

/**
 * sc_flow_await_space() - ask for an event when there is space, unless there is now
 * @flow:	an open flow
 * @want:	number of bytes. If the ring is smaller than that, sc_resize_fit() has
 *		started to look for a larger one
 * @view:	filled in
 *
 * Needs no lock. If another thread sends meanwhile, or the ring is switched, the event index
 * refers to an older producer index than @view, so the function starts again.
 *
 * Return: true if the caller must not wait: there is space, or sending fails at once.
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
		if (sc_flow_is_live(flow))
			sc_tx_arm(&flow->tx, clamp(want, 1U, size));
		rcu_read_unlock();
		ready = sc_flow_has_space(flow, want, view);
	} while (!ready && (prod != READ_ONCE(flow->tx.prod) ||
			    size != sc_flow_tx_size(flow)));
	return ready;
}
EXPORT_SYMBOL_NS_GPL(sc_flow_await_space, SC_NS_SOCK);
