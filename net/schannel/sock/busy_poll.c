// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether to busy-poll before sleeping. See busy_poll.h.
 *
 * Polling is tried at first, and then for as long as it gives a result now and then. Else it
 * is tried again after a number of waits that doubles each time. How long a wait took says
 * nothing about polling, since waking up can take longer than the event took to come.
 *
 * Waking up can also take longer than a poll. If both sides once went to sleep, for whatever
 * reason, neither would get a result from polling again: each polls in vain while the other
 * wakes up. So where polling has paid, a miss is taken for an accident, and the next few
 * polls are long enough for the other side to wake up.
 */
#include <linux/minmax.h>
#include <linux/sched/stat.h>
#include <linux/time64.h>
#include <net/sock.h>

#include "busy_poll.h"
#include "core/sysctl.h"

/* Misses in a row before polling is paused. */
#define SC_BUSY_POLL_MISSES		4

/* Waits without polling after that. */
#define SC_BUSY_POLL_PAUSE_MIN	8
#define SC_BUSY_POLL_PAUSE_MAX	128

/*
 * Longer polls after a miss: how many a connection may save up, one for each hit; how many
 * it begins with, since both sides begin asleep; and how much longer they are, up to a
 * limit in microseconds.
 */
#define SC_BUSY_POLL_CREDIT_MAX		4
#define SC_BUSY_POLL_CREDIT		2
#define SC_BUSY_POLL_LONGER		8
#define SC_BUSY_POLL_LONGEST_US		2000U

/* For a new connection. */
void sc_busy_poll_init(struct sc_busy_poll *poll)
{
	*poll = (struct sc_busy_poll){ .credit = SC_BUSY_POLL_CREDIT };
}

static bool sc_busy_poll_has_credit(const struct sc_busy_poll *poll)
{
	return poll->misses && poll->credit;
}

/**
 * sc_busy_poll_budget() - how long to poll this time
 * @poll:	what was learned
 * @sk:		the socket; its program may demand polling with SO_BUSY_POLL
 *
 * Return: nanoseconds; 0 if polling does not pay or another task wants the processor.
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
 * sc_busy_poll_learn() - learn from a poll
 * @poll:	of this direction
 * @took:	nanoseconds until the result came, or SC_BUSY_POLL_MISS
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
	/* a late result is neither a hit nor a miss: the next one may be prompt */
	if (took == SC_BUSY_POLL_MISS && ++poll->misses >= SC_BUSY_POLL_MISSES) {
		/* until the next hit, a single miss is enough */
		poll->misses = SC_BUSY_POLL_MISSES - 1;
		poll->rest = max(poll->pause, SC_BUSY_POLL_PAUSE_MIN);
		poll->pause = min(2 * poll->rest, SC_BUSY_POLL_PAUSE_MAX);
	}
}
