// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of all sockets, bound or not, children that wait for accept() too.
 *
 * A socket is in the table from its making until its memory goes. Its number does not
 * change, so a walk goes on behind the last socket it saw, whatever came or went
 * meanwhile. The table's lock is taken then and for each step of a walk, never on the
 * data path.
 */
#include <linux/xarray.h>

#include "core/stats.h"
#include "socket.h"
#include "table.h"

static DEFINE_XARRAY_FLAGS(sc_sockets, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);

/* Process context. 0 or -errno. */
int sc_table_add(struct sc_sock *ssk)
{
	int err;

	err = xa_alloc_bh(&sc_sockets, &ssk->table_id, ssk, xa_limit_31b,
			  GFP_KERNEL);
	if (err)
		return err;
	sc_stats_inc(sock_net(&ssk->sk), SCHANNEL_A_STATS_SOCKETS);
	return 0;
}

/* The socket's memory is about to be freed. Any context but hard interrupts. */
void sc_table_remove(struct sc_sock *ssk)
{
	if (!ssk->table_id)
		return;
	xa_erase_bh(&sc_sockets, ssk->table_id);
	sc_stats_add(sock_net(&ssk->sk), SCHANNEL_A_STATS_SOCKETS, -1);
}

/**
 * sc_table_next() - walk over all sockets, of every namespace
 * @from:	the lowest number that may come
 *
 * Process context.
 *
 * Return: the socket with the lowest such number, to be released with sock_put(), or NULL.
 */
struct sc_sock *sc_table_next(unsigned long from)
{
	struct sc_sock *ssk;

	/* the lock keeps the socket: it is erased before it is freed */
	xa_lock_bh(&sc_sockets);
	ssk = xa_find(&sc_sockets, &from, ULONG_MAX, XA_PRESENT);
	while (ssk && !refcount_inc_not_zero(&ssk->sk.sk_refcnt))
		ssk = xa_find_after(&sc_sockets, &from, ULONG_MAX, XA_PRESENT);
	xa_unlock_bh(&sc_sockets);
	return ssk;
}
