// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds data races in schannel.ko, as the kernel's KCSAN does, but in any kernel: only
 * schannel.ko is compiled with -fsanitize=thread (see build), and this module has the functions
 * that the compiler has each memory access call.
 *
 * One access in @skip is watched: its address is put down, and the CPU waits for @delay_us. If
 * another access to the same memory is made meanwhile, one of the two is a write, and one of
 * them is plain, then nothing orders them, and that is reported. READ_ONCE(), WRITE_ONCE(),
 * acquire, release and the atomic operations are marked accesses; data_race() is an intended
 * race. What the kernel's own code does to our memory is not seen, nor are accesses that only
 * another processor would reorder: tests/litmus is for these.
 */
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/spinlock.h>

#include "races.h"

#define RACE_WRITE	BIT(0)
#define RACE_MARKED	BIT(1)

/* KCSAN's, for accesses that the kernel's headers describe. */
#define RACE_KCSAN_WRITE	BIT(0)
#define RACE_KCSAN_ATOMIC	BIT(2)

#define RACE_SLOTS	32
#define RACE_REPORTS	256

static unsigned int skip = 100;
module_param(skip, uint, 0644);
MODULE_PARM_DESC(skip, "mean number of accesses between two that are watched");

static unsigned int delay_us = 100;
module_param(delay_us, uint, 0644);
MODULE_PARM_DESC(delay_us, "how long an access is watched");

/**
 * struct race_slot - an access that is being watched
 * @addr:	its address, 0 if the slot is free
 * @size:	its size
 * @kind:	RACE_*
 * @ip:		the code
 * @other_kind:	the access that was made meanwhile
 * @other_ip:	its code, 0 if there was none
 */
struct race_slot {
	unsigned long addr;
	unsigned long size;
	unsigned int kind;
	unsigned long ip;
	unsigned int other_kind;
	unsigned long other_ip;
};

/* Changes of slots, and the pairs that were reported. */
static DEFINE_SPINLOCK(race_lock);
static struct race_slot race_slots[RACE_SLOTS];
static unsigned long race_reported[RACE_REPORTS][2];
static unsigned int race_reports;

static DEFINE_PER_CPU(int, race_left);
static DEFINE_PER_CPU(int, race_disabled);
static DEFINE_PER_CPU(u32, race_random);

static const char *race_kind(unsigned int kind)
{
	if (kind & RACE_MARKED)
		return kind & RACE_WRITE ? "marked write" : "marked read";
	return kind & RACE_WRITE ? "write" : "read";
}

/* Each pair once. race_lock is held. */
static void race_report(const struct race_slot *slot)
{
	unsigned long one = min(slot->ip, slot->other_ip);
	unsigned long two = max(slot->ip, slot->other_ip);
	unsigned int i;

	for (i = 0; i < race_reports; i++)
		if (race_reported[i][0] == one && race_reported[i][1] == two)
			return;
	if (race_reports == RACE_REPORTS)
		return;
	race_reported[race_reports][0] = one;
	race_reported[race_reports++][1] = two;
	pr_err("BUG: data race: %s of %lu bytes in %pS, %s in %pS\n", race_kind(slot->kind),
	       slot->size, (void *)slot->ip, race_kind(slot->other_kind), (void *)slot->other_ip);
}

static noinline void race_watch(unsigned long addr, unsigned long size, unsigned int kind,
				unsigned long ip)
{
	struct race_slot *slot = &race_slots[(addr >> 3) % RACE_SLOTS];
	unsigned long flags;

	spin_lock_irqsave(&race_lock, flags);
	if (slot->addr) {
		spin_unlock_irqrestore(&race_lock, flags);
		return;
	}
	slot->size = size;
	slot->kind = kind;
	slot->ip = ip;
	slot->other_ip = 0;
	smp_store_release(&slot->addr, addr);
	spin_unlock_irqrestore(&race_lock, flags);

	/* softirqs may come, too */
	udelay(delay_us);

	spin_lock_irqsave(&race_lock, flags);
	if (slot->other_ip)
		race_report(slot);
	WRITE_ONCE(slot->addr, 0);
	spin_unlock_irqrestore(&race_lock, flags);
}

static bool race_conflicts(const struct race_slot *slot, unsigned long addr,
			   unsigned long size, unsigned int kind, unsigned long ip)
{
	return slot->addr && slot->addr < addr + size && addr < slot->addr + slot->size &&
	       (slot->kind | kind) & RACE_WRITE && !(slot->kind & kind & RACE_MARKED) &&
	       slot->ip != ip;
}

static noinline void race_hit(struct race_slot *slot, unsigned long addr, unsigned long size,
			      unsigned int kind, unsigned long ip)
{
	unsigned long flags;

	spin_lock_irqsave(&race_lock, flags);
	if (race_conflicts(slot, addr, size, kind, ip) && !slot->other_ip) {
		slot->other_kind = kind;
		slot->other_ip = ip;
	}
	spin_unlock_irqrestore(&race_lock, flags);
}

static bool race_is_time(void)
{
	u32 random;

	if (raw_cpu_dec_return(race_left) >= 0)
		return false;
	random = raw_cpu_read(race_random) * 1664525 + 1013904223;
	raw_cpu_write(race_random, random);
	raw_cpu_write(race_left, (random >> 16) % (2 * skip + 1));
	return !in_nmi() && !in_hardirq() && !irqs_disabled();
}

static __always_inline void race_access(const volatile void *ptr, unsigned long size,
					unsigned int kind, unsigned long ip)
{
	unsigned long addr = (unsigned long)ptr;
	int i;

	if (raw_cpu_read(race_disabled))
		return;
	/* an access of up to eight bytes touches two places at most */
	for (i = 0; i < 2; i++) {
		struct race_slot *slot = &race_slots[((addr >> 3) + i) % RACE_SLOTS];
		unsigned long at = READ_ONCE(slot->addr);

		if (at && at < addr + size && addr < at + READ_ONCE(slot->size))
			race_hit(slot, addr, size, kind, ip);
	}
	if (race_is_time())
		race_watch(addr, size, kind, ip);
}

void sc_race_disable(void)
{
	raw_cpu_inc(race_disabled);
}
EXPORT_SYMBOL_GPL(sc_race_disable);

void sc_race_enable(void)
{
	raw_cpu_dec(race_disabled);
}
EXPORT_SYMBOL_GPL(sc_race_enable);

void sc_race_access(const volatile void *ptr, size_t size, int type)
{
	race_access(ptr, size, (type & RACE_KCSAN_WRITE ? RACE_WRITE : 0) |
		    (type & RACE_KCSAN_ATOMIC ? RACE_MARKED : 0), _RET_IP_);
}
EXPORT_SYMBOL_GPL(sc_race_access);

/* ---- What the compiler calls ---------------------------------------------- */

__diag_ignore_all("-Wmissing-prototypes", "the compiler knows them");

void __tsan_read_range(void *ptr, size_t size)
{
	race_access(ptr, size, 0, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__tsan_read_range);

void __tsan_write_range(void *ptr, size_t size)
{
	race_access(ptr, size, RACE_WRITE, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__tsan_write_range);

void __tsan_func_entry(void *caller)
{
}
EXPORT_SYMBOL_GPL(__tsan_func_entry);

void __tsan_func_exit(void)
{
}
EXPORT_SYMBOL_GPL(__tsan_func_exit);

void __tsan_init(void)
{
}
EXPORT_SYMBOL_GPL(__tsan_init);

#define RACE_FUNCTION(name, size, kind)						\
	void name(void *ptr) { race_access(ptr, size, kind, _RET_IP_); }	\
	EXPORT_SYMBOL_GPL(name)

RACE_FUNCTION(__tsan_read1, 1, 0);
RACE_FUNCTION(__tsan_read2, 2, 0);
RACE_FUNCTION(__tsan_read4, 4, 0);
RACE_FUNCTION(__tsan_read8, 8, 0);
RACE_FUNCTION(__tsan_read16, 16, 0);

RACE_FUNCTION(__tsan_write1, 1, RACE_WRITE);
RACE_FUNCTION(__tsan_write2, 2, RACE_WRITE);
RACE_FUNCTION(__tsan_write4, 4, RACE_WRITE);
RACE_FUNCTION(__tsan_write8, 8, RACE_WRITE);
RACE_FUNCTION(__tsan_write16, 16, RACE_WRITE);

RACE_FUNCTION(__tsan_unaligned_read1, 1, 0);
RACE_FUNCTION(__tsan_unaligned_read2, 2, 0);
RACE_FUNCTION(__tsan_unaligned_read4, 4, 0);
RACE_FUNCTION(__tsan_unaligned_read8, 8, 0);
RACE_FUNCTION(__tsan_unaligned_read16, 16, 0);

RACE_FUNCTION(__tsan_unaligned_write1, 1, RACE_WRITE);
RACE_FUNCTION(__tsan_unaligned_write2, 2, RACE_WRITE);
RACE_FUNCTION(__tsan_unaligned_write4, 4, RACE_WRITE);
RACE_FUNCTION(__tsan_unaligned_write8, 8, RACE_WRITE);
RACE_FUNCTION(__tsan_unaligned_write16, 16, RACE_WRITE);

RACE_FUNCTION(__tsan_volatile_read1, 1, RACE_MARKED);
RACE_FUNCTION(__tsan_volatile_read2, 2, RACE_MARKED);
RACE_FUNCTION(__tsan_volatile_read4, 4, RACE_MARKED);
RACE_FUNCTION(__tsan_volatile_read8, 8, RACE_MARKED);
RACE_FUNCTION(__tsan_volatile_read16, 16, RACE_MARKED);

RACE_FUNCTION(__tsan_volatile_write1, 1, RACE_MARKED | RACE_WRITE);
RACE_FUNCTION(__tsan_volatile_write2, 2, RACE_MARKED | RACE_WRITE);
RACE_FUNCTION(__tsan_volatile_write4, 4, RACE_MARKED | RACE_WRITE);
RACE_FUNCTION(__tsan_volatile_write8, 8, RACE_MARKED | RACE_WRITE);
RACE_FUNCTION(__tsan_volatile_write16, 16, RACE_MARKED | RACE_WRITE);

RACE_FUNCTION(__tsan_unaligned_volatile_read1, 1, RACE_MARKED);
RACE_FUNCTION(__tsan_unaligned_volatile_read2, 2, RACE_MARKED);
RACE_FUNCTION(__tsan_unaligned_volatile_read4, 4, RACE_MARKED);
RACE_FUNCTION(__tsan_unaligned_volatile_read8, 8, RACE_MARKED);
RACE_FUNCTION(__tsan_unaligned_volatile_read16, 16, RACE_MARKED);

RACE_FUNCTION(__tsan_unaligned_volatile_write1, 1, RACE_MARKED | RACE_WRITE);
RACE_FUNCTION(__tsan_unaligned_volatile_write2, 2, RACE_MARKED | RACE_WRITE);
RACE_FUNCTION(__tsan_unaligned_volatile_write4, 4, RACE_MARKED | RACE_WRITE);
RACE_FUNCTION(__tsan_unaligned_volatile_write8, 8, RACE_MARKED | RACE_WRITE);
RACE_FUNCTION(__tsan_unaligned_volatile_write16, 16, RACE_MARKED | RACE_WRITE);

MODULE_DESCRIPTION("SChannel: finds data races, for tests");
MODULE_LICENSE("GPL");
