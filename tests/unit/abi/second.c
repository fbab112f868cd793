// SPDX-License-Identifier: GPL-2.0-only
/*
 * A second implementation of one side of a channel, written from <xen/schannel.h> alone: it
 * shares no line and no header with net/schannel. It is minimal: it does one thing at a time,
 * in the order in which the header describes it.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/schannel.h>

#include "side.h"
#include "world.h"

#define FLOWS		256U	/* as many as it ever has */
#define SEGMENTS	8U
#define SEGMENT_PAGES	64U
#define LISTENERS	4U
#define WAITING		512U	/* messages that did not fit in the control ring */
#define QUEUES		4U

#define LOAD(x)		le32toh(__atomic_load_n(&(x), __ATOMIC_RELAXED))
#define LOAD_ACQ(x)	le32toh(__atomic_load_n(&(x), __ATOMIC_ACQUIRE))
#define STORE(x, v)	__atomic_store_n(&(x), htole32(v), __ATOMIC_RELAXED)
#define STORE_REL(x, v)	__atomic_store_n(&(x), htole32(v), __ATOMIC_RELEASE)
#define FULL_BARRIER()	__atomic_thread_fence(__ATOMIC_SEQ_CST)

#define LEAST(a, b)	((a) < (b) ? (a) : (b))

struct segment {
	bool used;
	bool answered;		/* ours: the peer has said whether it mapped it */
	bool deleted;
	bool mapped;
	uint16_t nr;
	uint8_t *page[SCHANNEL_SEGMENT_PAGES_MAX];
	uint32_t ref[SCHANNEL_SEGMENT_PAGES_MAX];
	bool taken[SCHANNEL_SEGMENT_PAGES_MAX];
	unsigned int rings;	/* in it, that are written or read */
};

struct ring {
	struct segment *segment;
	uint16_t first;
	uint8_t order;
	uint32_t size;		/* 0: there is none */
};

struct flow {
	enum side_state state;
	uint32_t reason;
	uint32_t peer;
	uint8_t type;
	uint8_t own_queue;
	uint32_t own_queues;	/* all that were ever named for it, as bits */
	uint8_t peer_queue;
	uint64_t event;		/* our last entry about it in @peer_queue, counted from 1 */
	bool accepted_here;
	bool close_sent;
	bool close_received;
	uint32_t close_reason;
	struct schannel_flow *own;
	const struct schannel_flow *theirs;

	/* what this side produces */
	struct ring tx;
	struct ring offered;	/* the peer has not agreed yet to switch to it, or has */
	bool offer_waits;
	bool may_switch;
	struct ring old;	/* the peer may still read it */
	uint32_t switches;
	uint32_t prod;
	uint32_t peer_cons;
	bool tx_asleep;
	bool woken;		/* there was an event since the last look */

	/* what this side consumes */
	struct ring rx;
	struct ring next;
	uint32_t peer_switches;
	uint32_t cons;
	uint32_t peer_prod;
	bool rx_asleep;
};

struct queue {
	uint64_t posted;	/* our entries */
	uint32_t taken;		/* the peer's entries */
	uint32_t peer_overflow;
};

struct side {
	struct side_config config;
	uint32_t dir_ref;
	struct schannel_dir *dir;
	struct schannel_dir peer;	/* a private copy */
	const char *violation;

	uint32_t nr_queues;
	struct queue queue[QUEUES];
	struct schannel_queue *own_queues;
	const struct schannel_queue *peer_queues;
	uint32_t *entries[SCHANNEL_QUEUE_PAGES_MAX];
	const uint32_t *peer_entries[SCHANNEL_QUEUE_PAGES_MAX];

	uint8_t *ctl[1U << SCHANNEL_CTL_ORDER_MAX];
	const uint8_t *peer_ctl[1U << SCHANNEL_CTL_ORDER_MAX];
	struct schannel_msg waiting[WAITING];
	uint32_t nr_waiting;

	struct schannel_flow *table[SCHANNEL_FLOW_PAGES_MAX];
	uint32_t table_pages;
	uint32_t table_mapped;
	const struct schannel_flow *peer_table[SCHANNEL_FLOW_PAGES_MAX];
	uint32_t peer_table_pages;
	struct segment segment[SEGMENTS];
	struct segment peer_segment[SCHANNEL_SEGMENTS_MAX];

	struct flow flow[FLOWS];
	struct {
		uint32_t port;
		uint8_t type;
	} listener[LISTENERS];
};

static void fail(struct side *side, const char *violation)
{
	if (!side->violation)
		side->violation = violation;
}

static const void *map(struct side *side, uint32_t ref)
{
	return world_map(side->config.at, ref);
}

/* ---- The directory ------------------------------------------------------ */

static uint32_t new_page(struct side *side, void *where)
{
	uint32_t ref;

	*(void **)where = world_page(side->config.at, &ref);
	return htole32(ref);
}

static struct side *second_create(const struct side_config *config)
{
	struct side *side = calloc(1, sizeof(*side));
	struct schannel_dir *dir;
	uint32_t i;

	if (!side)
		abort();
	side->config = *config;
	world_page(config->at, &side->dir_ref);
	side->dir = (void *)world_bytes(config->at, side->dir_ref);
	dir = side->dir;
	dir->magic = htole32(SCHANNEL_MAGIC);
	dir->abi = htole16(config->abi);
	dir->abi_oldest = htole16(config->abi_oldest);
	dir->features = htole32(config->features);
	dir->required = htole32(config->required);
	dir->nr_queues = htole32(config->nr_queues);
	dir->queue_order = htole32(config->queue_order);
	dir->ctl_order = htole32(config->ctl_order);
	dir->accept_flows = htole32(config->accept_flows);
	dir->accept_segments = htole32(config->accept_segments);
	dir->accept_pages = htole32(config->accept_pages);
	dir->accept_order = htole32(config->accept_order);
	dir->flow_ref = new_page(side, &side->table[0]);
	side->table_pages = 1;
	side->table_mapped = 1;
	dir->queue_ref = new_page(side, &side->own_queues);
	for (i = 0; i < 1U << config->ctl_order; i++)
		dir->ctl_ref[i] = new_page(side, &side->ctl[i]);
	for (i = 0; i < LEAST(config->nr_queues << config->queue_order,
			      SCHANNEL_QUEUE_PAGES_MAX); i++)
		dir->entry_ref[i] = new_page(side, &side->entries[i]);
	return side;
}

static void second_destroy(struct side *side)
{
	free(side);
}

static uint32_t second_directory(const struct side *side)
{
	return side->dir_ref;
}

static const char *check_directory(const struct side *side, const struct schannel_dir *peer)
{
	if (le32toh(peer->magic) != SCHANNEL_MAGIC)
		return "magic";
	if (le16toh(peer->abi) < side->config.abi_oldest ||
	    le16toh(peer->abi_oldest) > side->config.abi)
		return "no version in common";
	if (le32toh(peer->required) & ~SCHANNEL_FEATURES)
		return "a feature is required that is unknown";
	if (!le32toh(peer->nr_queues))
		return "no queues";
	if (le32toh(peer->ctl_order) > SCHANNEL_CTL_ORDER_MAX)
		return "control ring too large";
	if (le32toh(peer->accept_flows) < SCHANNEL_ACCEPT_FLOWS_MIN ||
	    le32toh(peer->accept_segments) < SCHANNEL_ACCEPT_SEGMENTS_MIN ||
	    le32toh(peer->accept_pages) < SCHANNEL_ACCEPT_PAGES_MIN ||
	    le32toh(peer->accept_order) < SCHANNEL_ACCEPT_ORDER_MIN)
		return "accepts too little";
	return NULL;
}

static const char *second_attach(struct side *side, uint32_t directory)
{
	const struct schannel_dir *shared = map(side, directory);
	struct schannel_dir *peer = &side->peer;
	const char *why;
	uint32_t i, order;

	if (!shared)
		return "no directory";
	*peer = *shared;
	world_unmap(side->config.at, directory);
	why = check_directory(side, peer);
	if (why)
		return why;
	side->nr_queues = LEAST(side->config.nr_queues, le32toh(peer->nr_queues));
	order = le32toh(peer->queue_order);
	if (order > 9 || side->nr_queues << order > SCHANNEL_QUEUE_PAGES_MAX)
		return "queues too large";
	side->peer_queues = map(side, le32toh(peer->queue_ref));
	for (i = 0; i < side->nr_queues << order; i++) {
		side->peer_entries[i] = map(side, le32toh(peer->entry_ref[i]));
		if (!side->peer_entries[i])
			return "cannot map";
	}
	for (i = 0; i < 1U << le32toh(peer->ctl_order); i++) {
		side->peer_ctl[i] = map(side, le32toh(peer->ctl_ref[i]));
		if (!side->peer_ctl[i])
			return "cannot map";
	}
	side->peer_table[0] = map(side, le32toh(peer->flow_ref));
	side->peer_table_pages = 1;
	if (!side->peer_queues || !side->peer_table[0])
		return "cannot map";
	side->flow[0].own_queues = 1;
	side->flow[0].own = &side->table[0][0];
	side->flow[0].theirs = &side->peer_table[0][0];
	return NULL;
}

/* ---- Event queues ------------------------------------------------------- */

/* To say "look at this flow of yours"; what it shall see was stored before. */
static void post(struct side *side, struct flow *flow)
{
	uint32_t queue = flow->peer_queue, order = side->config.queue_order;
	uint32_t size = SCHANNEL_QUEUE_ENTRIES << order;
	struct schannel_queue *own = &side->own_queues[queue];
	const struct schannel_queue *theirs = &side->peer_queues[queue];
	struct queue *q = &side->queue[queue];
	uint32_t waiting = (uint32_t)q->posted - LOAD_ACQ(theirs->cons);
	uint32_t at = q->posted % size;

	/* not believed if it is ahead of what was posted */
	if (waiting > size)
		waiting = size;
	/* the entry that waits is enough */
	if (flow->event && q->posted - flow->event < waiting)
		return;
	if (waiting == size) {
		STORE_REL(own->overflow, LOAD(own->overflow) + 1);
		world_notify(!side->config.at, queue);
		return;
	}
	STORE(side->entries[(queue << order) + at / SCHANNEL_QUEUE_ENTRIES]
			   [at % SCHANNEL_QUEUE_ENTRIES], flow->peer);
	flow->event = ++q->posted;
	STORE_REL(own->prod, (uint32_t)q->posted);
	FULL_BARRIER();
	if (schannel_need_event(LOAD(theirs->event), (uint32_t)q->posted,
				(uint32_t)q->posted - 1))
		world_notify(!side->config.at, queue);
}

static void wake(struct side *side, uint32_t flow)
{
	if (flow < FLOWS) {
		side->flow[flow].tx_asleep = false;
		side->flow[flow].rx_asleep = false;
		side->flow[flow].woken = true;
	}
}

static void take_events(struct side *side, uint32_t queue)
{
	uint32_t order = le32toh(side->peer.queue_order);
	uint32_t size = SCHANNEL_QUEUE_ENTRIES << order;
	struct schannel_queue *own = &side->own_queues[queue];
	const struct schannel_queue *theirs = &side->peer_queues[queue];
	struct queue *q = &side->queue[queue];
	uint32_t flow[64], nr, prod, overflow, i;

	for (;;) {
		prod = LOAD_ACQ(theirs->prod);
		if (prod - q->taken > size) {
			fail(side, "event queue index");
			return;
		}
		for (nr = 0; nr < 64 && q->taken != prod; nr++, q->taken++) {
			uint32_t entry = q->taken % size;
			uint32_t page = (queue << order) + entry / SCHANNEL_QUEUE_ENTRIES;

			flow[nr] = LOAD(side->peer_entries[page][entry % SCHANNEL_QUEUE_ENTRIES]);
		}
		STORE_REL(own->cons, q->taken);
		FULL_BARRIER();
		for (i = 0; i < nr; i++) {
			if (flow[i] < FLOWS && side->flow[flow[i]].own_queues & 1U << queue)
				wake(side, flow[i]);
		}
		overflow = LOAD_ACQ(theirs->overflow);
		if (overflow != q->peer_overflow) {
			q->peer_overflow = overflow;
			for (i = 0; i < FLOWS; i++)
				wake(side, i);
		}
		if (nr)
			continue;
		STORE(own->event, q->taken);
		FULL_BARRIER();
		if (LOAD(theirs->prod) == q->taken && LOAD(theirs->overflow) == q->peer_overflow)
			return;
	}
}

/* ---- The control ring --------------------------------------------------- */

/* Bytes of the control ring are whole messages, none of which crosses a page. */
static bool write_message(struct side *side, const struct schannel_msg *msg)
{
	uint32_t size = SCHANNEL_PAGE_SIZE << side->config.ctl_order;
	struct flow *ctl = &side->flow[0];
	uint32_t cons = LOAD_ACQ(ctl->theirs->rx_cons), at = ctl->prod % size;

	if (ctl->prod - cons > ctl->prod - ctl->peer_cons || cons % SCHANNEL_MSG_SIZE) {
		fail(side, "control ring consumer index");
		return false;
	}
	ctl->peer_cons = cons;
	if (ctl->prod - cons == size)
		return false;
	memcpy(side->ctl[at / SCHANNEL_PAGE_SIZE] + at % SCHANNEL_PAGE_SIZE, msg,
	       SCHANNEL_MSG_SIZE);
	ctl->prod += SCHANNEL_MSG_SIZE;
	STORE_REL(ctl->own->tx_prod, ctl->prod);
	FULL_BARRIER();
	if (schannel_need_event(LOAD(ctl->theirs->rx_event), ctl->prod,
				ctl->prod - SCHANNEL_MSG_SIZE))
		post(side, ctl);
	return true;
}

static void flush(struct side *side)
{
	struct flow *ctl = &side->flow[0];
	uint32_t done = 0;

	for (;;) {
		while (done < side->nr_waiting && write_message(side, &side->waiting[done]))
			done++;
		if (done == side->nr_waiting || side->violation)
			break;
		/* wait for the space of one message */
		STORE(ctl->own->tx_event, ctl->peer_cons);
		FULL_BARRIER();
		ctl->tx_asleep = LOAD(ctl->theirs->rx_cons) == ctl->peer_cons;
		if (ctl->tx_asleep)
			break;
	}
	side->nr_waiting -= done;
	memmove(side->waiting, side->waiting + done, side->nr_waiting * sizeof(*side->waiting));
}

static struct schannel_msg message(uint16_t type, uint32_t dst, uint32_t src)
{
	struct schannel_msg msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = htole16(type);
	msg.dst_flow = htole32(dst);
	msg.src_flow = htole32(src);
	return msg;
}

static void say(struct side *side, const struct schannel_msg *msg)
{
	if (side->nr_waiting == WAITING) {
		fprintf(stderr, "second: more messages wait than there are flows\n");
		abort();
	}
	side->waiting[side->nr_waiting++] = *msg;
	flush(side);
}

/* ---- Our pool ----------------------------------------------------------- */

static uint32_t own_pages(const struct side *side)
{
	uint32_t pages = 0;

	for (uint32_t i = 0; i < SEGMENTS; i++)
		pages += side->segment[i].used ? side->segment[i].nr : 0;
	return pages;
}

static struct segment *add_segment(struct side *side, uint32_t nr)
{
	struct schannel_msg msg = message(SCHANNEL_MSG_SEGMENT_ADD, SCHANNEL_FLOW_NONE,
					  SCHANNEL_FLOW_NONE);
	uint32_t most = LEAST(SEGMENTS, le32toh(side->peer.accept_segments));
	uint32_t i, page;
	uint32_t *list;

	if (own_pages(side) + nr > le32toh(side->peer.accept_pages))
		return NULL;
	for (i = 0; i < most && side->segment[i].used; i++)
		;
	if (i == most)
		return NULL;
	side->segment[i] = (struct segment){ .used = true, .nr = nr };
	msg.segment.segment = htole16(i);
	msg.segment.nr_pages = htole16(nr);
	msg.segment.list_ref = new_page(side, &list);
	for (page = 0; page < nr; page++)
		list[page] = new_page(side, &side->segment[i].page[page]);
	say(side, &msg);
	return &side->segment[i];
}

static bool place_ring(struct segment *segment, uint8_t order, struct ring *ring)
{
	uint32_t pages = 1U << order, first, i;

	if (!segment->used || segment->deleted || (segment->answered && !segment->mapped))
		return false;
	for (first = 0; first + pages <= segment->nr; first += pages) {
		for (i = 0; i < pages && !segment->taken[first + i]; i++)
			;
		if (i < pages)
			continue;
		for (i = 0; i < pages; i++)
			segment->taken[first + i] = true;
		segment->rings++;
		*ring = (struct ring){ segment, first, order, SCHANNEL_PAGE_SIZE << order };
		return true;
	}
	return false;
}

static bool make_ring(struct side *side, uint8_t order, struct ring *ring)
{
	struct segment *new;

	if (order > le32toh(side->peer.accept_order) || order > SCHANNEL_RING_ORDER_MAX)
		return false;
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		if (place_ring(&side->segment[i], order, ring))
			return true;
	}
	new = add_segment(side, 1U << order > SEGMENT_PAGES ? 1U << order : SEGMENT_PAGES);
	return new && place_ring(new, order, ring);
}

static void free_ring(struct ring *ring)
{
	if (!ring->size)
		return;
	for (uint32_t i = 0; i < 1U << ring->order; i++)
		ring->segment->taken[ring->first + i] = false;
	ring->segment->rings--;
	ring->size = 0;
}

static void delete_segment(struct side *side, struct segment *segment)
{
	struct schannel_msg msg = message(SCHANNEL_MSG_SEGMENT_DEL, SCHANNEL_FLOW_NONE,
					  SCHANNEL_FLOW_NONE);

	/* a DEL is valid only for a segment that was answered */
	if (!segment->used || !segment->answered || segment->deleted || segment->rings)
		return;
	segment->deleted = true;
	msg.segment.segment = htole16(segment - side->segment);
	say(side, &msg);
}

static void second_trim(struct side *side)
{
	for (uint32_t i = 0; i < SEGMENTS; i++)
		delete_segment(side, &side->segment[i]);
}

static unsigned int second_segments(struct side *side)
{
	unsigned int nr = 0;

	for (uint32_t i = 0; i < SEGMENTS; i++)
		nr += side->segment[i].used;
	return nr;
}

static void put_ring(struct schannel_ring_at *at, const struct side *side,
		     const struct ring *ring, uint8_t queue)
{
	at->segment = htole16(ring->segment - side->segment);
	at->page = htole16(ring->first);
	at->order = ring->order;
	at->queue = queue;
}

/* ---- The peer's pool ---------------------------------------------------- */

static void segment_added(struct side *side, const struct schannel_msg_segment *add)
{
	struct schannel_msg msg = message(SCHANNEL_MSG_SEGMENT_ANSWER, SCHANNEL_FLOW_NONE,
					  SCHANNEL_FLOW_NONE);
	uint32_t number = le16toh(add->segment), nr = le16toh(add->nr_pages), pages = nr, i;
	struct segment *segment;
	const uint32_t *list;

	if (number >= SCHANNEL_SEGMENTS_MAX || number >= side->config.accept_segments ||
	    side->peer_segment[number].used || !nr || nr > SCHANNEL_SEGMENT_PAGES_MAX) {
		fail(side, "SEGMENT_ADD");
		return;
	}
	for (i = 0; i < SCHANNEL_SEGMENTS_MAX; i++)
		pages += side->peer_segment[i].used ? side->peer_segment[i].nr : 0;
	if (pages > side->config.accept_pages) {
		fail(side, "more pages than were accepted");
		return;
	}
	segment = &side->peer_segment[number];
	*segment = (struct segment){ .used = true, .nr = nr };
	list = map(side, le32toh(add->list_ref));
	segment->mapped = list;
	for (i = 0; i < nr && segment->mapped; i++) {
		segment->ref[i] = LOAD(list[i]);
		segment->page[i] = (uint8_t *)map(side, segment->ref[i]);
		segment->mapped = segment->page[i];
	}
	if (list)
		world_unmap(side->config.at, le32toh(add->list_ref));
	if (!segment->mapped) {
		while (i-- > 0) {
			if (segment->page[i])
				world_unmap(side->config.at, segment->ref[i]);
		}
	}
	msg.segment.segment = htole16(number);
	msg.segment.mapped = htole32(segment->mapped);
	say(side, &msg);
}

static void unmap_if_unused(struct side *side, struct segment *segment)
{
	struct schannel_msg msg = message(SCHANNEL_MSG_SEGMENT_GONE, SCHANNEL_FLOW_NONE,
					  SCHANNEL_FLOW_NONE);

	if (!segment->deleted || segment->rings)
		return;
	for (uint32_t i = 0; i < segment->nr && segment->mapped; i++)
		world_unmap(side->config.at, segment->ref[i]);
	segment->used = false;
	msg.segment.segment = htole16(segment - side->peer_segment);
	say(side, &msg);
}

static struct segment *known_segment(struct segment *all, uint32_t nr, uint32_t number)
{
	return number < nr && all[number].used ? &all[number] : NULL;
}

static void segment_deleted(struct side *side, const struct schannel_msg_segment *del)
{
	struct segment *segment = known_segment(side->peer_segment, SCHANNEL_SEGMENTS_MAX,
						le16toh(del->segment));

	if (!segment || segment->deleted) {
		fail(side, "SEGMENT_DEL");
		return;
	}
	segment->deleted = true;
	unmap_if_unused(side, segment);
}

static void segment_answered(struct side *side, const struct schannel_msg_segment *answer)
{
	struct segment *segment = known_segment(side->segment, SEGMENTS,
						le16toh(answer->segment));

	if (!segment || segment->answered) {
		fail(side, "SEGMENT_ANSWER");
		return;
	}
	segment->answered = true;
	segment->mapped = le32toh(answer->mapped);
}

static void segment_gone(struct side *side, const struct schannel_msg_segment *gone)
{
	struct segment *segment = known_segment(side->segment, SEGMENTS,
						le16toh(gone->segment));

	if (!segment || !segment->deleted) {
		fail(side, "SEGMENT_GONE");
		return;
	}
	segment->used = false;
}

/* A ring of the peer's. False: it cannot be read. */
static bool get_ring(struct side *side, const struct schannel_ring_at *at, struct ring *ring)
{
	uint32_t number = le16toh(at->segment), first = le16toh(at->page);
	struct segment *segment = known_segment(side->peer_segment, SCHANNEL_SEGMENTS_MAX, number);

	if (at->order > side->config.accept_order || at->queue >= side->nr_queues ||
	    number >= side->config.accept_segments) {
		fail(side, "a ring that is not accepted");
		return false;
	}
	if (!segment || !segment->mapped || segment->deleted ||
	    first + (1U << at->order) > segment->nr)
		return false;
	segment->rings++;
	*ring = (struct ring){ segment, first, at->order, SCHANNEL_PAGE_SIZE << at->order };
	return true;
}

static void leave_ring(struct side *side, struct ring *ring)
{
	if (!ring->size)
		return;
	ring->size = 0;
	ring->segment->rings--;
	unmap_if_unused(side, ring->segment);
}

/* ---- The flow table ----------------------------------------------------- */

static void second_grow_table(struct side *side)
{
	struct schannel_msg msg = message(SCHANNEL_MSG_TABLE_ADD, SCHANNEL_FLOW_NONE,
					  SCHANNEL_FLOW_NONE);

	if ((side->table_pages + 1) * SCHANNEL_FLOWS_PER_PAGE > le32toh(side->peer.accept_flows))
		return;
	msg.table.first = htole16(side->table_pages);
	msg.table.nr = htole16(1);
	msg.table.ref[0] = new_page(side, &side->table[side->table_pages]);
	side->table_pages++;
	say(side, &msg);
}

static void table_added(struct side *side, const struct schannel_msg_table *add)
{
	struct schannel_msg msg = message(SCHANNEL_MSG_TABLE_ANSWER, SCHANNEL_FLOW_NONE,
					  SCHANNEL_FLOW_NONE);
	uint32_t first = le16toh(add->first), nr = le16toh(add->nr), i;

	if (!nr || nr > SCHANNEL_TABLE_ADD_MAX ||
	    (first + nr) * SCHANNEL_FLOWS_PER_PAGE > side->config.accept_flows ||
	    first > side->peer_table_pages) {
		fail(side, "TABLE_ADD");
		return;
	}
	for (i = first; i < first + nr && i < side->peer_table_pages; i++) {
		if (side->peer_table[i]) {
			fail(side, "TABLE_ADD of a page that is mapped");
			return;
		}
	}
	for (i = 0; i < nr; i++) {
		side->peer_table[first + i] = map(side, le32toh(add->ref[i]));
		msg.table.first = htole16(first + i);
		msg.table.nr = htole16(1);
		msg.table.mapped = htole16(!!side->peer_table[first + i]);
		say(side, &msg);
	}
	if (first + nr > side->peer_table_pages)
		side->peer_table_pages = first + nr;
}

static void table_answered(struct side *side, const struct schannel_msg_table *answer)
{
	uint32_t first = le16toh(answer->first), nr = le16toh(answer->nr);

	/* it announces no page before the one before it was answered */
	if (!nr || first != side->table_mapped || first + nr > side->table_pages) {
		fail(side, "TABLE_ANSWER");
		return;
	}
	if (le16toh(answer->mapped))
		side->table_mapped += nr;
	else
		side->table_pages = first;	/* announced again when it is needed */
}

static unsigned int second_table_pages(struct side *side)
{
	return side->table_mapped;
}

/* Zeroed, but for the event indexes, which are one behind: nobody waits. */
static struct schannel_flow *own_entry(struct side *side, uint32_t flow)
{
	return &side->table[flow / SCHANNEL_FLOWS_PER_PAGE][flow % SCHANNEL_FLOWS_PER_PAGE];
}

static uint32_t new_flow(struct side *side)
{
	uint32_t flow;
	uint32_t most = side->table_mapped * SCHANNEL_FLOWS_PER_PAGE;

	for (flow = 1; flow < LEAST(FLOWS, most); flow++) {
		if (side->flow[flow].state == SIDE_NONE) {
			memset(&side->flow[flow], 0, sizeof(side->flow[flow]));
			side->flow[flow].own = own_entry(side, flow);
			side->flow[flow].own_queues = 1;
			memset(side->flow[flow].own, 0, sizeof(struct schannel_flow));
			return flow;
		}
	}
	return 0;
}

/* NULL: the page could not be mapped. */
static const struct schannel_flow *peer_entry(struct side *side, uint32_t flow)
{
	const struct schannel_flow *page = side->peer_table[flow / SCHANNEL_FLOWS_PER_PAGE];

	return page ? page + flow % SCHANNEL_FLOWS_PER_PAGE : NULL;
}

static bool check_src(struct side *side, uint32_t flow)
{
	if (flow && flow < side->peer_table_pages * SCHANNEL_FLOWS_PER_PAGE)
		return true;
	fail(side, "source flow");
	return false;
}

/* ---- Flows come and go -------------------------------------------------- */

/* The peer's end of a flow, from its OPEN or ACCEPT. False: it cannot be read. */
static bool join(struct side *side, struct flow *flow, uint32_t peer,
		 const struct schannel_ring_at *at)
{
	bool index = le16toh(at->flags) & SCHANNEL_RING_INDEX;

	flow->peer = peer;
	flow->peer_queue = at->queue;
	flow->theirs = peer_entry(side, peer);
	if (!flow->theirs || !get_ring(side, at, &flow->rx))
		return false;
	if (index) {
		uint32_t behind = flow->rx.first + (1U << flow->rx.order);

		if (behind >= flow->rx.segment->nr) {
			leave_ring(side, &flow->rx);
			return false;
		}
		flow->theirs = (const void *)flow->rx.segment->page[behind];
	}
	return true;
}

static struct schannel_msg flow_message(struct side *side, uint32_t number, uint16_t type)
{
	return message(type, side->flow[number].peer, number);
}

static void retire(struct side *side, struct flow *flow)
{
	free_ring(&flow->tx);
	free_ring(&flow->offered);
	free_ring(&flow->old);
	leave_ring(side, &flow->rx);
	leave_ring(side, &flow->next);
	flow->state = SIDE_NONE;
}

static void second_listen(struct side *side, uint32_t port, uint8_t type)
{
	for (uint32_t i = 0; i < LISTENERS; i++) {
		if (!side->listener[i].port) {
			side->listener[i].port = port;
			side->listener[i].type = type;
			return;
		}
	}
	abort();
}

static uint32_t second_open(struct side *side, const struct side_open *open)
{
	uint32_t number = new_flow(side);
	struct schannel_msg msg = message(SCHANNEL_MSG_OPEN, SCHANNEL_FLOW_NONE, number);
	struct flow *flow = &side->flow[number];

	if (!number || !make_ring(side, open->order, &flow->tx))
		return 0;
	flow->state = SIDE_OPENING;
	flow->type = open->type;
	flow->own_queue = open->queue;
	flow->own_queues = 1U << open->queue;
	put_ring(&msg.open.ring, side, &flow->tx, open->queue);
	msg.open.src_port = htole32(70000 + number);
	msg.open.dst_port = htole32(open->port);
	msg.open.type = open->type;
	msg.open.rx_order = open->rx_order;
	msg.open.flags = htole32(open->must);
	msg.open.uid = htole32(SCHANNEL_ID_NONE);
	msg.open.gid = htole32(SCHANNEL_ID_NONE);
	if (open->type == SCHANNEL_TYPE_DGRAM)
		msg.open.src_port = 0;
	say(side, &msg);
	return number;
}

static uint32_t refusal(struct side *side, const struct schannel_msg_open *open)
{
	uint32_t i, port = le32toh(open->dst_port);

	if (le32toh(open->flags) & ~SCHANNEL_OPEN_FLAGS ||
	    le16toh(open->ring.flags) & ~SCHANNEL_RING_FLAGS)
		return SCHANNEL_REASON_UNSUPPORTED;
	if (open->type != SCHANNEL_TYPE_STREAM && open->type != SCHANNEL_TYPE_SEQPACKET &&
	    open->type != SCHANNEL_TYPE_DGRAM)
		return SCHANNEL_REASON_UNSUPPORTED;
	for (i = 0; i < LISTENERS; i++) {
		if (side->listener[i].port == port && (port || open->type == SCHANNEL_TYPE_DGRAM))
			return side->listener[i].type == open->type ?
				SCHANNEL_REASON_DONE : SCHANNEL_REASON_UNSUPPORTED;
	}
	return SCHANNEL_REASON_NO_LISTENER;
}

static void opened(struct side *side, const struct schannel_msg *open)
{
	uint32_t peer = le32toh(open->src_flow), why = refusal(side, &open->open), number = 0;
	struct schannel_msg msg = message(SCHANNEL_MSG_REFUSE, peer, SCHANNEL_FLOW_NONE);
	uint8_t order = open->open.rx_order == 0xff ? 0 : open->open.rx_order;
	struct flow *flow;

	if (!check_src(side, peer))
		return;
	if (open->open.type != SCHANNEL_TYPE_DGRAM &&
	    (!open->open.src_port || !open->open.dst_port)) {
		fail(side, "port 0");
		return;
	}
	if (!why) {
		number = new_flow(side);
		flow = &side->flow[number];
		why = SCHANNEL_REASON_NO_MEMORY;
		if (number && make_ring(side, order, &flow->tx)) {
			flow->type = open->open.type;
			if (join(side, flow, peer, &open->open.ring)) {
				why = SCHANNEL_REASON_DONE;
				flow->state = SIDE_OPEN;
				flow->accepted_here = true;
			} else {
				free_ring(&flow->tx);
			}
		}
	}
	if (why) {
		msg.reason.reason = htole32(why);
	} else {
		msg = flow_message(side, number, SCHANNEL_MSG_ACCEPT);
		put_ring(&msg.accept.ring, side, &flow->tx, 0);
		msg.accept.uid = htole32(SCHANNEL_ID_NONE);
		msg.accept.gid = htole32(SCHANNEL_ID_NONE);
	}
	say(side, &msg);
}

static void second_close(struct side *side, uint32_t number, uint32_t reason)
{
	struct schannel_msg msg = flow_message(side, number, SCHANNEL_MSG_CLOSE);
	struct flow *flow = &side->flow[number];

	/* only a RESET may follow a DONE, once */
	if (flow->close_sent && (flow->close_reason != SCHANNEL_REASON_DONE || !reason))
		return;
	flow->close_reason = reason;
	flow->close_sent = true;
	msg.reason.reason = htole32(reason);
	say(side, &msg);
	if (flow->close_received)
		retire(side, flow);
}

static void answered(struct side *side, struct flow *flow, const struct schannel_msg *msg)
{
	if (flow->state != SIDE_OPENING || !check_src(side, le32toh(msg->src_flow))) {
		fail(side, "ACCEPT");
		return;
	}
	flow->state = SIDE_OPEN;
	if (!join(side, flow, le32toh(msg->src_flow), &msg->accept.ring) ||
	    le16toh(msg->accept.ring.flags) & ~SCHANNEL_RING_FLAGS) {
		flow->state = SIDE_RESET;
		second_close(side, flow - side->flow, SCHANNEL_REASON_RESET);
	}
}

static bool finished(const struct flow *flow)
{
	return LOAD_ACQ(flow->theirs->tx_flags) & SCHANNEL_TX_FIN &&
	       LOAD_ACQ(flow->theirs->rx_flags) & SCHANNEL_RX_SHUT;
}

static void closed(struct side *side, struct flow *flow, uint32_t reason)
{
	bool again = flow->close_received;

	flow->close_received = true;
	if (reason != SCHANNEL_REASON_DONE || !finished(flow)) {
		flow->state = SIDE_RESET;
		flow->reason = reason;
		/* a RESET behind a DONE is answered at once, whatever the program does */
		if (again && !flow->close_sent)
			second_close(side, flow - side->flow, SCHANNEL_REASON_RESET);
	}
	wake(side, flow - side->flow);
	if (flow->close_sent && flow->state != SIDE_NONE)
		retire(side, flow);
}

/* The peer wants events in this queue from now on. */
static void name_queue(struct side *side, struct flow *flow, uint32_t queue)
{
	if (queue >= side->nr_queues) {
		fail(side, "event queue");
	} else if (queue != flow->peer_queue) {
		flow->peer_queue = queue;
		flow->event = 0;
	}
}

static void ring_offered(struct side *side, struct flow *flow,
			 const struct schannel_ring_at *at)
{
	uint32_t number = flow - side->flow;
	struct schannel_msg msg = flow_message(side, number, SCHANNEL_MSG_RING_ANSWER);

	if (flow->close_sent)
		return;
	name_queue(side, flow, at->queue);
	msg.answer.queue = htole32(flow->own_queue);
	leave_ring(side, &flow->next);
	if (flow->type != SCHANNEL_TYPE_DGRAM && !(le16toh(at->flags) & ~SCHANNEL_RING_FLAGS) &&
	    get_ring(side, at, &flow->next))
		msg.answer.ready = htole32(1);
	if (!side->violation)
		say(side, &msg);
}

static void ring_answered(struct side *side, struct flow *flow,
			  const struct schannel_msg_answer *answer)
{
	if (!flow->offer_waits) {
		fail(side, "RING_ANSWER");
		return;
	}
	flow->offer_waits = false;
	flow->may_switch = answer->ready;
	name_queue(side, flow, le32toh(answer->queue));
	if (!answer->ready)
		free_ring(&flow->offered);
}

static void about_flow(struct side *side, const struct schannel_msg *msg)
{
	uint32_t number = le32toh(msg->dst_flow), type = le16toh(msg->type);
	struct flow *flow = number && number < FLOWS ? &side->flow[number] : NULL;
	bool in_use = flow && flow->state != SIDE_NONE && flow->state != SIDE_REFUSED;
	bool late = type == SCHANNEL_MSG_CLOSE &&
		    le32toh(msg->reason.reason) == SCHANNEL_REASON_RESET;

	if (in_use && type == SCHANNEL_MSG_ACCEPT) {
		answered(side, flow, msg);
	} else if (in_use && type == SCHANNEL_MSG_REFUSE && flow->state == SIDE_OPENING) {
		flow->reason = le32toh(msg->reason.reason);
		retire(side, flow);
		flow->state = SIDE_REFUSED;
	} else if (!in_use || flow->state == SIDE_OPENING ||
		   flow->peer != le32toh(msg->src_flow)) {
		/* a RESET that crossed the CLOSE of this side is about a flow that is over */
		if (!late)
			fail(side, "flow");
	} else if (type == SCHANNEL_MSG_CLOSE) {
		if (flow->close_received && !late)
			fail(side, "second CLOSE");
		else
			closed(side, flow, le32toh(msg->reason.reason));
	} else if (flow->close_received) {
		fail(side, "message behind CLOSE");
	} else if (type == SCHANNEL_MSG_RING) {
		ring_offered(side, flow, &msg->ring.ring);
	} else if (type == SCHANNEL_MSG_RING_ANSWER) {
		ring_answered(side, flow, &msg->answer);
	} else {
		fail(side, "REFUSE");
	}
}

static void handle(struct side *side, const struct schannel_msg *msg)
{
	switch (le16toh(msg->type)) {
	case SCHANNEL_MSG_OPEN:
		opened(side, msg);
		break;
	case SCHANNEL_MSG_ACCEPT:
	case SCHANNEL_MSG_REFUSE:
	case SCHANNEL_MSG_CLOSE:
	case SCHANNEL_MSG_RING:
	case SCHANNEL_MSG_RING_ANSWER:
		about_flow(side, msg);
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
		segment_answered(side, &msg->segment);
		break;
	case SCHANNEL_MSG_SEGMENT_DEL:
		segment_deleted(side, &msg->segment);
		break;
	case SCHANNEL_MSG_SEGMENT_GONE:
		segment_gone(side, &msg->segment);
		break;
	default:
		fail(side, "unknown message");
	}
}

static bool read_message(struct side *side, struct schannel_msg *msg)
{
	uint32_t size = SCHANNEL_PAGE_SIZE << le32toh(side->peer.ctl_order);
	struct flow *ctl = &side->flow[0];
	uint32_t prod = LOAD_ACQ(ctl->theirs->tx_prod), at = ctl->cons % size;

	if (prod - ctl->cons > size || prod % SCHANNEL_MSG_SIZE) {
		fail(side, "control ring producer index");
		return false;
	}
	if (prod == ctl->cons) {
		STORE(ctl->own->rx_event, ctl->cons);
		FULL_BARRIER();
		ctl->rx_asleep = LOAD(ctl->theirs->tx_prod) == ctl->cons;
		return !ctl->rx_asleep && read_message(side, msg);
	}
	memcpy(msg, side->peer_ctl[at / SCHANNEL_PAGE_SIZE] + at % SCHANNEL_PAGE_SIZE,
	       SCHANNEL_MSG_SIZE);
	ctl->cons += SCHANNEL_MSG_SIZE;
	STORE_REL(ctl->own->rx_cons, ctl->cons);
	FULL_BARRIER();
	if (schannel_need_event(LOAD(ctl->theirs->tx_event), ctl->cons,
				ctl->cons - SCHANNEL_MSG_SIZE))
		post(side, ctl);
	return true;
}

/* ---- Bytes -------------------------------------------------------------- */

static uint8_t *byte_at(const struct ring *ring, uint32_t index)
{
	uint32_t at = index & (ring->size - 1);

	return ring->segment->page[ring->first + at / SCHANNEL_PAGE_SIZE] + at % SCHANNEL_PAGE_SIZE;
}

static void broken(struct side *side, struct flow *flow)
{
	flow->state = SIDE_RESET;
	second_close(side, flow - side->flow, SCHANNEL_REASON_PROTOCOL);
}

static bool usable(const struct flow *flow)
{
	return flow->state == SIDE_OPEN && !flow->close_sent;
}

/* Reads the peer's indexes about what this side produces. False: the flow is broken. */
static bool look_as_producer(struct side *side, struct flow *flow)
{
	uint32_t switches = LOAD_ACQ(flow->theirs->rx_switches);
	uint32_t cons = LOAD_ACQ(flow->theirs->rx_cons);

	if (flow->prod - cons > flow->prod - flow->peer_cons ||
	    (switches != flow->switches && switches != flow->switches - 1)) {
		broken(side, flow);
		return false;
	}
	flow->peer_cons = cons;
	if (switches == flow->switches)
		free_ring(&flow->old);
	return true;
}

/* The unread bytes go along, and all later ones are in the new ring. */
static void switch_ring(struct side *side, struct flow *flow)
{
	if (!flow->may_switch || flow->prod - flow->peer_cons > flow->offered.size)
		return;
	for (uint32_t i = flow->peer_cons; i != flow->prod; i++)
		*byte_at(&flow->offered, i) = *byte_at(&flow->tx, i);
	flow->old = flow->tx;
	flow->tx = flow->offered;
	flow->offered.size = 0;
	flow->may_switch = false;
	flow->switches++;
	STORE_REL(flow->own->tx_switches, flow->switches);
	FULL_BARRIER();
	post(side, flow);
}

static uint32_t space(struct side *side, struct flow *flow)
{
	if (!look_as_producer(side, flow))
		return 0;
	switch_ring(side, flow);
	return flow->tx.size - (flow->prod - flow->peer_cons);
}

static void produced(struct side *side, struct flow *flow, uint32_t len)
{
	uint32_t old = flow->prod;

	flow->prod += len;
	STORE_REL(flow->own->tx_prod, flow->prod);
	FULL_BARRIER();
	if (schannel_need_event(LOAD(flow->theirs->rx_event), flow->prod, old))
		post(side, flow);
}

/* The peer waits for more than there is, and does not read before. */
static bool awaited(const struct flow *flow)
{
	uint32_t ahead = LOAD(flow->theirs->rx_want) - flow->prod;

	return ahead && ahead <= SCHANNEL_PAGE_SIZE << SCHANNEL_RING_ORDER_MAX;
}

/* This side never replaces a ring because it is full. */
static void answer_full(struct side *side, struct flow *flow)
{
	if (!awaited(flow) || flow->prod - flow->peer_cons != flow->tx.size ||
	    LOAD(flow->own->tx_full) == flow->prod)
		return;
	STORE_REL(flow->own->tx_full, flow->prod);
	FULL_BARRIER();
	post(side, flow);
}

/* Is there space for @want bytes? Otherwise the flow sleeps until half of the ring is free. */
static bool await_space(struct side *side, struct flow *flow, uint32_t want)
{
	uint32_t half = flow->tx.size / 2;

	if (space(side, flow) >= want)
		return true;
	if (!usable(flow) || want > flow->tx.size)
		return false;
	half = want > half ? want : half;
	if (awaited(flow))
		half = want;
	STORE(flow->own->tx_event, flow->prod + half - flow->tx.size - 1);
	FULL_BARRIER();
	flow->tx_asleep = space(side, flow) < want;
	if (flow->tx_asleep && usable(flow))
		answer_full(side, flow);
	return !flow->tx_asleep;
}

static size_t second_send(struct side *side, uint32_t number, const void *bytes, size_t len)
{
	struct flow *flow = &side->flow[number];
	size_t sent;

	if (!usable(flow) || flow->tx_asleep || !await_space(side, flow, 1))
		return 0;
	len = LEAST(len, flow->tx.size - (flow->prod - flow->peer_cons));
	for (sent = 0; sent < len; sent++)
		*byte_at(&flow->tx, flow->prod + sent) = ((const uint8_t *)bytes)[sent];
	produced(side, flow, len);
	return len;
}

/* Reads the peer's indexes about what this side consumes. False: the flow is broken. */
static bool look_as_consumer(struct side *side, struct flow *flow)
{
	uint32_t prod = LOAD_ACQ(flow->theirs->tx_prod);
	uint32_t switches = LOAD_ACQ(flow->theirs->tx_switches);
	bool valid = true;

	if (switches != flow->peer_switches) {
		valid = switches == flow->peer_switches + 1 && flow->next.size;
		if (valid) {
			leave_ring(side, &flow->rx);
			flow->rx = flow->next;
			flow->next.size = 0;
			flow->peer_switches = switches;
			STORE_REL(flow->own->rx_switches, switches);
			FULL_BARRIER();
			post(side, flow);
		}
	}
	if (!valid || prod - flow->cons > flow->rx.size ||
	    prod - flow->cons < flow->peer_prod - flow->cons) {
		broken(side, flow);
		return false;
	}
	flow->peer_prod = prod;
	return true;
}

static bool await_bytes(struct side *side, struct flow *flow)
{
	if (!look_as_consumer(side, flow))
		return false;
	if (flow->peer_prod != flow->cons)
		return true;
	STORE(flow->own->rx_event, flow->cons);
	FULL_BARRIER();
	flow->rx_asleep = look_as_consumer(side, flow) && flow->peer_prod == flow->cons;
	return flow->peer_prod != flow->cons;
}

static size_t second_await(struct side *side, uint32_t number, uint32_t want)
{
	struct flow *flow = &side->flow[number];
	uint32_t avail;

	if (!usable(flow) || flow->rx_asleep || !look_as_consumer(side, flow))
		return 0;
	if (want > flow->rx.size / 2 && LOAD(flow->own->rx_want) != flow->cons + want) {
		STORE(flow->own->rx_want, flow->cons + want);
		FULL_BARRIER();
		post(side, flow);
	}
	STORE(flow->own->rx_event, flow->cons + want - 1);
	FULL_BARRIER();
	if (!look_as_consumer(side, flow))
		return 0;
	avail = flow->peer_prod - flow->cons;
	flow->rx_asleep = avail < want && (avail != flow->rx.size ||
					   LOAD_ACQ(flow->theirs->tx_full) != flow->peer_prod);
	return flow->rx_asleep ? 0 : avail;
}

static void consumed(struct side *side, struct flow *flow, uint32_t len)
{
	uint32_t old = flow->cons;

	flow->cons += len;
	STORE_REL(flow->own->rx_cons, flow->cons);
	FULL_BARRIER();
	if (schannel_need_event(LOAD(flow->theirs->tx_event), flow->cons, old))
		post(side, flow);
}

static size_t second_recv(struct side *side, uint32_t number, void *bytes, size_t len)
{
	struct flow *flow = &side->flow[number];
	size_t got;

	if (!usable(flow) || flow->rx_asleep || !await_bytes(side, flow))
		return 0;
	len = LEAST(len, flow->peer_prod - flow->cons);
	for (got = 0; got < len; got++)
		((uint8_t *)bytes)[got] = *byte_at(&flow->rx, flow->cons + got);
	consumed(side, flow, len);
	return len;
}

/* ---- Records ------------------------------------------------------------ */

static uint32_t padded(uint32_t len)
{
	return (len + SCHANNEL_RECORD_ALIGN - 1) / SCHANNEL_RECORD_ALIGN * SCHANNEL_RECORD_ALIGN;
}

static bool second_put(struct side *side, uint32_t number, const void *bytes, size_t len,
		       uint32_t flags)
{
	struct flow *flow = &side->flow[number];
	struct schannel_record header = { .len = htole32(len), .flags = htole32(flags) };
	uint32_t all = sizeof(header) + padded(len), i;

	if (flow->type == SCHANNEL_TYPE_DGRAM) {
		header.src_port = htole32(4000);
		header.dst_port = htole32(4001);
	}
	if (!usable(flow) || flow->tx_asleep || !await_space(side, flow, all))
		return false;
	memcpy(byte_at(&flow->tx, flow->prod), &header, sizeof(header));
	for (i = 0; i < len; i++)
		*byte_at(&flow->tx, flow->prod + sizeof(header) + i) = ((const uint8_t *)bytes)[i];
	produced(side, flow, all);
	return true;
}

static bool second_take(struct side *side, uint32_t number, void *bytes, size_t *len,
			uint32_t *flags)
{
	struct flow *flow = &side->flow[number];
	struct schannel_record header;
	uint32_t all, avail, i;

	if (!usable(flow) || flow->rx_asleep || !await_bytes(side, flow))
		return false;
	memcpy(&header, byte_at(&flow->rx, flow->cons), sizeof(header));
	*len = le32toh(header.len);
	*flags = le32toh(header.flags);
	avail = flow->peer_prod - flow->cons;
	if (avail < sizeof(header) || *len > avail - sizeof(header) ||
	    padded(*len) > avail - sizeof(header) || avail % SCHANNEL_RECORD_ALIGN) {
		broken(side, flow);
		return false;
	}
	all = sizeof(header) + padded(*len);
	for (i = 0; i < *len; i++)
		((uint8_t *)bytes)[i] = *byte_at(&flow->rx, flow->cons + sizeof(header) + i);
	consumed(side, flow, all);
	return true;
}

/* ---- The rest ----------------------------------------------------------- */

static void set_flag(struct side *side, struct flow *flow, __u32 *flags, uint32_t flag)
{
	STORE_REL(*flags, LOAD(*flags) | flag);
	FULL_BARRIER();
	post(side, flow);
}

static void second_fin(struct side *side, uint32_t number)
{
	struct flow *flow = &side->flow[number];

	set_flag(side, flow, (__u32 *)&flow->own->tx_flags, SCHANNEL_TX_FIN);
}

static void second_shut(struct side *side, uint32_t number)
{
	struct flow *flow = &side->flow[number];

	set_flag(side, flow, (__u32 *)&flow->own->rx_flags, SCHANNEL_RX_SHUT);
}

static bool second_at_end(struct side *side, uint32_t number)
{
	struct flow *flow = &side->flow[number];
	bool fin = LOAD_ACQ(flow->theirs->tx_flags) & SCHANNEL_TX_FIN;

	return fin && look_as_consumer(side, flow) && flow->peer_prod == flow->cons;
}

static void second_want_queue(struct side *side, uint32_t number, uint8_t queue)
{
	side->flow[number].own_queue = queue;
	side->flow[number].own_queues |= 1U << queue;
}

static void second_offer(struct side *side, uint32_t number, uint8_t order)
{
	struct schannel_msg msg = flow_message(side, number, SCHANNEL_MSG_RING);
	struct flow *flow = &side->flow[number];

	if (!usable(flow) || flow->offer_waits || !look_as_producer(side, flow) ||
	    flow->old.size)
		return;
	free_ring(&flow->offered);
	flow->may_switch = false;
	if (!make_ring(side, order, &flow->offered))
		return;
	put_ring(&msg.ring.ring, side, &flow->offered, flow->own_queue);
	flow->offer_waits = true;
	say(side, &msg);
}

static uint8_t second_order(struct side *side, uint32_t number)
{
	return side->flow[number].tx.order;
}

static enum side_state second_state(struct side *side, uint32_t number, uint32_t *reason)
{
	*reason = side->flow[number].reason;
	return side->flow[number].state;
}

static uint32_t second_peer_flow(struct side *side, uint32_t number)
{
	return side->flow[number].peer;
}

static uint32_t second_accepted(struct side *side)
{
	for (uint32_t i = 1; i < FLOWS; i++) {
		if (side->flow[i].state == SIDE_OPEN && side->flow[i].accepted_here) {
			side->flow[i].accepted_here = false;
			return i;
		}
	}
	return 0;
}

/* What a domain does when it is notified; flows follow switches whether or not they are read. */
static const char *second_step(struct side *side)
{
	struct schannel_msg msg;
	uint32_t i;

	for (i = 0; i < side->nr_queues && !side->violation; i++) {
		if (world_notified(side->config.at, i))
			take_events(side, i);
	}
	for (i = 1; i < FLOWS && !side->violation; i++) {
		struct flow *flow = &side->flow[i];

		if (flow->woken && usable(flow) && look_as_consumer(side, flow))
			look_as_producer(side, flow);
		flow->woken = false;
	}
	while (!side->violation && !side->flow[0].rx_asleep && read_message(side, &msg))
		handle(side, &msg);
	if (!side->violation && !side->flow[0].tx_asleep)
		flush(side);
	return side->violation;
}

const struct side_ops second_side = {
	.name = "second",
	.create = second_create,
	.destroy = second_destroy,
	.directory = second_directory,
	.attach = second_attach,
	.step = second_step,
	.listen = second_listen,
	.open = second_open,
	.accepted = second_accepted,
	.state = second_state,
	.peer_flow = second_peer_flow,
	.send = second_send,
	.recv = second_recv,
	.await = second_await,
	.put = second_put,
	.take = second_take,
	.fin = second_fin,
	.shut = second_shut,
	.at_end = second_at_end,
	.close = second_close,
	.want_queue = second_want_queue,
	.offer = second_offer,
	.order = second_order,
	.trim = second_trim,
	.segments = second_segments,
	.table_pages = second_table_pages,
	.grow_table = second_grow_table,
};
