// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control ring.
 *
 * Sending never waits and never fails: what is to be said is noted down (a bit in
 * the flow, or for a segment, one slot for a refusal) and turned into a message
 * when the ring has room, by whoever notes it or else by the channel's work once
 * the peer has consumed. So nothing here grows with what the peer does.
 *
 * Receiving is the work's alone, one message at a time, in order. While a
 * refusal waits to be sent nothing more is read: a peer that does not read our
 * answers gets no more of them.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/sched.h>

#include "channel.h"
#include "control.h"
#include "flow.h"
#include "flow_type.h"
#include "ring/message.h"
#include "resize.h"
#include "peer.h"
#include "peer_segment.h"
#include "segment.h"
#include "trace.h"
#include "transport.h"

/* ---- Sending ----------------------------------------------------------- */

static void sc_control_ring_at(struct schannel_ring_at *at,
			       const struct sc_flow *flow,
			       const struct sc_extent *extent)
{
	at->segment = extent->segment;
	at->page = extent->page;
	at->order = extent->order;
	at->queue = flow->own_queue;
}

static void sc_control_table_add(struct schannel_channel *ch,
				 struct schannel_msg *msg, unsigned int pages)
{
	unsigned int i;

	msg->type = SCHANNEL_MSG_TABLE_ADD;
	msg->dst_flow = SCHANNEL_FLOW_NONE;
	msg->src_flow = SCHANNEL_FLOW_NONE;
	msg->table.first = ch->table_announced;
	msg->table.nr = min(pages - ch->table_announced,
			    SCHANNEL_TABLE_ADD_MAX);
	for (i = 0; i < msg->table.nr; i++)
		msg->table.ref[i] = ch->table[ch->table_announced++].ref;
}

static void sc_control_segment(struct schannel_msg *msg, u16 type, u16 id)
{
	msg->type = type;
	msg->dst_flow = SCHANNEL_FLOW_NONE;
	msg->src_flow = SCHANNEL_FLOW_NONE;
	msg->segment.segment = id;
}

/* A segment of ours that is there, or shall go. */
static void sc_control_own_segment(struct schannel_msg *msg,
				   const struct sc_segment *seg, bool goes)
{
	if (goes) {
		sc_control_segment(msg, SCHANNEL_MSG_SEGMENT_DEL, seg->id);
		return;
	}
	sc_control_segment(msg, SCHANNEL_MSG_SEGMENT_ADD, seg->id);
	msg->segment.nr_pages = seg->nr_pages;
	msg->segment.list_ref = seg->list.ref;
}

/* The flow's next message. False if it has none that may be sent yet. */
static bool sc_control_flow(struct sc_flow *flow, struct schannel_msg *msg)
{
	msg->dst_flow = flow->peer_id;
	msg->src_flow = flow->id;

	if (flow->close_sent) {
		/* that was the last word about it */
		flow->posts = 0;
		return false;
	}
	if (flow->posts & SC_FLOW_POST_OPEN) {
		flow->posts &= ~SC_FLOW_POST_OPEN;
		msg->type = SCHANNEL_MSG_OPEN;
		msg->open = flow->open;
		sc_control_ring_at(&msg->open.ring, flow, &flow->extent);
	} else if (flow->posts & SC_FLOW_POST_ACCEPT) {
		flow->posts &= ~SC_FLOW_POST_ACCEPT;
		msg->type = SCHANNEL_MSG_ACCEPT;
		sc_control_ring_at(&msg->accept.ring, flow, &flow->extent);
	} else if (flow->accepted && flow->posts & SC_FLOW_POST_CLOSE) {
		flow->posts &= ~SC_FLOW_POST_CLOSE;
		msg->type = SCHANNEL_MSG_CLOSE;
		msg->reason.reason = flow->reason;
		flow->close_sent = true;
	} else if (flow->posts & SC_FLOW_POST_RING) {
		flow->posts &= ~SC_FLOW_POST_RING;
		msg->type = SCHANNEL_MSG_RING;
		sc_control_ring_at(&msg->ring.ring, flow, &flow->resize.to);
	} else if (flow->posts & SC_FLOW_POST_ANSWER) {
		flow->posts &= ~SC_FLOW_POST_ANSWER;
		msg->type = SCHANNEL_MSG_RING_ANSWER;
		msg->answer.ready = flow->resize.ready;
	} else {
		return false;
	}
	return true;
}

/*
 * The next message there is to send. What is announced comes before the flows that
 * use it: a flow was put into the list after what it uses was added to @table_pages
 * and the pool.
 */
static bool sc_control_next(struct schannel_channel *ch,
			    struct schannel_msg *msg, struct sc_flow **done)
{
	/* acquire: pairs with sc_alloc_table() */
	unsigned int pages = smp_load_acquire(&ch->table_pages);
	struct sc_flow *flow, *next;
	struct sc_segment *seg;
	unsigned long gone;
	bool goes;

	*done = NULL;
	memset(msg, 0, sizeof(*msg));
	if (ch->refusal_waits) {
		*msg = ch->refusal;
		ch->refusal_waits = false;
		return true;
	}
	if (ch->table_announced < pages) {
		sc_control_table_add(ch, msg, pages);
		return true;
	}
	seg = sc_pool_announce(&ch->pool, &goes);
	if (seg) {
		sc_control_own_segment(msg, seg, goes);
		return true;
	}
	gone = find_first_bit(ch->peer_gone, SCHANNEL_SEGMENTS_MAX);
	if (gone < SCHANNEL_SEGMENTS_MAX) {
		__clear_bit(gone, ch->peer_gone);
		sc_control_segment(msg, SCHANNEL_MSG_SEGMENT_GONE, gone);
		return true;
	}
	list_for_each_entry_safe(flow, next, &ch->posts, post_node) {
		bool some = sc_control_flow(flow, msg);

		/* a CLOSE that waits for the answer is queued again with that */
		if (!flow->posts || !some)
			list_del_init(&flow->post_node);
		if (some) {
			if (flow->close_sent && flow->close_received)
				*done = flow;
			return true;
		}
	}
	return false;
}

/* Room for a message, or armed to be told when half the ring is free. */
static bool sc_control_space(struct schannel_channel *ch)
{
	struct sc_tx *tx = &ch->ctl_tx;

	if (sc_tx_space(tx) >= SCHANNEL_MSG_SIZE)
		return true;
	if (sc_tx_refresh(tx))
		goto wrong;
	if (sc_tx_space(tx) >= SCHANNEL_MSG_SIZE)
		return true;
	sc_tx_arm(tx, tx->ring.size / 2);
	if (sc_tx_refresh(tx))
		goto wrong;
	return sc_tx_space(tx) >= SCHANNEL_MSG_SIZE;

wrong:
	sc_channel_fail(ch, "control ring consumer index makes no sense");
	return false;
}

/**
 * sc_control_flush() - send what waits, as far as there is room
 * @ch:	the channel
 *
 * Process context.
 */
void sc_control_flush(struct schannel_channel *ch)
{
	struct schannel_msg msg;
	struct sc_flow *done;
	bool notify = false;

	spin_lock(&ch->ctl_lock);
	while (sc_channel_is_up(ch) && sc_control_space(ch) &&
	       sc_control_next(ch, &msg, &done)) {
		u32 run = SCHANNEL_MSG_SIZE;
		void *to = sc_ring_run(&ch->ctl_tx.ring, ch->ctl_tx.prod, &run);

		memcpy(to, &msg, SCHANNEL_MSG_SIZE);
		notify |= sc_tx_publish(&ch->ctl_tx, SCHANNEL_MSG_SIZE);
		if (done)
			sc_flow_retire(done);
	}
	/* under the lock: the channel's pages may go once it is released */
	if (notify && sc_channel_is_up(ch))
		sc_channel_post(ch, 0, SCHANNEL_FLOW_CTL, &ch->ctl_pending);
	spin_unlock(&ch->ctl_lock);
}

/* Note down that a flow has something to say. sc_control_flush() says it. */
void sc_control_post(struct sc_flow *flow, u8 what)
{
	struct schannel_channel *ch = flow->channel;

	spin_lock(&ch->ctl_lock);
	/* of a flow that was refused, and has left the table, there is nothing to say */
	if (sc_channel_is_up(ch) && xa_load(&ch->flows, flow->id) == flow) {
		flow->posts |= what;
		if (list_empty(&flow->post_node))
			list_add_tail(&flow->post_node, &ch->posts);
	}
	spin_unlock(&ch->ctl_lock);
}

/* Does this wait to be said? */
bool sc_control_is_posted(struct sc_flow *flow, u8 what)
{
	struct schannel_channel *ch = flow->channel;
	bool posted;

	spin_lock(&ch->ctl_lock);
	posted = flow->posts & what;
	spin_unlock(&ch->ctl_lock);
	return posted;
}

/* Tell the peer that its segment is not mapped any more. */
void sc_control_segment_gone(struct schannel_channel *ch, u16 id)
{
	spin_lock(&ch->ctl_lock);
	__set_bit(id, ch->peer_gone);
	spin_unlock(&ch->ctl_lock);
	sc_control_flush(ch);
}

static void sc_control_refuse(struct schannel_channel *ch, u32 flow, int reason)
{
	atomic_long_inc(&ch->stats.refused);
	spin_lock(&ch->ctl_lock);
	memset(&ch->refusal, 0, sizeof(ch->refusal));
	ch->refusal.type = SCHANNEL_MSG_REFUSE;
	ch->refusal.dst_flow = flow;
	ch->refusal.src_flow = SCHANNEL_FLOW_NONE;
	ch->refusal.reason.reason = reason;
	ch->refusal_waits = true;
	spin_unlock(&ch->ctl_lock);
	sc_control_flush(ch);
}

/* ---- Receiving --------------------------------------------------------- */

static void sc_control_add_table(struct schannel_channel *ch,
				 const struct schannel_msg *msg)
{
	const struct schannel_transport *t = ch->peer->transport;
	struct schannel_mapping *map;
	unsigned int i;

	map = t->map(ch->peer, msg->table.ref, msg->table.nr);
	if (!IS_ERR(map)) {
		for (i = 0; i < map->nr; i++)
			ch->peer_table[msg->table.first + i] = map->addr[i];
		ch->peer_table_map[ch->peer_table_maps++] = map;
	}
	/* without the mapping its flows are refused, one by one */
	ch->peer_table_pages += msg->table.nr;
}

/* The peer has unmapped a segment of ours. */
static const char *sc_control_segment_is_gone(struct schannel_channel *ch, u16 id)
{
	struct sc_segment *seg = sc_pool_gone(&ch->pool, id);

	if (!seg)
		return "segment gone that was not deleted";
	sc_segment_destroy(ch->peer, seg);
	return NULL;
}

static int sc_control_reason_to_errno(u32 reason)
{
	switch (reason) {
	case SCHANNEL_REASON_NO_MEMORY:
		return -ENOBUFS;
	case SCHANNEL_REASON_UNSUPPORTED:
		return -EPROTOTYPE;
	default:
		return -ECONNREFUSED;
	}
}

static const char *sc_control_about_flow(struct schannel_channel *ch,
					 struct sc_flow *flow,
					 const struct schannel_msg *msg)
{
	switch (msg->type) {
	case SCHANNEL_MSG_ACCEPT:
		if (flow->accepted)
			return "flow accepted twice";
		sc_flow_answered(flow, msg);
		return NULL;
	case SCHANNEL_MSG_REFUSE:
		if (flow->accepted)
			return "flow refused after it was accepted";
		flow->refused = msg->reason.reason;
		sc_flow_ended(flow, sc_control_reason_to_errno(msg->reason.reason));
		spin_lock(&ch->ctl_lock);
		sc_flow_retire(flow);
		spin_unlock(&ch->ctl_lock);
		return NULL;
	}

	if (!flow->accepted || flow->peer_id != msg->src_flow ||
	    flow->close_received)
		return "message about a flow by who is not its other end";
	switch (msg->type) {
	case SCHANNEL_MSG_RING:
		return sc_resize_offer(flow, &msg->ring.ring);
	case SCHANNEL_MSG_RING_ANSWER:
		return sc_resize_answer(flow, msg->answer.ready);
	default:
		/* who leaves without a word resets: nobody may wait for it */
		if (msg->reason.reason != SCHANNEL_REASON_DONE ||
		    !sc_flow_is_over(flow))
			sc_flow_ended(flow, -ECONNRESET);
		spin_lock(&ch->ctl_lock);
		flow->close_received = true;
		if (flow->close_sent)
			sc_flow_retire(flow);
		spin_unlock(&ch->ctl_lock);
		return NULL;
	}
}

static const char *sc_control_handle(struct schannel_channel *ch,
				     const struct schannel_msg *msg)
{
	struct sc_flow *flow;
	const char *wrong;
	int reason;

	wrong = sc_message_check(msg, ch->peer_table_pages, ch->nr_queues);
	if (wrong)
		return wrong;

	switch (msg->type) {
	case SCHANNEL_MSG_OPEN:
		reason = sc_flow_type_incoming(ch, msg);
		if (reason) {
			trace_schannel_accept(ch, msg, 0, reason);
			sc_control_refuse(ch, msg->src_flow, reason);
		}
		return NULL;
	case SCHANNEL_MSG_TABLE_ADD:
		sc_control_add_table(ch, msg);
		return NULL;
	case SCHANNEL_MSG_SEGMENT_ADD:
		return sc_peer_segment_announced(ch, &msg->segment);
	case SCHANNEL_MSG_SEGMENT_DEL:
		return sc_peer_segment_deleted(ch, msg->segment.segment);
	case SCHANNEL_MSG_SEGMENT_GONE:
		return sc_control_segment_is_gone(ch, msg->segment.segment);
	default:
		flow = sc_flow_get(ch, msg->dst_flow);
		if (!flow)
			return "message about a flow that is not in use";
		wrong = sc_control_about_flow(ch, flow, msg);
		sc_flow_put(flow);
		return wrong;
	}
}

/*
 * Take the next message. 1: there is one, 0: there is none, and an event will
 * come; negative: the index makes no sense.
 */
static int sc_control_take(struct schannel_channel *ch,
			   struct schannel_msg *msg)
{
	struct sc_rx *rx = &ch->ctl_rx;
	u32 run = SCHANNEL_MSG_SIZE;
	void *from;

	if (!sc_rx_avail(rx)) {
		if (sc_rx_refresh(rx))
			return -EPROTO;
		if (!sc_rx_avail(rx)) {
			sc_rx_arm(rx, 1);
			if (sc_rx_refresh(rx))
				return -EPROTO;
		}
		if (!sc_rx_avail(rx))
			return 0;
		if (sc_rx_avail(rx) % SCHANNEL_MSG_SIZE)
			return -EPROTO;
	}
	from = sc_ring_run(&rx->ring, rx->cons, &run);
	memcpy(msg, from, SCHANNEL_MSG_SIZE);
	if (sc_rx_publish(rx, SCHANNEL_MSG_SIZE))
		sc_channel_post(ch, 0, SCHANNEL_FLOW_CTL, &ch->ctl_pending);
	return 1;
}

/* So many messages, then others may run. */
#define SC_CONTROL_BUDGET	64

/* The channel's work. Not running any more when the channel's pages go. */
void sc_control_work(struct work_struct *work)
{
	struct schannel_channel *ch =
		container_of(work, struct schannel_channel, work);
	int budget = SC_CONTROL_BUDGET;
	const char *wrong;
	struct schannel_msg msg;
	int some;

	while (sc_channel_is_up(ch)) {
		sc_control_flush(ch);
		if (READ_ONCE(ch->refusal_waits))
			return;		/* sc_control_space() armed */
		if (!budget--) {
			queue_work(sc_wq, &ch->work);
			return;
		}
		some = sc_control_take(ch, &msg);
		if (!some)
			return;
		wrong = some < 0 ? "control ring producer index makes no sense" :
				   sc_control_handle(ch, &msg);
		if (wrong) {
			sc_channel_fail(ch, wrong);
			return;
		}
	}
}
