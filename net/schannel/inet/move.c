// SPDX-License-Identifier: GPL-2.0-only
/*
 * A direction moves from TCP to the ring: its sender announces S, the reader acknowledges it. See
 * tcp.h.
 */
#include <net/tcp.h>

#include "cgroup.h"
#include "core/channel.h"
#include "core/flow.h"
#include "tcp.h"

/* Does something look at its packets? It must see all of them. */
bool sctcp_is_filtered(const struct sock *sk)
{
	bool filtered = rcu_access_pointer(sk->sk_filter) || scinet_cgroup_filters(sk);
#ifdef CONFIG_XFRM
	const struct dst_entry *dst;

	rcu_read_lock();
	dst = rcu_dereference(sk->sk_dst_cache);
	filtered |= rcu_access_pointer(sk->sk_policy[0]) ||
		    rcu_access_pointer(sk->sk_policy[1]) || (dst && dst_xfrm(dst));
	rcu_read_unlock();
#endif
	return filtered;
}

/* The socket's spinlock or lock_sock() is held. */
bool sctcp_fits(const struct sctcp *is)
{
	const struct sock *sk = is->conn.sk;

	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)) || sk->sk_err ||
	    sk->sk_shutdown & SEND_SHUTDOWN || is->fin || is->closing ||
	    sctcp_stays(is))
		return false;
	return !tcp_sk(sk)->repair && !sock_flag(sk, SOCK_MEMALLOC) && !sctcp_has_user(is) &&
	       !sctcp_is_filtered(sk);
}

/* conn.tx_lock is held. */
static bool sctcp_is_idle_locked(struct sctcp *is)
{
	bool idle;

	spin_lock_bh(&is->lock);
	idle = is->tx_state == SCTCP_TX_TCP && is->rx_state == SCTCP_RX_TCP &&
	       !is->rx_known && !rcu_access_pointer(is->conn.flow);
	spin_unlock_bh(&is->lock);
	return idle;
}

/* Whether both directions are TCP's, with nothing of an earlier flow under way. */
bool sctcp_is_idle(struct sctcp *is)
{
	bool idle;

	mutex_lock(&is->conn.tx_lock);
	idle = sctcp_is_idle_locked(is);
	mutex_unlock(&is->conn.tx_lock);
	return idle;
}

/*
 * If both directions are TCP's, have that stay so: no flow is joined any more, and the socket
 * can be given back to TCP.
 */
bool sctcp_finish(struct sctcp *is)
{
	bool idle;

	mutex_lock(&is->conn.tx_lock);
	idle = sctcp_is_idle_locked(is);
	is->dropped |= idle;
	mutex_unlock(&is->conn.tx_lock);
	return idle;
}

/* The acknowledgment of S may be there. Any context. */
bool sctcp_heard(struct sctcp *is, struct sc_flow *flow)
{
	bool heard = false;

	rcu_read_lock();
	if (sc_flow_is_live(flow))
		/* acquire: the ring is written only after the peer knows S */
		heard = virt_load_acquire(&sctcp_peer_words(flow)->tcp_ack) ==
			READ_ONCE(is->tx_gen);
	rcu_read_unlock();
	return heard;
}

/**
 * sctcp_look() - note and acknowledge the peer's announcement, if there is one
 * @is:		the user of @flow
 * @flow:	a flow that is joined
 *
 * Context: any.
 */
void sctcp_look(struct sctcp *is, struct sc_flow *flow)
{
	const struct schannel_flow_tcp *peer;
	struct schannel_flow_tcp *own;
	u32 gen, base, pos;

	rcu_read_lock();
	spin_lock_bh(&is->lock);
	if (!sc_flow_is_live(flow) || rcu_access_pointer(is->conn.flow) != flow ||
	    is->rx_state > SCTCP_RX_RING)
		goto out;
	peer = sctcp_peer_words(flow);
	own = sctcp_own_words(flow);
	/* acquire: the words that the count covers */
	gen = virt_load_acquire(&peer->tcp_gen);
	if (gen == is->rx_gen)
		goto out;
	base = READ_ONCE(peer->tcp_base);
	pos = READ_ONCE(peer->tcp_pos);
	/*
	 * A second announcement without a byte between: the first was taken back before its
	 * acknowledgment was read. If TCP has bytes between them, the reader comes here again.
	 */
	if (is->rx_known && (base != is->rx_base || pos != is->rx_start))
		goto out;
	if (gen != is->rx_gen + 1 || pos != READ_ONCE(flow->rx.cons)) {
		WRITE_ONCE(is->broken, true);
		sc_flow_broken(flow);
		sctcp_kick(is, 0);
		goto out;
	}
	is->rx_gen = gen;
	/* TCP is beyond S: the peer has left without waiting for the acknowledgment */
	if (!before(base, READ_ONCE(tcp_sk(is->conn.sk)->rcv_nxt))) {
		is->rx_base = base;
		is->rx_start = pos;
		is->rx_before = is->conn.rx_count.bytes;
		/* release: pairs with sctcp_limit() */
		smp_store_release(&is->rx_known, true);
		/* a reader that sleeps for TCP's bytes is woken by the first one in the ring */
		sc_rx_arm(&flow->rx, 1);
	}
	/* release: only then may the peer use the ring */
	virt_store_release(&own->tcp_ack, gen);
	virt_mb();	/* the acknowledgment before sc_queue_post() may skip the event */
	sc_flow_post(flow);
out:
	spin_unlock_bh(&is->lock);
	rcu_read_unlock();
}

/**
 * sctcp_announce() - say where TCP ends, if the sending direction can move to the ring
 * @is:		lock_sock() is held
 */
void sctcp_announce(struct sctcp *is)
{
	struct sock *sk = is->conn.sk;
	struct schannel_flow_tcp *own;
	struct sc_flow *flow;

	/* bytes that are corked would stay in TCP while those behind them are in the ring */
	if (READ_ONCE(is->tx_state) != SCTCP_TX_TCP || is->tx_holds ||
	    !rcu_access_pointer(is->conn.flow) || tcp_sk(sk)->nonagle & TCP_NAGLE_CORK ||
	    !sctcp_is_its(is) || !sctcp_fits(is))
		return;
	mutex_lock(&is->conn.tx_lock);
	rcu_read_lock();
	flow = rcu_dereference(is->conn.flow);
	if (!flow || !sc_flow_is_joined(flow) || !sc_flow_is_live(flow) || sc_tx_refresh(&flow->tx))
		goto out;
	/* the peer has seen the last announcement, and read the marker of the last return */
	if (flow->tx.cons != flow->tx.prod || !sctcp_heard(is, flow))
		goto out;
	own = sctcp_own_words(flow);
	WRITE_ONCE(own->tcp_base, tcp_sk(sk)->write_seq);
	WRITE_ONCE(own->tcp_pos, flow->tx.prod);
	WRITE_ONCE(is->tx_gen, is->tx_gen + 1);
	WRITE_ONCE(is->tx_state, SCTCP_TX_ANNOUNCED);
	/* release: the words before the count that covers them */
	virt_store_release(&own->tcp_gen, is->tx_gen);
	virt_mb();	/* before sc_queue_post() may skip the event */
	sc_flow_post(flow);
out:
	rcu_read_unlock();
	mutex_unlock(&is->conn.tx_lock);
}
