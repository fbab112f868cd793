// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"

static bool debug;

void log_enable_debug(void)
{
	debug = true;
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;

	if (level == LOG_LEVEL_DEBUG && !debug)
		return;
	/* Set by systemd if standard error is the journal; see sd-daemon(3). */
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>", level);
	else
		fputs("schanneld: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}
