/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes of diverted connections, shown as packets. */
#ifndef _SCHANNEL_INET_CAPTURE_H
#define _SCHANNEL_INET_CAPTURE_H

#include <linux/uio.h>

#include "monitor.h"
#include "tcp.h"

/* Does anybody look at the connection's bytes? Costs nothing while no monitor device is up. */
static inline bool sctcp_is_captured(const struct sctcp *is)
{
	return static_branch_unlikely(&scinet_monitor_key) &&
	       scinet_monitor_is_up(sock_net(is->conn.sk));
}

/* Do the bytes that TCP carries belong to what is shown of this direction? */
static inline bool sctcp_is_captured_tcp(const struct sctcp *is, bool out)
{
	return sctcp_is_captured(is) &&
	       (out ? READ_ONCE(is->conn.tx_count.bytes) : READ_ONCE(is->conn.rx_count.bytes));
}

void sctcp_capture_ring_sent(struct sctcp *is, const struct sc_flow *flow, u32 sent);
void sctcp_capture_tcp_sent(struct sctcp *is, struct iov_iter *from, u32 sent);
void *sctcp_capture_alloc(size_t *len);
u32 sctcp_capture_next(const struct sctcp *is);
void sctcp_capture_received(struct sctcp *is, u32 seq, const void *bytes, u32 len);

#endif /* _SCHANNEL_INET_CAPTURE_H */
