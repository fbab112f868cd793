/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocations of the kernel, and its copies from and to programs, that fail when a case wants
 * it. Only code that the modules run, or call, is concerned. A kernel without fault injection
 * skips the case; that of 'make check-debug' has it.
 */
#ifndef INJECT_H
#define INJECT_H

#include <stdbool.h>

enum inject_where {
	INJECT_CALL,		/* in the calls of this thread */
	INJECT_WORKS,		/* in the kernel's worker threads */
	INJECT_ANYWHERE,	/* in softirqs, too; allocations only */
};

/*
 * Something that a fault may strike. @prepare runs before it, and @verify after it, both without
 * faults. @act and @verify return 0, or the errno of what failed in it; @act may fail with
 * @errors alone.
 */
struct inject_target {
	void (*prepare)(void);
	int (*act)(void);
	int (*verify)(int error);
	const int *errors;	/* ends in 0 */
};

/*
 * Lets the first allocation or copy of @target fail, then the second, and so on, until none of
 * them is left; each time all is prepared and verified anew. Then every flow must be
 * gone, and the pool as empty as before.
 */
void inject(enum inject_where where, const struct inject_target *target);

#endif
