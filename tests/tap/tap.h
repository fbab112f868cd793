/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reports test results in TAP, the Test Anything Protocol.
 *
 * A unit test is a table of cases, which tap_main() runs. A case passes if none of its
 * checks fails; a failed check prints its location, and the case continues. Any thread may
 * make checks.
 *
 * A program that runs its cases in another way reports each result itself, with tap_point()
 * or tap_skip(), and ends with tap_end().
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stddef.h>

#ifndef __printf
#define __printf(format, first) \
	__attribute__((__format__(printf, format, first)))
#endif

struct tap_case {
	const char *name;
	void (*run)(void);
};

/* Returns whether the condition is true, for cases that cannot continue otherwise. */
#define CHECK(cond) tap_check(cond, __FILE__, __LINE__, #cond)

/* CHECK for two numbers, which are printed if they differ. */
#define CHECK_EQ(is, want)						\
	tap_check_eq((long long)(is), (long long)(want), __FILE__, __LINE__, \
		     #is)

bool tap_check(bool held, const char *file, int line, const char *what);
bool tap_check_eq(long long is, long long want, const char *file, int line,
		  const char *what);

/* Whether a check of the running case failed, so that its threads can stop. */
bool tap_failed(void);

/* For main(): runs only the cases whose name contains argv[1], if that is given. */
int tap_main(int argc, char **argv, const struct tap_case *cases, size_t nr);

/* A diagnostic line. */
void tap_note(const char *format, ...) __printf(1, 2);

/* One result. */
void tap_point(bool passed, const char *format, ...) __printf(2, 3);
void tap_skip(const char *reason, const char *format, ...) __printf(2, 3);

/* The number of results, if it is known before the first one. */
void tap_plan(size_t nr);

/* Prints the plan, unless tap_plan() has; returns the program's exit status. */
int tap_end(void);

/* The remaining cases cannot run; returns the program's exit status. */
int tap_bail_out(const char *format, ...) __printf(1, 2);

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
