// SPDX-License-Identifier: GPL-2.0-only
/*
 * While bytes of a connection are in rings, somebody looks at it now and then.
 *
 * A ring that the peer does not read is left: TCP's own timers then decide what happens if the
 * peer's domain is paused or dead, or its program never reads. TCP_USER_TIMEOUT counts from the
 * moment at which TCP has the bytes, so they move early.
 *
 * A bare ACK keeps connection tracking, NAT and the peer's keepalive informed, and has TCP look up
 * its route again. If a filter looks at the connection's packets since, it goes back to TCP.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "core/common.h"
#include "core/flow.h"
#include "tcp.h"

/* How often, without TCP_USER_TIMEOUT; and at most, with it. */
#define SCTCP_WATCH	(10 * HZ)
#define SCTCP_WATCH_MIN	max(HZ / 20, 1)

static unsigned long sctcp_watch_interval(const struct sctcp *is)
{
	u32 ms = READ_ONCE(inet_csk(is->conn.sk)->icsk_user_timeout);

	if (!ms)
		return SCTCP_WATCH;
	return clamp(msecs_to_jiffies(ms) / 16, SCTCP_WATCH_MIN, SCTCP_WATCH);
}

/**
 * sctcp_watch() - bytes were sent into a ring or received from one: begin to look
 * @is:		a data lock is held
 */
void sctcp_watch(struct sctcp *is)
{
	if (likely(READ_ONCE(is->watched)) || xchg(&is->watched, true))
		return;
	queue_delayed_work(sc_wq, &is->watch, sctcp_watch_interval(is));
}

/* TCP_USER_TIMEOUT was set. */
void sctcp_watch_hurry(struct sctcp *is)
{
	mod_delayed_work(sc_wq, &is->watch, sctcp_watch_interval(is));
}

/* Has the peer read nothing since the last look, though there is something? tx_lock is held. */
static bool sctcp_is_stalled(struct sctcp *is, bool *unread)
{
	struct sc_flow *flow = rcu_dereference_protected(is->conn.flow,
							 lockdep_is_held(&is->conn.tx_lock));
	bool was_unread = is->watch_unread;
	u32 pos;

	*unread = false;
	if (is->tx_state != SCTCP_TX_RING || !flow || !sc_flow_is_there(flow))
		return false;
	pos = sctcp_consumed(&flow->tx);
	*unread = pos != flow->tx.prod;
	swap(pos, is->watch_pos);
	return *unread && was_unread && pos == is->watch_pos;
}

static void sctcp_watch_work(struct work_struct *work)
{
	struct sctcp *is = container_of(work, struct sctcp, watch.work);
	u64 bytes = READ_ONCE(is->conn.tx_count.bytes) + READ_ONCE(is->conn.rx_count.bytes);
	bool unread;

	mutex_lock(&is->conn.tx_lock);
	if (sctcp_is_stalled(is, &unread))
		WRITE_ONCE(is->stalled, true);
	is->watch_unread = unread;
	/* once more, for what came since */
	WRITE_ONCE(is->watched, unread || bytes != is->watch_bytes);
	is->watch_bytes = bytes;
	if (is->watched)
		queue_delayed_work(sc_wq, &is->watch, sctcp_watch_interval(is));
	mutex_unlock(&is->conn.tx_lock);
	WRITE_ONCE(is->refresh, true);
	sctcp_kick(is, 0);
}

/**
 * sctcp_watch_step() - do what the last look has found necessary
 * @is:		lock_sock() is held
 */
void sctcp_watch_step(struct sctcp *is)
{
	struct sock *sk = is->conn.sk;

	if (READ_ONCE(is->stalled)) {
		WRITE_ONCE(is->stalled, false);
		sctcp_tx_leave(is, SCTCP_CAUSE_UNREAD);
	}
	if (!READ_ONCE(is->refresh))
		return;
	WRITE_ONCE(is->refresh, false);
	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)) ||
	    !rcu_access_pointer(is->conn.flow))
		return;
	__tcp_send_ack(sk, tcp_sk(sk)->rcv_nxt, 0);
	if (sctcp_is_filtered(sk))
		sctcp_leave_any(is, SCTCP_CAUSE_FILTER);
}

void sctcp_watch_init(struct sctcp *is)
{
	INIT_DELAYED_WORK(&is->watch, sctcp_watch_work);
}
