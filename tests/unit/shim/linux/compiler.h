/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * READ_ONCE() and WRITE_ONCE() are relaxed atomics here: no data races themselves, but
 * they order nothing. So ThreadSanitizer reports each place that lacks an acquire or a
 * release.
 */
#ifndef SHIM_LINUX_COMPILER_H
#define SHIM_LINUX_COMPILER_H

/*
 * With SHIM_HOSTILE each load calls this function of the program first, which may change
 * the word: as a hostile peer would at that moment.
 */
#ifdef SHIM_HOSTILE
void shim_before_load(const void *addr);
#else
static inline void shim_before_load(const void *addr)
{
	(void)addr;
}
#endif

#define SHIM_LOAD(ptr, order) ({		\
	__typeof__(ptr) ptr_ = (ptr);		\
	shim_before_load(ptr_);			\
	__atomic_load_n(ptr_, order); })

#define READ_ONCE(x) SHIM_LOAD(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, val) __atomic_store_n(&(x), val, __ATOMIC_RELAXED)

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#endif
