/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records in a ring: their position, and the check of their headers. The inline functions
 * are only index work, as in ring.h, for the same reason; core/record.c is the data path.
 */
#ifndef _SCHANNEL_RECORD_H
#define _SCHANNEL_RECORD_H

#include <linux/align.h>

#include "ring.h"

struct iov_iter;
struct sc_flow;

#define SC_RECORD_HEADER	((u32)sizeof(struct schannel_record))

/* The bytes that a record of @len bytes occupies in a ring, with header and padding. */
static inline u32 sc_record_size(u32 len)
{
	return SC_RECORD_HEADER + ALIGN(len, SCHANNEL_RECORD_ALIGN);
}

/**
 * sc_record_put() - write the header of a record
 * @ring:	a ring in our pool
 * @pos:	position of the record
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
 * @ring:	a ring in the peer's pool
 * @pos:	position of the record
 * @avail:	number of bytes produced from @pos on, not 0
 * @rec:	receives a private copy of the header
 *
 * Return: 0, or -EPROTO if the record is not within what was produced.
 */
static inline int sc_record_take(const struct sc_ring *ring, u32 pos, u32 avail,
				 struct schannel_record *rec)
{
	u32 run = SC_RECORD_HEADER;
	const struct schannel_record *at;

	/* an aligned header does not cross a page */
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

/* core/record.c */
int sc_record_send(struct sc_flow *flow, struct iov_iter *from,
		   const struct schannel_record *rec);
int sc_record_next(struct sc_flow *flow, u32 skip, struct schannel_record *rec);
int sc_record_copy(struct sc_flow *flow, struct iov_iter *to, u32 skip, u32 len);
void sc_record_consume(struct sc_flow *flow, u32 len);
void sc_record_discard(struct sc_flow *flow);

#endif /* _SCHANNEL_RECORD_H */
