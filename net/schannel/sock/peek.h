/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a program has seen of data that it has not received. See peek.c.
 *
 * All functions are called with rx_lock held.
 */
#ifndef _SCHANNEL_PEEK_H
#define _SCHANNEL_PEEK_H

#include <linux/types.h>

struct iov_iter;
struct sc_conn;
struct sc_flow;
struct schannel_record;

/**
 * struct sc_peek_sum - records whose lengths the program was told as a sum
 * @records:	their number
 * @size:	their size in the ring
 * @len:	the sum of their lengths
 */
struct sc_peek_sum {
	u32 records;
	u32 size;
	u32 len;
};

ssize_t sc_peek_recv(struct sc_conn *conn, struct sc_flow *flow, struct iov_iter *to,
		     size_t len, u32 skip, bool peek);
int sc_peek_next(struct sc_conn *conn, struct sc_flow *flow, u32 skip,
		 struct schannel_record *rec, bool peek);
int sc_peek_copy(struct sc_conn *conn, struct sc_flow *flow, struct iov_iter *to,
		 u32 skip, u32 len, bool peek);
void sc_peek_consume_record(struct sc_conn *conn, struct sc_flow *flow,
			    u32 len);
int sc_peek_inq(struct sc_conn *conn, struct sc_flow *flow);
int sc_peek_note_sum(struct sc_conn *conn, struct sc_flow *flow,
		     const struct sc_peek_sum *sum);
void sc_peek_free(struct sc_conn *conn);

#endif /* _SCHANNEL_PEEK_H */
