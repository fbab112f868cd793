/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What sending and receiving through a flow share, whatever the type of the socket.
 *
 * A receiver or sender that must wait joins the socket's wait queue, asks for an event
 * (sc_flow_await_*()), looks once more and only then sleeps; the upcall finds the wait
 * queue by the flow. Between two sleeps no events are sent, and no cache lines are touched
 * but the flow's own.
 *
 * Copying runs with page faults disabled, because the channel may go down while user space
 * delays a page fault for ever (userfaultfd, FUSE). A missing page is faulted in without
 * any lock, and the copy is tried again. Bytes are consumed or published only after they
 * were copied, so EFAULT loses none.
 */
#ifndef _SCHANNEL_IO_H
#define _SCHANNEL_IO_H

#include <linux/types.h>

struct iov_iter;
struct msghdr;
struct mutex;
struct sc_conn;
struct sc_flow;
struct sock;

/**
 * struct sc_io - one sending or receiving call
 * @conn:	the connection's end
 * @lock:	its tx_lock or rx_lock; held, except while the call sleeps
 * @timeo:	how long it may still wait, in jiffies
 * @some:	some bytes were already sent or received
 */
struct sc_io {
	struct sc_conn *conn;
	struct mutex *lock;	/* see above */
	long timeo;
	bool some;
};

void sc_io_write_space(struct sock *sk);

struct sc_flow *sc_io_flow(struct sc_io *io);
int sc_io_error(struct sc_io *io);
int sc_io_lost(struct sc_io *io, int after);
int sc_io_fault_in(struct sc_io *io, const struct iov_iter *iter, size_t len,
		   size_t (*fault_in)(const struct iov_iter *iter, size_t len));

int sc_io_wait_data(struct sc_io *io, struct sc_flow *flow, u32 least, u32 want);
int sc_io_recv_end(struct sc_io *io, int err);

int sc_io_send_check(struct sc_io *io, struct sc_flow *flow);
int sc_io_wait_space(struct sc_io *io, struct sc_flow *flow, u32 least, u32 want);
int sc_io_send_end(struct sc_io *io, const struct msghdr *msg, int err);

#endif /* _SCHANNEL_IO_H */
