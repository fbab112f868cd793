/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's barriers as C11 has them. ThreadSanitizer follows release and
 * acquire but not fences: what only a fence orders, lost_wakeup_test tries on the
 * processor itself.
 */
#ifndef SHIM_ASM_BARRIER_H
#define SHIM_ASM_BARRIER_H

#include <linux/compiler.h>

/* full */
#define virt_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
/* what comes later stays later, or what came before stays before */
#define virt_load_acquire(ptr) SHIM_LOAD(ptr, __ATOMIC_ACQUIRE)
/* likewise */
#define virt_store_release(ptr, val) \
	__atomic_store_n(ptr, val, __ATOMIC_RELEASE)

/* the same on one machine */
#define smp_load_acquire(ptr) virt_load_acquire(ptr)
/* likewise */
#define smp_store_release(ptr, val) virt_store_release(ptr, val)

#endif
