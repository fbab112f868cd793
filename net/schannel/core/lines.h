/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Assertions about cache lines, beside the structs that they are about. See "Cache lines" in
 * the README: what a thread writes for each message must not be in a line that a thread of
 * another side reads or writes, and a call touches as few lines as it can. A member that is
 * added in the wrong place fails the build.
 */
#ifndef _SCHANNEL_LINES_H
#define _SCHANNEL_LINES_H

#include <linux/build_bug.h>
#include <linux/cache.h>
#include <linux/kconfig.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/stddef.h>

#define SC_FIRST_LINE(type, member) (offsetof(type, member) / SMP_CACHE_BYTES)
#define SC_LAST_LINE(type, member) ((offsetofend(type, member) - 1) / SMP_CACHE_BYTES)

/* Locks that debug themselves are larger: then members do not fit into as few lines. */
#define SC_LARGE_LOCKS (sizeof(spinlock_t) > 4 || sizeof(struct mutex) > 32)

/* Different sides write the two members, of which @first comes first: they share no line. */
#define SC_ASSERT_APART(type, first, second)				\
	static_assert(!IS_ENABLED(CONFIG_SMP) ||			\
		      SC_LAST_LINE(type, first) < SC_FIRST_LINE(type, second), \
		      #first " and " #second " of " #type " share a cache line")

/* The members from @first to @last are used together: they are in one line. */
#define SC_ASSERT_ONE_LINE(type, first, last)				\
	static_assert(!IS_ENABLED(CONFIG_SMP) || SC_LARGE_LOCKS ||	\
		      SC_FIRST_LINE(type, first) == SC_LAST_LINE(type, last), \
		      #first " to " #last " of " #type " need more than one cache line")

#endif /* _SCHANNEL_LINES_H */
