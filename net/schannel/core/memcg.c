// SPDX-License-Identifier: GPL-2.0-only
/*
 * Charging memory cgroups. See memcg.h.
 *
 * A ring is a part of a segment that many users share, and an accepted connection is made
 * by a work. So the pages cannot be charged by allocating them with __GFP_ACCOUNT, and the
 * functions that charge a memory cgroup are not exported, except through a socket. @sc_memcg_sk is
 * a socket for that purpose only: it charges as any socket does, for the memory cgroup that it
 * is given at the moment. memory.stat shows the sum as "sock".
 *
 * The kernel charges sockets in softirq beyond the limit (memory.max), and otherwise may
 * end a process for it. Neither may happen because a peer sends or connects. So
 * sc_memcg_has_room() is asked first, which leaves a part of the limit to the programs. Many
 * memory cgroups are full of page cache all the time: that does not count, and a work has
 * them reclaim as much as they are charged beyond the limit.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/limits.h>
#include <linux/memcontrol.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/percpu.h>
#include <linux/sched/mm.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "memcg.h"

/* An eighth of its limit, which a memory cgroup's programs may need, is not charged. */
#define SC_MEMCG_KEEP	8

/* A sixteenth of its limit is what a memory cgroup may have beyond the limit for a while. */
#define SC_MEMCG_BEYOND	16

static atomic_long_t sc_memcg_allocated;
static DEFINE_PER_CPU(int, sc_memcg_fw_alloc);
static long sc_memcg_limits[3] = { LONG_MAX, LONG_MAX, LONG_MAX };
static int sc_memcg_least;	/* not used below the limits, but read by a tracepoint */

/* No owner: the socket must not hold the module. */
static struct proto sc_memcg_proto = {
	.name			= "SCHANNEL-CHARGE",
	.obj_size		= sizeof(struct sock),
	.memory_allocated	= &sc_memcg_allocated,
	.per_cpu_fw_alloc	= &sc_memcg_fw_alloc,
	.sysctl_mem		= sc_memcg_limits,
	.sysctl_rmem		= &sc_memcg_least,
	.sysctl_wmem		= &sc_memcg_least,
};

static struct sock *sc_memcg_sk;
static DEFINE_SPINLOCK(sc_memcg_lock);	/* @sc_memcg_sk */

/* The memory cgroup that @sc_memcg_work has reclaim, with a reference, or NULL. */
static struct mem_cgroup *sc_memcg_full;

/* An allocation that is charged to the full memory cgroup has it reclaim what is too much. */
static void sc_memcg_reclaim(struct work_struct *work)
{
	struct mem_cgroup *memcg = READ_ONCE(sc_memcg_full);
	struct mem_cgroup *before;
	struct page *page;

	before = set_active_memcg(memcg);
	/* may fail, so that no process is ended for it */
	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	set_active_memcg(before);
	if (page)
		__free_page(page);
	/* release: the next one is stored after this work has read its own */
	smp_store_release(&sc_memcg_full, NULL);
	mem_cgroup_put(memcg);
}

static DECLARE_WORK(sc_memcg_work, sc_memcg_reclaim);

/* Of several that are full at the same time, the others get their turn when asked again. */
static void sc_memcg_relieve(struct mem_cgroup *memcg)
{
	if (READ_ONCE(sc_memcg_full) || !css_tryget(&memcg->css))
		return;
	if (cmpxchg(&sc_memcg_full, NULL, memcg))
		mem_cgroup_put(memcg);
	else
		queue_work(system_unbound_wq, &sc_memcg_work);
}

/* The page cache of a memory cgroup, without those below it: pages that it can reclaim. */
static unsigned long sc_memcg_cache(const struct mem_cgroup *memcg)
{
	unsigned long pages = 0;
	int nid, zone;

	for_each_node_state(nid, N_MEMORY) {
		const struct mem_cgroup_per_node *node = memcg->nodeinfo[nid];

		for (zone = 0; zone < MAX_NR_ZONES; zone++)
			pages += READ_ONCE(node->lru_zone_size[zone][LRU_INACTIVE_FILE]) +
				 READ_ONCE(node->lru_zone_size[zone][LRU_ACTIVE_FILE]);
	}
	return pages;
}

/**
 * sc_memcg_has_room() - may a memory cgroup be charged?
 * @memcg:	the memory cgroup, or NULL
 * @pages:	the number of pages
 *
 * Context: Any but hard interrupts.
 *
 * Return: whether its programs are left what they may need; and it and its ancestors stay
 * within their limits, or close to them while a work reclaims.
 */
bool sc_memcg_has_room(struct mem_cgroup *memcg, unsigned int pages)
{
	struct mem_cgroup *each;
	bool beyond = false;
	bool room = true;

	for (each = memcg; each && room; each = parent_mem_cgroup(each)) {
		unsigned long usage = page_counter_read(&each->memory) + pages;
		unsigned long max = READ_ONCE(each->memory.max);
		unsigned long keep = each == memcg ? max / SC_MEMCG_KEEP : 0;

		if (usage <= max - keep)
			continue;
		beyond |= usage > max;
		room = usage <= max + max / SC_MEMCG_BEYOND &&
		       (!keep || usage <= max - keep + sc_memcg_cache(memcg));
	}
	if (beyond)
		sc_memcg_relieve(memcg);
	return room;
}

/**
 * sc_memcg_get() - the memory cgroup that a socket is charged to
 * @sk:		the socket, or NULL
 *
 * Return: the memory cgroup, to be released with mem_cgroup_put(), or NULL if none is charged.
 */
struct mem_cgroup *sc_memcg_get(const struct sock *sk)
{
	struct mem_cgroup *memcg = NULL;

	if (sk && mem_cgroup_sk_enabled(sk)) {
		memcg = sk->sk_memcg;
		css_get(&memcg->css);
	}
	return memcg;
}

/**
 * sc_memcg_inherit() - an accepted socket belongs to the cgroups of its listener
 * @sk:		a new socket, which a work has made and no other thread has found
 * @from:	the listener
 */
void sc_memcg_inherit(struct sock *sk, struct sock *from)
{
#ifdef CONFIG_SOCK_CGROUP_DATA
	struct cgroup *cgroup = sock_cgroup_ptr(&from->sk_cgrp_data);

	/* as cgroup_sk_free() and cgroup_sk_clone(), which are not exported */
	cgroup_bpf_put(sock_cgroup_ptr(&sk->sk_cgrp_data));
	cgroup_put(sock_cgroup_ptr(&sk->sk_cgrp_data));
	cgroup_get(cgroup);
	cgroup_bpf_get(cgroup);
	sk->sk_cgrp_data = from->sk_cgrp_data;
#endif
	mem_cgroup_put(sk->sk_memcg);
	sk->sk_memcg = sc_memcg_get(from);
}

/**
 * sc_memcg_charge_beyond() - charge a memory cgroup, whatever its limit
 * @memcg:	the memory cgroup, or NULL
 * @pages:	the number of pages
 *
 * Context: Any but hard interrupts.
 */
void sc_memcg_charge_beyond(struct mem_cgroup *memcg, unsigned int pages)
{
	int size = pages << PAGE_SHIFT;

	if (!memcg)
		return;
	/* with softirqs disabled it always succeeds, and neither reclaims nor ends a process */
	spin_lock_bh(&sc_memcg_lock);
	sc_memcg_sk->sk_memcg = memcg;
	if (!WARN_ON_ONCE(!__sk_mem_schedule(sc_memcg_sk, size, SK_MEM_RECV)))
		sk_forward_alloc_add(sc_memcg_sk, -size);
	sc_memcg_sk->sk_memcg = NULL;
	spin_unlock_bh(&sc_memcg_lock);
}

/**
 * sc_memcg_charge() - charge a memory cgroup
 * @memcg:	the memory cgroup, or NULL
 * @pages:	the number of pages
 *
 * Context: Any but hard interrupts.
 *
 * Return: 0 or -ENOMEM.
 */
int sc_memcg_charge(struct mem_cgroup *memcg, unsigned int pages)
{
	if (memcg && !sc_memcg_has_room(memcg, pages))
		return -ENOMEM;
	sc_memcg_charge_beyond(memcg, pages);
	return 0;
}

/**
 * sc_memcg_uncharge() - undo sc_memcg_charge()
 * @memcg:	the memory cgroup, or NULL
 * @pages:	the number of pages
 *
 * Context: Any but hard interrupts.
 */
void sc_memcg_uncharge(struct mem_cgroup *memcg, unsigned int pages)
{
	int size = pages << PAGE_SHIFT;

	if (!memcg)
		return;
	spin_lock_bh(&sc_memcg_lock);
	sc_memcg_sk->sk_memcg = memcg;
	sk_forward_alloc_add(sc_memcg_sk, size);
	__sk_mem_reclaim(sc_memcg_sk, size);
	sc_memcg_sk->sk_memcg = NULL;
	spin_unlock_bh(&sc_memcg_lock);
}

/* Process context. 0 or -ENOMEM. */
int __init sc_memcg_init(void)
{
	sc_memcg_sk = sk_alloc(&init_net, AF_UNSPEC, GFP_KERNEL, &sc_memcg_proto, 1);
	if (!sc_memcg_sk)
		return -ENOMEM;
	/* it belongs to nobody */
	mem_cgroup_put(sc_memcg_sk->sk_memcg);
	sc_memcg_sk->sk_memcg = NULL;
	return 0;
}

void sc_memcg_exit(void)
{
	cancel_work_sync(&sc_memcg_work);
	mem_cgroup_put(sc_memcg_full);
	sk_free(sc_memcg_sk);
}
