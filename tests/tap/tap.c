// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* The exit status of a program that could not run its cases. */
#define EXIT_BAILED_OUT		2

/* A case prints this many failed checks; the rest is only counted. */
#define COMPLAINTS_MAX		10

static unsigned int complaints;	/* of the running case; atomic */
static size_t points;
static size_t failures;
static bool planned;

static bool complain(void)
{
	return __atomic_fetch_add(&complaints, 1, __ATOMIC_RELAXED) <
	       COMPLAINTS_MAX;
}

bool tap_failed(void)
{
	return __atomic_load_n(&complaints, __ATOMIC_RELAXED);
}

bool tap_check(bool held, const char *file, int line, const char *what)
{
	if (!held && complain())
		printf("# %s:%d: false: %s\n", file, line, what);
	return held;
}

bool tap_check_eq(long long is, long long want, const char *file, int line,
		  const char *what)
{
	if (is != want && complain())
		printf("# %s:%d: %s is %lld (%#llx), not %lld (%#llx)\n", file,
		       line, what, is, is, want, want);
	return is == want;
}

/* Flushed at once, so that a crash or a fork() cannot lose or repeat the line. */
static void print_line(const char *start, const char *format, va_list args)
{
	fputs(start, stdout);
	vprintf(format, args);
	putchar('\n');
	fflush(stdout);
}

void tap_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line("# ", format, args);
	va_end(args);
}

void tap_plan(size_t nr)
{
	planned = true;
	printf("1..%zu\n", nr);
	fflush(stdout);
}

void tap_point(bool passed, const char *format, ...)
{
	char start[40];
	va_list args;

	points++;
	failures += !passed;
	snprintf(start, sizeof(start), "%sok %zu - ", passed ? "" : "not ", points);
	va_start(args, format);
	print_line(start, format, args);
	va_end(args);
}

void tap_skip(const char *reason, const char *format, ...)
{
	va_list args;

	printf("ok %zu - ", ++points);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(" # SKIP %s\n", reason);
	fflush(stdout);
}

int tap_end(void)
{
	if (!planned)
		tap_plan(points);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

int tap_bail_out(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line("Bail out! ", format, args);
	va_end(args);
	return EXIT_BAILED_OUT;
}

int tap_main(int argc, char **argv, const struct tap_case *cases, size_t nr)
{
	const char *only = argc > 1 ? argv[1] : "";

	/* line by line, so that a crash does not lose the lines before it */
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < nr; i++) {
		if (!strstr(cases[i].name, only))
			continue;
		complaints = 0;
		cases[i].run();
		if (complaints > COMPLAINTS_MAX)
			tap_note("and %u more", complaints - COMPLAINTS_MAX);
		tap_point(!complaints, "%s", cases[i].name);
	}
	return tap_end();
}
