// SPDX-License-Identifier: GPL-2.0-only
#include "control.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "case.h"

bool line_write(int fd, const char *line)
{
	char buffer[CONTROL_LINE_MAX];
	size_t length, done = 0;

	length = snprintf(buffer, sizeof(buffer) - 1, "%s", line);
	if (length > sizeof(buffer) - 2)
		length = sizeof(buffer) - 2;
	/* A line feed in the text must not end the line. */
	for (size_t i = 0; i < length; i++) {
		if (buffer[i] == '\n')
			buffer[i] = ' ';
	}
	buffer[length++] = '\n';
	while (done < length) {
		ssize_t n = send(fd, buffer + done, length - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += n;
	}
	return true;
}

/* A byte at a time, since the next line must stay in the stream. */
bool line_read(int fd, char *line, size_t size, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	size_t length = 0;

	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		int64_t left = timeout_ms < 0 ? -1 : end - now_ms();
		char c;

		if (timeout_ms >= 0 && left < 0)
			return false;
		if (poll(&ready, 1, (int)left) <= 0) {
			if (errno == EINTR)
				continue;
			return false;
		}
		if (read(fd, &c, 1) != 1)
			return false;
		if (c == '\n') {
			line[length] = '\0';
			return true;
		}
		if (length < size - 1)
			line[length++] = c;
	}
}

void control_write(const char *format, ...)
{
	char line[CONTROL_LINE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (!line_write(test_env.control, line))
		case_end(CASE_ORPHANED, "the other side left before \"%s\"", line);
}

static void control_read(char *line, size_t size, const char *expected)
{
	/* shown in the report of a hang */
	snprintf(case_report->text, sizeof(case_report->text),
		 "waiting for \"%s\"", expected);
	if (!line_read(test_env.control, line, size, -1))
		case_end(CASE_ORPHANED, "the other side left, no \"%s\"", expected);
	case_report->text[0] = '\0';
}

void control_expect(const char *expected)
{
	char line[CONTROL_LINE_MAX];

	control_read(line, sizeof(line), expected);
	if (strcmp(line, expected))
		fail("control: \"%s\", expected \"%s\"", line, expected);
}

unsigned long control_read_number(const char *name)
{
	char line[CONTROL_LINE_MAX];
	size_t length = strlen(name);

	control_read(line, sizeof(line), name);
	if (strncmp(line, name, length) || line[length] != ' ')
		fail("control: \"%s\", expected \"%s NUMBER\"", line, name);
	return strtoul(line + length + 1, NULL, 10);
}

void control_meet(const char *name)
{
	control_write("%s", name);
	control_expect(name);
}
