// SPDX-License-Identifier: GPL-2.0-only
#include "failslab.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"

#define FAILSLAB	"/sys/kernel/debug/failslab/"

static void set(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), FAILSLAB "%s", name);
	fd = call(open(path, O_WRONLY | O_CLOEXEC));
	call(write(fd, value, strlen(value)));
	close(fd);
}

static void set_address(const char *name, unsigned long long address)
{
	char text[32];

	snprintf(text, sizeof(text), "%#llx", address);
	set(name, text);
}

/* The lowest address above @above of a function of the modules, or of the one named. */
static unsigned long long find(const char *function, unsigned long long above)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long at, found = ~0ULL;
	char line[512], name[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (strstr(line, "[schannel]") &&
		    sscanf(line, "%llx %*c %255s", &at, name) == 2 &&
		    at > above && at < found &&
		    (!function || !strcmp(name, function)))
			found = at;
	}
	if (file)
		fclose(file);
	return found;
}

void failslab_start(const char *function)
{
	unsigned long long start;

	if (access(FAILSLAB, X_OK))
		skip("this kernel has no failslab");
	start = find(function, 0);
	if (start == ~0ULL)
		fail("%s: not found", function);
	set("probability", "0");
	set("task-filter", "N");
	set("ignore-gfp-wait", "N");
	set("verbose", "0");
	set("stacktrace-depth", "32");
	set_address("require-start", start);
	set_address("require-end", find(NULL, start));
	set("interval", "1");
	set("times", "-1");
	set("probability", "100");
}

void failslab_stop(void)
{
	set("probability", "0");
	set("require-start", "0");
	set("require-end", "0xffffffffffffffff");
}
