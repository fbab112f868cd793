// SPDX-License-Identifier: GPL-2.0-only
/*
 * One side of a channel that uses net/schannel/ring for all that it writes to and reads from
 * shared memory: directory, messages, rings, records, event queues, the pool. The rest, which
 * net/schannel/core does in the kernel, is as short as it can be here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring/dir.h"
#include "ring/message.h"
#include "ring/pool.h"
#include "ring/queue.h"
#include "ring/record.h"
#include "ring/ring.h"

#include "side.h"
#include "world.h"

#define FLOWS		256U
#define LISTENERS	4U
#define WAITING		512U
#define POOL_PAGES	SC_SEGMENT_PAGES

/* Of two types. */
#define LEAST(a, b)	((a) < (b) ? (a) : (b))

/* Ours; @pool is the first member. */
struct segment {
	struct sc_pool_segment pool;
	u32 list_ref;
	void *addr[SCHANNEL_SEGMENT_PAGES_MAX];
};

struct peer_segment {
	bool used, mapped, deleted;
	u32 nr, rings;
	u32 ref[SCHANNEL_SEGMENT_PAGES_MAX];
	void *addr[SCHANNEL_SEGMENT_PAGES_MAX];
};

struct flow {
	enum side_state state;
	u32 id, peer, reason;
	u8 type, own_queue, queue;
	u32 named;	/* bitmap of the queues in which the peer may post events for it */
	bool fresh, close_sent, close_received, done;
	sc_pending_t pending;
	struct sc_tx tx;
	struct sc_rx rx;
	bool tx_asleep, rx_asleep, woken;
	struct sc_extent extent, offered, old;
	bool has_offered, has_old, offer_waits, may_switch;
	struct peer_segment *rx_segment, *next_segment;
};

struct side {
	struct side_config config;
	u32 dir_ref;
	struct schannel_dir *dir, peer;
	struct sc_terms terms;
	const char *violation;
	struct sc_queue queue[SCHANNEL_QUEUES_MAX];
	void *queues, *entries[SCHANNEL_QUEUE_PAGES_MAX], *peer_entries[SCHANNEL_QUEUE_PAGES_MAX];
	void *ctl[1U << SCHANNEL_CTL_ORDER_MAX], *peer_ctl[1U << SCHANNEL_CTL_ORDER_MAX];
	struct schannel_msg waiting[WAITING];
	u32 nr_waiting;
	struct schannel_flow *table[SCHANNEL_FLOW_PAGES_MAX];
	const struct schannel_flow *peer_table[SCHANNEL_FLOW_PAGES_MAX];
	u32 table_pages, table_mapped, peer_table_pages;
	struct sc_pool pool;
	struct peer_segment peer_segment[SCHANNEL_SEGMENTS_MAX];
	struct flow flow[FLOWS];	/* the control ring is flow 0 */
	struct {
		u32 port;
		u8 type;
	} listener[LISTENERS];
};

static void fail(struct side *side, const char *violation)
{
	if (!side->violation)
		side->violation = violation;
}

static void *map(struct side *side, u32 ref)
{
	return (void *)world_map(side->config.at, ref);
}

static u32 new_page(struct side *side, void *where)
{
	u32 ref;

	*(void **)where = world_page(side->config.at, &ref);
	return ref;
}

/* ---- The directory ------------------------------------------------------ */

static struct side *our_create(const struct side_config *config)
{
	struct side *side = calloc(1, sizeof(*side));
	struct schannel_dir *dir;
	u32 i;

	if (!side)
		abort();
	side->config = *config;
	side->dir_ref = new_page(side, &side->dir);
	dir = side->dir;
	sc_dir_init(dir);
	/* what a later version, or a smaller system, would say */
	dir->abi = config->abi;
	dir->abi_oldest = config->abi_oldest;
	dir->features = config->features;
	dir->required = config->required;
	dir->nr_queues = config->nr_queues;
	dir->queue_order = config->queue_order;
	dir->ctl_order = config->ctl_order;
	dir->accept_flows = config->accept_flows;
	dir->accept_segments = config->accept_segments;
	dir->accept_pages = config->accept_pages;
	dir->accept_order = config->accept_order;
	dir->flow_ref = new_page(side, &side->table[0]);
	side->table_pages = 1;
	side->table_mapped = 1;
	dir->queue_ref = new_page(side, &side->queues);
	for (i = 0; i < 1U << config->ctl_order; i++)
		dir->ctl_ref[i] = new_page(side, &side->ctl[i]);
	for (i = 0; i < min(config->nr_queues << config->queue_order,
			    SCHANNEL_QUEUE_PAGES_MAX); i++)
		dir->entry_ref[i] = new_page(side, &side->entries[i]);
	sc_pool_init(&side->pool, POOL_PAGES * 2);
	return side;
}

static void our_destroy(struct side *side)
{
	struct sc_pool_segment *seg;

	while ((seg = sc_pool_take(&side->pool))) {
		free(seg->map);
		free(seg);
	}
	free(side);
}

static u32 our_directory(const struct side *side)
{
	return side->dir_ref;
}

static bool map_all(struct side *side, void **to, const u32 *refs, u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		to[i] = map(side, refs[i]);
		if (!to[i])
			return false;
	}
	return true;
}

static const char *our_attach(struct side *side, u32 directory)
{
	static char why[SC_DIR_WHY];
	const void *shared = map(side, directory);
	struct schannel_dir *peer = &side->peer;
	void *queues, *table;
	struct flow *ctl = &side->flow[SCHANNEL_FLOW_CTL];
	u32 i;

	if (!shared)
		return "no directory";
	memcpy(peer, shared, sizeof(*peer));
	world_unmap(side->config.at, directory);
	if (sc_dir_check(side->dir, peer, why))
		return why;
	sc_dir_agree(side->dir, peer, &side->terms);
	sc_pool_set_terms(&side->pool, &side->terms);
	queues = map(side, peer->queue_ref);
	table = map(side, peer->flow_ref);
	if (!queues || !table ||
	    !map_all(side, side->peer_entries, peer->entry_ref,
		     side->terms.nr_queues << peer->queue_order) ||
	    !map_all(side, side->peer_ctl, peer->ctl_ref, 1U << peer->ctl_order))
		return "cannot map";
	for (i = 0; i < side->terms.nr_queues; i++)
		side->queue[i] = (struct sc_queue){
			.own = (struct schannel_queue *)side->queues + i,
			.peer = (const struct schannel_queue *)queues + i,
			.own_page = side->entries + (i << side->config.queue_order),
			.peer_page = side->peer_entries + (i << peer->queue_order),
			.own_size = SCHANNEL_QUEUE_ENTRIES << side->config.queue_order,
			.peer_size = SCHANNEL_QUEUE_ENTRIES << peer->queue_order,
			.prod = SC_QUEUE_START(i),
		};
	side->peer_table[0] = table;
	side->peer_table_pages = 1;
	ctl->tx.ring = (struct sc_ring){ side->ctl, SCHANNEL_PAGE_SIZE << side->config.ctl_order };
	ctl->rx.ring = (struct sc_ring){ side->peer_ctl, SCHANNEL_PAGE_SIZE << peer->ctl_order };
	ctl->tx.own = side->table[0];
	ctl->rx.own = side->table[0];
	ctl->tx.peer = table;
	ctl->rx.peer = table;
	ctl->named = 1;
	return NULL;
}

/* ---- Events and messages ------------------------------------------------ */

static void post(struct side *side, struct flow *flow)
{
	if (sc_queue_post(&side->queue[flow->queue], flow->peer, &flow->pending) == SC_POST_NOTIFY)
		world_notify(!side->config.at, flow->queue);
}

static void wake(struct flow *flow)
{
	flow->tx_asleep = false;
	flow->rx_asleep = false;
	flow->woken = true;
}

static void take_events(struct side *side, u32 queue)
{
	struct sc_queue *q = &side->queue[queue];
	u32 id[16];
	int nr, i;

	do {
		nr = sc_queue_take(q, id, 16);
		if (nr < 0) {
			fail(side, "event queue index");
			return;
		}
		for (i = 0; i < nr; i++) {
			if (id[i] < FLOWS && side->flow[id[i]].named & 1U << queue)
				wake(&side->flow[id[i]]);
		}
		if (sc_queue_overflowed(q)) {
			for (i = 0; i < (int)FLOWS; i++)
				wake(&side->flow[i]);
			nr = 1;
		}
	} while (nr || sc_queue_arm(q));
}

static void flush(struct side *side)
{
	struct flow *ctl = &side->flow[SCHANNEL_FLOW_CTL];
	u32 done = 0, run;

	while (done < side->nr_waiting) {
		if (sc_tx_refresh(&ctl->tx)) {
			fail(side, "control ring consumer index");
			break;
		}
		if (sc_tx_space(&ctl->tx) < SCHANNEL_MSG_SIZE) {
			sc_tx_arm(&ctl->tx, ctl->tx.ring.size / 2);
			if (!sc_tx_refresh(&ctl->tx) && sc_tx_space(&ctl->tx))
				continue;
			ctl->tx_asleep = true;
			break;
		}
		run = SCHANNEL_MSG_SIZE;
		memcpy(sc_ring_run(&ctl->tx.ring, ctl->tx.prod, &run), &side->waiting[done++],
		       SCHANNEL_MSG_SIZE);
		if (sc_tx_publish(&ctl->tx, SCHANNEL_MSG_SIZE))
			post(side, ctl);
	}
	side->nr_waiting -= done;
	memmove(side->waiting, side->waiting + done, side->nr_waiting * sizeof(*side->waiting));
}

static struct schannel_msg message(u16 type, u32 dst, u32 src)
{
	return (struct schannel_msg){ .type = type, .dst_flow = dst, .src_flow = src };
}

static struct schannel_msg about(const struct flow *flow, u16 type)
{
	return message(type, flow->peer, flow->id);
}

static void say(struct side *side, const struct schannel_msg *msg)
{
	if (side->nr_waiting == WAITING)
		abort();
	side->waiting[side->nr_waiting++] = *msg;
	flush(side);
}

/* ---- Memory ------------------------------------------------------------- */

static struct segment *segment_of(struct side *side, u16 id)
{
	return (struct segment *)side->pool.segment[id];
}

static bool grow_pool(struct side *side, u8 order)
{
	struct segment *seg;
	u32 nr = sc_pool_segment_pages(order), *list, i;

	if (!sc_pool_may_grow(&side->pool, nr))
		return false;
	seg = calloc(1, sizeof(*seg));
	if (!seg)
		abort();
	seg->pool.nr_pages = nr;
	seg->pool.map = calloc(SCHANNEL_SEGMENT_PAGES_MAX / 8, 1);
	seg->list_ref = new_page(side, &list);
	for (i = 0; i < nr; i++)
		list[i] = new_page(side, &seg->addr[i]);
	return !sc_pool_add(&side->pool, &seg->pool);
}

/* Announces segments that are new, and deletes those that are retired. */
static void announce(struct side *side)
{
	struct sc_pool_segment *seg;
	struct schannel_msg msg;
	bool deleted;

	while ((seg = sc_pool_announce(&side->pool, &deleted))) {
		msg = message(deleted ? SCHANNEL_MSG_SEGMENT_DEL : SCHANNEL_MSG_SEGMENT_ADD,
			      SCHANNEL_FLOW_NONE, SCHANNEL_FLOW_NONE);
		msg.segment.segment = seg->id;
		if (!deleted) {
			msg.segment.nr_pages = seg->nr_pages;
			msg.segment.list_ref = ((struct segment *)seg)->list_ref;
		}
		say(side, &msg);
	}
}

static bool make_ring(struct side *side, u8 order, struct sc_extent *extent, struct sc_ring *ring)
{
	int err = sc_pool_alloc(&side->pool, NULL, order, extent);

	if (err && grow_pool(side, order))
		err = sc_pool_alloc(&side->pool, NULL, order, extent);
	if (err)
		return false;
	announce(side);
	ring->addr = segment_of(side, extent->segment)->addr + extent->page;
	ring->size = SCHANNEL_PAGE_SIZE << order;
	return true;
}

static void put_ring(struct schannel_ring_at *at, const struct sc_extent *extent, u8 queue)
{
	at->segment = extent->segment;
	at->page = extent->page;
	at->order = extent->order;
	at->queue = queue;
}

static void our_trim(struct side *side)
{
	/* a segment is idle if it was so the last time, too */
	sc_pool_retire_idle(&side->pool);
	sc_pool_retire_idle(&side->pool);
	announce(side);
}

static unsigned int our_segments(struct side *side)
{
	unsigned int nr = 0, i;

	for (i = 0; i < SCHANNEL_SEGMENTS_MAX; i++)
		nr += !!side->pool.segment[i];
	return nr;
}

static void segment_added(struct side *side, const struct schannel_msg_segment *add)
{
	struct schannel_msg msg = message(SCHANNEL_MSG_SEGMENT_ANSWER, SCHANNEL_FLOW_NONE,
					  SCHANNEL_FLOW_NONE);
	struct peer_segment *seg = &side->peer_segment[add->segment];
	u32 *list;

	if (seg->used) {
		fail(side, "SEGMENT_ADD");
		return;
	}
	memset(seg, 0, sizeof(*seg));
	seg->used = true;
	seg->nr = add->nr_pages;
	list = map(side, add->list_ref);
	if (list) {
		memcpy(seg->ref, list, seg->nr * sizeof(*list));
		world_unmap(side->config.at, add->list_ref);
		seg->mapped = map_all(side, seg->addr, seg->ref, seg->nr);
	}
	msg.segment.segment = add->segment;
	msg.segment.mapped = seg->mapped;
	say(side, &msg);
}

static void reap(struct side *side, struct peer_segment *seg)
{
	struct schannel_msg msg = message(SCHANNEL_MSG_SEGMENT_GONE, SCHANNEL_FLOW_NONE,
					  SCHANNEL_FLOW_NONE);

	if (!seg->deleted || seg->rings)
		return;
	for (u32 i = 0; i < seg->nr && seg->mapped; i++)
		world_unmap(side->config.at, seg->ref[i]);
	seg->used = false;
	msg.segment.segment = seg - side->peer_segment;
	say(side, &msg);
}

static struct peer_segment *get_ring(struct side *side, const struct schannel_ring_at *at,
				     struct sc_ring *ring)
{
	struct peer_segment *seg = &side->peer_segment[at->segment];

	if (!seg->used || !seg->mapped || seg->deleted ||
	    at->page + sc_message_ring_pages(at) > seg->nr)
		return NULL;
	seg->rings++;
	ring->addr = seg->addr + at->page;
	ring->size = SCHANNEL_PAGE_SIZE << at->order;
	return seg;
}

static void leave_ring(struct side *side, struct peer_segment **seg)
{
	if (*seg) {
		(*seg)->rings--;
		reap(side, *seg);
	}
	*seg = NULL;
}

static void our_grow_table(struct side *side)
{
	struct schannel_msg msg = message(SCHANNEL_MSG_TABLE_ADD, SCHANNEL_FLOW_NONE,
					  SCHANNEL_FLOW_NONE);

	if (side->table_pages == side->terms.table_pages)
		return;
	msg.table.first = side->table_pages;
	msg.table.nr = 1;
	msg.table.ref[0] = new_page(side, &side->table[side->table_pages++]);
	say(side, &msg);
}

static void table_added(struct side *side, const struct schannel_msg_table *add)
{
	struct schannel_msg msg = message(SCHANNEL_MSG_TABLE_ANSWER, SCHANNEL_FLOW_NONE,
					  SCHANNEL_FLOW_NONE);

	for (u32 i = 0; i < add->nr; i++) {
		side->peer_table[add->first + i] = map(side, add->ref[i]);
		msg.table.first = add->first + i;
		msg.table.nr = 1;
		msg.table.mapped = !!side->peer_table[add->first + i];
		say(side, &msg);
	}
	side->peer_table_pages = max(side->peer_table_pages, (u32)add->first + add->nr);
}

static void table_answered(struct side *side, const struct schannel_msg_table *answer)
{
	if (answer->first != side->table_mapped ||
	    answer->first + answer->nr > side->table_pages)
		fail(side, "TABLE_ANSWER");
	else if (answer->mapped)
		side->table_mapped += answer->nr;
	else
		side->table_pages = answer->first;
}

static unsigned int our_table_pages(struct side *side)
{
	return side->table_mapped;
}

/* ---- Flows -------------------------------------------------------------- */

static struct flow *new_flow(struct side *side)
{
	struct flow *flow;
	u32 id;

	for (id = 1; id < min(FLOWS, side->table_mapped * SCHANNEL_FLOWS_PER_PAGE); id++) {
		flow = &side->flow[id];
		if (flow->state != SIDE_NONE)
			continue;
		memset(flow, 0, sizeof(*flow));
		flow->id = id;
		flow->tx.own = side->table[id / SCHANNEL_FLOWS_PER_PAGE] +
			       id % SCHANNEL_FLOWS_PER_PAGE;
		flow->rx.own = flow->tx.own;
		flow->named = 1;
		memset(flow->tx.own, 0, sizeof(*flow->tx.own));
		return flow;
	}
	return NULL;
}

static bool join(struct side *side, struct flow *flow, u32 peer, const struct schannel_ring_at *at)
{
	const struct schannel_flow *page = side->peer_table[peer / SCHANNEL_FLOWS_PER_PAGE];

	flow->peer = peer;
	flow->queue = at->queue;
	flow->rx_segment = page ? get_ring(side, at, &flow->rx.ring) : NULL;
	if (!flow->rx_segment)
		return false;
	flow->tx.peer = page + peer % SCHANNEL_FLOWS_PER_PAGE;
	if (at->flags & SCHANNEL_RING_INDEX)
		flow->tx.peer = flow->rx_segment->addr[at->page + (1U << at->order)];
	flow->rx.peer = flow->tx.peer;
	return true;
}

static void retire(struct side *side, struct flow *flow, enum side_state state)
{
	sc_pool_free(&side->pool, &flow->extent);
	if (flow->has_offered)
		sc_pool_free(&side->pool, &flow->offered);
	if (flow->has_old)
		sc_pool_free(&side->pool, &flow->old);
	leave_ring(side, &flow->rx_segment);
	leave_ring(side, &flow->next_segment);
	flow->state = state;
}

static void our_listen(struct side *side, u32 port, u8 type)
{
	for (u32 i = 0; i < LISTENERS; i++) {
		if (!side->listener[i].type) {
			side->listener[i].port = port;
			side->listener[i].type = type;
			return;
		}
	}
	abort();
}

static u32 our_open(struct side *side, const struct side_open *open)
{
	struct schannel_msg msg = message(SCHANNEL_MSG_OPEN, SCHANNEL_FLOW_NONE, 0);
	struct flow *flow = new_flow(side);

	if (!flow || !make_ring(side, open->order, &flow->extent, &flow->tx.ring))
		return 0;
	flow->state = SIDE_OPENING;
	flow->type = open->type;
	flow->own_queue = open->queue;
	flow->named = 1U << open->queue;
	msg.src_flow = flow->id;
	put_ring(&msg.open.ring, &flow->extent, open->queue);
	msg.open.src_port = open->type == SCHANNEL_TYPE_DGRAM ? 0 : 80000 + flow->id;
	msg.open.dst_port = open->port;
	msg.open.type = open->type;
	msg.open.rx_order = open->rx_order;
	msg.open.flags = open->must;
	msg.open.uid = SCHANNEL_ID_NONE;
	msg.open.gid = SCHANNEL_ID_NONE;
	say(side, &msg);
	return flow->id;
}

static u32 refusal(struct side *side, const struct schannel_msg_open *open)
{
	if (!sc_message_is_known_open(open))
		return SCHANNEL_REASON_UNSUPPORTED;
	for (u32 i = 0; i < LISTENERS; i++) {
		if (side->listener[i].type && side->listener[i].port == open->dst_port &&
		    open->type <= SCHANNEL_TYPE_DGRAM)
			return side->listener[i].type == open->type ? 0 :
				SCHANNEL_REASON_UNSUPPORTED;
	}
	return open->type <= SCHANNEL_TYPE_DGRAM ? SCHANNEL_REASON_NO_LISTENER :
	       SCHANNEL_REASON_UNSUPPORTED;
}

static void opened(struct side *side, const struct schannel_msg *open)
{
	struct schannel_msg msg = message(SCHANNEL_MSG_REFUSE, open->src_flow, SCHANNEL_FLOW_NONE);
	u8 order = open->open.rx_order == 0xff ? 0 : open->open.rx_order;
	u32 why = refusal(side, &open->open);
	struct flow *flow;

	if (!why) {
		flow = new_flow(side);
		why = SCHANNEL_REASON_NO_MEMORY;
		if (flow && make_ring(side, order, &flow->extent, &flow->tx.ring)) {
			if (join(side, flow, open->src_flow, &open->open.ring))
				why = 0;
			else
				sc_pool_free(&side->pool, &flow->extent);
		}
	}
	if (why) {
		msg.reason.reason = why;
	} else {
		flow->state = SIDE_OPEN;
		flow->type = open->open.type;
		flow->fresh = true;
		msg = about(flow, SCHANNEL_MSG_ACCEPT);
		put_ring(&msg.accept.ring, &flow->extent, 0);
		msg.accept.uid = SCHANNEL_ID_NONE;
		msg.accept.gid = SCHANNEL_ID_NONE;
	}
	say(side, &msg);
}

static void our_close(struct side *side, u32 id, u32 reason)
{
	struct flow *flow = &side->flow[id];
	struct schannel_msg msg = about(flow, SCHANNEL_MSG_CLOSE);

	if (flow->state == SIDE_NONE || (flow->close_sent && (!flow->done || !reason)))
		return;
	flow->done = !reason;
	flow->close_sent = true;
	msg.reason.reason = reason;
	say(side, &msg);
	if (flow->close_received)
		retire(side, flow, SIDE_NONE);
}

static void broken(struct side *side, struct flow *flow)
{
	flow->state = SIDE_RESET;
	our_close(side, flow->id, SCHANNEL_REASON_PROTOCOL);
}

static void closed(struct side *side, struct flow *flow, u32 reason)
{
	bool again = flow->close_received;
	bool over = virt_load_acquire(&flow->rx.peer->tx_flags) & SCHANNEL_TX_FIN &&
		    READ_ONCE(flow->tx.peer->rx_flags) & SCHANNEL_RX_SHUT;

	flow->close_received = true;
	wake(flow);
	if (reason || !over) {
		flow->state = SIDE_RESET;
		flow->reason = reason;
	}
	if (flow->close_sent)
		retire(side, flow, SIDE_NONE);
	else if (again)
		our_close(side, flow->id, SCHANNEL_REASON_RESET);
}

static void about_flow(struct side *side, const struct schannel_msg *msg)
{
	struct flow *flow = msg->dst_flow < FLOWS ? &side->flow[msg->dst_flow] : NULL;
	bool used = flow && flow->state != SIDE_NONE && flow->state != SIDE_REFUSED;
	bool late = msg->type == SCHANNEL_MSG_CLOSE &&
		    msg->reason.reason == SCHANNEL_REASON_RESET;
	struct schannel_msg answer;
	struct schannel_ring_at at;
	struct sc_ring ring = {};

	if (used && flow->state == SIDE_OPENING && msg->type == SCHANNEL_MSG_ACCEPT) {
		flow->state = SIDE_OPEN;
		if (!join(side, flow, msg->src_flow, &msg->accept.ring)) {
			flow->state = SIDE_RESET;
			our_close(side, flow->id, SCHANNEL_REASON_RESET);
		}
		return;
	}
	if (used && flow->state == SIDE_OPENING && msg->type == SCHANNEL_MSG_REFUSE) {
		flow->reason = msg->reason.reason;
		retire(side, flow, SIDE_REFUSED);
		return;
	}
	if (!used || flow->state == SIDE_OPENING || flow->peer != msg->src_flow ||
	    (flow->close_received && !late)) {
		if (!late)
			fail(side, "message about a flow");
		return;
	}
	switch (msg->type) {
	case SCHANNEL_MSG_CLOSE:
		closed(side, flow, msg->reason.reason);
		break;
	case SCHANNEL_MSG_RING:
		if (flow->close_sent)
			break;
		flow->queue = msg->ring.ring.queue;
		leave_ring(side, &flow->next_segment);
		answer = about(flow, SCHANNEL_MSG_RING_ANSWER);
		answer.answer.queue = flow->own_queue;
		at = sc_message_replacement(&msg->ring.ring);
		if (flow->type != SCHANNEL_TYPE_DGRAM)
			flow->next_segment = get_ring(side, &at, &ring);
		sc_rx_offer(&flow->rx, &ring);
		answer.answer.ready = !!flow->next_segment;
		say(side, &answer);
		break;
	case SCHANNEL_MSG_RING_ANSWER:
		if (!flow->offer_waits)
			fail(side, "RING_ANSWER");
		flow->queue = msg->answer.queue;
		flow->offer_waits = false;
		flow->may_switch = msg->answer.ready;
		if (!msg->answer.ready && flow->has_offered) {
			sc_pool_free(&side->pool, &flow->offered);
			flow->has_offered = false;
		}
		break;
	default:
		fail(side, "message about an open flow");
	}
}

static void handle(struct side *side, const struct schannel_msg *msg)
{
	const char *violation = sc_message_check(msg, side->peer_table_pages,
						 side->terms.nr_queues);
	struct sc_pool_segment *seg;

	if (violation) {
		fail(side, violation);
		return;
	}
	switch (msg->type) {
	case SCHANNEL_MSG_OPEN:
		opened(side, msg);
		break;
	case SCHANNEL_MSG_TABLE_ADD:
		table_added(side, &msg->table);
		break;
	case SCHANNEL_MSG_TABLE_ANSWER:
		table_answered(side, &msg->table);
		break;
	case SCHANNEL_MSG_SEGMENT_ADD:
		segment_added(side, &msg->segment);
		break;
	case SCHANNEL_MSG_SEGMENT_ANSWER:
		if (!sc_pool_answered(&side->pool, msg->segment.segment, msg->segment.mapped))
			fail(side, "SEGMENT_ANSWER");
		announce(side);
		break;
	case SCHANNEL_MSG_SEGMENT_DEL:
		side->peer_segment[msg->segment.segment].deleted = true;
		reap(side, &side->peer_segment[msg->segment.segment]);
		break;
	case SCHANNEL_MSG_SEGMENT_GONE:
		seg = sc_pool_gone(&side->pool, msg->segment.segment);
		if (!seg) {
			fail(side, "SEGMENT_GONE");
			break;
		}
		free(seg->map);
		free(seg);
		break;
	default:
		about_flow(side, msg);
	}
}

static bool read_message(struct side *side, struct schannel_msg *msg)
{
	struct flow *ctl = &side->flow[SCHANNEL_FLOW_CTL];
	u32 run = SCHANNEL_MSG_SIZE;
	int err = sc_rx_refresh(&ctl->rx);

	if (!err && !sc_rx_avail(&ctl->rx)) {
		sc_rx_arm(&ctl->rx, 1);
		err = sc_rx_refresh(&ctl->rx);
	}
	if (err || sc_rx_avail(&ctl->rx) % SCHANNEL_MSG_SIZE) {
		fail(side, "control ring producer index");
		return false;
	}
	ctl->rx_asleep = !sc_rx_avail(&ctl->rx);
	if (ctl->rx_asleep)
		return false;
	memcpy(msg, sc_ring_run(&ctl->rx.ring, ctl->rx.cons, &run), sizeof(*msg));
	if (sc_rx_publish(&ctl->rx, SCHANNEL_MSG_SIZE))
		post(side, ctl);
	return true;
}

/* ---- Bytes and records -------------------------------------------------- */

static bool usable(const struct flow *flow)
{
	return flow->state == SIDE_OPEN && !flow->close_sent;
}

static bool refresh_tx(struct side *side, struct flow *flow)
{
	struct sc_ring to;
	u32 queued;

	if (sc_tx_refresh(&flow->tx)) {
		broken(side, flow);
		return false;
	}
	if (flow->has_old && sc_tx_is_followed(&flow->tx)) {
		sc_pool_free(&side->pool, &flow->old);
		flow->has_old = false;
	}
	queued = flow->tx.prod - flow->tx.cons;
	if (!flow->may_switch || flow->has_old ||
	    queued > SCHANNEL_PAGE_SIZE << flow->offered.order)
		return true;
	to.addr = segment_of(side, flow->offered.segment)->addr + flow->offered.page;
	to.size = SCHANNEL_PAGE_SIZE << flow->offered.order;
	sc_ring_copy(&to, &flow->tx.ring, flow->tx.cons, queued);
	flow->old = flow->extent;
	flow->has_old = true;
	flow->extent = flow->offered;
	flow->has_offered = false;
	flow->may_switch = false;
	sc_tx_switch(&flow->tx, &to);
	post(side, flow);
	return true;
}

static bool refresh_rx(struct side *side, struct flow *flow)
{
	int did = sc_rx_refresh(&flow->rx);

	if (did < 0) {
		broken(side, flow);
		return false;
	}
	if (did) {
		leave_ring(side, &flow->rx_segment);
		flow->rx_segment = flow->next_segment;
		flow->next_segment = NULL;
		post(side, flow);
	}
	return true;
}

/* The peer waits for more than fits. This side never finds a larger ring by itself. */
static void answer_full(struct side *side, struct flow *flow)
{
	if (usable(flow) && !sc_tx_space(&flow->tx) &&
	    sc_tx_is_awaited(&flow->tx, flow->tx.prod) && sc_tx_say_full(&flow->tx))
		post(side, flow);
}

static u32 await_space(struct side *side, struct flow *flow, u32 want)
{
	if (!usable(flow) || flow->tx_asleep || !refresh_tx(side, flow))
		return 0;
	if (sc_tx_space(&flow->tx) < want && want <= flow->tx.ring.size) {
		sc_tx_arm(&flow->tx, max(want, flow->tx.ring.size / 2));
		if (!refresh_tx(side, flow))
			return 0;
		flow->tx_asleep = sc_tx_space(&flow->tx) < want;
		answer_full(side, flow);
	}
	return sc_tx_space(&flow->tx) < want ? 0 : sc_tx_space(&flow->tx);
}

static u32 await_bytes(struct side *side, struct flow *flow)
{
	if (!usable(flow) || flow->rx_asleep || !refresh_rx(side, flow))
		return 0;
	if (!sc_rx_avail(&flow->rx)) {
		sc_rx_arm(&flow->rx, 1);
		if (!refresh_rx(side, flow))
			return 0;
		flow->rx_asleep = !sc_rx_avail(&flow->rx);
	}
	return sc_rx_avail(&flow->rx);
}

static size_t our_await(struct side *side, u32 id, u32 want)
{
	struct flow *flow = &side->flow[id];
	u32 avail;

	if (!usable(flow) || flow->rx_asleep || !refresh_rx(side, flow))
		return 0;
	if (want > flow->rx.ring.size / 2 && sc_rx_want(&flow->rx, want))
		post(side, flow);
	sc_rx_arm(&flow->rx, want);
	if (!refresh_rx(side, flow))
		return 0;
	avail = sc_rx_avail(&flow->rx);
	flow->rx_asleep = avail < want && !sc_rx_is_full(&flow->rx, flow->rx.prod, avail);
	return flow->rx_asleep ? 0 : avail;
}

static void copy_in(const struct sc_ring *ring, u32 pos, const u8 *from, u32 len)
{
	for (u32 run; len; pos += run, from += run, len -= run) {
		run = len;
		memcpy(sc_ring_run(ring, pos, &run), from, run);
	}
}

static void copy_out(const struct sc_ring *ring, u32 pos, u8 *to, u32 len)
{
	for (u32 run; len; pos += run, to += run, len -= run) {
		run = len;
		memcpy(to, sc_ring_run(ring, pos, &run), run);
	}
}

static size_t our_send(struct side *side, u32 id, const void *bytes, size_t len)
{
	struct flow *flow = &side->flow[id];
	u32 most = await_space(side, flow, 1);

	len = LEAST(len, most);
	if (!len)
		return 0;
	copy_in(&flow->tx.ring, flow->tx.prod, bytes, len);
	if (sc_tx_publish(&flow->tx, len))
		post(side, flow);
	return len;
}

static size_t our_recv(struct side *side, u32 id, void *bytes, size_t len)
{
	struct flow *flow = &side->flow[id];
	u32 most = await_bytes(side, flow);

	len = LEAST(len, most);
	if (!len)
		return 0;
	copy_out(&flow->rx.ring, flow->rx.cons, bytes, len);
	if (sc_rx_publish(&flow->rx, len))
		post(side, flow);
	return len;
}

static bool our_put(struct side *side, u32 id, const void *bytes, size_t len, u32 flags)
{
	struct flow *flow = &side->flow[id];
	struct schannel_record rec = { .len = len, .flags = flags };

	if (flow->type == SCHANNEL_TYPE_DGRAM) {
		rec.src_port = 4000;
		rec.dst_port = 4001;
	}
	if (!await_space(side, flow, sc_record_size(len)))
		return false;
	sc_record_put(&flow->tx.ring, flow->tx.prod, &rec);
	copy_in(&flow->tx.ring, flow->tx.prod + SC_RECORD_HEADER, bytes, len);
	if (sc_tx_publish(&flow->tx, sc_record_size(len)))
		post(side, flow);
	return true;
}

static bool our_take(struct side *side, u32 id, void *bytes, size_t *len, u32 *flags)
{
	struct flow *flow = &side->flow[id];
	u32 avail = await_bytes(side, flow);
	struct schannel_record rec;

	if (!avail)
		return false;
	if (sc_record_take(&flow->rx.ring, flow->rx.cons, avail, &rec)) {
		broken(side, flow);
		return false;
	}
	*len = rec.len;
	*flags = rec.flags;
	copy_out(&flow->rx.ring, flow->rx.cons + SC_RECORD_HEADER, bytes, rec.len);
	if (sc_rx_publish(&flow->rx, sc_record_size(rec.len)))
		post(side, flow);
	return true;
}

static void our_fin(struct side *side, u32 id)
{
	struct flow *flow = &side->flow[id];

	virt_store_release(&flow->tx.own->tx_flags, SCHANNEL_TX_FIN);
	virt_mb();
	post(side, flow);
}

static void our_shut(struct side *side, u32 id)
{
	struct flow *flow = &side->flow[id];

	WRITE_ONCE(flow->rx.own->rx_flags, SCHANNEL_RX_SHUT);
	virt_mb();
	post(side, flow);
}

static bool our_at_end(struct side *side, u32 id)
{
	struct flow *flow = &side->flow[id];

	return virt_load_acquire(&flow->rx.peer->tx_flags) & SCHANNEL_TX_FIN &&
	       refresh_rx(side, flow) && !sc_rx_avail(&flow->rx);
}

static void our_want_queue(struct side *side, u32 id, u8 queue)
{
	side->flow[id].own_queue = queue;
	side->flow[id].named |= 1U << queue;
}

static void our_offer(struct side *side, u32 id, u8 order)
{
	struct flow *flow = &side->flow[id];
	struct schannel_msg msg = about(flow, SCHANNEL_MSG_RING);
	struct sc_ring unused;

	if (!usable(flow) || flow->offer_waits || !refresh_tx(side, flow) || flow->has_old)
		return;
	if (flow->has_offered)
		sc_pool_free(&side->pool, &flow->offered);
	flow->may_switch = false;
	flow->has_offered = make_ring(side, order, &flow->offered, &unused);
	if (!flow->has_offered)
		return;
	flow->offer_waits = true;
	put_ring(&msg.ring.ring, &flow->offered, flow->own_queue);
	say(side, &msg);
}

static u8 our_order(struct side *side, u32 id)
{
	return side->flow[id].extent.order;
}

static enum side_state our_state(struct side *side, u32 id, u32 *reason)
{
	*reason = side->flow[id].reason;
	return side->flow[id].state;
}

static u32 our_peer_flow(struct side *side, u32 id)
{
	return side->flow[id].peer;
}

static u32 our_accepted(struct side *side)
{
	for (u32 i = 1; i < FLOWS; i++) {
		if (side->flow[i].state == SIDE_OPEN && side->flow[i].fresh) {
			side->flow[i].fresh = false;
			return i;
		}
	}
	return 0;
}

static const char *our_step(struct side *side)
{
	struct flow *ctl = &side->flow[SCHANNEL_FLOW_CTL];
	struct schannel_msg msg;
	u32 i;

	for (i = 0; i < side->terms.nr_queues; i++) {
		if (world_notified(side->config.at, i))
			take_events(side, i);
	}
	for (i = 1; i < FLOWS; i++) {
		struct flow *flow = &side->flow[i];

		if (flow->woken && usable(flow) && refresh_rx(side, flow))
			refresh_tx(side, flow);
		flow->woken = false;
	}
	while (!side->violation && !ctl->rx_asleep && read_message(side, &msg))
		handle(side, &msg);
	if (!side->violation && !ctl->tx_asleep)
		flush(side);
	return side->violation;
}

const struct side_ops our_side = {
	.name = "ours",
	.create = our_create,
	.destroy = our_destroy,
	.directory = our_directory,
	.attach = our_attach,
	.step = our_step,
	.listen = our_listen,
	.open = our_open,
	.accepted = our_accepted,
	.state = our_state,
	.peer_flow = our_peer_flow,
	.send = our_send,
	.recv = our_recv,
	.await = our_await,
	.put = our_put,
	.take = our_take,
	.fin = our_fin,
	.shut = our_shut,
	.at_end = our_at_end,
	.close = our_close,
	.want_queue = our_want_queue,
	.offer = our_offer,
	.order = our_order,
	.trim = our_trim,
	.segments = our_segments,
	.table_pages = our_table_pages,
	.grow_table = our_grow_table,
};
