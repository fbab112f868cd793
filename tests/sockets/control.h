/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control connection: how the two sides of a case wait for each other.
 *
 * Lines of text over a stream that has nothing to do with the sockets under
 * test: a socketpair in one domain, TCP between two.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#define CONTROL_LINE_MAX	640

/* Between the runners: false if the other runner has ended or does not answer. */
bool line_write(int fd, const char *line);
bool line_read(int fd, char *line, size_t size, int timeout_ms);

/* Inside a case: the end of the other side ends the case. */
void __attribute__((format(printf, 1, 2)))
control_write(const char *format, ...);
void control_expect(const char *line);
unsigned long control_read_number(const char *name);

/* Both sides call it; neither returns before the other has. */
void control_meet(const char *name);

#endif
