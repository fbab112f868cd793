// SPDX-License-Identifier: GPL-2.0-only
#include "tamper.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "case.h"

#define MODULE		"/lib/sc_tamper.ko"
#define PARAMETERS	"/sys/module/sc_tamper/parameters/"

void tamper_start(void)
{
	int fd;

	if (test_env.two_domains)
		skip("the ring of the other domain's peer cannot be changed from here");
	if (!access(PARAMETERS "bytes", F_OK))
		return;
	fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		skip("no " MODULE);
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
		skip("cannot load " MODULE ": %s", errno_name(errno));
	close(fd);
}

static void command(const char *parameter, const char *value)
{
	int fd = call(open(parameter, O_WRONLY | O_CLOEXEC));

	call_gives(write(fd, value, strlen(value)), strlen(value));
	close(fd);
}

void tamper_bytes(void)
{
	command(PARAMETERS "bytes", "1");
}

void tamper_length(unsigned int length)
{
	char text[20];

	snprintf(text, sizeof(text), "%u", length);
	command(PARAMETERS "length", text);
}
