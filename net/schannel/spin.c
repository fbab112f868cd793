// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether to look before sleeping. See spin.h.
 *
 * It is tried at first, and then as long as it comes to something now and then. Else it is
 * tried again after so many waits, ever less often. How long a wait was says nothing
 * about it: waking up can take longer than what was waited for.
 *
 * And longer than anybody looks. Then two sides that have both gone to sleep, for whatever
 * reason, would never find out that they need not: each looks in vain while the other
 * wakes up. So where looking has been worth it, a miss is taken for an accident, and a
 * few times it is looked for long enough for the other side to come back.
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

/*
 * After a miss: so many times, earned one by one, so much longer, but not beyond this.
 * Some are given, since both sides begin asleep.
 */
#define SC_SPIN_PATIENCE	4
#define SC_SPIN_GIVEN		2
#define SC_SPIN_LONGER		8
#define SC_SPIN_LONGEST_US	2000U

/* For a connection of which nothing is known. */
void sc_spin_init(struct sc_spin *spin)
{
	*spin = (struct sc_spin){ .patience = SC_SPIN_GIVEN };
}

static bool sc_spin_is_patient(const struct sc_spin *spin)
{
	return spin->misses && spin->patience;
}

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
	if (!us || !single_task_running())
		return 0;
	spin->prompt = us * NSEC_PER_USEC;
	if (sc_spin_is_patient(spin))
		us = max(us, min(SC_SPIN_LONGER * us, SC_SPIN_LONGEST_US));
	return us * NSEC_PER_USEC;
}

/**
 * sc_spin_learn() - it was tried
 * @spin:	for this direction
 * @took:	how long until what was waited for came, in nanoseconds; or SC_SPIN_MISS
 */
void sc_spin_learn(struct sc_spin *spin, u64 took)
{
	if (took <= spin->prompt) {
		spin->misses = 0;
		spin->pause = SC_SPIN_PAUSE_LEAST;
		if (spin->patience < SC_SPIN_PATIENCE)
			spin->patience++;
		return;
	}
	if (sc_spin_is_patient(spin))
		spin->patience--;
	/* late is neither a hit nor a miss: perhaps the next one is prompt */
	if (took == SC_SPIN_MISS && ++spin->misses >= SC_SPIN_MISSES) {
		/* from now on one is enough, until there is a hit */
		spin->misses = SC_SPIN_MISSES - 1;
		spin->rest = max(spin->pause, SC_SPIN_PAUSE_LEAST);
		spin->pause = min(2 * spin->rest, SC_SPIN_PAUSE_MOST);
	}
}
