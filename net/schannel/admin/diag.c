// SPDX-License-Identifier: GPL-2.0-only
/* sock_diag: dumps and destroys sockets. See schannel_diag.h for the messages. */
#include <linux/capability.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/user_namespace.h>
#include <net/netlink.h>

#include <uapi/linux/schannel_diag.h>
#include "diag.h"
#include "core/flow.h"
#include "core/common.h"
#include "sock/socket.h"
#include "sock/table.h"
#include "viewer.h"

/* ---- Dump -------------------------------------------------------------- */

/**
 * struct sc_diag_dump - the position of a dump
 * @id:		the next socket has this number in the table of sockets or a higher one
 * @viewer:	the user that sockets are shown to
 */
struct sc_diag_dump {
	u32 id;
	struct sc_viewer viewer;
};

static struct sc_diag_dump *sc_diag_dump(struct netlink_callback *cb)
{
	NL_ASSERT_DUMP_CTX_FITS(struct sc_diag_dump);
	return (struct sc_diag_dump *)cb->ctx;
}

static void sc_diag_fill_queues(struct sc_diag_msg *msg, struct sock *sk)
{
	struct sc_flow_view view;
	struct sc_flow *flow;

	if (msg->state == TCP_LISTEN) {
		msg->rqueue = READ_ONCE(sk->sk_ack_backlog);
		msg->wqueue = READ_ONCE(sk->sk_max_ack_backlog);
		return;
	}
	if (sk->sk_type == SOCK_DGRAM) {
		msg->rqueue = sk_rmem_alloc_get(sk);
		return;
	}
	rcu_read_lock();
	flow = rcu_dereference(sc_sk(sk)->conn.flow);
	if (flow && sc_flow_is_joined(flow)) {
		sc_flow_look(flow, &view);
		msg->rqueue = view.avail;
		msg->wqueue = view.queued;
	}
	rcu_read_unlock();
}

/* Without lock_sock(), so that a dump does not wait for a socket that connects. */
static void sc_diag_fill_msg(struct sc_diag_msg *msg, struct sock *sk,
			     struct user_namespace *user_ns)
{
	struct sc_sock *ssk = sc_sk(sk);

	memset(msg, 0, sizeof(*msg));
	msg->sdiag_family = sk->sk_family;
	msg->type = sk->sk_type;
	msg->state = READ_ONCE(sk->sk_state);
	msg->shutdown = READ_ONCE(sk->sk_shutdown);
	msg->local_domid = READ_ONCE(ssk->local_domid);
	msg->local_port = READ_ONCE(ssk->local_port);
	msg->peer_domid = READ_ONCE(ssk->peer_domid);
	msg->peer_port = READ_ONCE(ssk->peer_port);
	sc_diag_fill_queues(msg, sk);
	msg->uid = from_kuid_munged(user_ns, sk->sk_uid);
	msg->inode = sock_i_ino(sk);
	sock_diag_save_cookie(sk, msg->cookie);
}

static bool sc_diag_fill_attrs(struct sk_buff *skb, struct sock *sk, u32 show)
{
	struct sc_flow_stats stats;

	if (show & SC_DIAG_SHOW_MEMINFO &&
	    sock_diag_put_meminfo(sk, skb, SC_DIAG_MEMINFO))
		return false;
	if (!(show & SC_DIAG_SHOW_STATS))
		return true;
	sc_conn_stats(&sc_sk(sk)->conn, &stats);
	return !nla_put(skb, SC_DIAG_STATS, sizeof(stats), &stats);
}

static int sc_diag_put(struct sk_buff *skb, struct netlink_callback *cb,
		       struct sock *sk)
{
	const struct sc_diag_req *req = nlmsg_data(cb->nlh);
	struct nlmsghdr *nlh;

	nlh = nlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			SOCK_DIAG_BY_FAMILY, sizeof(struct sc_diag_msg),
			NLM_F_MULTI);
	if (!nlh)
		return -EMSGSIZE;
	sc_diag_fill_msg(nlmsg_data(nlh), sk,
			 sk_user_ns(NETLINK_CB(cb->skb).sk));
	if (!sc_diag_fill_attrs(skb, sk, req->show)) {
		nlmsg_cancel(skb, nlh);
		return -EMSGSIZE;
	}
	nlmsg_end(skb, nlh);
	return 0;
}

static bool sc_diag_wanted(struct netlink_callback *cb, const struct net *net,
			   const struct sock *sk)
{
	const struct sc_diag_req *req = nlmsg_data(cb->nlh);

	return net_eq(sock_net(sk), net) && !sock_flag(sk, SOCK_DEAD) &&
	       (!req->types || req->types & BIT(sk->sk_type)) &&
	       (!req->states || req->states & BIT(READ_ONCE(sk->sk_state))) &&
	       sc_viewer_sees(&sc_diag_dump(cb)->viewer, sk);
}

static int sc_diag_dump_socks(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sc_diag_dump *at = sc_diag_dump(cb);
	struct net *net = sock_net(skb->sk);
	struct sc_sock *ssk;
	int err = 0;

	while (!err && (ssk = sc_table_next(at->id))) {
		if (sc_diag_wanted(cb, net, &ssk->sk))
			err = sc_diag_put(skb, cb, &ssk->sk);
		if (!err)
			at->id = ssk->table_id + 1;
		sock_put(&ssk->sk);
		cond_resched();
	}
	return err;
}

static int sc_diag_start(struct netlink_callback *cb)
{
	sc_viewer_init(&sc_diag_dump(cb)->viewer, cb->skb);
	return 0;
}

static int sc_diag_request(struct sk_buff *skb, struct nlmsghdr *nlh)
{
	struct netlink_dump_control control = {
		.start	= sc_diag_start,
		.dump	= sc_diag_dump_socks,
	};
	const struct sc_diag_req *req = nlmsg_data(nlh);

	if (nlmsg_len(nlh) < (int)sizeof(*req) || req->sdiag_protocol ||
	    req->pad ||
	    req->show & ~(SC_DIAG_SHOW_MEMINFO | SC_DIAG_SHOW_STATS))
		return -EINVAL;
	if (!(nlh->nlmsg_flags & NLM_F_DUMP))
		return -EOPNOTSUPP;
	return netlink_dump_start(sock_net(skb->sk)->diag_nlsk, skb, nlh,
				  &control);
}

/* ---- Destroy ----------------------------------------------------------- */

static struct sock *sc_diag_find(const struct net *net, u64 cookie)
{
	struct sc_sock *ssk;
	u32 id = 0;

	while ((ssk = sc_table_next(id))) {
		/* a socket gets its cookie in its first dump; one without cannot be meant */
		if (net_eq(sock_net(&ssk->sk), net) &&
		    atomic64_read(&ssk->sk.sk_cookie) == cookie)
			return &ssk->sk;
		id = ssk->table_id + 1;
		sock_put(&ssk->sk);
		cond_resched();
	}
	return NULL;
}

static int sc_diag_destroy(struct sk_buff *skb, struct nlmsghdr *nlh)
{
	const struct sc_diag_destroy *req = nlmsg_data(nlh);
	struct sock *sk;
	u64 cookie;
	int err;

	if (nlmsg_len(nlh) < (int)sizeof(*req) || req->sdiag_protocol ||
	    req->pad)
		return -EINVAL;
	if (!netlink_net_capable(skb, CAP_NET_ADMIN))
		return -EPERM;
	cookie = req->cookie[0] | (u64)req->cookie[1] << 32;
	sk = cookie ? sc_diag_find(sock_net(skb->sk), cookie) : NULL;
	if (!sk)
		return -ENOENT;
	err = sk->sk_prot->diag_destroy(sk, ECONNABORTED);
	sock_put(sk);
	return err;
}

/* ---- Handler ----------------------------------------------------------- */

static struct sock_diag_handler sc_diag_handler __ro_after_init = {
	.owner		= THIS_MODULE,
	.dump		= sc_diag_request,
	.destroy	= sc_diag_destroy,
};

int __init sc_diag_init(void)
{
	sc_diag_handler.family = sc_family();
	return sock_diag_register(&sc_diag_handler);
}

void sc_diag_exit(void)
{
	sock_diag_unregister(&sc_diag_handler);
}
