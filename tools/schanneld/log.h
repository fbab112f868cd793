/* SPDX-License-Identifier: GPL-2.0-only */
/* Log lines on standard error, with their priority if standard error is the journal. */
#ifndef SCHANNELD_LOG_H
#define SCHANNELD_LOG_H

enum log_level {
	LOG_LEVEL_ERROR = 3,	/* syslog's numbers */
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,	/* printed only after log_enable_debug() */
};

void log_enable_debug(void);
void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...)	log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
