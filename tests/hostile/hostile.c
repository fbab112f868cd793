// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer that breaks the protocol. tests/hostile/build compiles this file into a copy of
 * schannel.ko; the scenario hostile.sh loads that in one domain and commands it:
 *
 *	echo 'DOMID COMMAND [NUMBER]' >/sys/module/schannel/parameters/hostile
 *
 *	deaf N		ignore (1) what is invalid at the peer's side, or not (0)
 *	keep N		say that the peer's segments are unmapped, and keep them mapped (1)
 *	mute N		read none of the peer's messages (1), or all of them (0)
 *	storm N		notify the peer without end: 1 of flows that it does not use,
 *			2 of overflows, 3 of nothing; 0 ends it
 *	change		change the last byte that each flow has produced
 *	open PORT	open as many flows to this port as there are numbers for, never to
 *			answer anything about them
 *	prod, cons	an invalid producer or consumer index for each flow
 *	switch		each flow switches to a ring that was not offered
 *	follow		each flow claims to have followed a switch that was not made
 *	queue		an invalid index in the event queue
 *	control		an invalid index in the control ring
 *	answer		answer an offer of a ring that was not made
 *	accept		accept a flow that was not opened
 *	gone		let go of a segment that was not deleted
 *	type		a message of an unknown type
 *
 * It uses what the ABI's header describes wherever it can, so that it stays as it is when the
 * module changes.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "core/channel.h"
#include "core/common.h"
#include "core/control.h"
#include "core/flow.h"
#include "core/namespace.h"
#include "core/peer.h"

/* The peers' transport, whose unmap() does nothing while @keep is set. */
static struct schannel_transport keeping;
static const struct schannel_transport *kept;
static bool deaf, keep, mute;
static int storm;
static struct task_struct *stormer;

/* What the rest of the copy calls instead of sc_channel_fail(). */
void hostile_fail(struct schannel_channel *ch, const char *violation)
{
	if (READ_ONCE(deaf))
		queue_work(sc_wq, &ch->work);	/* on to the next message */
	else
		sc_channel_fail(ch, violation);
}

/* What the channel's work runs instead of sc_control_work(). */
void hostile_control_work(struct work_struct *work)
{
	if (!READ_ONCE(mute))
		sc_control_work(work);
}

static void hostile_unmap(struct schannel_peer *peer, struct schannel_mapping *m)
{
	if (!READ_ONCE(keep))
		kept->unmap(peer, m);
}

static void hostile_keep(struct schannel_peer *peer, bool on)
{
	WRITE_ONCE(keep, on);
	if (!on || peer->transport == &keeping)
		return;
	kept = peer->transport;
	keeping = *kept;
	keeping.unmap = hostile_unmap;
	peer->transport = &keeping;
}

static void hostile_notify(struct schannel_channel *ch)
{
	ch->peer->transport->notify(ch->peer, 0);
}

static void hostile_message(struct schannel_channel *ch, const struct schannel_msg *msg)
{
	u32 run = SCHANNEL_MSG_SIZE;

	spin_lock(&ch->ctl_lock);
	if (sc_channel_is_up(ch) && !sc_tx_refresh(&ch->ctl_tx) &&
	    sc_tx_space(&ch->ctl_tx) >= SCHANNEL_MSG_SIZE) {
		memcpy(sc_ring_run(&ch->ctl_tx.ring, ch->ctl_tx.prod, &run), msg, sizeof(*msg));
		sc_tx_publish(&ch->ctl_tx, SCHANNEL_MSG_SIZE);
		sc_channel_post(ch, &sc_queue_ctl, SCHANNEL_FLOW_CTL, &ch->ctl_pending);
	}
	spin_unlock(&ch->ctl_lock);
}

static struct schannel_flow *hostile_entry(struct schannel_channel *ch, u32 flow)
{
	struct schannel_flow *page = ch->table[flow / SCHANNEL_FLOWS_PER_PAGE].addr;

	return page + flow % SCHANNEL_FLOWS_PER_PAGE;
}

/* ---- Storms ------------------------------------------------------------- */

static void hostile_storm_burst(struct schannel_channel *ch, int kind)
{
	struct schannel_queue *own = ch->queue[0].q.own;
	sc_pending_t pending;
	int i;

	for (i = 0; i < 200; i++) {
		pending = 0;
		switch (kind) {
		case 1:
			sc_channel_post(ch, &sc_queue_ctl, SCHANNEL_FLOWS_MAX - 1 - i, &pending);
			break;
		case 2:
			WRITE_ONCE(own->overflow, own->overflow + 1);
			virt_mb();	/* the count before the notification */
			fallthrough;
		default:
			hostile_notify(ch);
		}
	}
}

static int hostile_storm_thread(void *data)
{
	struct schannel_channel *ch = data;

	while (!kthread_should_stop()) {
		rcu_read_lock();
		if (sc_channel_is_up(ch))
			hostile_storm_burst(ch, READ_ONCE(storm));
		rcu_read_unlock();
		cond_resched();
	}
	sc_channel_put(ch);
	return 0;
}

static void hostile_storm(struct schannel_channel *ch, int kind)
{
	if (stormer)
		kthread_stop(stormer);
	stormer = NULL;
	WRITE_ONCE(storm, kind);
	if (!kind)
		return;
	sc_channel_hold(ch);
	stormer = kthread_run(hostile_storm_thread, ch, "hostile");
	if (IS_ERR(stormer)) {
		stormer = NULL;
		sc_channel_put(ch);
	}
}

/* ---- Flows -------------------------------------------------------------- */

static void hostile_change_byte(struct sc_flow *flow)
{
	u32 one = 1;
	char *at = sc_ring_run(&flow->tx.ring, flow->tx.prod - 1, &one);

	WRITE_ONCE(*at, 'B');
}

/* The next byte is in a ring that was not offered. */
static void hostile_switch(struct schannel_flow *own)
{
	virt_store_release(&own->tx_switches, own->tx_switches + 1);
	virt_store_release(&own->tx_prod, own->tx_prod + 1);
}

static bool hostile_flow(struct sc_flow *flow, const char *command)
{
	struct schannel_flow *own = hostile_entry(flow->channel, flow->id);

	if (!strcmp(command, "change"))
		hostile_change_byte(flow);
	else if (!strcmp(command, "prod"))
		WRITE_ONCE(own->tx_prod, own->tx_prod + 0x40000000);
	else if (!strcmp(command, "cons"))
		WRITE_ONCE(own->rx_cons, own->rx_cons + 0x40000000);
	else if (!strcmp(command, "switch"))
		hostile_switch(own);
	else if (!strcmp(command, "follow"))
		WRITE_ONCE(own->rx_switches, own->rx_switches + 1);
	else
		return false;
	virt_mb();	/* the values before the event */
	sc_flow_post(flow);
	return true;
}

/* All connections, but not the flows of datagrams. False if it is no command for flows. */
static bool hostile_flows(struct schannel_channel *ch, const char *command)
{
	struct sc_flow *flow;
	unsigned long id;
	bool known = true;

	rcu_read_lock();
	xa_for_each(&ch->flows, id, flow) {
		if (flow->type != SCHANNEL_TYPE_DGRAM && flow->accepted)
			known &= hostile_flow(flow, command);
	}
	rcu_read_unlock();
	return known;
}

/* ---- Messages ----------------------------------------------------------- */

/* Flow numbers from the end of the table down: connections use those at its beginning. */
static void hostile_open(struct schannel_channel *ch, u32 port)
{
	u32 flow = ch->table_announced * SCHANNEL_FLOWS_PER_PAGE;
	struct schannel_msg msg = {
		.type = SCHANNEL_MSG_OPEN,
		.dst_flow = SCHANNEL_FLOW_NONE,
		.open = {
			.src_port = 70000, .dst_port = port,
			.type = SCHANNEL_TYPE_STREAM, .rx_order = 0xff,
		},
	};

	while (--flow >= SCHANNEL_FLOWS_PER_PAGE / 2) {
		msg.src_flow = flow;
		hostile_message(ch, &msg);
	}
}

static bool hostile_invalid(struct schannel_channel *ch, const char *command)
{
	struct schannel_msg msg = {
		.dst_flow = SCHANNEL_FLOW_NONE, .src_flow = SCHANNEL_FLOW_NONE,
	};

	if (!strcmp(command, "queue")) {
		ch->queue[0].q.own->prod += 0x40000000;
		hostile_notify(ch);
		return true;
	}
	if (!strcmp(command, "control")) {
		hostile_entry(ch, SCHANNEL_FLOW_CTL)->tx_prod += 0x40000000;
		sc_channel_post(ch, &sc_queue_ctl, SCHANNEL_FLOW_CTL, &ch->ctl_pending);
		return true;
	}
	if (!strcmp(command, "accept")) {
		msg.type = SCHANNEL_MSG_ACCEPT;
		msg.dst_flow = SCHANNEL_FLOWS_PER_PAGE - 1;
		msg.src_flow = 1;
	} else if (!strcmp(command, "gone")) {
		msg.type = SCHANNEL_MSG_SEGMENT_GONE;
	} else if (!strcmp(command, "type")) {
		msg.type = 0x7fff;
	} else {
		return false;
	}
	hostile_message(ch, &msg);
	return true;
}

/* For the first connection: its other end has offered no ring that is not answered yet. */
static void hostile_answer(struct schannel_channel *ch)
{
	struct schannel_msg msg = { .type = SCHANNEL_MSG_RING_ANSWER, .answer.ready = 1 };
	struct sc_flow *flow;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&ch->flows, id, flow) {
		if (flow->type != SCHANNEL_TYPE_DGRAM && flow->accepted) {
			msg.dst_flow = flow->peer_id;
			msg.src_flow = flow->id;
			break;
		}
	}
	rcu_read_unlock();
	hostile_message(ch, &msg);
}

/* ---- Commands ----------------------------------------------------------- */

static void hostile_mute(struct schannel_channel *ch, bool on)
{
	WRITE_ONCE(mute, on);
	queue_work(sc_wq, &ch->work);
}

static int hostile_do(struct schannel_channel *ch, const char *command, int number)
{
	if (!strcmp(command, "deaf"))
		WRITE_ONCE(deaf, number);
	else if (!strcmp(command, "mute"))
		hostile_mute(ch, number);
	else if (!strcmp(command, "keep"))
		hostile_keep(ch->peer, number);
	else if (!strcmp(command, "storm"))
		hostile_storm(ch, number);
	else if (!strcmp(command, "open"))
		hostile_open(ch, number);
	else if (!strcmp(command, "answer"))
		hostile_answer(ch);
	else if (!hostile_invalid(ch, command) && !hostile_flows(ch, command))
		return -EINVAL;
	return 0;
}

static int hostile_set(const char *text, const struct kernel_param *kp)
{
	struct schannel_channel *ch;
	struct schannel_peer *peer;
	unsigned int domid;
	char command[16];
	int number = 0, err = -ENOTCONN;

	if (sscanf(text, "%u %15s %i", &domid, command, &number) < 2)
		return -EINVAL;
	peer = sc_peer_get(&init_net, domid);
	if (!peer)
		return -ENODEV;
	ch = sc_peer_channel_up(peer, &init_net);
	if (ch) {
		err = hostile_do(ch, command, number);
		sc_channel_put(ch);
	} else if (!strcmp(command, "storm")) {
		hostile_storm(NULL, 0);
		err = 0;
	}
	sc_peer_put(peer);
	return err;
}

static const struct kernel_param_ops hostile_ops = { .set = hostile_set };

module_param_cb(hostile, &hostile_ops, NULL, 0200);
