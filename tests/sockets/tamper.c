// SPDX-License-Identifier: GPL-2.0-only
#include "tamper.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

void tamper_break(void)
{
	command(PARAMETERS "break", "1");
}

bool tamper_try_break(void)
{
	int fd = call(open(PARAMETERS "break", O_WRONLY | O_CLOEXEC));
	ssize_t n = write(fd, "1", 1);

	if (n < 0)
		check_equal(errno, ENOENT);
	close(fd);
	return n > 0;
}

void tamper_reader_begin(void)
{
	command(PARAMETERS "reader", "1");
}

void tamper_reader_end(void)
{
	command(PARAMETERS "reader", "0");
}

static unsigned int result(const char *parameter)
{
	char text[20] = "";
	int fd = call(open(parameter, O_RDONLY | O_CLOEXEC));

	call(read(fd, text, sizeof(text) - 1));
	close(fd);
	return strtoul(text, NULL, 10);
}

void tamper_count_woken(void)
{
	command(PARAMETERS "woken", "1");
}

unsigned int tamper_woken(void)
{
	return result(PARAMETERS "woken");
}

void tamper_count_added(void)
{
	command(PARAMETERS "added", "1");
}

unsigned int tamper_added(void)
{
	command(PARAMETERS "added", "0");
	return result(PARAMETERS "added");
}

struct tamper_storm_result tamper_storm(enum tamper_storm how)
{
	command(PARAMETERS "storm", how == TAMPER_ENTRIES ? "1" : "2");
	return (struct tamper_storm_result){
		.rounds = result(PARAMETERS "rounds"),
		.polls = result(PARAMETERS "polls"),
		.events = result(PARAMETERS "events"),
	};
}
