// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer that writes any values into its pages at any moment, even between two loads by
 * the code under test. That code must stay inside the rings and pages, which are allocated
 * in their exact size, and keep its own indexes valid. Each call must end, and the only
 * error is -EPROTO, which changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "ambush.h"
#include "fuzz_input.h"
#include "pair.h"
#include "queue_half.h"

#define FLOWS	8

/* One end of a flow and of a queue; the input plays the peer. */
struct victim {
	struct pair out;	/* the tx side is under test, the rx side is the peer */
	struct pair in;		/* the rx side is under test, the tx side is the peer */
	struct queue_half own_half;
	struct queue_half peer_half;
	struct sc_queue queue;
	sc_pending_t pending[FLOWS];
	u8 *bytes;
	struct pages other[2];	/* the rings that were offered last */
};

static struct victim victim;
static struct ambush ambush[AMBUSHES];

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* ---- The peer ---------------------------------------------------------- */

static bool is_peers(const void *addr)
{
	u32 i;

	for (i = 0; i < 1U << victim.peer_half.order; i++)
		if (is_inside(addr, victim.peer_half.page[i], SCHANNEL_PAGE_SIZE))
			return true;
	return is_inside(addr, victim.out.receiver,
			 sizeof(*victim.out.receiver)) ||
	       is_inside(addr, victim.in.sender, sizeof(*victim.in.sender)) ||
	       is_inside(addr, victim.peer_half.header,
			 sizeof(*victim.peer_half.header));
}

/* Called by the shim's READ_ONCE() and virt_load_acquire(). */
void shim_before_load(const void *addr)
{
	if (is_peers(addr))
		ambush_spring(ambush, addr);
}

static u32 peer_value(const struct peer_step *step)
{
	switch (step->base % PEER_BASES) {
	case PEER_TX_PROD:
		return victim.out.tx.prod + step->value;
	case PEER_TX_CONS:
		return victim.out.tx.cons + step->value;
	case PEER_RX_PROD:
		return victim.in.rx.prod + step->value;
	case PEER_RX_CONS:
		return victim.in.rx.cons + step->value;
	case PEER_QUEUE_PROD:
		return (u32)victim.queue.prod + step->value;
	case PEER_QUEUE_CONS:
		return victim.queue.cons + step->value;
	case PEER_SWITCHES:
		return victim.in.rx.switches + step->value;
	default:
		return step->value;
	}
}

static u32 *peer_word(u16 at)
{
	switch (at) {
	case PEER_WORD_TX_PROD:
		return &victim.in.sender->tx_prod;
	case PEER_WORD_TX_EVENT:
		return &victim.in.sender->tx_event;
	case PEER_WORD_RX_CONS:
		return &victim.out.receiver->rx_cons;
	case PEER_WORD_RX_EVENT:
		return &victim.out.receiver->rx_event;
	case PEER_WORD_PROD:
		return &victim.peer_half.header->prod;
	case PEER_WORD_OVERFLOW:
		return &victim.peer_half.header->overflow;
	case PEER_WORD_CONS:
		return &victim.peer_half.header->cons;
	case PEER_WORD_EVENT:
		return &victim.peer_half.header->event;
	case PEER_WORD_TX_SWITCHES:
		return &victim.in.sender->tx_switches;
	case PEER_WORD_RX_SWITCHES:
		return &victim.out.receiver->rx_switches;
	default:
		return (u32 *)victim.peer_half.page[at % (1U << victim.peer_half.order)] +
		       at / 16 % SCHANNEL_QUEUE_ENTRIES;
	}
}

/* ---- The code under test ---------------------------------------------------------------- */

static void refresh_tx(struct sc_tx *tx)
{
	struct sc_tx before = *tx;
	int err = sc_tx_refresh(tx);

	must(!err || err == -EPROTO);
	must(!err || !memcmp(tx, &before, sizeof(before)));
	must(sc_tx_space(tx) >= sc_tx_space(&before));
}

static void refresh_rx(struct sc_rx *rx)
{
	struct sc_rx before = *rx;
	int err = sc_rx_refresh(rx);

	must(!err || err == 1 || err == -EPROTO);
	must(err >= 0 || !memcmp(rx, &before, sizeof(before)));
	must(rx->own->rx_switches == rx->switches);
	must(rx->ring.addr == (err > 0 ? before.next.addr : before.ring.addr));
	must(sc_rx_avail(rx) >= sc_rx_avail(&before));
}

static void send(struct sc_tx *tx, u32 len)
{
	u32 prod = tx->prod;

	if (sc_tx_space(tx) < len)
		refresh_tx(tx);
	must(sc_tx_space(tx) <= tx->ring.size);
	len = min(len, sc_tx_space(tx));
	ring_copy_in(&tx->ring, tx->prod, victim.bytes, len);
	sc_tx_publish(tx, len);
	must(tx->prod == prod + len);
}

static void receive(struct sc_rx *rx, u32 len)
{
	u32 cons = rx->cons;

	if (sc_rx_avail(rx) < len)
		refresh_rx(rx);
	must(sc_rx_avail(rx) <= rx->ring.size);
	len = min(len, sc_rx_avail(rx));
	ring_copy_out(&rx->ring, rx->cons, victim.bytes, len);
	sc_rx_publish(rx, len);
	must(rx->cons == cons + len);
}

static void peek(struct sc_rx *rx, u32 skip)
{
	refresh_rx(rx);
	if (skip < sc_rx_avail(rx))
		ring_copy_out(&rx->ring, rx->cons + skip, victim.bytes,
			      sc_rx_avail(rx) - skip);
}

/* Frees the old ring, so that AddressSanitizer reports later reads of it. */
static void offer(struct sc_rx *rx, u16 order)
{
	struct pages pages;
	struct sc_ring ring = ring_create(&pages, SCHANNEL_PAGE_SIZE << order % 4,
					  order / 4 % LAYOUTS);

	/* after this it is known whether the peer switched to the last one */
	if (sc_rx_refresh(rx) < 0) {
		ring_free(&pages);
		return;
	}
	sc_rx_offer(rx, &ring);
	if (rx->ring.addr == victim.other[1].page) {
		ring_free(&victim.other[0]);
		victim.other[0] = victim.other[1];
	} else {
		ring_free(&victim.other[1]);
	}
	victim.other[1] = pages;
}

static void arm_tx(struct sc_tx *tx, u32 want)
{
	sc_tx_arm(tx, want % tx->ring.size + 1);
	refresh_tx(tx);
}

static void arm_rx(struct sc_rx *rx, u32 want)
{
	sc_rx_arm(rx, want % rx->ring.size + 1);
	refresh_rx(rx);
	sc_rx_arm_at(rx, rx->prod);
}

static void post(struct sc_queue *q, u16 flow)
{
	sc_pending_t *pending = &victim.pending[flow % FLOWS];
	u32 overflow = q->own->overflow;
	u64 prod = q->prod;
	enum sc_post did = sc_queue_post(q, flow, pending);

	if (q->prod == prod + 1) {
		must(*pending == prod);
		must(queue_half_entry(&victim.own_half, prod) == flow);
		must(q->own->overflow == overflow);
	} else {
		must(q->prod == prod);
		/* not queued: the flow's entry still waits, or the queue is full */
		must(did == SC_POST_QUIET ? q->own->overflow == overflow :
		     q->own->overflow == overflow + 1);
	}
}

static void take(struct sc_queue *q, u16 max)
{
	u32 cons = q->cons;
	u32 *flow;
	int nr;

	max = max % (q->peer_size + 2);
	flow = malloc(max * sizeof(*flow));
	nr = sc_queue_take(q, flow, max);
	must(nr == -EPROTO || (nr >= 0 && nr <= max));
	must(nr <= (int)q->peer_size);
	must(q->cons == cons + (nr > 0 ? nr : 0));
	free(flow);
}

/* The indexes in shared memory equal the private ones, and are valid. */
static void check_invariants(void)
{
	const struct sc_tx *tx = &victim.out.tx;
	const struct sc_rx *rx = &victim.in.rx;

	must(sc_tx_space(tx) <= tx->ring.size);
	must(sc_rx_avail(rx) <= rx->ring.size);
	must(tx->own->tx_prod == tx->prod);
	must(rx->own->rx_cons == rx->cons);
	must(victim.own_half.header->prod == (u32)victim.queue.prod);
	must(victim.own_half.header->cons == victim.queue.cons);
}

static void run_step(const struct peer_step *step)
{
	switch (step->op % PEER_OPS) {
	case PEER_STORE:
		*peer_word(step->at) = peer_value(step);
		break;
	case PEER_AMBUSH:
		ambush_set(ambush, step->at, peer_value(step));
		break;
	case PEER_SEND:
		send(&victim.out.tx, step->at);
		break;
	case PEER_RECEIVE:
		receive(&victim.in.rx, step->at);
		break;
	case PEER_ARM_TX:
		arm_tx(&victim.out.tx, step->at);
		break;
	case PEER_ARM_RX:
		arm_rx(&victim.in.rx, step->at);
		break;
	case PEER_POST:
		post(&victim.queue, step->at);
		break;
	case PEER_TAKE:
		take(&victim.queue, step->at);
		break;
	case PEER_OVERFLOWED:
		sc_queue_overflowed(&victim.queue);
		break;
	case PEER_ARM_QUEUE:
		sc_queue_arm(&victim.queue);
		break;
	case PEER_OFFER:
		offer(&victim.in.rx, step->at);
		break;
	case PEER_PEEK:
		peek(&victim.in.rx, step->at);
		break;
	}
	check_invariants();
}

static void victim_init(const struct peer_setup *setup)
{
	u32 size = SCHANNEL_PAGE_SIZE << setup->order % 4;

	memset(ambush, 0, sizeof(ambush));
	memset(&victim, 0, sizeof(victim));
	pair_init(&victim.out, size, setup->layout % LAYOUTS, setup->start);
	pair_init(&victim.in, size, setup->layout % LAYOUTS, setup->start);
	queue_half_init(&victim.own_half, setup->queue_order % 4);
	queue_half_init(&victim.peer_half, setup->queue_order / 4 % 4);
	victim.queue = queue_join(&victim.own_half, &victim.peer_half, setup->start,
				  setup->start);
	/* as large as the largest ring that may be offered */
	victim.bytes = calloc(1, SCHANNEL_PAGE_SIZE << 3);
	/* the first ring can be left like any other */
	victim.in.rx.ring = ring_create(&victim.other[0], size,
					setup->layout % LAYOUTS);
	ring_create(&victim.other[1], size, 0);
}

static void victim_exit(void)
{
	ring_free(&victim.other[0]);
	ring_free(&victim.other[1]);
	free(victim.bytes);
	queue_half_exit(&victim.own_half);
	queue_half_exit(&victim.peer_half);
	pair_exit(&victim.in);
	pair_exit(&victim.out);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct peer_setup setup;
	struct peer_step step;

	if (size < sizeof(setup))
		return 0;
	memcpy(&setup, data, sizeof(setup));
	victim_init(&setup);
	for (data += sizeof(setup), size -= sizeof(setup); size >= sizeof(step);
	     data += sizeof(step), size -= sizeof(step)) {
		memcpy(&step, data, sizeof(step));
		run_step(&step);
	}
	victim_exit();
	return 0;
}
