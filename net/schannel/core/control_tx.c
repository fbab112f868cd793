// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sending half of the control ring.
 *
 * Posting a message never waits and never fails. It only sets a bit: in the flow, for a
 * segment, or for a flow of the peer that is refused. The message is built when the ring has
 * space, by the thread that posted it or by the channel's work once the peer has consumed.
 * So a peer that does not consume makes no memory grow here.
 */
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "channel.h"
#include "control.h"
#include "control_memory.h"
#include "flow.h"

static void sc_control_ring_at(struct schannel_ring_at *at,
			       const struct sc_flow *flow,
			       const struct sc_extent *extent)
{
	at->segment = extent->segment;
	at->page = extent->page;
	at->order = extent->order;
	at->queue = flow->own_queue;
}

/* Build the flow's next message. False if it has none, or none that may be sent yet. */
static bool sc_control_flow(struct sc_flow *flow, struct schannel_msg *msg)
{
	msg->dst_flow = flow->peer_id;
	msg->src_flow = flow->id;

	if (flow->close_sent) {
		/* only a RESET may be sent about a flow after the first CLOSE */
		if (!(flow->posts & SC_FLOW_POST_RESET)) {
			flow->posts = 0;
			return false;
		}
		flow->posts = 0;
		msg->type = SCHANNEL_MSG_CLOSE;
		msg->reason.reason = SCHANNEL_REASON_RESET;
		return true;
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
		msg->accept.uid = flow->acceptor.uid;
		msg->accept.gid = flow->acceptor.gid;
	} else if (flow->posts & SC_FLOW_POST_CLOSE &&
		   /* acquire: pairs with sc_flow_join() */
		   smp_load_acquire(&flow->accepted)) {
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
		msg->answer.queue = flow->own_queue;
	} else {
		return false;
	}
	return true;
}

/* Build the REFUSE of one of the peer's flows. */
static void sc_control_refusal(struct schannel_channel *ch, struct schannel_msg *msg)
{
	unsigned long flow = find_first_bit(ch->refused, SCHANNEL_FLOWS_MAX);

	__clear_bit(flow, ch->refused);
	ch->nr_refused--;
	msg->type = SCHANNEL_MSG_REFUSE;
	msg->dst_flow = flow;
	msg->src_flow = SCHANNEL_FLOW_NONE;
	msg->reason.reason = ch->refusal[flow];
}

/*
 * Build the next message. Table pages and segments are announced before the flows that use
 * them: a flow is put into the list after its page was added to @table_pages and its segment
 * to the pool. @done is set to a flow that is closed on both sides once the message is sent.
 */
static bool sc_control_next(struct schannel_channel *ch,
			    struct schannel_msg *msg, struct sc_flow **done)
{
	struct sc_flow *flow, *next;

	*done = NULL;
	memset(msg, 0, sizeof(*msg));
	if (ch->nr_refused) {
		sc_control_refusal(ch, msg);
		return true;
	}
	if (sc_control_memory_waits(ch) && sc_control_memory_next(ch, msg))
		return true;
	list_for_each_entry_safe(flow, next, &ch->posts, post_node) {
		bool some = sc_control_flow(flow, msg);

		/* a CLOSE that waits for the ACCEPT is listed again when that arrives */
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

/* Is there space for a message? If not, asks for an event when half the ring is free. */
static bool sc_control_space(struct schannel_channel *ch)
{
	struct sc_tx *tx = &ch->ctl_tx;

	if (sc_tx_space(tx) >= SCHANNEL_MSG_SIZE)
		return true;
	if (sc_tx_refresh(tx))
		goto invalid;
	if (sc_tx_space(tx) >= SCHANNEL_MSG_SIZE)
		return true;
	sc_tx_arm(tx, tx->ring.size / 2);
	if (sc_tx_refresh(tx))
		goto invalid;
	return sc_tx_space(tx) >= SCHANNEL_MSG_SIZE;

invalid:
	sc_channel_fail(ch, "invalid control ring consumer index");
	return false;
}

/* Does a message wait to be sent? Under the control lock. */
static bool sc_control_waits(const struct schannel_channel *ch)
{
	return !list_empty(&ch->posts) || ch->nr_refused || sc_control_memory_waits(ch);
}

/* Send messages. Under the control lock. Out of line, since most calls find nothing to send. */
static noinline void sc_control_send(struct schannel_channel *ch)
{
	struct schannel_msg msg;
	struct sc_flow *done;
	bool notify = false;

	while (sc_channel_is_up(ch) && sc_control_waits(ch) && sc_control_space(ch) &&
	       sc_control_next(ch, &msg, &done)) {
		u32 run = SCHANNEL_MSG_SIZE;
		void *to = sc_ring_run(&ch->ctl_tx.ring, ch->ctl_tx.prod, &run);

		memcpy(to, &msg, SCHANNEL_MSG_SIZE);
		notify |= sc_tx_publish(&ch->ctl_tx, SCHANNEL_MSG_SIZE);
		if (done)
			sc_flow_retire(done);
		/* a peer that consumes all the time leaves space for thousands of messages */
		cond_resched_lock(&ch->ctl_lock);
	}
	/* under the lock: schannel_channel_destroy() may free the pages after the unlock */
	if (notify && sc_channel_is_up(ch))
		sc_channel_post(ch, &sc_queue_ctl, SCHANNEL_FLOW_CTL, &ch->ctl_pending);
}

/**
 * sc_control_flush() - send posted messages, as far as the control ring has space
 * @ch:	the channel
 *
 * Context: Process context.
 */
void sc_control_flush(struct schannel_channel *ch)
{
	spin_lock(&ch->ctl_lock);
	if (sc_control_waits(ch))
		sc_control_send(ch);
	spin_unlock(&ch->ctl_lock);
}

/* Post messages of a flow in the flow table. Under the control lock. */
static void sc_control_list(struct sc_flow *flow, u8 what)
{
	flow->posts |= what;
	if (list_empty(&flow->post_node))
		list_add_tail(&flow->post_node, &flow->channel->posts);
}

/**
 * sc_control_close() - post the CLOSE of a flow, unless it was sent
 * @flow:	a flow in the flow table
 * @reason:	enum schannel_reason
 *
 * Context: Under the channel's control lock.
 */
void sc_control_close(struct sc_flow *flow, u32 reason)
{
	lockdep_assert_held(&flow->channel->ctl_lock);
	WRITE_ONCE(flow->close_waits, false);
	if (flow->close_sent)
		return;
	flow->reason = reason;
	sc_control_list(flow, SC_FLOW_POST_CLOSE);
}

/**
 * sc_control_reset() - post a RESET of a flow, also after it was closed in order
 * @flow:	a flow in the flow table
 *
 * Context: Under the channel's control lock.
 */
void sc_control_reset(struct sc_flow *flow)
{
	if (flow->close_waits) {
		sc_control_close(flow, SCHANNEL_REASON_DONE);
		sc_control_list(flow, SC_FLOW_POST_RESET);
	} else if (flow->close_sent && flow->reason == SCHANNEL_REASON_DONE) {
		sc_control_list(flow, SC_FLOW_POST_RESET);
	} else {
		sc_control_close(flow, SCHANNEL_REASON_RESET);
	}
}

/**
 * sc_control_post() - post messages of a flow, for sc_control_flush() to send
 * @flow:	the flow
 * @what:	SC_FLOW_POST_*; 0 to list messages again that were posted earlier
 *
 * Context: Process context.
 */
void sc_control_post(struct sc_flow *flow, u8 what)
{
	struct schannel_channel *ch = flow->channel;

	spin_lock(&ch->ctl_lock);
	/* a flow that was refused has left the table: no message about it may be sent */
	if (sc_channel_is_up(ch) && xa_load(&ch->flows, flow->id) == flow)
		sc_control_list(flow, what);
	spin_unlock(&ch->ctl_lock);
}

/**
 * sc_control_is_posted() - does a message of a flow wait to be sent?
 * @flow:	the flow
 * @what:	SC_FLOW_POST_*
 *
 * Return: whether one of @what was posted and not sent yet.
 */
bool sc_control_is_posted(struct sc_flow *flow, u8 what)
{
	struct schannel_channel *ch = flow->channel;
	bool posted;

	spin_lock(&ch->ctl_lock);
	posted = flow->posts & what;
	spin_unlock(&ch->ctl_lock);
	return posted;
}

/**
 * sc_control_refuse() - refuse a flow that the peer opens
 * @ch:		the channel
 * @flow:	the flow's number in the peer's table, checked
 * @reason:	enum schannel_reason
 *
 * Context: The channel's work.
 *
 * Return: false if a refusal of the same flow has not been sent yet. A valid peer does not
 * open a flow again before it has received the refusal.
 */
bool sc_control_refuse(struct schannel_channel *ch, u32 flow, int reason)
{
	bool again;

	atomic_long_inc(&ch->stats.refused);
	spin_lock(&ch->ctl_lock);
	again = __test_and_set_bit(flow, ch->refused);
	if (!again) {
		ch->refusal[flow] = reason;
		ch->nr_refused++;
	}
	spin_unlock(&ch->ctl_lock);
	return !again;
}
