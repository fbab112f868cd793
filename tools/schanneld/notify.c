// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"

static void send_text(const char *text, int flags)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	socklen_t len;
	int fd;

	if (!path || strlen(path) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, strlen(path));
	len = offsetof(struct sockaddr_un, sun_path) + strlen(path);
	/* @ stands for the null byte of an abstract address. */
	if (*path == '@')
		to.sun_path[0] = 0;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* An error, such as a manager that has ended, has no consequence here. */
	(void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL | flags, (struct sockaddr *)&to, len);
	close(fd);
}

void notify_state(const char *line)
{
	send_text(line, 0);
}

void notify_status(const char *format, ...)
{
	char text[256] = "STATUS=";
	va_list args;

	va_start(args, format);
	vsnprintf(text + strlen(text), sizeof(text) - strlen(text), format, args);
	va_end(args);
	send_text(text, MSG_DONTWAIT);
}

int notify_interval(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	long interval;

	if (!usec || (pid && atol(pid) != getpid()))
		return -1;
	interval = atol(usec) / 2000;
	return interval > 0 && interval < 3600000 ? (int)interval : -1;
}

void notify_alive(void)
{
	/* If the queue is full, the manager has unread resets already. */
	if (notify_interval() >= 0)
		send_text("WATCHDOG=1", MSG_DONTWAIT);
}
