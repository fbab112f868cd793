// SPDX-License-Identifier: GPL-2.0-only
/* The data path of records. See record.h, and flow.h for the rules of the data path. */
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/uio.h>

#include "channel.h"
#include "flow.h"
#include "ring/record.h"

/*
 * Copy the next piece of a record; the last piece publishes the record. Returns 1 if more is
 * left, 0 if it was published, or a negative error. Under rcu_read_lock().
 */
static int sc_record_send_piece(struct sc_flow *flow, struct iov_iter *from,
				const struct schannel_record *rec, u32 *done)
{
	u32 size = sc_record_size(rec->len);
	struct sc_tx *tx = &flow->tx;
	u32 len;

	if (!sc_flow_is_live(flow))
		return sc_flow_dead_error(flow, -EPIPE);
	if (READ_ONCE(tx->peer->rx_flags) & SCHANNEL_RX_SHUT)
		return -EPIPE;
	if (sc_tx_space(tx) < size) {
		if (sc_tx_refresh(tx))
			return sc_flow_broken(flow);
		if (sc_tx_space(tx) < size) {
			/* not that of a record which waits for a larger ring */
			if (flow->resize.need <= tx->ring.size)
				WRITE_ONCE(flow->resize.need, size);
			return -EAGAIN;
		}
	}
	len = min_t(u32, rec->len - *done, SC_FLOW_CHUNK);
	if (sc_flow_copy_in(&tx->ring, tx->prod + SC_RECORD_HEADER + *done,
			    from, len) < len)
		return -EFAULT;
	*done += len;
	if (*done < rec->len)
		return 1;
	if (unlikely(flow->resize.need) && flow->resize.need <= tx->ring.size)
		WRITE_ONCE(flow->resize.need, 0);
	sc_record_put(&tx->ring, tx->prod, rec);
	if (sc_tx_publish(tx, size))
		sc_flow_post(flow);
	return 0;
}

/**
 * sc_record_send() - send a record
 * @flow:	an open flow; the caller holds the sender's lock
 * @from:	source of @rec->len bytes, no more than the ring holds; advanced by the bytes
 *		copied
 * @rec:	the header
 *
 * Publishes the whole record, or nothing if there is an error.
 *
 * Return: 0; -EAGAIN if there is no space; otherwise as sc_flow_send().
 */
int sc_record_send(struct sc_flow *flow, struct iov_iter *from,
		   const struct schannel_record *rec)
{
	u32 done = 0;
	int ret;

	for (;;) {
		rcu_read_lock();
		ret = sc_record_send_piece(flow, from, rec, &done);
		rcu_read_unlock();
		if (ret <= 0)
			return ret;
		cond_resched();
	}
}

/**
 * sc_record_next() - read the header of a record that can be received
 * @flow:	an open flow; the caller holds the receiver's lock
 * @skip:	distance of the record from the first unconsumed byte: the sizes of the
 *		records before it
 * @rec:	filled in: the header
 *
 * Return: 0; -EAGAIN if no record is available; -ECONNRESET and -EPROTO as sc_flow_recv().
 */
int sc_record_next(struct sc_flow *flow, u32 skip, struct schannel_record *rec)
{
	struct sc_rx *rx = &flow->rx;
	int err = 0;

	rcu_read_lock();
	if (!sc_flow_is_live(flow)) {
		err = sc_flow_dead_error(flow, -EAGAIN);
	} else if (sc_rx_avail(rx) <= skip && sc_flow_refresh_rx(flow)) {
		err = -EPROTO;
	} else if (sc_rx_avail(rx) <= skip) {
		err = -EAGAIN;
	} else if (sc_record_take(&rx->ring, rx->cons + skip,
				  sc_rx_avail(rx) - skip, rec)) {
		err = sc_flow_broken(flow);
	}
	rcu_read_unlock();
	return err;
}

/**
 * sc_record_copy() - copy bytes of a record that sc_record_next() found
 * @flow:	the flow; the caller still holds the receiver's lock
 * @to:		destination; advanced by the bytes copied
 * @skip:	distance of the bytes from the first unconsumed byte in the ring
 * @len:	number of bytes, no more than the record has
 *
 * Return: 0; -EFAULT if @to must be faulted in first; -ECONNRESET.
 */
int sc_record_copy(struct sc_flow *flow, struct iov_iter *to, u32 skip, u32 len)
{
	struct sc_rx *rx = &flow->rx;
	int err = 0;

	while (!err && len) {
		u32 n = min_t(u32, len, SC_FLOW_CHUNK);

		rcu_read_lock();
		if (!sc_flow_is_live(flow))
			err = -ECONNRESET;
		else if (sc_flow_copy_out(&rx->ring, rx->cons + skip, to, n) < n)
			err = -EFAULT;
		rcu_read_unlock();
		skip += n;
		len -= n;
		if (len)
			cond_resched();
	}
	return err;
}

/**
 * sc_record_consume() - give the space of the first record back to the peer
 * @flow:	the flow; the caller holds the receiver's lock
 * @len:	the record's length
 */
void sc_record_consume(struct sc_flow *flow, u32 len)
{
	sc_flow_consume(flow, sc_record_size(len));
}

/**
 * sc_record_discard() - consume all records that were read from the peer's index so far
 * @flow:	the flow; the caller holds the receiver's lock
 */
void sc_record_discard(struct sc_flow *flow)
{
	struct sc_rx *rx = &flow->rx;

	rcu_read_lock();
	if (sc_flow_is_live(flow) && sc_rx_avail(rx) &&
	    sc_rx_publish(rx, sc_rx_avail(rx)))
		sc_flow_post(flow);
	rcu_read_unlock();
}
