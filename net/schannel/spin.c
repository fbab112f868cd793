// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether to look before sleeping. See spin.h.
 *
 * It is tried at first, and then as long as it comes to something now and then. Else it is
 * tried again after so many waits, ever less often. How long a wait was says nothing
 * about it: waking up can take longer than what was waited for.
 */
#include <linux/minmax.h>
#include <linux/sched/stat.h>
#include <linux/time64.h>
#include <net/sock.h>

#include "spin.h"
#include "sysctl.h"

/* So many misses in a row are put up with. */
#define SC_SPIN_MISSES		4

#define SC_SPIN_PAUSE_LEAST	8
#define SC_SPIN_PAUSE_MOST	128

/**
 * sc_spin_budget() - how long to look this time
 * @spin:	what was learned
 * @sk:		the socket; SO_BUSY_POLL is what its program wants in any case
 *
 * Nobody else may be waiting for the processor.
 *
 * Return: nanoseconds, 0 if it is not worth it.
 */
u64 sc_spin_budget(struct sc_spin *spin, const struct sock *sk)
{
	unsigned int us = sc_sysctl_busy_poll_us(sock_net(sk));

	if (spin->rest) {
		spin->rest--;
		us = 0;
	}
#ifdef CONFIG_NET_RX_BUSY_POLL
	us = max(us, READ_ONCE(sk->sk_ll_usec));
#endif
	return us && single_task_running() ? us * NSEC_PER_USEC : 0;
}

/* It was tried: did what was waited for come? */
void sc_spin_learn(struct sc_spin *spin, bool hit)
{
	if (hit) {
		spin->misses = 0;
		spin->pause = SC_SPIN_PAUSE_LEAST;
	} else if (++spin->misses >= SC_SPIN_MISSES) {
		/* from now on one is enough, until there is a hit */
		spin->misses = SC_SPIN_MISSES - 1;
		spin->rest = max(spin->pause, SC_SPIN_PAUSE_LEAST);
		spin->pause = min(2 * spin->rest, SC_SPIN_PAUSE_MOST);
	}
}
