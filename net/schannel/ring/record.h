/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records in a ring: where one is and whether it makes sense. What is inline is
 * only index work, as in ring.h, for the same reason; record.c is the data path.
 */
#ifndef _SCHANNEL_RECORD_H
#define _SCHANNEL_RECORD_H

#include <linux/align.h>

#include "ring.h"

struct iov_iter;
struct sc_flow;

#define SC_RECORD_HEADER	((u32)sizeof(struct schannel_record))

/* What a record of @len bytes takes in a ring. */
static inline u32 sc_record_size(u32 len)
{
	return SC_RECORD_HEADER + ALIGN(len, SCHANNEL_RECORD_ALIGN);
}

/**
 * sc_record_put() - write the header of a record
 * @ring:	ours
 * @pos:	where it begins
 * @rec:	the header
 */
static inline void sc_record_put(const struct sc_ring *ring, u32 pos,
				 const struct schannel_record *rec)
{
	u32 run = SC_RECORD_HEADER;
	struct schannel_record *at = sc_ring_run(ring, pos, &run);

	*at = *rec;
}

/**
 * sc_record_take() - read and check the header of a record
 * @ring:	the peer's
 * @pos:	where it begins
 * @avail:	bytes that were produced from there on, not 0
 * @rec:	private copy of the header
 *
 * Return: 0, or -EPROTO if the record is not within what was produced.
 */
static inline int sc_record_take(const struct sc_ring *ring, u32 pos, u32 avail,
				 struct schannel_record *rec)
{
	u32 run = SC_RECORD_HEADER;
	const struct schannel_record *at;

	/* then no header crosses a page */
	if ((pos | avail) % SCHANNEL_RECORD_ALIGN)
		return -EPROTO;
	at = sc_ring_run(ring, pos, &run);
	rec->len = READ_ONCE(at->len);
	rec->flags = READ_ONCE(at->flags);
	rec->src_port = READ_ONCE(at->src_port);
	rec->dst_port = READ_ONCE(at->dst_port);
	if (rec->len > avail || sc_record_size(rec->len) > avail)
		return -EPROTO;
	return 0;
}

/* record.c */
int sc_record_send(struct sc_flow *flow, struct iov_iter *from,
		   const struct schannel_record *rec);
int sc_record_next(struct sc_flow *flow, u32 skip, struct schannel_record *rec);
int sc_record_copy(struct sc_flow *flow, struct iov_iter *to, u32 skip, u32 len);
void sc_record_consume(struct sc_flow *flow, u32 len);
void sc_record_discard(struct sc_flow *flow);

#endif /* _SCHANNEL_RECORD_H */
