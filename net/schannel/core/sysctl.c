// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sysctls net.schannel.*, which af_schannel(7) describes.
 *
 * Those that bound the memory of the machine exist once, in the initial namespace. Those that
 * affect only the namespace's own processes exist in each namespace. The divert_* sysctls
 * belong to transparent mode; they are here so that they can be set before its module is
 * loaded.
 */
#include <linux/build_bug.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/sysctl.h>
#include <net/net_namespace.h>

#include <uapi/linux/schannel.h>
#include "namespace.h"
#include "net.h"
#include "sysctl.h"

#define SC_KIB_SHIFT	10

static_assert(PAGE_SIZE << SCHANNEL_RING_ORDER_MAX == SC_RING_MAX);

static int sc_pool_max_kib = 64 << 10;
static int sc_pool_total_mib = 1024;
static int sc_ring_min_kib = 4;
static int sc_ring_max_kib = SC_RING_MAX >> SC_KIB_SHIFT;
static int sc_ring_idle_ms = 2000;
static int sc_dgram_ring_kib = 256;
static int sc_orphan_timeout_ms = 60 * 1000;
static int sc_max_orphans = 4096;

/* The default is an eighth of the memory: see sc_sysctl_init_dgram_mem(). */
static int sc_dgram_mem_kib;
long sc_sysctl_dgram_mem[3];

static int sc_busy_poll_max = 1000;
static int sc_connect_min = 100;
static int sc_connect_max = 600 * 1000;
static int sc_divert_delay_max = 60 * 1000;
static int sc_pool_min = (PAGE_SIZE << SC_SEGMENT_ORDER) >> SC_KIB_SHIFT;
static int sc_pool_max = 256 << 10;
static int sc_pool_total_max = 1 << 20;
static int sc_ring_idle_min = 10;
static int sc_ring_idle_max = 3600 * 1000;
static int sc_ring_bound_min = PAGE_SIZE >> SC_KIB_SHIFT;
static int sc_ring_bound_max = SC_RING_MAX >> SC_KIB_SHIFT;
static int sc_dgram_min = 128;
static int sc_dgram_max = 1024;
static int sc_orphan_timeout_min = 100;
static int sc_orphan_timeout_max = 3600 * 1000;
static int sc_max_orphans_max = SCHANNEL_FLOWS_MAX;
static int sc_dgram_mem_min = 1024;

/* As proc_dointvec_minmax(), but accepts only powers of two. */
static int sc_sysctl_do_ring(const struct ctl_table *ctl, int write,
			     void *buffer, size_t *lenp, loff_t *ppos)
{
	int val = READ_ONCE(*(int *)ctl->data);
	struct ctl_table one = *ctl;
	int err;

	one.data = &val;
	err = proc_dointvec_minmax(&one, write, buffer, lenp, ppos);
	if (err || !write)
		return err;
	if (!is_power_of_2(val))
		return -EINVAL;
	WRITE_ONCE(*(int *)ctl->data, val);
	return 0;
}

/* Up to three quarters of the limit, all sockets get what they want. */
static void sc_sysctl_set_dgram_mem(void)
{
	long pages = READ_ONCE(sc_dgram_mem_kib) >> (PAGE_SHIFT - SC_KIB_SHIFT);

	WRITE_ONCE(sc_sysctl_dgram_mem[0], pages / 4 * 3);
	WRITE_ONCE(sc_sysctl_dgram_mem[1], pages / 4 * 3);
	WRITE_ONCE(sc_sysctl_dgram_mem[2], pages);
}

static int sc_sysctl_do_dgram_mem(const struct ctl_table *ctl, int write,
				  void *buffer, size_t *lenp, loff_t *ppos)
{
	int err = proc_dointvec_minmax(ctl, write, buffer, lenp, ppos);

	if (!err && write)
		sc_sysctl_set_dgram_mem();
	return err;
}

/* Called for the initial namespace, when the module is loaded. */
static void sc_sysctl_init_dgram_mem(void)
{
	unsigned long kib = nr_free_buffer_pages() / 8 << (PAGE_SHIFT - SC_KIB_SHIFT);

	sc_dgram_mem_kib = clamp_t(unsigned long, kib, sc_dgram_mem_min, INT_MAX);
	sc_sysctl_set_dgram_mem();
}

/*
 * The first SC_SYSCTL_OWN entries exist in each namespace; their @data is an offset into
 * struct sc_sysctl. The initial namespace has all entries.
 */
static const struct ctl_table sc_sysctl_table[] = {
	{
		.procname	= "busy_poll_us",
		.data		= (void *)offsetof(struct sc_sysctl, busy_poll_us),
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= &sc_busy_poll_max,
	},
	{
		.procname	= "connect_timeout_ms",
		.data		= (void *)offsetof(struct sc_sysctl,
						   connect_timeout_ms),
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &sc_connect_min,
		.extra2		= &sc_connect_max,
	},
	{
		.procname	= "divert_delay_ms",
		.data		= (void *)offsetof(struct sc_sysctl,
						   divert_delay_ms),
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= &sc_divert_delay_max,
	},
	{
		.procname	= "divert_local",
		.data		= (void *)offsetof(struct sc_sysctl,
						   divert_local),
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_ONE,
	},
#define SC_SYSCTL_OWN	4
	{
		.procname	= "pool_max_kib",
		.data		= &sc_pool_max_kib,
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &sc_pool_min,
		.extra2		= &sc_pool_max,
	},
	{
		.procname	= "pool_total_mib",
		.data		= &sc_pool_total_mib,
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ONE,
		.extra2		= &sc_pool_total_max,
	},
	{
		.procname	= "ring_idle_ms",
		.data		= &sc_ring_idle_ms,
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &sc_ring_idle_min,
		.extra2		= &sc_ring_idle_max,
	},
	{
		.procname	= "ring_min_kib",
		.data		= &sc_ring_min_kib,
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= sc_sysctl_do_ring,
		.extra1		= &sc_ring_bound_min,
		.extra2		= &sc_ring_max_kib,
	},
	{
		.procname	= "ring_max_kib",
		.data		= &sc_ring_max_kib,
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= sc_sysctl_do_ring,
		.extra1		= &sc_ring_min_kib,
		.extra2		= &sc_ring_bound_max,
	},
	{
		.procname	= "dgram_ring_kib",
		.data		= &sc_dgram_ring_kib,
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= sc_sysctl_do_ring,
		.extra1		= &sc_dgram_min,
		.extra2		= &sc_dgram_max,
	},
	{
		.procname	= "orphan_timeout_ms",
		.data		= &sc_orphan_timeout_ms,
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &sc_orphan_timeout_min,
		.extra2		= &sc_orphan_timeout_max,
	},
	{
		.procname	= "max_orphans",
		.data		= &sc_max_orphans,
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= &sc_max_orphans_max,
	},
	{
		.procname	= "dgram_mem_kib",
		.data		= &sc_dgram_mem_kib,
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= sc_sysctl_do_dgram_mem,
		.extra1		= &sc_dgram_mem_min,
	},
};

/* Register a namespace's sysctls, with their defaults. 0 or -ENOMEM. */
int sc_sysctl_create(struct net *net, struct sc_sysctl *ctl)
{
	size_t nr = net_eq(net, &init_net) ? ARRAY_SIZE(sc_sysctl_table) :
					     SC_SYSCTL_OWN;
	struct ctl_table *table;
	unsigned int i;

	if (net_eq(net, &init_net))
		sc_sysctl_init_dgram_mem();
	ctl->busy_poll_us = 200;
	ctl->connect_timeout_ms = 10 * 1000;
	ctl->divert_delay_ms = 20;
	ctl->divert_local = 0;
	table = kmemdup_array(sc_sysctl_table, nr, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	for (i = 0; i < SC_SYSCTL_OWN; i++)
		table[i].data = (void *)ctl + (unsigned long)table[i].data;
	ctl->header = register_net_sysctl_sz(net, "net/schannel", table, nr);
	if (!ctl->header) {
		kfree(table);
		return -ENOMEM;
	}
	return 0;
}

void sc_sysctl_destroy(struct sc_sysctl *ctl)
{
	const struct ctl_table *table = ctl->header->ctl_table_arg;

	unregister_net_sysctl_table(ctl->header);
	kfree(table);
}

unsigned int sc_sysctl_busy_poll_us(const struct net *net)
{
	return READ_ONCE(sc_net(net)->sysctl.busy_poll_us);
}

/* In jiffies. */
unsigned long sc_sysctl_connect_timeout(const struct net *net)
{
	return msecs_to_jiffies(READ_ONCE(sc_net(net)->sysctl.connect_timeout_ms));
}

/* In jiffies. */
unsigned long sc_sysctl_divert_delay(const struct net *net)
{
	return msecs_to_jiffies(READ_ONCE(sc_net(net)->sysctl.divert_delay_ms));
}
EXPORT_SYMBOL_NS_GPL(sc_sysctl_divert_delay, SC_NS_SOCK);

bool sc_sysctl_divert_local(const struct net *net)
{
	return READ_ONCE(sc_net(net)->sysctl.divert_local);
}
EXPORT_SYMBOL_NS_GPL(sc_sysctl_divert_local, SC_NS_SOCK);

/* Limit for the pages of one channel's pool. */
u32 sc_sysctl_pool_pages(void)
{
	return READ_ONCE(sc_pool_max_kib) >> (PAGE_SHIFT - SC_KIB_SHIFT);
}

/* Limit for the pages of all channels' pools. */
long sc_sysctl_pool_total_pages(void)
{
	return (long)READ_ONCE(sc_pool_total_mib) << (20 - PAGE_SHIFT);
}

/* Time without a send after which a ring shrinks, in jiffies. */
unsigned long sc_sysctl_idle(void)
{
	return msecs_to_jiffies(READ_ONCE(sc_ring_idle_ms));
}

/* Time without progress after which an orphan is reset, in jiffies. */
unsigned long sc_sysctl_orphan_timeout(void)
{
	return msecs_to_jiffies(READ_ONCE(sc_orphan_timeout_ms));
}
EXPORT_SYMBOL_NS_GPL(sc_sysctl_orphan_timeout, SC_NS_SOCK);

/* Limit for the orphans of one channel. */
unsigned int sc_sysctl_max_orphans(void)
{
	return READ_ONCE(sc_max_orphans);
}
EXPORT_SYMBOL_NS_GPL(sc_sysctl_max_orphans, SC_NS_SOCK);

static u8 sc_sysctl_order(int kib)
{
	return ilog2(kib) - (PAGE_SHIFT - SC_KIB_SHIFT);
}

/* The size limits of a ring for which no socket option was set. */
struct sc_size_limits sc_sysctl_ring(void)
{
	u8 min_order = sc_sysctl_order(READ_ONCE(sc_ring_min_kib));
	u8 max_order = sc_sysctl_order(READ_ONCE(sc_ring_max_kib));

	/* concurrent writers can leave a minimum above the maximum */
	return (struct sc_size_limits) {
		.min		= min(min_order, max_order),
		.max		= max_order,
		.fallback	= min(min_order, max_order),
		.room		= max_order,
	};
}

/* The order of the ring that carries datagrams. */
u8 sc_sysctl_dgram_order(void)
{
	return sc_sysctl_order(READ_ONCE(sc_dgram_ring_kib));
}
