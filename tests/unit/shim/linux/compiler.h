/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * READ_ONCE() and WRITE_ONCE() order nothing, so here they are relaxed atomics:
 * no data race by themselves, but nothing is ordered by them either, and
 * ThreadSanitizer sees every place that should have said more.
 */
#ifndef SHIM_LINUX_COMPILER_H
#define SHIM_LINUX_COMPILER_H

/*
 * With SHIM_HOSTILE the program is told of every load just before it happens and
 * may change what is loaded: the moment a peer would choose.
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
