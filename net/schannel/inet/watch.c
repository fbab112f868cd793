// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring that nobody reads: its bytes go over TCP, whose own timers then decide what happens if the
 * peer's domain is paused or dead, or its program never reads. See tcp.h.
 *
 * TCP_USER_TIMEOUT counts from the moment at which TCP has the bytes, so they move early.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <net/inet_connection_sock.h>

#include "core/common.h"
#include "core/flow.h"
#include "tcp.h"

/* How long the peer may read nothing, without TCP_USER_TIMEOUT; and at least, with it. */
#define SCTCP_STALL	(10 * HZ)
#define SCTCP_STALL_MIN	max(HZ / 20, 1)

static unsigned long sctcp_stall_limit(const struct sctcp *is)
{
	u32 ms = READ_ONCE(inet_csk(is->conn.sk)->icsk_user_timeout);

	if (!ms)
		return SCTCP_STALL;
	return clamp(msecs_to_jiffies(ms) / 8, SCTCP_STALL_MIN, SCTCP_STALL);
}

/**
 * sctcp_stall_watch() - bytes were sent into the ring: look whether the peer reads them
 * @is:		conn.tx_lock is held
 * @flow:	its flow
 */
void sctcp_stall_watch(struct sctcp *is, const struct sc_flow *flow)
{
	if (likely(is->watched))
		return;
	is->watched = true;
	is->watch_pos = flow->tx.cons;
	queue_delayed_work(sc_wq, &is->watch, sctcp_stall_limit(is));
}

/* TCP_USER_TIMEOUT was set. */
void sctcp_stall_hurry(struct sctcp *is)
{
	mod_delayed_work(sc_wq, &is->watch, sctcp_stall_limit(is));
}

/* The peer has read nothing since the last look: have the socket's work leave the ring. */
static void sctcp_stall_work(struct work_struct *work)
{
	struct sctcp *is = container_of(work, struct sctcp, watch.work);
	struct sc_flow *flow;
	u32 pos;

	mutex_lock(&is->conn.tx_lock);
	flow = rcu_dereference_protected(is->conn.flow, lockdep_is_held(&is->conn.tx_lock));
	is->watched = false;
	if (is->tx_state == SCTCP_TX_RING && flow && sc_flow_is_there(flow)) {
		pos = sctcp_consumed(&flow->tx);
		if (pos != flow->tx.prod && pos == is->watch_pos) {
			WRITE_ONCE(is->stalled, true);
			sctcp_kick(is, 0);
		} else if (pos != flow->tx.prod) {
			is->watched = true;
			is->watch_pos = pos;
			queue_delayed_work(sc_wq, &is->watch, sctcp_stall_limit(is));
		}
	}
	mutex_unlock(&is->conn.tx_lock);
}

void sctcp_stall_init(struct sctcp *is)
{
	INIT_DELAYED_WORK(&is->watch, sctcp_stall_work);
}
