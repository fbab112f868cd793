// SPDX-License-Identifier: GPL-2.0-only
/*
 * Monitor devices ("ip link add mon0 type schannelmon"), as nlmon and vsockmon are: packet sockets
 * see on them what travels in rings, see capture.c, and nothing can be sent. A device shows the
 * connections of its own network namespace.
 *
 * Readers are those of any network device: making one takes CAP_NET_ADMIN in its namespace, reading
 * CAP_NET_RAW. What a reader is too slow for is dropped by its socket; what there is no memory
 * for, by the device. A device does not hold the module: unloading that removes it. Creating one
 * does not load the module either, since any user may create devices in a namespace of its own.
 */
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/netdevice.h>
#include <linux/rculist.h>
#include <net/ip.h>
#include <net/netns/generic.h>
#include <net/rtnetlink.h>

#include "monitor.h"

/**
 * struct scinet_monitor - a monitor device
 * @dev:	the device
 * @node:	in the list of its namespace while it is up
 */
struct scinet_monitor {
	struct net_device *dev;
	struct list_head node;
};

/**
 * struct scinet_monitor_net - the monitor devices of a network namespace
 * @up:		those that are up; changed under RTNL, read under RCU
 */
struct scinet_monitor_net {
	struct list_head up;
};

static unsigned int scinet_monitor_net_id;

DEFINE_STATIC_KEY_FALSE(scinet_monitor_key);

static struct list_head *scinet_monitor_list(const struct net *net)
{
	struct scinet_monitor_net *monitors = net_generic(net, scinet_monitor_net_id);

	return &monitors->up;
}

/* ---- Showing packets --------------------------------------------------- */

/**
 * scinet_monitor_is_up() - would anybody see a packet of this namespace?
 * @net:	the namespace
 *
 * Context: any.
 * Return: whether a monitor device is up.
 */
bool scinet_monitor_is_up(const struct net *net)
{
	return !list_empty(scinet_monitor_list(net));
}

static void scinet_monitor_count_lost(struct net_device *dev, bool out)
{
	if (out)
		dev_core_stats_tx_dropped_inc(dev);
	else
		dev_core_stats_rx_dropped_inc(dev);
}

/*
 * Packet sockets get it before this returns, so that one that is shown later is behind it,
 * whichever processor shows it.
 */
static void scinet_monitor_pass(struct net_device *dev, struct sk_buff *skb, bool out)
{
	skb->dev = dev;
	if (out) {
		dev_queue_xmit(skb);
		return;
	}
	local_bh_disable();
	dev_sw_netstats_rx_add(dev, skb->len);
	netif_receive_skb(skb);
	local_bh_enable();
}

/**
 * scinet_monitor_show() - show a packet on all monitor devices of a namespace
 * @net:	the namespace
 * @skb:	the packet, which begins with its IP header. Is consumed
 * @out:	as one that is sent, otherwise as one that is received
 *
 * Context: process context.
 */
void scinet_monitor_show(const struct net *net, struct sk_buff *skb, bool out)
{
	struct scinet_monitor *monitor;
	struct sk_buff *copy;

	rcu_read_lock();
	list_for_each_entry_rcu(monitor, scinet_monitor_list(net), node) {
		copy = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);
		if (copy)
			scinet_monitor_pass(monitor->dev, copy, out);
		else
			scinet_monitor_count_lost(monitor->dev, out);
	}
	rcu_read_unlock();
	consume_skb(skb);
}

/**
 * scinet_monitor_lost() - count a packet that cannot be shown
 * @net:	the namespace
 * @out:	as for scinet_monitor_show()
 *
 * Context: any.
 */
void scinet_monitor_lost(const struct net *net, bool out)
{
	struct scinet_monitor *monitor;

	rcu_read_lock();
	list_for_each_entry_rcu(monitor, scinet_monitor_list(net), node)
		scinet_monitor_count_lost(monitor->dev, out);
	rcu_read_unlock();
}

/* ---- The device -------------------------------------------------------- */

/* Packet sockets have seen it, which is all it was for; the same for what a program sends here. */
static netdev_tx_t scinet_monitor_xmit(struct sk_buff *skb, struct net_device *dev)
{
	dev_sw_netstats_tx_add(dev, 1, skb->len);
	dev_kfree_skb(skb);
	return NETDEV_TX_OK;
}

/* The same: IP must not take it for a packet that has arrived. */
static rx_handler_result_t scinet_monitor_handle(struct sk_buff **skb)
{
	consume_skb(*skb);
	return RX_HANDLER_CONSUMED;
}

static int scinet_monitor_dev_init(struct net_device *dev)
{
	struct scinet_monitor *monitor = netdev_priv(dev);

	monitor->dev = dev;
	return netdev_rx_handler_register(dev, scinet_monitor_handle, NULL);
}

static void scinet_monitor_dev_uninit(struct net_device *dev)
{
	netdev_rx_handler_unregister(dev);
}

static int scinet_monitor_open(struct net_device *dev)
{
	struct scinet_monitor *monitor = netdev_priv(dev);

	list_add_tail_rcu(&monitor->node, scinet_monitor_list(dev_net(dev)));
	static_branch_inc(&scinet_monitor_key);
	return 0;
}

static int scinet_monitor_stop(struct net_device *dev)
{
	struct scinet_monitor *monitor = netdev_priv(dev);

	static_branch_dec(&scinet_monitor_key);
	list_del_rcu(&monitor->node);
	/* it may be opened again at once, while somebody is at its old place in the list */
	synchronize_net();
	return 0;
}

static const struct net_device_ops scinet_monitor_ops = {
	.ndo_init	= scinet_monitor_dev_init,
	.ndo_uninit	= scinet_monitor_dev_uninit,
	.ndo_open	= scinet_monitor_open,
	.ndo_stop	= scinet_monitor_stop,
	.ndo_start_xmit	= scinet_monitor_xmit,
	.ndo_get_stats64 = dev_get_tstats64,
};

static const struct ethtool_ops scinet_monitor_ethtool_ops = {
	.get_link	= ethtool_op_get_link,
};

static void scinet_monitor_setup(struct net_device *dev)
{
	/* libpcap knows it as packets that begin with an IP header */
	dev->type = ARPHRD_NONE;
	dev->flags = IFF_NOARP;
	/* IPv6 must not send packets of its own here */
	dev->priv_flags |= IFF_NO_QUEUE | IFF_NO_ADDRCONF;
	dev->lltx = true;
	dev->features = NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HIGHDMA;
	dev->mtu = IP_MAX_MTU;
	dev->netdev_ops = &scinet_monitor_ops;
	dev->ethtool_ops = &scinet_monitor_ethtool_ops;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	dev->needs_free_netdev = true;
}

static int scinet_monitor_validate(struct nlattr *tb[], struct nlattr *data[],
				   struct netlink_ext_ack *extack)
{
	return tb[IFLA_ADDRESS] ? -EINVAL : 0;
}

static struct rtnl_link_ops scinet_monitor_link_ops = {
	.kind		= "schannelmon",
	.priv_size	= sizeof(struct scinet_monitor),
	.setup		= scinet_monitor_setup,
	.validate	= scinet_monitor_validate,
};

/* ---- Namespaces, and the module ---------------------------------------- */

static int __net_init scinet_monitor_net_init(struct net *net)
{
	INIT_LIST_HEAD(scinet_monitor_list(net));
	return 0;
}

static struct pernet_operations scinet_monitor_net_ops = {
	.init	= scinet_monitor_net_init,
	.id	= &scinet_monitor_net_id,
	.size	= sizeof(struct scinet_monitor_net),
};

int scinet_monitor_init(void)
{
	int err;

	err = register_pernet_subsys(&scinet_monitor_net_ops);
	if (err)
		return err;
	err = rtnl_link_register(&scinet_monitor_link_ops);
	if (err)
		unregister_pernet_subsys(&scinet_monitor_net_ops);
	return err;
}

/* No socket has our operations any more. Devices that are still there go. */
void scinet_monitor_exit(void)
{
	rtnl_link_unregister(&scinet_monitor_link_ops);
	unregister_pernet_subsys(&scinet_monitor_net_ops);
}
