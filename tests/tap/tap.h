/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test program is a table of cases. A case passes if none of its checks
 * failed; a failed check says where, and the case goes on. Checks may be made in
 * any thread. TAP comes out.
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stddef.h>

#define __printf(format, first) \
	__attribute__((__format__(printf, format, first)))

struct tap_case {
	const char *name;
	void (*run)(void);
};

/* Returns whether it held, for those who cannot go on otherwise. */
#define CHECK(cond) tap_check(cond, __FILE__, __LINE__, #cond)

/* The same for two numbers, which are shown if they differ. */
#define CHECK_EQ(is, want)						\
	tap_check_eq((long long)(is), (long long)(want), __FILE__, __LINE__, \
		     #is)

bool tap_check(bool held, const char *file, int line, const char *what);
bool tap_check_eq(long long is, long long want, const char *file, int line,
		  const char *what);
void tap_note(const char *format, ...) __printf(1, 2);

/* Did a check of the running case fail? Then its threads can stop. */
bool tap_failed(void);

/* For main(): only the cases whose name contains argv[1], if there is one. */
int tap_main(int argc, char **argv, const struct tap_case *cases, size_t nr);

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
