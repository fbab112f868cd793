// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer that writes any records into its ring, and changes them while they are read. The
 * reader must stay inside the bytes that were produced, and advance with each step; the
 * only error is -EPROTO, which changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "ambush.h"
#include "fuzz_input.h"
#include "pair.h"
#include "ring/record.h"

/*
 * The receiving side is under test; the sending one and the ring are the peer's.
 *
 * As in an inbox, @next is ahead of the consumed position, and @held has the sizes of the
 * records in between.
 */
static struct {
	struct pair pair;
	u32 next;
	u32 *held;
	u32 nr_held;
} reader;

static struct ambush ambush[AMBUSHES];

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* ---- The peer ---------------------------------------------------------- */

/* Called by the shim's READ_ONCE() and virt_load_acquire(). */
void shim_before_load(const void *addr)
{
	const struct sc_ring *ring = &reader.pair.rx.ring;
	u32 page;

	if (is_inside(addr, reader.pair.sender, sizeof(*reader.pair.sender)))
		ambush_spring(ambush, addr);
	for (page = 0; page * SCHANNEL_PAGE_SIZE < ring->size; page++)
		if (is_inside(addr, ring->addr[page], SCHANNEL_PAGE_SIZE))
			ambush_spring(ambush, addr);
}

/* The peer writes a record header with any length at any aligned position. */
static void write_header(u32 pos, u32 len)
{
	struct schannel_record rec = { .len = len, .src_port = 1, .dst_port = 2 };

	sc_record_put(&reader.pair.rx.ring, pos & ~(SC_RECORD_HEADER - 1), &rec);
}

static u32 record_value(const struct record_step *step)
{
	const struct sc_rx *rx = &reader.pair.rx;

	switch (step->base % RECORD_BASES) {
	case RECORD_PROD:
		return rx->prod + step->value;
	case RECORD_CONS:
		return rx->cons + step->value;
	case RECORD_NEXT:
		return reader.next + step->value;
	case RECORD_LEFT:
		return rx->ring.size - (reader.next - rx->cons) + step->value;
	default:
		return step->value;
	}
}

/* ---- The code under test ---------------------------------------------------------------- */

static bool refresh(struct sc_rx *rx)
{
	struct sc_rx before = *rx;
	int err = sc_rx_refresh(rx);

	must(!err || (err == -EPROTO && !memcmp(rx, &before, sizeof(before))));
	return !err;
}

/* Read a whole record, if its header is valid. Returns whether it was. */
static bool read_record(u32 pos, u32 avail, u32 *size)
{
	const struct sc_ring *ring = &reader.pair.rx.ring;
	struct schannel_record rec;
	int err = sc_record_take(ring, pos, avail, &rec);
	u8 *bytes;

	must(!err || err == -EPROTO);
	if (err)
		return false;
	must(SC_RECORD_HEADER + (u64)rec.len <= avail);
	must(rec.len <= ring->size - SC_RECORD_HEADER);
	*size = sc_record_size(rec.len);
	must(*size && *size <= avail);
	must(*size % SCHANNEL_RECORD_ALIGN == 0);

	bytes = malloc(rec.len);
	ring_copy_out(ring, pos + SC_RECORD_HEADER, bytes, rec.len);
	free(bytes);
	return true;
}

/* Read all headers, as a reader that peeks at an offset does. */
static void walk(void)
{
	struct sc_rx *rx = &reader.pair.rx;
	u32 steps = 0, skip = 0, size;

	while (sc_rx_avail(rx) > skip || (refresh(rx) && sc_rx_avail(rx) > skip)) {
		if (!read_record(rx->cons + skip, sc_rx_avail(rx) - skip, &size))
			break;
		skip += size;
		must(++steps <= rx->ring.size / SCHANNEL_RECORD_ALIGN);
	}
	must(skip <= rx->ring.size);
}

/* Deliver the next record. */
static void give(void)
{
	struct sc_rx *rx = &reader.pair.rx;
	u32 size;

	if (rx->prod == reader.next && !refresh(rx))
		return;
	if (rx->prod == reader.next ||
	    !read_record(reader.next, rx->prod - reader.next, &size))
		return;
	must(reader.nr_held < rx->ring.size / SCHANNEL_RECORD_ALIGN);
	reader.held[reader.nr_held++] = size;
	reader.next += size;
}

/* Consume the first @nr delivered records. */
static void release(u32 nr)
{
	u32 i, size = 0;

	if (nr > reader.nr_held)
		nr = reader.nr_held;
	for (i = 0; i < nr; i++)
		size += reader.held[i];
	sc_rx_publish(&reader.pair.rx, size);
	reader.nr_held -= nr;
	memmove(reader.held, reader.held + nr,
		reader.nr_held * sizeof(*reader.held));
}

static void check_invariants(void)
{
	const struct sc_rx *rx = &reader.pair.rx;

	must(sc_rx_avail(rx) <= rx->ring.size);
	must(reader.next - rx->cons <= sc_rx_avail(rx));
	must(rx->own->rx_cons == rx->cons);
	must(rx->cons % SCHANNEL_RECORD_ALIGN == 0);
	must(reader.next % SCHANNEL_RECORD_ALIGN == 0);
}

static void run_step(const struct record_step *step)
{
	switch (step->op % RECORD_OPS) {
	case RECORD_WRITE:
		write_header(reader.next + step->at, record_value(step));
		break;
	case RECORD_PRODUCE:
		reader.pair.sender->tx_prod = record_value(step);
		break;
	case RECORD_AMBUSH:
		ambush_set(ambush, step->at, record_value(step));
		break;
	case RECORD_WALK:
		walk();
		break;
	case RECORD_GIVE:
		give();
		break;
	case RECORD_RELEASE:
		release(step->at);
		break;
	}
	check_invariants();
}

static void reader_init(const struct record_setup *setup)
{
	u32 size = SCHANNEL_PAGE_SIZE << setup->order % 4;
	u32 start = setup->start & ~(SC_RECORD_HEADER - 1);

	memset(ambush, 0, sizeof(ambush));
	memset(&reader, 0, sizeof(reader));
	pair_init(&reader.pair, size, setup->layout % LAYOUTS, start);
	reader.next = start;
	reader.held = calloc(size / SCHANNEL_RECORD_ALIGN, sizeof(*reader.held));
}

static void reader_exit(void)
{
	free(reader.held);
	pair_exit(&reader.pair);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct record_setup setup;
	struct record_step step;

	if (size < sizeof(setup))
		return 0;
	memcpy(&setup, data, sizeof(setup));
	reader_init(&setup);
	for (data += sizeof(setup), size -= sizeof(setup); size >= sizeof(step);
	     data += sizeof(step), size -= sizeof(step)) {
		memcpy(&step, data, sizeof(step));
		run_step(&step);
	}
	reader_exit();
	return 0;
}
