// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether to look before sleeping. See busy_poll.h.
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

#include "busy_poll.h"
#include "core/sysctl.h"

/* So many misses in a row are put up with. */
#define SC_BUSY_POLL_MISSES		4

#define SC_BUSY_POLL_PAUSE_MIN	8
#define SC_BUSY_POLL_PAUSE_MAX	128

/*
 * After a miss: so many times, earned one by one, so much longer, but not beyond this.
 * Some are given, since both sides begin asleep.
 */
#define SC_BUSY_POLL_CREDIT_MAX	4
#define SC_BUSY_POLL_CREDIT		2
#define SC_BUSY_POLL_LONGER		8
#define SC_BUSY_POLL_LONGEST_US	2000U

/* For a connection of which nothing is known. */
void sc_busy_poll_init(struct sc_busy_poll *poll)
{
	*poll = (struct sc_busy_poll){ .credit = SC_BUSY_POLL_CREDIT };
}

static bool sc_busy_poll_has_credit(const struct sc_busy_poll *poll)
{
	return poll->misses && poll->credit;
}

/**
 * sc_busy_poll_budget() - how long to look this time
 * @poll:	what was learned
 * @sk:		the socket; SO_BUSY_POLL is what its program wants in any case
 *
 * Nobody else may be waiting for the processor.
 *
 * Return: nanoseconds, 0 if it is not worth it.
 */
u64 sc_busy_poll_budget(struct sc_busy_poll *poll, const struct sock *sk)
{
	unsigned int us = sc_sysctl_busy_poll_us(sock_net(sk));

	if (poll->rest) {
		poll->rest--;
		us = 0;
	}
#ifdef CONFIG_NET_RX_BUSY_POLL
	us = max(us, READ_ONCE(sk->sk_ll_usec));
#endif
	if (!us || !single_task_running())
		return 0;
	poll->prompt = us * NSEC_PER_USEC;
	if (sc_busy_poll_has_credit(poll))
		us = max(us, min(SC_BUSY_POLL_LONGER * us, SC_BUSY_POLL_LONGEST_US));
	return us * NSEC_PER_USEC;
}

/**
 * sc_busy_poll_learn() - it was tried
 * @poll:	for this direction
 * @took:	how long until what was waited for came, in nanoseconds; or SC_BUSY_POLL_MISS
 */
void sc_busy_poll_learn(struct sc_busy_poll *poll, u64 took)
{
	if (took <= poll->prompt) {
		poll->misses = 0;
		poll->pause = SC_BUSY_POLL_PAUSE_MIN;
		if (poll->credit < SC_BUSY_POLL_CREDIT_MAX)
			poll->credit++;
		return;
	}
	if (sc_busy_poll_has_credit(poll))
		poll->credit--;
	/* late is neither a hit nor a miss: perhaps the next one is prompt */
	if (took == SC_BUSY_POLL_MISS && ++poll->misses >= SC_BUSY_POLL_MISSES) {
		/* from now on one is enough, until there is a hit */
		poll->misses = SC_BUSY_POLL_MISSES - 1;
		poll->rest = max(poll->pause, SC_BUSY_POLL_PAUSE_MIN);
		poll->pause = min(2 * poll->rest, SC_BUSY_POLL_PAUSE_MAX);
	}
}
