/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's barriers in terms of C11. ThreadSanitizer models release and acquire, but
 * not fences: lost_wakeup_test tests these on the processor itself.
 */
#ifndef SHIM_ASM_BARRIER_H
#define SHIM_ASM_BARRIER_H

#include <linux/compiler.h>

/* A full barrier. */
#define virt_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
/* Later accesses stay after the load, earlier ones before the store. */
#define virt_load_acquire(ptr) SHIM_LOAD(ptr, __ATOMIC_ACQUIRE)
/* See virt_load_acquire(). */
#define virt_store_release(ptr, val) \
	__atomic_store_n(ptr, val, __ATOMIC_RELEASE)

/* For threads of one machine the same. */
#define smp_load_acquire(ptr) virt_load_acquire(ptr)
/* See smp_load_acquire(). */
#define smp_store_release(ptr, val) virt_store_release(ptr, val)

#endif
