// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* What one broken loop can say before the rest is only counted. */
#define COMPLAINTS_MAX 10

static unsigned int complaints;	/* of the running case; atomic */

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
		printf("# %s:%d: does not hold: %s\n", file, line, what);
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

void tap_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("# ", stdout);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

int tap_main(int argc, char **argv, const struct tap_case *cases, size_t nr)
{
	const char *only = argc > 1 ? argv[1] : "";
	size_t i, at = 0, failed = 0;

	/* line by line, so that a crash does not swallow what led to it */
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < nr; i++) {
		if (!strstr(cases[i].name, only))
			continue;
		complaints = 0;
		cases[i].run();
		failed += !!complaints;
		if (complaints > COMPLAINTS_MAX)
			tap_note("and %u more", complaints - COMPLAINTS_MAX);
		printf("%sok %zu - %s\n", complaints ? "not " : "", ++at,
		       cases[i].name);
	}
	printf("1..%zu\n", at);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
