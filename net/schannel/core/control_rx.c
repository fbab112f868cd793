// SPDX-License-Identifier: GPL-2.0-only
/*
 * The receiving half of the control ring: only the channel's work reads it, one message at a
 * time, in order.
 *
 * The work drains the ring whether or not our own control ring has space for the answers.
 * The answers wait in state of bounded size, one per flow or segment. Otherwise two domains
 * that both have more to send than a ring holds would wait for each other.
 */
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "channel.h"
#include "common.h"
#include "control.h"
#include "control_memory.h"
#include "flow.h"
#include "flow_type.h"
#include "orphan.h"
#include "resize.h"
#include "ring/message.h"
#include "trace.h"

/*
 * May the message be about a flow that this side has finished with? A RESET that follows a
 * DONE can cross our CLOSE. The number in it may belong to another flow by now, but never to
 * one whose remote end is that flow: the peer keeps the entry until it has our CLOSE.
 */
static bool sc_control_is_late(const struct schannel_msg *msg)
{
	return msg->type == SCHANNEL_MSG_CLOSE &&
	       msg->reason.reason == SCHANNEL_REASON_RESET;
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

/* The peer has closed a flow. */
static void sc_control_closed(struct sc_flow *flow, u32 reason)
{
	struct schannel_channel *ch = flow->channel;
	bool reset = false;

	flow->closed = reason;
	/* a CLOSE before the peer shut both directions is a reset: wake all waiters */
	if (reason != SCHANNEL_REASON_DONE || !sc_flow_is_joined(flow) ||
	    !sc_flow_is_over(flow)) {
		reset = true;
		sc_flow_ended(flow, -ECONNRESET);
	}
	spin_lock(&ch->ctl_lock);
	flow->close_received = true;
	/* a killed flow is being taken away from its user, and is closed then */
	if (!flow->killed)
		sc_orphan_unlist(flow);
	if (flow->close_sent)
		sc_flow_retire(flow);
	else if (flow->close_waits)
		sc_control_close(flow, SCHANNEL_REASON_DONE);
	else if (reset && !flow->killed && rcu_access_pointer(flow->user))
		sc_orphan_add_reset(flow);
	spin_unlock(&ch->ctl_lock);
}

/*
 * A second CLOSE for a flow: the peer needs its memory, do not wait for our user. Returns
 * NULL, or the protocol violation.
 */
static const char *sc_control_reset_after(struct sc_flow *flow,
					  const struct schannel_msg *msg)
{
	struct schannel_channel *ch = flow->channel;

	if (!sc_control_is_late(msg) || flow->reset_received)
		return "control message for a flow that the peer has closed";
	spin_lock(&ch->ctl_lock);
	flow->reset_received = true;
	/* without a user, our CLOSE waits to be sent already */
	if (rcu_access_pointer(flow->user))
		sc_orphan_take(flow);
	spin_unlock(&ch->ctl_lock);
	return NULL;
}

/* A message for an existing flow. Returns NULL, or the protocol violation. */
static const char *sc_control_handle_flow(struct schannel_channel *ch,
					  struct sc_flow *flow,
					  const struct schannel_msg *msg)
{
	switch (msg->type) {
	case SCHANNEL_MSG_ACCEPT:
		if (flow->accepted)
			return "second ACCEPT for a flow";
		sc_flow_answered(flow, msg);
		return NULL;
	case SCHANNEL_MSG_REFUSE:
		if (flow->accepted)
			return "REFUSE for an accepted flow";
		flow->refused = msg->reason.reason;
		sc_flow_ended(flow, sc_control_reason_to_errno(msg->reason.reason));
		spin_lock(&ch->ctl_lock);
		sc_flow_retire(flow);
		spin_unlock(&ch->ctl_lock);
		return NULL;
	}

	if (!flow->accepted || flow->peer_id != msg->src_flow)
		return sc_control_is_late(msg) ? NULL :
		       "control message from a flow that is not the remote end";
	if (flow->close_received)
		return sc_control_reset_after(flow, msg);
	switch (msg->type) {
	case SCHANNEL_MSG_RING:
		sc_channel_name_queue(ch, &flow->queue, msg->ring.ring.queue);
		return sc_resize_offer(flow, &msg->ring.ring);
	case SCHANNEL_MSG_RING_ANSWER:
		sc_channel_name_queue(ch, &flow->queue, msg->answer.queue);
		return sc_resize_answer(flow, msg->answer.ready);
	case SCHANNEL_MSG_RETURN:
		return sc_flow_returned(flow);
	default:
		sc_control_closed(flow, msg->reason.reason);
		return NULL;
	}
}

/* Returns NULL, or the protocol violation. */
static const char *sc_control_handle(struct schannel_channel *ch,
				     const struct schannel_msg *msg)
{
	struct sc_flow *flow;
	const char *violation;
	int reason;

	violation = sc_message_check(msg, ch->peer_table_pages, ch->nr_queues);
	if (violation)
		return violation;

	switch (msg->type) {
	case SCHANNEL_MSG_OPEN:
		if (sc_message_is_known_open(&msg->open))
			reason = sc_flow_type_incoming(ch, msg);
		else
			reason = SCHANNEL_REASON_UNSUPPORTED;
		if (reason) {
			trace_schannel_accept(ch, msg, 0, reason);
			if (!sc_control_refuse(ch, msg->src_flow, reason))
				return "OPEN for a flow whose refusal was not sent yet";
		}
		return NULL;
	case SCHANNEL_MSG_TABLE_ADD:
	case SCHANNEL_MSG_TABLE_ANSWER:
	case SCHANNEL_MSG_SEGMENT_ADD:
	case SCHANNEL_MSG_SEGMENT_ANSWER:
	case SCHANNEL_MSG_SEGMENT_DEL:
	case SCHANNEL_MSG_SEGMENT_GONE:
		return sc_control_memory_received(ch, msg);
	default:
		flow = sc_flow_get(ch, msg->dst_flow);
		if (!flow)
			return sc_control_is_late(msg) ? NULL :
			       "control message for a flow that does not exist";
		violation = sc_control_handle_flow(ch, flow, msg);
		sc_flow_put(flow);
		return violation;
	}
}

/*
 * Take the next message. Returns 1 if there is one; 0 if there is none, after asking for an
 * event; negative if the producer index is invalid.
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
		sc_channel_post(ch, &sc_queue_ctl, SCHANNEL_FLOW_CTL, &ch->ctl_pending);
	return 1;
}

/* Messages that one run of the work handles before it lets other works run. */
#define SC_CONTROL_BUDGET	64

/* The channel's work. Cancelled before the channel's pages are unmapped. */
void sc_control_work(struct work_struct *work)
{
	struct schannel_channel *ch =
		container_of(work, struct schannel_channel, work);
	int budget = SC_CONTROL_BUDGET;
	const char *violation;
	struct schannel_msg msg;
	int taken;

	while (sc_channel_is_up(ch)) {
		if (!llist_empty(&ch->looks))
			sc_resize_look_all(ch);
		sc_control_flush(ch);
		if (!budget--) {
			queue_work(sc_wq, &ch->work);
			return;
		}
		taken = sc_control_take(ch, &msg);
		if (!taken)
			return;
		violation = taken < 0 ? "invalid control ring producer index" :
					sc_control_handle(ch, &msg);
		if (violation) {
			sc_channel_fail(ch, violation);
			return;
		}
	}
}
