// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile peer for the loopback transport: changes, in the sender's ring, what was sent last.
 *
 *	echo 1 >/sys/module/sc_tamper/parameters/bytes		invert each byte of it
 *	echo 40 >/sys/module/sc_tamper/parameters/length	the length of this record
 *
 * The place is noted when schannel.ko copies the bytes into the ring, by a kprobe. The ring must
 * still exist: the connection stays open until the command was given. Only the last
 * SC_FLOW_CHUNK bytes of a larger send are changed.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

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

static const struct kernel_param_ops bytes_ops = { .set = set_bytes };
static const struct kernel_param_ops length_ops = { .set = set_length };

module_param_cb(bytes, &bytes_ops, NULL, 0200);
module_param_cb(length, &length_ops, NULL, 0200);

static struct kprobe probe = {
	.symbol_name	= "sc_flow_copy_in",
	.pre_handler	= copy_in,
};

static int __init tamper_init(void)
{
	return register_kprobe(&probe);
}
module_init(tamper_init);

static void __exit tamper_exit(void)
{
	unregister_kprobe(&probe);
}
module_exit(tamper_exit);

MODULE_DESCRIPTION("SChannel: changes what was sent, for tests");
MODULE_LICENSE("GPL");
