// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which sockets are in an attached cgroup. See cgroup.h.
 *
 * A cgroup is attached if our program is among the programs that the kernel runs when a socket
 * of that cgroup connects: the cgroup's own, and those inherited from its ancestors. That list
 * changes at once when a program is detached, by whatever means.
 *
 * Our program is recognised by its name and by its calling functions of a module. The kernel
 * shows modules nothing that identifies a program better. This is sufficient: a user who may
 * attach a program of that name to a cgroup (CAP_NET_ADMIN and CAP_BPF) may attach ours, too.
 */
#include <linux/bpf-cgroup.h>
#include <linux/bpf.h>
#include <linux/cgroup.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <net/sock.h>

#include "cgroup.h"

static bool scinet_cgroup_is_ours(const struct bpf_prog *prog, const char *name)
{
	/* the placeholder of a program that was just detached has no aux */
	return prog->aux && prog->type == BPF_PROG_TYPE_CGROUP_SOCK_ADDR &&
	       prog->aux->kfunc_btf_tab && !strcmp(prog->aux->name, name);
}

static bool scinet_cgroup_runs(struct cgroup *cgroup,
			       enum cgroup_bpf_attach_type where,
			       const char *name)
{
	const struct bpf_prog_array_item *item;
	const struct bpf_prog_array *array;
	const struct bpf_prog *prog;
	bool found = false;

	rcu_read_lock();
	array = rcu_dereference(cgroup->bpf.effective[where]);
	if (array)
		for (item = array->items; !found; item++) {
			prog = READ_ONCE(item->prog);
			if (!prog)
				break;
			found = scinet_cgroup_is_ours(prog, name);
		}
	rcu_read_unlock();
	return found;
}

/**
 * scinet_cgroup_filters() - whether programs of its cgroup look at a socket's packets
 * @sk:		a full socket, which holds a reference to its cgroup
 *
 * Any context; does not sleep.
 *
 * Return: true for a cgroup with IPAddressDeny=, IPAccounting= and the like.
 */
bool scinet_cgroup_filters(const struct sock *sk)
{
	struct cgroup *cgroup =
		sock_cgroup_ptr((struct sock_cgroup_data *)&sk->sk_cgrp_data);
	const struct bpf_prog_array *in, *out;
	bool filters;

	rcu_read_lock();
	in = rcu_dereference(cgroup->bpf.effective[CGROUP_INET_INGRESS]);
	out = rcu_dereference(cgroup->bpf.effective[CGROUP_INET_EGRESS]);
	filters = (in && READ_ONCE(in->items[0].prog)) || (out && READ_ONCE(out->items[0].prog));
	rcu_read_unlock();
	return filters;
}

/**
 * scinet_cgroup_attached() - whether a socket is in an attached cgroup
 * @sk:		a full socket, which holds a reference to its cgroup
 *
 * The cgroup is the one in which the socket was created, as for all cgroup BPF programs.
 * Any context; does not sleep.
 *
 * Return: true if the programs of SChannel run in that cgroup.
 */
bool scinet_cgroup_attached(const struct sock *sk)
{
	struct cgroup *cgroup =
		sock_cgroup_ptr((struct sock_cgroup_data *)&sk->sk_cgrp_data);

	if (sk->sk_family == AF_INET6)
		return scinet_cgroup_runs(cgroup, CGROUP_INET6_CONNECT,
					  SCINET_PROG_CONNECT6);
	return scinet_cgroup_runs(cgroup, CGROUP_INET4_CONNECT,
				  SCINET_PROG_CONNECT4);
}
