// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagrams that were delivered and are not received yet. See held.h.
 *
 * They stay in the ring, and receivers copy them from there. The ring's space is freed in
 * order, so once the ring is half full, those that a slow receiver has left at its beginning
 * are copied aside, into their skbs, and hold up no other receiver.
 *
 * Memory: each is charged to its socket, in place or not, with what it takes when it is
 * copied aside. So it is bounded by the socket's receive buffer, by its memory cgroup, and
 * for all sockets together by net.schannel.dgram_mem_kib.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/proto_memory.h>
#include <net/sock.h>

#include "core/channel.h"
#include "core/flow.h"
#include "core/memcg.h"
#include "held.h"
#include "ring/record.h"

/* Datagrams that are copied aside before others run. */
#define SC_HELD_BUDGET	64

/* ---- Freeing space in the ring ----------------------------------------- */

/* Free everything before the first held datagram. in->lock is held. */
static void sc_held_release(struct sc_inbox *in)
{
	struct sc_dgram *first = list_first_entry_or_null(&in->held,
							  struct sc_dgram, node);
	u32 end = first ? first->pos : in->next;
	struct sc_rx *rx = &in->flow->rx;

	if (in->gone || end == rx->cons)
		return;
	rcu_read_lock();
	if (sc_channel_is_up(in->channel) && sc_rx_publish(rx, end - rx->cons))
		sc_flow_post(in->flow);
	rcu_read_unlock();
}

static void sc_held_drop(struct sc_inbox *in, struct sc_dgram *dg)
{
	if (list_empty(&dg->node))
		return;
	list_del_init(&dg->node);
	sc_held_release(in);
}

/* The copy of a small datagram; a large one is in fragments of @skb. */
static void *sc_held_aside(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->destructor_arg;
}

static void sc_held_copy(const struct sc_ring *ring, u32 pos, void *to, u32 len)
{
	u32 done, run;

	for (done = 0; done < len; done += run) {
		run = len - done;
		memcpy(to + done, sc_ring_run(ring, pos + done, &run), run);
	}
}

static bool sc_held_copy_pages(const struct sc_ring *ring, u32 pos,
			       struct sk_buff *skb)
{
	struct skb_shared_info *info = skb_shinfo(skb);
	u32 left = skb->len;

	while (left) {
		u32 part = min_t(u32, left, PAGE_SIZE);
		struct page *page = alloc_page(GFP_ATOMIC | __GFP_NOWARN);

		if (!page)
			goto err;
		sc_held_copy(ring, pos, page_address(page), part);
		skb_fill_page_desc(skb, info->nr_frags, page, 0, part);
		pos += part;
		left -= part;
	}
	return true;

err:
	while (info->nr_frags)
		__free_page(skb_frag_page(&info->frags[--info->nr_frags]));
	return false;
}

static bool sc_held_copy_small(const struct sc_ring *ring, u32 pos,
			       struct sk_buff *skb)
{
	void *to = kmalloc(skb->len, GFP_ATOMIC | __GFP_NOWARN);

	if (!to)
		return false;
	sc_held_copy(ring, pos, to, skb->len);
	skb_shinfo(skb)->destructor_arg = to;
	return true;
}

/**
 * sc_held_copy_out() - copy a datagram out of the ring, unless that was done
 * @in:		the inbox that it arrived in
 * @skb:	the datagram
 * @pages:	always into page fragments, where socket filters look for data
 *
 * Context: in->lock is held, the channel is up, under RCU.
 *
 * Return: false if there is no memory.
 */
bool sc_held_copy_out(struct sc_inbox *in, struct sk_buff *skb, bool pages)
{
	const struct sc_ring *ring = &in->flow->rx.ring;
	struct sc_dgram *dg = sc_dgram(skb);
	u32 pos = dg->pos + SC_RECORD_HEADER;
	bool done;

	if (!dg->in_place)
		return true;
	if (pages || skb->len > PAGE_SIZE)
		done = sc_held_copy_pages(ring, pos, skb);
	else
		done = sc_held_copy_small(ring, pos, skb);
	dg->in_place = !done;
	return done;
}

/*
 * Copy a datagram aside, so that its space can be freed once no receiver is copying from
 * there. If there is no memory, it is lost. As sc_held_copy_out().
 */
static void sc_held_set_aside(struct sc_inbox *in, struct sk_buff *skb)
{
	struct sc_dgram *dg = sc_dgram(skb);

	if (!dg->in_place)
		return;
	dg->lost = !sc_held_copy_out(in, skb, false);
	if (dg->lost)
		atomic_long_inc(&in->channel->stats.dgram_no_memory);
	dg->in_place = false;
	if (!dg->pins)
		list_del_init(&dg->node);
}

static struct sk_buff *sc_held_skb(struct sc_dgram *dg)
{
	return container_of((void *)dg, struct sk_buff, cb);
}

/* Keep half of the ring free, however slow the receivers are. As sc_held_copy_out(). */
void sc_held_copy_aside(struct sc_inbox *in)
{
	struct sc_dgram *dg, *next;

	list_for_each_entry_safe(dg, next, &in->held, node) {
		if (in->next - dg->pos <= in->flow->rx.ring.size / 2)
			break;
		if (dg->in_place)
			atomic_long_inc(&in->channel->stats.dgram_copied);
		sc_held_set_aside(in, sc_held_skb(dg));
	}
	sc_held_release(in);
}

/* ---- Charging, and the receive queue ------------------------------------ */

/* The memory that a datagram of this length takes when it is copied aside. */
u32 sc_held_copy_size(u32 len)
{
	return len > PAGE_SIZE ? PAGE_ALIGN(len) : kmalloc_size_roundup(len);
}

/* When datagrams take most of the memory that they may, each socket gets a small one. */
static bool sc_held_is_too_much(const struct sock *sk, int size)
{
	return size > PAGE_SIZE && sk_memory_allocated(sk) > sk_prot_mem_limits(sk, 0);
}

/*
 * What a socket keeps charged in advance, at most, so that not every datagram of a page or two
 * costs an access to the counters of its memory cgroup and of all datagrams.
 */
#define SC_HELD_ADVANCE	(4 * (int)PAGE_SIZE)

/* Charge a datagram to the socket, its memory cgroup and the limit for all datagrams. */
static bool sc_held_charge(struct sock *sk, int size)
{
	int more = size - sk->sk_forward_alloc;

	lockdep_assert_held(&sk->sk_receive_queue.lock);
	if (more > 0 &&
	    (sc_held_is_too_much(sk, size) ||
	     !sc_memcg_has_room(mem_cgroup_from_sk(sk), sk_mem_pages(more)) ||
	     !__sk_mem_schedule(sk, more, SK_MEM_RECV)))
		return false;
	sk_mem_charge(sk, size);
	atomic_add(size, &sk->sk_rmem_alloc);
	return true;
}

static void sc_held_uncharge(struct sock *sk, int size)
{
	spin_lock_bh(&sk->sk_receive_queue.lock);
	atomic_sub(size, &sk->sk_rmem_alloc);
	sk_forward_alloc_add(sk, size);
	if (sk->sk_forward_alloc > SC_HELD_ADVANCE)
		__sk_mem_reclaim(sk, sk->sk_forward_alloc - SC_HELD_ADVANCE / 2);
	spin_unlock_bh(&sk->sk_receive_queue.lock);
}

/* The destructor of an skb: the socket is done with the datagram. */
static void sc_held_free(struct sk_buff *skb)
{
	struct sc_dgram *dg = sc_dgram(skb);
	struct sc_inbox *in = dg->inbox;

	spin_lock_bh(&in->lock);
	sc_held_drop(in, dg);
	spin_unlock_bh(&in->lock);
	kfree(sc_held_aside(skb));
	skb_shinfo(skb)->destructor_arg = NULL;
	sc_held_uncharge(skb->sk, skb->truesize);
	sc_inbox_put(in);
}

/**
 * sc_held_queue() - charge a datagram to a socket and put it into its receive queue
 * @sk:		the socket
 * @skb:	the datagram, with the size of its copy in @truesize
 *
 * Context: Softirqs are disabled.
 *
 * Return: 0; -ENOMEM if it is to be dropped.
 */
int sc_held_queue(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff_head *list = &sk->sk_receive_queue;
	bool charged;

	spin_lock(&list->lock);
	charged = sc_held_charge(sk, skb->truesize);
	if (charged) {
		skb->sk = sk;
		skb->destructor = sc_held_free;
		sock_skb_set_dropcount(sk, skb);
		__skb_queue_tail(list, skb);
	}
	spin_unlock(&list->lock);
	if (!charged)
		return -ENOMEM;
	sk->sk_data_ready(sk);
	return 0;
}

/* ---- Receiving ---------------------------------------------------------- */

/* Read a datagram that was copied aside; page faults are allowed. */
static int sc_held_read_aside(struct sk_buff *skb, u32 offset,
			      struct iov_iter *to, u32 len)
{
	void *copy = sc_held_aside(skb);

	if (sc_dgram(skb)->lost)
		return -ENOMEM;
	if (!copy)
		return skb_copy_datagram_iter(skb, offset, to, len);
	return copy_to_iter(copy + offset, len, to) < len ? -EFAULT : 0;
}

/**
 * sc_held_keep() - from now on the peer cannot change a datagram
 * @skb:	from a socket's receive queue
 *
 * For a datagram that a program has seen and not received. Process context.
 *
 * Return: 0 or -ENOBUFS.
 */
int sc_held_keep(struct sk_buff *skb)
{
	struct sc_dgram *dg = sc_dgram(skb);
	struct sc_inbox *in = dg->inbox;
	bool done;

	/* in place: the channel is up, or datagrams are copied aside before its pages go */
	rcu_read_lock();
	spin_lock_bh(&in->lock);
	done = sc_held_copy_out(in, skb, false);
	if (!dg->in_place && !dg->pins)
		sc_held_drop(in, dg);
	spin_unlock_bh(&in->lock);
	rcu_read_unlock();
	return done ? 0 : -ENOBUFS;
}

/**
 * sc_held_read() - copy from a datagram to user space
 * @skb:	from a socket's receive queue
 * @offset:	where to begin
 * @to:		advanced by what was copied
 * @len:	bytes to copy, no more than the datagram has
 *
 * Process context.
 *
 * Return: 0; -EAGAIN: the caller faults in @to where it stands, rewinds it, and calls
 * again; -EFAULT if @to cannot be written; -ENOMEM if the datagram was lost.
 */
int sc_held_read(struct sk_buff *skb, u32 offset, struct iov_iter *to, u32 len)
{
	struct sc_dgram *dg = sc_dgram(skb);
	struct sc_inbox *in = dg->inbox;
	u32 copied;

	/* for the ring's pages, freed a grace period after datagrams were copied aside */
	rcu_read_lock();
	spin_lock_bh(&in->lock);
	if (!dg->in_place) {
		spin_unlock_bh(&in->lock);
		rcu_read_unlock();
		return sc_held_read_aside(skb, offset, to, len);
	}
	dg->pins++;
	spin_unlock_bh(&in->lock);
	copied = sc_flow_copy_out(&in->flow->rx.ring,
				  dg->pos + SC_RECORD_HEADER + offset, to, len);
	spin_lock_bh(&in->lock);
	if (!--dg->pins && !dg->in_place)
		sc_held_drop(in, dg);
	spin_unlock_bh(&in->lock);
	rcu_read_unlock();
	return copied < len ? -EAGAIN : 0;
}

/* ---- The end of the flow ------------------------------------------------ */

/* Copy some of the datagrams aside. in->lock is held. Returns whether there are more. */
bool sc_held_copy_some_aside(struct sc_inbox *in)
{
	struct sc_dgram *dg, *next;
	int budget = SC_HELD_BUDGET;

	list_for_each_entry_safe(dg, next, &in->held, node) {
		/* it stays in the list until its receivers, few at a time, have copied it */
		if (!dg->in_place)
			continue;
		if (!budget--)
			return true;
		sc_held_set_aside(in, sc_held_skb(dg));
	}
	return false;
}
