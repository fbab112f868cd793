// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which sockets are in an attached cgroup, and which of their connections its scope includes. See
 * cgroup.h.
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
#include <linux/filter.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <net/sock.h>

#include "cgroup.h"
#include "plain.h"

static bool scinet_cgroup_is_ours(const struct bpf_prog *prog, const char *name)
{
	/* the placeholder of a program that was just detached has no aux */
	return prog->aux && prog->type == BPF_PROG_TYPE_CGROUP_SOCK_ADDR &&
	       prog->aux->kfunc_btf_tab && !strcmp(prog->aux->name, name);
}

/* The programs that run when a socket like this one connects. Under RCU. */
static const struct bpf_prog_array_item *scinet_cgroup_programs(const struct sock *sk)
{
	struct cgroup *cgroup = sock_cgroup_ptr((struct sock_cgroup_data *)&sk->sk_cgrp_data);
	const struct bpf_prog_array *array;

	array = rcu_dereference(cgroup->bpf.effective[scinet_family(sk) ? CGROUP_INET6_CONNECT :
								  CGROUP_INET4_CONNECT]);
	return array ? array->items : NULL;
}

static const char *scinet_cgroup_name(const struct sock *sk)
{
	return scinet_family(sk) ? SCINET_PROG_CONNECT6 : SCINET_PROG_CONNECT4;
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
	const struct bpf_prog_array_item *item;
	const struct bpf_prog *prog;
	bool attached = false;

	rcu_read_lock();
	for (item = scinet_cgroup_programs(sk); !attached && item; item++) {
		prog = READ_ONCE(item->prog);
		if (!prog)
			break;
		attached = scinet_cgroup_is_ours(prog, scinet_cgroup_name(sk));
	}
	rcu_read_unlock();
	return attached;
}

/* ---- Accepted connections ---------------------------------------------- */

/**
 * struct scinet_question - what the scope of an attached cgroup is asked
 * @sk:		a connection that was accepted
 * @wanted:	the scope includes it
 * @ahead:	also if its other end is not a peer yet
 */
struct scinet_question {
	const struct sock *sk;
	bool wanted;
	bool ahead;
};

static DEFINE_PER_CPU(struct scinet_question *, scinet_question);

/* As the kernel runs it for connect(), with what the program sees of the other end. */
static void scinet_cgroup_run(const struct bpf_prog_array_item *item,
			      const struct bpf_prog *prog, struct sock *sk,
			      struct sockaddr *addr, int len)
{
	struct bpf_sock_addr_kern ctx = { .sk = sk, .uaddr = addr, .uaddrlen = len };
	struct bpf_cg_run_ctx run_ctx = { .prog_item = item };
	struct bpf_run_ctx *before = bpf_set_run_ctx(&run_ctx.run_ctx);

	bpf_prog_run(prog, &ctx);
	bpf_reset_run_ctx(before);
}

/**
 * scinet_cgroup_wants() - whether an accepted connection is to be diverted
 * @sk:		the accepted end, which no program has yet; its spinlock is held
 * @ahead:	set to whether this is so even if its other end is not a peer yet
 *
 * The scope is the BPF program's. So the program is run, as if this end connected to the other
 * one's address and to its own port: the port of a scope is the server's, whichever end it binds.
 *
 * Context: softirq.
 *
 * Return: false if its cgroup is not attached, or if the scope excludes it.
 */
bool scinet_cgroup_wants(struct sock *sk, bool *ahead)
{
	struct scinet_question question = { .sk = sk }, *before;
	const struct bpf_prog_array_item *item;
	const struct bpf_prog *prog;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} addr = {};
	int len = scinet_family(sk) ? sizeof(addr.in6) : sizeof(addr.in);

	addr.any.sa_family = sk->sk_family;
	if (scinet_family(sk)) {
		addr.in6.sin6_port = htons(sk->sk_num);
		addr.in6.sin6_addr = sk->sk_v6_daddr;
	} else {
		addr.in.sin_port = htons(sk->sk_num);
		addr.in.sin_addr.s_addr = sk->sk_daddr;
	}
	migrate_disable();
	rcu_read_lock();
	before = this_cpu_read(scinet_question);
	this_cpu_write(scinet_question, &question);
	for (item = scinet_cgroup_programs(sk); item; item++) {
		prog = READ_ONCE(item->prog);
		if (!prog)
			break;
		if (scinet_cgroup_is_ours(prog, scinet_cgroup_name(sk)))
			scinet_cgroup_run(item, prog, sk, &addr.any, len);
	}
	this_cpu_write(scinet_question, before);
	rcu_read_unlock();
	migrate_enable();
	*ahead = question.ahead;
	return question.wanted;
}

/**
 * scinet_cgroup_answer() - a scope includes a socket
 * @sk:		a socket for which a BPF program calls schannel_divert()
 * @ahead:	what it said of sockets whose other end is not a peer yet
 *
 * Return: whether scinet_cgroup_wants() had asked.
 */
bool scinet_cgroup_answer(const struct sock *sk, bool ahead)
{
	struct scinet_question *question = this_cpu_read(scinet_question);

	if (!question || question->sk != sk)
		return false;
	question->wanted = true;
	question->ahead |= ahead;
	return true;
}
