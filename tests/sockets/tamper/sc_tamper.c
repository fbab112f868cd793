// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile peer for the loopback transport. It changes, in the sender's ring, what was sent last:
 *
 *	echo 1 >/sys/module/sc_tamper/parameters/bytes		invert each byte of it
 *	echo 40 >/sys/module/sc_tamper/parameters/length	the length of this record
 *
 * or it fills the event queue that was posted in last with useless events for one second:
 *
 *	echo 1 >/sys/module/sc_tamper/parameters/storm		entries for a flow not in use
 *	echo 2 >/sys/module/sc_tamper/parameters/storm		overflows
 *
 * After that, @rounds is the number of times that it notified, @polls is how many polls there
 * were, and @events how many events were passed to the users of flows.
 *
 * or it breaks the protocol, which ends the channel of the peer that was posted to last, if there
 * is one:
 *
 *	echo 1 >/sys/module/sc_tamper/parameters/break
 *
 * or a thread of it stays in an RCU read-side critical section, as an upcall does whose vCPU does
 * not run, until it is told to end:
 *
 *	echo 1 >/sys/module/sc_tamper/parameters/reader
 *	echo 0 >/sys/module/sc_tamper/parameters/reader
 *
 * or it counts the sockets that are told of space at one go, without softirqs in between. The
 * largest number since something was written is in the file:
 *
 *	echo 1 >/sys/module/sc_tamper/parameters/woken
 *
 * or it counts the flows that one thread adds up for statistics before it lets others run. The
 * largest number since the 1 was written is in the file:
 *
 *	echo 1 >/sys/module/sc_tamper/parameters/added
 *	echo 0 >/sys/module/sc_tamper/parameters/added
 *
 * The place is noted when schannel.ko copies the bytes into the ring, by a kprobe. The ring must
 * still exist: the connection stays open until the command was given. Only the last
 * SC_FLOW_CHUNK bytes of a larger send are changed.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <linux/kstrtox.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#include "core/channel.h"
#include "core/peer.h"
#include "ring/record.h"

static DEFINE_SPINLOCK(lock);
static struct sc_ring ring;
static u32 pos, len;

/* sc_flow_copy_in(ring, pos, from, len) */
static int copy_in(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	ring = *(const struct sc_ring *)regs->di;
	pos = regs->si;
	len = regs->cx;
	spin_unlock_irqrestore(&lock, flags);
	return 0;
}

NOKPROBE_SYMBOL(copy_in);

static int set_bytes(const char *value, const struct kernel_param *param)
{
	u32 i;

	spin_lock_irq(&lock);
	for (i = 0; ring.size && i < len; i++) {
		u32 one = 1;
		u8 *byte = sc_ring_run(&ring, pos + i, &one);

		WRITE_ONCE(*byte, (u8)~*byte);
	}
	spin_unlock_irq(&lock);
	return 0;
}

static int set_length(const char *value, const struct kernel_param *param)
{
	u32 run = SC_RECORD_HEADER;
	struct schannel_record *rec;
	u32 length;
	int err;

	err = kstrtou32(value, 0, &length);
	if (err)
		return err;
	spin_lock_irq(&lock);
	if (ring.size) {
		rec = sc_ring_run(&ring, pos - SC_RECORD_HEADER, &run);
		WRITE_ONCE(rec->len, length);
	}
	spin_unlock_irq(&lock);
	return 0;
}

/* ---- Event storms ------------------------------------------------------ */

#define STORM_ENTRIES	300
#define STORM_OVERFLOWS	2

static struct schannel_channel *channel;
static struct schannel_peer *peer;	/* the channel's; it stays when the channel is freed */
static unsigned int queue;
static bool storming;
static unsigned int rounds;
static atomic_t nr_polls, nr_events;

/* sc_channel_post(ch, &queue, ...) */
static int post(struct kprobe *probe, struct pt_regs *regs)
{
	struct schannel_channel *ch = (struct schannel_channel *)regs->di;

	if (!READ_ONCE(storming)) {
		WRITE_ONCE(channel, ch);
		WRITE_ONCE(peer, ch->peer);
		WRITE_ONCE(queue, *(const u8 *)regs->si);
	}
	return 0;
}

NOKPROBE_SYMBOL(post);

static int count(struct kprobe *probe, struct pt_regs *regs);

NOKPROBE_SYMBOL(count);

static void storm_round(struct schannel_channel *ch, unsigned int nr, int how)
{
	struct sc_channel_queue *q = &ch->queue[nr];
	int i;

	rcu_read_lock();
	if (sc_channel_is_up(ch)) {
		spin_lock_bh(&q->lock);
		for (i = 0; how != STORM_OVERFLOWS && i < STORM_ENTRIES; i++) {
			sc_pending_t pending = 0;

			sc_queue_post(&q->q, SCHANNEL_FLOWS_MAX - 1, &pending);
		}
		if (how == STORM_OVERFLOWS)
			WRITE_ONCE(q->q.own->overflow, q->q.own->overflow + 1);
		spin_unlock_bh(&q->lock);
		ch->peer->transport->notify(ch->peer, nr);
		rounds++;
	}
	rcu_read_unlock();
}

static int set_storm(const char *value, const struct kernel_param *param)
{
	unsigned long end = jiffies + HZ;
	int how, err;

	err = kstrtoint(value, 0, &how);
	if (err)
		return err;
	if (!channel)
		return -ENOENT;
	WRITE_ONCE(storming, true);
	rounds = 0;
	atomic_set(&nr_polls, 0);
	atomic_set(&nr_events, 0);
	while (time_before(jiffies, end)) {
		storm_round(channel, queue, how);
		usleep_range(500, 1000);
	}
	WRITE_ONCE(storming, false);
	return 0;
}

static int get_count(char *buffer, const struct kernel_param *param)
{
	return sprintf(buffer, "%d\n", atomic_read((atomic_t *)param->arg));
}

static const struct kernel_param_ops storm_ops = { .set = set_storm };
static const struct kernel_param_ops count_ops = { .get = get_count };

module_param_cb(storm, &storm_ops, NULL, 0200);
module_param(rounds, uint, 0400);
module_param_cb(polls, &count_ops, &nr_polls, 0400);
module_param_cb(events, &count_ops, &nr_events, 0400);

/* ---- The end of a channel ---------------------------------------------- */

static bool failed;

static int fail(struct kprobe *probe, struct pt_regs *regs)
{
	WRITE_ONCE(failed, true);
	return 0;
}

NOKPROBE_SYMBOL(fail);

/* False if there is no channel. */
static bool break_once(struct schannel_peer *peer)
{
	sc_pending_t pending = 0;
	struct schannel_channel *ch;
	struct sc_channel_queue *q;

	spin_lock_bh(&peer->lock);
	ch = peer->channel;
	rcu_read_lock();
	if (ch && sc_channel_is_up(ch)) {
		q = &ch->queue[0];
		/* a producer index in the middle of a message */
		WRITE_ONCE(ch->ctl_tx.own->tx_prod, ch->ctl_tx.prod + 1);
		spin_lock_bh(&q->lock);
		sc_queue_post(&q->q, SCHANNEL_FLOW_CTL, &pending);
		spin_unlock_bh(&q->lock);
		peer->transport->notify(peer, 0);
	}
	rcu_read_unlock();
	spin_unlock_bh(&peer->lock);
	return ch;
}

/* Again, if a message was sent meanwhile: then the index was valid again. */
static int set_break(const char *value, const struct kernel_param *param)
{
	struct schannel_peer *to = READ_ONCE(peer);
	unsigned long end = jiffies + 5 * HZ;
	bool up;

	if (!to)
		return -ENOENT;
	WRITE_ONCE(failed, false);
	do {
		up = break_once(to);
		usleep_range(500, 1000);
	} while (up && !READ_ONCE(failed) && time_before(jiffies, end));
	if (READ_ONCE(failed))
		return 0;
	return up ? -ETIMEDOUT : -ENOENT;
}

static const struct kernel_param_ops break_ops = { .set = set_break };

module_param_cb(break, &break_ops, NULL, 0200);

/* ---- A reader ---------------------------------------------------------- */

static struct task_struct *reader;
static bool reading;

/* A reader that is forgotten ends before RCU complains. */
static int read_side(void *arg)
{
	unsigned long end = jiffies + 10 * HZ;
	bool expired;

	rcu_read_lock();
	WRITE_ONCE(reading, true);
	while (!kthread_should_stop() && time_before(jiffies, end))
		cpu_relax();
	expired = !kthread_should_stop();
	rcu_read_unlock();
	while (!kthread_should_stop())
		msleep(20);
	return expired ? -ETIMEDOUT : 0;
}

static int set_reader(const char *value, const struct kernel_param *param)
{
	struct task_struct *task;
	bool begin;
	int err;

	err = kstrtobool(value, &begin);
	if (err)
		return err;
	if (begin == !!reader)
		return -EBUSY;
	if (!begin) {
		err = kthread_stop(reader);
		reader = NULL;
		return err;
	}
	WRITE_ONCE(reading, false);
	task = kthread_run(read_side, NULL, "sc_reader");
	if (IS_ERR(task))
		return PTR_ERR(task);
	reader = task;
	while (!READ_ONCE(reading))
		usleep_range(500, 1000);
	return 0;
}

static const struct kernel_param_ops reader_ops = { .set = set_reader };

module_param_cb(reader, &reader_ops, NULL, 0200);

/* ---- Sockets that are woken --------------------------------------------- */

static unsigned int woken_now;
static atomic_t woken_most;

static void softirq_runs(struct tasklet_struct *unused)
{
	WRITE_ONCE(woken_now, 0);
}

static DECLARE_TASKLET(at_softirq, softirq_runs);

/* Softirqs are disabled, or this is one: the tasklet runs once they are enabled. */
static int write_space(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned int now = READ_ONCE(woken_now) + 1;

	WRITE_ONCE(woken_now, now);
	if (now > atomic_read(&woken_most))
		atomic_set(&woken_most, now);
	tasklet_schedule(&at_softirq);
	return 0;
}

NOKPROBE_SYMBOL(write_space);

static struct kprobe at_write_space = {
	.symbol_name	= "sc_io_write_space",
	.pre_handler	= write_space,
};

static int set_woken(const char *value, const struct kernel_param *param)
{
	atomic_set(&woken_most, 0);
	return 0;
}

static const struct kernel_param_ops woken_ops = { .set = set_woken, .get = get_count };

module_param_cb(woken, &woken_ops, &woken_most, 0600);

/* ---- Flows that are added up -------------------------------------------- */

static bool counts_added;
static struct task_struct *adder;
static unsigned int added_now;
static atomic_t added_most;

/* sc_flow_get_stats(): by then the task has let others run, or was still told to. */
static int add(struct kprobe *probe, struct pt_regs *regs)
{
	if (!READ_ONCE(counts_added))
		return 0;
	if (adder != current || !need_resched())
		added_now = 0;
	adder = current;
	added_now++;
	if (added_now > atomic_read(&added_most))
		atomic_set(&added_most, added_now);
	set_tsk_need_resched(current);
	set_preempt_need_resched();
	return 0;
}

NOKPROBE_SYMBOL(add);

static struct kprobe at_add = {
	.symbol_name	= "sc_flow_get_stats",
	.pre_handler	= add,
};

static int set_added(const char *value, const struct kernel_param *param)
{
	bool begin;
	int err;

	err = kstrtobool(value, &begin);
	if (err)
		return err;
	if (begin)
		atomic_set(&added_most, 0);
	WRITE_ONCE(counts_added, begin);
	return 0;
}

static const struct kernel_param_ops added_ops = { .set = set_added, .get = get_count };

module_param_cb(added, &added_ops, &added_most, 0600);

/* ------------------------------------------------------------------------ */

static const struct kernel_param_ops bytes_ops = { .set = set_bytes };
static const struct kernel_param_ops length_ops = { .set = set_length };

module_param_cb(bytes, &bytes_ops, NULL, 0200);
module_param_cb(length, &length_ops, NULL, 0200);

static struct kprobe at_copy_in = {
	.symbol_name	= "sc_flow_copy_in",
	.pre_handler	= copy_in,
};

static struct kprobe at_post = {
	.symbol_name	= "sc_channel_post",
	.pre_handler	= post,
};

static struct kprobe at_poll = {
	.symbol_name	= "schannel_channel_poll",
	.pre_handler	= count,
};

static struct kprobe at_event = {
	.symbol_name	= "sc_flow_event",
	.pre_handler	= count,
};

static int count(struct kprobe *probe, struct pt_regs *regs)
{
	atomic_inc(probe == &at_poll ? &nr_polls : &nr_events);
	return 0;
}

static struct kprobe at_fail = {
	.symbol_name	= "sc_channel_fail",
	.pre_handler	= fail,
};

static struct kprobe *probes[] = {
	&at_copy_in, &at_post, &at_poll, &at_event, &at_fail, &at_write_space, &at_add,
};

static int __init tamper_init(void)
{
	return register_kprobes(probes, ARRAY_SIZE(probes));
}
module_init(tamper_init);

static void __exit tamper_exit(void)
{
	if (reader)
		kthread_stop(reader);
	unregister_kprobes(probes, ARRAY_SIZE(probes));
	tasklet_kill(&at_softirq);
}
module_exit(tamper_exit);

MODULE_DESCRIPTION("SChannel: a hostile peer on loopback, for tests");
MODULE_LICENSE("GPL");
