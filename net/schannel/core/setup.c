// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bringing channels up and down. See channel.h; transport.h documents the functions.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "channel.h"
#include "common.h"
#include "control.h"
#include "flow.h"
#include "maintain.h"
#include "namespace.h"
#include "orphan.h"
#include "peer.h"
#include "reap.h"
#include "resize.h"
#include "stats.h"
#include "sysctl.h"
#include "transport.h"

/* ---- Our side ---------------------------------------------------------- */

/* Unshare what sc_channel_share() has shared, also after a failure, and what was added. */
static void sc_channel_unshare(struct schannel_channel *ch)
{
	struct schannel_peer *peer = ch->peer;
	struct sc_segment *seg;
	unsigned int i;

	while ((seg = sc_segment_of(sc_pool_take(&ch->pool))))
		sc_segment_destroy(peer, seg);
	for (i = 0; i < ch->table_pages; i++)
		sc_page_unshare(peer, &ch->table[i]);
	ch->table_pages = 0;
	for (i = 0; i < SC_CTL_PAGES; i++)
		sc_page_unshare(peer, &ch->ctl_page[i]);
	for (i = 0; i < SC_QUEUE_PAGES; i++)
		sc_page_unshare(peer, &ch->entry_page[i]);
	sc_page_unshare(peer, &ch->queue_page);
	sc_page_unshare(peer, &ch->dir);
}

/*
 * The order of our event queues: all of them together have an entry for every flow, so that
 * the peer can use all flows without an overflow.
 */
static u32 sc_channel_queue_order(unsigned int nr_queues)
{
	return ilog2(SCHANNEL_FLOWS_MAX / SCHANNEL_QUEUE_ENTRIES) - ilog2(nr_queues);
}

static int sc_channel_share_queues(struct schannel_channel *ch,
				   struct schannel_dir *dir)
{
	unsigned int i, pages;
	int err;

	/* with three queues of eight pages most */
	BUILD_BUG_ON(SC_QUEUE_PAGES < 3 * SCHANNEL_FLOWS_MAX / 2 / SCHANNEL_QUEUE_ENTRIES);
	BUILD_BUG_ON(SC_QUEUES > 4);

	err = sc_page_share(ch->peer, &ch->queue_page);
	if (err)
		return err;
	dir->nr_queues = ch->nr_queues;
	dir->queue_order = sc_channel_queue_order(ch->nr_queues);
	dir->queue_ref = ch->queue_page.ref;
	pages = 1U << dir->queue_order;
	for (i = 0; i < ch->nr_queues * pages; i++) {
		err = sc_page_share(ch->peer, &ch->entry_page[i]);
		if (err)
			return err;
		dir->entry_ref[i] = ch->entry_page[i].ref;
		ch->entry_addr[i] = ch->entry_page[i].addr;
	}
	for (i = 0; i < ch->nr_queues; i++) {
		struct sc_queue *q = &ch->queue[i].q;

		q->own = (struct schannel_queue *)ch->queue_page.addr + i;
		q->own_page = ch->entry_addr + i * pages;
		q->own_size = SCHANNEL_QUEUE_ENTRIES << dir->queue_order;
	}
	return 0;
}

static int sc_channel_share(struct schannel_channel *ch)
{
	struct schannel_peer *peer = ch->peer;
	struct schannel_dir *dir;
	unsigned int i;
	int err;

	err = sc_page_share(peer, &ch->dir);
	if (err)
		return err;
	dir = ch->dir.addr;
	sc_dir_init(dir);
	dir->ctl_order = SC_CTL_ORDER;

	err = sc_channel_share_queues(ch, dir);
	if (err)
		return err;
	for (i = 0; i < SC_CTL_PAGES; i++) {
		err = sc_page_share(peer, &ch->ctl_page[i]);
		if (err)
			return err;
		dir->ctl_ref[i] = ch->ctl_page[i].ref;
		ch->ctl_addr[i] = ch->ctl_page[i].addr;
	}
	err = sc_page_share(peer, &ch->table[0]);
	if (err)
		return err;
	dir->flow_ref = ch->table[0].ref;
	ch->table_pages = 1;
	ch->table_announced = 1;

	ch->ctl_tx.own = ch->table[0].addr;
	ch->ctl_rx.own = ch->table[0].addr;
	ch->ctl_tx.ring.addr = ch->ctl_addr;
	ch->ctl_tx.ring.size = SC_CTL_PAGES * PAGE_SIZE;
	return 0;
}

/* The pool's limit: the sysctl, or the limit that the control domain set for the peer. */
static u32 sc_channel_pool_pages(struct schannel_peer *peer)
{
	u32 pages = sc_sysctl_pool_pages();
	struct schannel_peer_info info;

	sc_peer_info(peer, &info);
	if (!info.pool_mib || info.pool_mib > pages >> (20 - PAGE_SHIFT))
		return pages;
	return info.pool_mib << (20 - PAGE_SHIFT);
}

struct schannel_channel *schannel_channel_create(struct schannel_peer *peer)
{
	struct schannel_channel *ch;
	unsigned int i;
	int err;

	BUILD_BUG_ON(sizeof(struct schannel_queue) * SCHANNEL_QUEUES_MAX !=
		     SCHANNEL_PAGE_SIZE);
	BUILD_BUG_ON(sizeof(struct schannel_msg) != SCHANNEL_MSG_SIZE);
	BUILD_BUG_ON(sizeof(struct schannel_flow) * SCHANNEL_FLOWS_PER_PAGE !=
		     SCHANNEL_PAGE_SIZE);
	BUILD_BUG_ON(sizeof(struct schannel_dir) > SCHANNEL_PAGE_SIZE);

	ch = kzalloc(sizeof(*ch), GFP_KERNEL);
	if (!ch)
		return ERR_PTR(-ENOMEM);
	refcount_set(&ch->ref, 1);
	refcount_inc(&peer->ref);
	ch->peer = peer;
	ch->state = SC_CHANNEL_NEW;
	/* one queue for each CPU: the flows are spread over the queues */
	ch->nr_queues = min(SC_QUEUES, num_online_cpus());
	for (i = 0; i < SC_QUEUES; i++) {
		spin_lock_init(&ch->queue[i].lock);
		ch->queue[i].q.prod = SC_QUEUE_START(i);
		ch->queue[i].flows = !i;	/* flow 0 is in queue 0 */
	}
	sc_pool_init(&ch->pool, sc_channel_pool_pages(peer));
	xa_init_flags(&ch->flows, XA_FLAGS_ALLOC | XA_FLAGS_LOCK_BH);
	xa_init_flags(&ch->owners, XA_FLAGS_LOCK_BH);
	INIT_WORK(&ch->work, sc_control_work);
	spin_lock_init(&ch->ctl_lock);
	INIT_DELAYED_WORK(&ch->maintain, sc_maintain_work);
	INIT_LIST_HEAD(&ch->maintained);
	sc_orphan_init(&ch->orphans, sc_reap_work);
	init_llist_head(&ch->looks);
	INIT_DELAYED_WORK(&ch->look_work, sc_resize_later_work);
	init_llist_head(&ch->unread);
	INIT_DELAYED_WORK(&ch->unread_work, sc_unread_work);
	ch->maintain_next = jiffies;
	ch->maintain_rest = jiffies;
	ch->starved_order = SC_ORDER_NONE;
	ch->yield_order = SC_ORDER_NONE;
	ch->yield_next = jiffies;
	INIT_LIST_HEAD(&ch->posts);
	mutex_init(&ch->grow_lock);
	mutex_init(&ch->walk_lock);
	spin_lock_init(&ch->traffic_lock);

	ch->table = kvcalloc(SCHANNEL_FLOW_PAGES_MAX, sizeof(*ch->table),
			     GFP_KERNEL);
	ch->peer_table = kvcalloc(SCHANNEL_FLOW_PAGES_MAX,
				  sizeof(*ch->peer_table), GFP_KERNEL);
	ch->peer_table_map = kvcalloc(SCHANNEL_FLOW_PAGES_MAX,
				      sizeof(*ch->peer_table_map), GFP_KERNEL);
	ch->peer_segment = kvcalloc(SCHANNEL_SEGMENTS_MAX,
				    sizeof(*ch->peer_segment), GFP_KERNEL);
	ch->refusal = kvzalloc(SCHANNEL_FLOWS_MAX, GFP_KERNEL);
	ch->refused = kvzalloc(BITS_TO_BYTES(SCHANNEL_FLOWS_MAX), GFP_KERNEL);
	err = -ENOMEM;
	if (ch->table && ch->peer_table && ch->peer_table_map &&
	    ch->peer_segment && ch->refusal && ch->refused)
		err = sc_channel_share(ch);
	if (err) {
		sc_channel_unshare(ch);
		sc_channel_put(ch);
		return ERR_PTR(err);
	}
	return ch;
}
EXPORT_SYMBOL_NS_GPL(schannel_channel_create, SC_NS_TRANSPORT);

u32 schannel_channel_dir_ref(const struct schannel_channel *ch)
{
	return ch->dir.ref;
}
EXPORT_SYMBOL_NS_GPL(schannel_channel_dir_ref, SC_NS_TRANSPORT);

unsigned int schannel_channel_queues(const struct schannel_channel *ch)
{
	return ch->nr_queues;
}
EXPORT_SYMBOL_NS_GPL(schannel_channel_queues, SC_NS_TRANSPORT);

/* ---- The peer's side --------------------------------------------------- */

static int sc_channel_map_one(struct schannel_channel *ch, const u32 *refs,
			      unsigned int nr, struct schannel_mapping **map)
{
	struct schannel_mapping *m;

	m = ch->peer->transport->map(ch->peer, refs, nr);
	if (IS_ERR(m))
		return PTR_ERR(m);
	*map = m;
	return 0;
}

static int sc_channel_map_queues(struct schannel_channel *ch,
				 const struct schannel_dir *dir)
{
	unsigned int i, pages = 1U << dir->queue_order;
	int err;

	err = sc_channel_map_one(ch, &dir->queue_ref, 1, &ch->peer_queue_map);
	if (!err)
		err = sc_channel_map_one(ch, dir->entry_ref, ch->nr_queues * pages,
					 &ch->peer_entry_map);
	if (err)
		return err;
	for (i = 0; i < ch->nr_queues; i++) {
		struct sc_queue *q = &ch->queue[i].q;

		q->peer = (struct schannel_queue *)ch->peer_queue_map->addr[0] + i;
		q->peer_page = ch->peer_entry_map->addr + i * pages;
		q->peer_size = SCHANNEL_QUEUE_ENTRIES << dir->queue_order;
	}
	return 0;
}

static int sc_channel_map(struct schannel_channel *ch, const struct schannel_dir *dir)
{
	int err;

	err = sc_channel_map_queues(ch, dir);
	if (err)
		return err;
	err = sc_channel_map_one(ch, dir->ctl_ref, 1U << dir->ctl_order,
				 &ch->peer_ctl_map);
	if (err)
		return err;
	ch->ctl_rx.ring.addr = ch->peer_ctl_map->addr;
	ch->ctl_rx.ring.size = SCHANNEL_PAGE_SIZE << dir->ctl_order;
	err = sc_channel_map_one(ch, &dir->flow_ref, 1,
				 &ch->peer_table_map[0]);
	if (err)
		return err;
	ch->peer_table_maps = 1;
	ch->peer_table[0] = ch->peer_table_map[0]->addr[0];
	ch->peer_table_pages = 1;
	ch->ctl_tx.peer = ch->peer_table[0];
	ch->ctl_rx.peer = ch->peer_table[0];
	return 0;
}

static void sc_channel_unmap(struct schannel_channel *ch)
{
	const struct schannel_transport *t = ch->peer->transport;
	unsigned int i;

	for (i = 0; i < SCHANNEL_SEGMENTS_MAX; i++)
		if (ch->peer_segment[i].map)
			t->unmap(ch->peer, ch->peer_segment[i].map);
	for (i = 0; i < ch->peer_table_maps; i++)
		t->unmap(ch->peer, ch->peer_table_map[i]);
	if (ch->peer_ctl_map)
		t->unmap(ch->peer, ch->peer_ctl_map);
	if (ch->peer_entry_map)
		t->unmap(ch->peer, ch->peer_entry_map);
	if (ch->peer_queue_map)
		t->unmap(ch->peer, ch->peer_queue_map);
}

/* Read the peer's directory and agree on what the channel may use. */
static int sc_channel_read_dir(struct schannel_channel *ch, u32 dir_ref,
			       struct schannel_dir *dir)
{
	const struct schannel_transport *t = ch->peer->transport;
	struct schannel_mapping *map = t->map(ch->peer, &dir_ref, 1);
	char why[SC_DIR_WHY];
	int err;

	if (IS_ERR(map))
		return PTR_ERR(map);
	memcpy(dir, map->addr[0], sizeof(*dir));
	t->unmap(ch->peer, map);
	err = sc_dir_check(ch->dir.addr, dir, why);
	if (err) {
		pr_warn_ratelimited("schannel: domain %u: %s, channel refused\n",
				    ch->peer->domid, why);
		return err;
	}
	sc_dir_agree(ch->dir.addr, dir, &ch->terms);
	ch->nr_queues = ch->terms.nr_queues;
	sc_pool_set_terms(&ch->pool, &ch->terms);
	return 0;
}

int schannel_channel_attach(struct schannel_channel *ch, u32 dir_ref)
{
	struct schannel_dir *dir;
	int err;

	dir = kmalloc(sizeof(*dir), GFP_KERNEL);
	if (!dir)
		return -ENOMEM;
	err = sc_channel_read_dir(ch, dir_ref, dir);
	if (!err)
		err = sc_channel_map(ch, dir);
	kfree(dir);
	if (err)
		return err;
	ch->since = ktime_get_boottime();
	sc_peer_up(ch->peer, ch);
	sc_stats_channel(ch, true);
	queue_work(sc_wq, &ch->work);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(schannel_channel_attach, SC_NS_TRANSPORT);

/* ---- Going down -------------------------------------------------------- */

void schannel_channel_destroy(struct schannel_channel *ch)
{
	struct sc_flow *flow;
	unsigned long id;
	bool was_up;

	spin_lock(&ch->ctl_lock);
	was_up = ch->state == SC_CHANNEL_UP;
	WRITE_ONCE(ch->state, SC_CHANNEL_DOWN);
	spin_unlock(&ch->ctl_lock);
	if (was_up) {
		sc_stats_channel(ch, false);
		sc_peer_down(ch->peer, ch, -ECONNRESET);
	}

	/* first wake all users of flows, so that none waits for what follows */
	xa_for_each(&ch->flows, id, flow) {
		flow = sc_flow_get(ch, id);
		if (!flow)
			continue;
		sc_flow_set_dead(flow, SC_FLOW_GONE);
		sc_flow_ended(flow, -ECONNRESET);
		sc_flow_put(flow);
		cond_resched();
	}

	cancel_work_sync(&ch->work);
	disable_delayed_work_sync(&ch->look_work);
	disable_delayed_work_sync(&ch->maintain);
	disable_delayed_work_sync(&ch->unread_work);
	disable_delayed_work_sync(&ch->orphans.work);
	/* wait until no thread grows the pool or the table: later ones see the state... */
	mutex_lock(&ch->grow_lock);
	mutex_unlock(&ch->grow_lock);
	/* ...and until no thread copies from or to the shared pages */
	synchronize_rcu();
	/* the data path may have queued it once more */
	cancel_work_sync(&ch->work);
	sc_resize_forget_looks(ch);
	sc_unread_forget(ch);

	sc_channel_unmap(ch);
	sc_channel_unshare(ch);
	/* last: a thread that is resizing a ring may still free one in the pool */
	xa_for_each(&ch->flows, id, flow) {
		sc_flow_retire(flow);
		cond_resched();
	}
	sc_channel_put(ch);
}
EXPORT_SYMBOL_NS_GPL(schannel_channel_destroy, SC_NS_TRANSPORT);
