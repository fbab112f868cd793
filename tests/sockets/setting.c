// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "setting.h"

int setting_open(const char *name, int flags)
{
	char path[100];

	snprintf(path, sizeof(path), "/proc/sys/net/schannel/%s", name);
	return open(path, flags | O_CLOEXEC);
}

long setting_read(const char *name)
{
	int fd = call(setting_open(name, O_RDONLY));
	char text[32] = "";

	call(read(fd, text, sizeof(text) - 1));
	close(fd);
	return atol(text);
}

int setting_write_text(const char *name, const char *text)
{
	int fd = call(setting_open(name, O_WRONLY));
	int n = write(fd, text, strlen(text)), error = errno;

	close(fd);
	errno = error;
	return n;
}

int setting_write(const char *name, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return setting_write_text(name, text);
}
