// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moving a flow's rings. See move.h.
 *
 * Our ring moves under the lock of who sends, the peer's is followed under the lock of
 * who receives. Both are the user's (struct sc_conn), so a flow whose user has none
 * does not move. Where it is not a user's call that comes here, the locks are only
 * tried: who holds one is sending, or receiving, and comes here by itself, or it
 * is tried again when the channel is tended.
 *
 * The ring grows when it is found full again and again though the peer reads, and
 * becomes as small as it may when nothing is sent for a while. Neither holds up anybody:
 * the bytes go through the old ring until the peer is ready for the new one. Nor does
 * growing let anybody send before the peer has read: a full ring is full.
 */
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>

#include "channel.h"
#include "conn.h"
#include "control.h"
#include "flow.h"
#include "io.h"
#include "move.h"
#include "peer_segment.h"
#include "room.h"
#include "sysctl.h"
#include "tend.h"

/* Full so many times, and never at rest in between: it is too small. */
#define SC_MOVE_FULLS		4

/* Nothing sent for so many looks at it: it rests. */
#define SC_MOVE_RESTS		2

/* A record waits so long for the memory of a ring that holds it, in jiffies. */
#define SC_MOVE_PATIENCE	(5 * HZ)

/* At first only those with larger rings make room, after so long also its equals. */
#define SC_MOVE_POLITE		(HZ / 4)

/* A peer that refuses so many rings in a row will not take one. */
#define SC_MOVE_REFUSALS	3

/* The user's end of the connection, and the user with a reference; or NULL. */
static struct sc_conn *sc_move_hold_conn(struct sc_flow *flow, void **user)
{
	if (!flow->ops->conn)
		return NULL;
	*user = sc_flow_user_get(flow);
	return *user ? flow->ops->conn(*user) : NULL;
}

/* With one of its locks: has it this flow still? */
static bool sc_move_is_conns(struct sc_flow *flow, struct sc_conn *conn)
{
	return rcu_access_pointer(conn->flow) == flow &&
	       sc_flow_is_joined(flow);
}

/* ---- Who sends --------------------------------------------------------- */

static void sc_move_to(struct sc_flow *flow, enum sc_move_state state)
{
	/* release: what belongs to the state is there; pairs with sc_move_state() */
	smp_store_release(&flow->move.state, state);
}

static enum sc_move_state sc_move_state(const struct sc_flow *flow)
{
	/* acquire: pairs with sc_move_to() */
	return smp_load_acquire(&flow->move.state);
}

/* Was a record refused a moment ago? What is older means nothing. */
static bool sc_move_is_denied(const struct sc_flow *flow)
{
	return sc_move_state(flow) == SC_MOVE_DENIED &&
	       time_before(jiffies, flow->move.lacks_since + 2 * SC_MOVE_PATIENCE);
}

/* The largest ring there may be, in bytes. */
u32 sc_move_most(const struct sc_flow *flow)
{
	u8 most = min_t(u8, flow->move.wish.max, SCHANNEL_RING_ORDER_MAX);

	return PAGE_SIZE << max(most, READ_ONCE(flow->place.order));
}

/* Give the ring before this one back, if the peer is done with it. */
static bool sc_move_left(struct sc_flow *flow)
{
	struct sc_move *move = &flow->move;

	if (!move->leaving)
		return true;
	if (!sc_tx_turned(&flow->tx))
		return false;
	sc_pool_release(&flow->channel->pool, &move->from);
	WRITE_ONCE(move->leaving, false);
	sc_tend_later(flow->channel);
	return true;
}

/* Offer the ring that was carved. */
static void sc_move_offer_to(struct sc_flow *flow)
{
	/* who has waited for it may take his time to send */
	flow->move.rests = 0;
	sc_move_to(flow, SC_MOVE_OFFERED);
	sc_control_post(flow, SC_FLOW_POST_RING);
	sc_control_flush(flow->channel);
	sc_tend_flow(flow);
}

static bool sc_move_is_larger(const struct sc_flow *flow)
{
	return flow->move.to.order > flow->place.order;
}

/* Nothing was made of what was offered. */
static void sc_move_drop(struct sc_flow *flow)
{
	sc_pool_release(&flow->channel->pool, &flow->move.to);
	sc_move_to(flow, SC_MOVE_NONE);
	sc_tend_later(flow->channel);
}

/*
 * It is READY: go on in the ring that was offered, unless that is a smaller one and what
 * waits for the peer does not fit. Returns whether it did.
 */
static bool sc_move_turn(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;
	struct sc_move *move = &flow->move;
	struct sc_tx *tx = &flow->tx;
	struct sc_ring ring;
	bool gone = true, fits = false;

	rcu_read_lock();
	if (sc_channel_is_up(ch) && !(tx->own->tx_flags & SCHANNEL_TX_FIN)) {
		sc_room_ring(ch, &move->to, &ring);
		gone = false;
		fits = sc_move_is_larger(flow) ||
		       (!sc_tx_refresh(tx) && tx->prod - tx->cons <= ring.size);
		if (fits)
			sc_tx_turn(tx, &ring);
	}
	rcu_read_unlock();
	if (gone)
		sc_move_drop(flow);
	if (!fits)
		return false;
	move->from = flow->place;
	flow->place = move->to;
	move->leaving = true;
	move->fulls = 0;
	sc_move_to(flow, SC_MOVE_NONE);
	sc_tend_later(ch);
	return true;
}

/* Found full once more: is that too often? */
static bool sc_move_is_too_small(struct sc_flow *flow)
{
	struct sc_move *move = &flow->move;
	u32 prod = flow->tx.prod;

	/* again means: after the peer has read */
	if (prod - move->full_prod < flow->tx.ring.size / 2)
		return false;
	move->full_prod = prod;
	/* where many are busy, each has its turn now and then only */
	if (time_after(jiffies, move->full_last + sc_sysctl_idle()))
		move->fulls = 0;
	move->full_last = jiffies;
	return ++move->fulls >= SC_MOVE_FULLS;
}

/**
 * sc_move_full() - there was no space to send into
 * @flow:	an open flow, whose tx side the caller serialises
 *
 * Process context.
 *
 * Return: whether there may be now.
 */
bool sc_move_full(struct sc_flow *flow)
{
	struct sc_move *move = &flow->move;
	struct schannel_channel *ch = flow->channel;
	u8 order;

	switch (sc_move_state(flow)) {
	case SC_MOVE_READY:
		if (flow->tx.prod == move->full_prod)
			return false;	/* nothing was read since */
		return sc_move_turn(flow);
	case SC_MOVE_LACKS:
	case SC_MOVE_OFFERED:
		return false;
	case SC_MOVE_DENIED:
	case SC_MOVE_NONE:
		break;
	}
	if (!sc_move_is_too_small(flow) || !sc_move_left(flow) ||
	    sc_tend_lacks(ch))
		return false;
	order = sc_pool_larger(&ch->pool, flow->place.order, move->wish.max);
	if (order == flow->place.order || move->refusals >= SC_MOVE_REFUSALS)
		return false;
	/* rather than wait for memory here, have some ready for the next time */
	if (!sc_pool_carve(&ch->pool, order, &move->to))
		sc_move_offer_to(flow);
	else if (!sc_tend_grow(ch, order))
		sc_pool_deny(&ch->pool, flow->place.order);
	return false;
}

/* There is no memory for a ring of @order: have tending find some. */
static void sc_move_lack(struct sc_flow *flow, u8 order)
{
	struct sc_move *move = &flow->move;

	move->to.order = order;
	move->lacks_since = jiffies;
	sc_move_to(flow, SC_MOVE_LACKS);
	sc_tend_flow(flow);
	sc_tend_soon(flow->channel);
}

/**
 * sc_move_fit() - the ring is too small for a record
 * @flow:	an open flow, whose tx side the caller serialises
 * @size:	of the record in the ring, no more than sc_move_most()
 *
 * Process context. Memory that others have is waited for, SC_MOVE_PATIENCE at most.
 *
 * Return: 0 if it fits now; -EAGAIN: sc_flow_await_space() knows when to try again;
 * -ENOBUFS; otherwise as sc_flow_send().
 */
int sc_move_fit(struct sc_flow *flow, u32 size)
{
	struct sc_move *move = &flow->move;
	u8 order = get_order(size);
	bool denied = sc_move_is_denied(flow);
	int err = 0;

	rcu_read_lock();
	if (!sc_channel_is_up(flow->channel))
		err = -ECONNRESET;
	else if (READ_ONCE(flow->tx.peer->rx_flags) & SCHANNEL_RX_SHUT)
		err = -EPIPE;
	else if (sc_tx_refresh(&flow->tx))
		err = sc_flow_broken(flow);
	rcu_read_unlock();
	if (err)
		return err;
	switch (sc_move_state(flow)) {
	case SC_MOVE_READY:
		if (!sc_move_is_larger(flow))
			sc_move_drop(flow);
		else if (sc_move_turn(flow) && size <= flow->tx.ring.size)
			return 0;
		break;
	case SC_MOVE_LACKS:
	case SC_MOVE_OFFERED:
		return -EAGAIN;
	case SC_MOVE_DENIED:
		sc_move_to(flow, SC_MOVE_NONE);
		break;
	case SC_MOVE_NONE:
		break;
	}
	if (!sc_move_left(flow))
		return -EAGAIN;
	if (move->refusals >= SC_MOVE_REFUSALS) {
		move->refusals = 0;
		return -ENOBUFS;
	}
	/* who made room for others gets in line behind them */
	if (!denied && sc_tend_lacks(flow->channel))
		err = -ENOBUFS;
	else
		err = sc_room_carve(flow->channel, order, order, &move->to);
	if (err == -ECONNRESET)
		return err;
	if (err && denied)
		return -ENOBUFS;
	if (err)
		sc_move_lack(flow, order);
	else
		sc_move_offer_to(flow);
	return -EAGAIN;
}

/**
 * sc_move_goes_on() - is it time to try a record again that does not fit?
 * @flow:	a flow
 * @empty:	nothing is in its ring
 *
 * No lock needed.
 */
bool sc_move_goes_on(const struct sc_flow *flow, bool empty)
{
	switch (sc_move_state(flow)) {
	case SC_MOVE_DENIED:
	case SC_MOVE_READY:
		return true;
	case SC_MOVE_LACKS:
	case SC_MOVE_OFFERED:
		return false;
	default:
		return empty || !READ_ONCE(flow->move.leaving);
	}
}

/**
 * sc_move_answer() - the peer answers an offer
 * @flow:	the flow
 * @ready:	what it says
 *
 * For the channel's work.
 *
 * Return: NULL, or what is wrong with that.
 */
const char *sc_move_answer(struct sc_flow *flow, bool ready)
{
	struct sc_move *move = &flow->move;
	struct sc_conn *conn;
	void *user;

	if (sc_move_state(flow) != SC_MOVE_OFFERED)
		return "answer to what was not asked";
	if (ready) {
		move->refusals = 0;
		sc_move_to(flow, SC_MOVE_READY);
	} else {
		move->refusals++;
		sc_pool_release(&flow->channel->pool, &move->to);
		sc_move_to(flow, SC_MOVE_NONE);
	}
	conn = sc_move_hold_conn(flow, &user);
	if (!conn)
		return NULL;
	if (mutex_trylock(&conn->tx_lock)) {
		if (sc_move_is_conns(flow, conn) &&
		    sc_move_state(flow) == SC_MOVE_READY &&
		    !sc_move_is_larger(flow))
			sc_move_turn(flow);
		mutex_unlock(&conn->tx_lock);
	}
	/* otherwise when something is sent next */
	WRITE_ONCE(conn->tx_look, true);
	/* a record may wait for that; it is rare enough to tell all who wait */
	smp_mb();	/* with who gets in line before it looks at the state */
	sc_io_write_space(conn->sk);
	sc_flow_user_put(flow, user);
	return NULL;
}

/* ---- Who receives ------------------------------------------------------ */

/* Once the old ring was left, its segment is not in use any more. */
static void sc_move_settled(struct sc_flow *flow)
{
	struct sc_move *move = &flow->move;

	if (!move->next_segment || flow->rx.next.size)
		return;
	sc_peer_segment_put(flow->channel, move->segment);
	move->segment = move->next_segment;
	move->next_segment = NULL;
}

/* sc_rx_at_turn(), for who receives. Under RCU, the channel is up. */
const struct sc_ring *sc_move_rx_at_turn(struct sc_flow *flow, u32 skip, u32 *len)
{
	const struct sc_ring *ring = sc_rx_at_turn(&flow->rx, skip, len);

	sc_move_settled(flow);
	return ring;
}

/* A reader that waits for more than half of the ring to come must hear of this. */
static void sc_move_tell_reader(struct sc_flow *flow, struct sc_conn *conn)
{
	struct sc_rx *rx = &flow->rx;

	/* with sc_rx_arm(): we see what it waits for, or it sees the next ring */
	virt_mb();
	if (rx->own->rx_event - rx->cons >= sc_rx_least(rx) / 2)
		conn->sk->sk_data_ready(conn->sk);
}

/* Is there an offer to be answered? */
bool sc_move_is_offered(const struct sc_flow *flow)
{
	int offered = READ_ONCE(flow->move.offered);

	return offered == SC_OFFER_WAITS || offered == SC_OFFER_CLAIMED;
}

/* Whether it is the caller who has to answer, or to let somebody else do so. */
static bool sc_move_claim(struct sc_flow *flow)
{
	/* acquire: pairs with sc_move_offer() */
	return cmpxchg_acquire(&flow->move.offered, SC_OFFER_WAITS,
			       SC_OFFER_CLAIMED) == SC_OFFER_WAITS;
}

/* The offer is not the caller's any more: NONE, or WAITS for somebody else. */
static void sc_move_unclaim(struct sc_flow *flow, enum sc_move_offer to)
{
	struct sc_move *move = &flow->move;

	/* release: pairs with the next one who claims it */
	if (cmpxchg_release(&move->offered, SC_OFFER_CLAIMED, to) !=
	    SC_OFFER_CLAIMED && to == SC_OFFER_WAITS)
		sc_peer_segment_put(flow->channel, move->offer_segment);
}

/* With the receiver's lock, claimed. Whether the offer was taken. */
static bool sc_move_accept(struct sc_flow *flow, struct sc_conn *conn)
{
	struct sc_move *move = &flow->move;
	bool ready = false;

	rcu_read_lock();
	if (move->offer_segment && sc_channel_is_up(flow->channel) &&
	    sc_move_is_conns(flow, conn) && !sc_rx_refresh(&flow->rx) &&
	    sc_rx_settle(&flow->rx)) {
		sc_move_settled(flow);
		sc_rx_offer(&flow->rx, &move->offer_ring);
		sc_peer_segment_put(flow->channel, move->next_segment);
		move->next_segment = move->offer_segment;
		sc_move_tell_reader(flow, conn);
		ready = true;
	}
	rcu_read_unlock();
	return ready;
}

/* Claimed. */
static void sc_move_say(struct sc_flow *flow, bool ready)
{
	struct sc_move *move = &flow->move;

	if (!ready)
		sc_peer_segment_put(flow->channel, move->offer_segment);
	move->ready = ready;
	/* before the answer can be sent: after that the next offer may come */
	sc_move_unclaim(flow, SC_OFFER_NONE);
	sc_control_post(flow, SC_FLOW_POST_ANSWER);
	sc_control_flush(flow->channel);
}

/* Answer what was offered, if who receives lets us. */
static void sc_move_try_accept(struct sc_flow *flow)
{
	struct sc_conn *conn;
	bool ready = false;
	void *user;

	if (!sc_move_claim(flow))
		return;
	conn = sc_move_hold_conn(flow, &user);
	if (conn && !mutex_trylock(&conn->rx_lock)) {
		sc_move_unclaim(flow, SC_OFFER_WAITS);
		sc_tend_flow(flow);
		goto out;
	}
	if (conn) {
		ready = sc_move_accept(flow, conn);
		mutex_unlock(&conn->rx_lock);
	}
	sc_move_say(flow, ready);
out:
	if (conn)
		sc_flow_user_put(flow, user);
}

/**
 * sc_move_follow() - answer what was offered
 * @flow:	the flow of a user whose receiver's lock the caller holds
 *
 * Who receives all the time leaves nobody else the time to do it.
 */
void sc_move_follow(struct sc_flow *flow)
{
	struct sc_conn *conn;
	void *user;

	if (!sc_move_claim(flow))
		return;
	conn = sc_move_hold_conn(flow, &user);
	sc_move_say(flow, conn && sc_move_accept(flow, conn));
	if (conn)
		sc_flow_user_put(flow, user);
}

/**
 * sc_move_offer() - the peer offers another ring for what it sends
 * @flow:	the flow, which is open
 * @at:		where the ring is; private memory, checked
 *
 * For the channel's work.
 *
 * Return: NULL, or what is wrong with that.
 */
const char *sc_move_offer(struct sc_flow *flow,
			  const struct schannel_ring_at *at)
{
	struct sc_move *move = &flow->move;

	/* acquire: pairs with sc_move_unclaim() */
	if (smp_load_acquire(&move->offered) != SC_OFFER_NONE ||
	    sc_control_is_posted(flow, SC_FLOW_POST_ANSWER))
		return "ring offered before the last one was answered";
	move->offer_segment = sc_peer_segment_get(flow->channel, at,
						  &move->offer_ring);
	/* release: whoever claims it sees all of it */
	smp_store_release(&move->offered, SC_OFFER_WAITS);
	sc_move_try_accept(flow);
	if (sc_move_is_offered(flow))
		sc_tend_soon(flow->channel);
	return NULL;
}

/* ---- Tending ----------------------------------------------------------- */

static bool sc_move_is_resting(struct sc_flow *flow, bool is_time, bool is_short)
{
	struct sc_move *move = &flow->move;
	struct sc_tx *tx = &flow->tx;

	if (tx->prod != move->rest_prod || tx->prod != tx->cons) {
		move->rest_prod = tx->prod;
		move->rests = 0;
		return false;
	}
	move->rests += is_time;
	return is_short || move->rests >= SC_MOVE_RESTS;
}

/* A record waits for memory. With the sender's lock. */
static void sc_move_tend_lack(struct sc_flow *flow, struct sc_conn *conn, bool usable)
{
	struct schannel_channel *ch = flow->channel;
	struct sc_move *move = &flow->move;
	u8 order = move->to.order;

	if (usable && !sc_pool_carve(&ch->pool, order, &move->to)) {
		sc_move_offer_to(flow);
	} else if (!usable || time_after(jiffies, move->lacks_since + SC_MOVE_PATIENCE)) {
		sc_move_to(flow, SC_MOVE_DENIED);
		sc_io_write_space(conn->sk);
	} else {
		sc_tend_grow(ch, order);
		if (time_before(jiffies, move->lacks_since + SC_MOVE_POLITE))
			order++;
		sc_tend_lack(ch, order);
	}
}

/* What the ring of who goes on sending should become, in orders. */
static u8 sc_move_smaller(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;
	u8 order = flow->place.order;

	if (order < ch->yield_order)
		return sc_pool_smaller(&ch->pool, order);
	/* of what is left of several nobody could make one */
	return order > ch->yield_order ? order - 1 : 0;
}

/* With the sender's lock. */
static void sc_move_tend_tx(struct sc_flow *flow, struct sc_conn *conn, bool is_time,
			    bool is_short)
{
	struct sc_move *move = &flow->move;
	struct schannel_channel *ch = flow->channel;
	bool usable, rests;
	u8 order;

	rcu_read_lock();
	/* nonsense there is for who sends to find */
	usable = sc_channel_is_up(ch) && !sc_tx_refresh(&flow->tx) &&
		 !(flow->tx.own->tx_flags & SCHANNEL_TX_FIN);
	rcu_read_unlock();
	if (sc_move_state(flow) == SC_MOVE_LACKS)
		sc_move_tend_lack(flow, conn, usable);
	if (!usable)
		return;
	rests = sc_move_is_resting(flow, is_time, is_short);
	if (sc_move_state(flow) == SC_MOVE_READY) {
		if (!sc_move_is_larger(flow))
			sc_move_turn(flow);
		else if (move->rests >= SC_MOVE_RESTS)
			sc_move_drop(flow);
	} else if (sc_move_state(flow) == SC_MOVE_DENIED && !sc_move_is_denied(flow)) {
		sc_move_to(flow, SC_MOVE_NONE);
	}
	if (!sc_move_left(flow) || sc_move_state(flow) != SC_MOVE_NONE)
		return;
	if (rests)
		move->refusals = 0;
	order = rests ? move->wish.min : max(sc_move_smaller(flow), move->wish.min);
	if (order >= flow->place.order)
		return;
	/* if there is no memory for so much, something smaller leaves more to others */
	while (sc_pool_carve(&ch->pool, order, &move->to)) {
		if (order == move->wish.min) {
			/* rings like this one may fill all there is */
			sc_tend_grow(ch, order);
			return;
		}
		order--;
	}
	if (flow->place.order >= ch->yield_order)
		sc_tend_yielded(ch);
	sc_move_offer_to(flow);
}

/* With the receiver's lock: leave what the peer wants back. */
static void sc_move_tend_rx(struct sc_flow *flow)
{
	static const struct sc_ring none;
	struct sc_move *move = &flow->move;

	rcu_read_lock();
	if (sc_channel_is_up(flow->channel) && !sc_rx_refresh(&flow->rx) &&
	    sc_rx_settle(&flow->rx)) {
		sc_move_settled(flow);
		if (move->next_segment &&
		    READ_ONCE(move->next_segment->state) ==
		    SC_PEER_SEGMENT_LEAVING) {
			/* it was offered and is not going to be turned to */
			sc_rx_offer(&flow->rx, &none);
			sc_peer_segment_put(flow->channel, move->next_segment);
			move->next_segment = NULL;
		}
	}
	rcu_read_unlock();
}

/**
 * sc_move_tend() - look after a flow's rings
 * @flow:	the flow
 * @is_time:	some time has passed since the last look
 * @is_short:	memory is short
 *
 * Process context, for the channel's tending.
 */
void sc_move_tend(struct sc_flow *flow, bool is_time, bool is_short)
{
	struct sc_conn *conn;
	void *user;

	sc_move_try_accept(flow);
	conn = sc_move_hold_conn(flow, &user);
	if (!conn)
		return;
	if (mutex_trylock(&conn->tx_lock)) {
		if (sc_move_is_conns(flow, conn))
			sc_move_tend_tx(flow, conn, is_time, is_short);
		mutex_unlock(&conn->tx_lock);
	}
	if (atomic_read(&flow->channel->peer_leaving) &&
	    mutex_trylock(&conn->rx_lock)) {
		if (sc_move_is_conns(flow, conn))
			sc_move_tend_rx(flow);
		mutex_unlock(&conn->rx_lock);
	}
	sc_flow_user_put(flow, user);
}

/* Is there somebody who should not have to wait for the next look? */
bool sc_move_waits(const struct sc_flow *flow)
{
	return sc_move_is_offered(flow) || sc_move_state(flow) == SC_MOVE_LACKS;
}

/* Is there nothing to look after? */
bool sc_move_rests(const struct sc_flow *flow)
{
	const struct sc_move *move = &flow->move;
	enum sc_move_state state = sc_move_state(flow);

	if (sc_move_is_offered(flow))
		return false;
	/* without a user it is neither sent nor received, only read by the peer */
	if (!rcu_access_pointer(flow->user))
		return true;
	return (state == SC_MOVE_NONE || state == SC_MOVE_DENIED) &&
	       !READ_ONCE(move->leaving) &&
	       READ_ONCE(flow->place.order) <= move->wish.min;
}

/* Neither side uses the flow any more. */
void sc_move_end(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;
	struct sc_move *move = &flow->move;

	sc_pool_release(&ch->pool, &flow->place);
	if (move->leaving)
		sc_pool_release(&ch->pool, &move->from);
	if (move->state == SC_MOVE_OFFERED || move->state == SC_MOVE_READY)
		sc_pool_release(&ch->pool, &move->to);
	sc_peer_segment_put(ch, move->segment);
	sc_peer_segment_put(ch, move->next_segment);
	/* acquire: pairs with sc_move_offer() */
	if (xchg_acquire(&move->offered, SC_OFFER_OVER) == SC_OFFER_WAITS)
		sc_peer_segment_put(ch, move->offer_segment);
	sc_tend_later(ch);
}
