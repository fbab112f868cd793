/* SPDX-License-Identifier: GPL-2.0-only */
/* What the broker says: lines on standard error, which the journal can tell apart. */
#ifndef SCHANNELD_LOG_H
#define SCHANNELD_LOG_H

enum log_level {
	LOG_LEVEL_ERROR = 3,	/* syslog's numbers */
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,	/* only if wanted */
};

void log_debug_wanted(void);
void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...)	log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
