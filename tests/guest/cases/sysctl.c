// SPDX-License-Identifier: GPL-2.0-only
/* net.schannel.*: what may be written there, and by whom. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../cases.h"

static const struct sysctl {
	const char *name;
	long least;
	long most;
	bool in_each_namespace;
} sysctls[] = {
	{ "busy_poll_us", 0, 1000, true },
	{ "connect_timeout_ms", 100, 600000, true },
	{ "divert_timeout_ms", 1, 60000, true },
	{ "divert_retry_ms", 0, 600000, true },
	{ "divert_local", 0, 1, true },
	{ "pool_max_kib", 1024, 262144, false },
	{ "ring_min_kib", 4, 1024, false },
	{ "ring_max_kib", 4, 1024, false },
	{ "dgram_ring_kib", 128, 1024, false },
};

#define SYSCTLS	(sizeof(sysctls) / sizeof(sysctls[0]))

static int open_sysctl(const char *name, int flags)
{
	char path[100];

	snprintf(path, sizeof(path), "/proc/sys/net/schannel/%s", name);
	return open(path, flags | O_CLOEXEC);
}

static long read_sysctl(const char *name)
{
	int fd = call(open_sysctl(name, O_RDONLY));
	char text[32] = "";

	call(read(fd, text, sizeof(text) - 1));
	close(fd);
	return atol(text);
}

static int write_text(const char *name, const char *text)
{
	int fd = call(open_sysctl(name, O_WRONLY));
	int n = write(fd, text, strlen(text)), error = errno;

	close(fd);
	errno = error;
	return n;
}

static int write_sysctl(const char *name, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return write_text(name, text);
}

/* Their limits can be written, what is beyond cannot and changes nothing. */
static void ranges(void)
{
	for (size_t i = 0; i < SYSCTLS; i++) {
		const struct sysctl *s = &sysctls[i];
		long before = read_sysctl(s->name);

		check(before >= s->least && before <= s->most);
		call_fails(write_sysctl(s->name, s->least - 1), EINVAL);
		call_fails(write_sysctl(s->name, s->most + 1), EINVAL);
		call_fails(write_sysctl(s->name, 1L << 32), EINVAL);
		call_fails(write_text(s->name, "much"), EINVAL);
		check_equal(read_sysctl(s->name), before);
		call(write_sysctl(s->name, s->most));
		check_equal(read_sysctl(s->name), s->most);
		/* the least may not be more than the most, nor the reverse */
		call(write_sysctl(s->name, before));
		if (strcmp(s->name, "ring_max_kib")) {
			call(write_sysctl(s->name, s->least));
			check_equal(read_sysctl(s->name), s->least);
		}
		call(write_sysctl(s->name, before));
	}
}

/* Sizes of rings are powers of two, and the least is not above the most. */
static void rings(void)
{
	long least = read_sysctl("ring_min_kib"), most = read_sysctl("ring_max_kib");

	call_fails(write_sysctl("ring_min_kib", 12), EINVAL);
	call_fails(write_sysctl("ring_max_kib", 1000), EINVAL);
	call_fails(write_sysctl("dgram_ring_kib", 129), EINVAL);
	call(write_sysctl("ring_max_kib", 64));
	call_fails(write_sysctl("ring_min_kib", 128), EINVAL);
	call(write_sysctl("ring_min_kib", 64));
	call_fails(write_sysctl("ring_max_kib", 32), EINVAL);
	call(write_sysctl("ring_min_kib", least));
	call(write_sysctl("ring_max_kib", most));
}

static void unprivileged(void)
{
	call(setgid(65534));
	call(setuid(65534));
	for (size_t i = 0; i < SYSCTLS; i++) {
		call_fails(open_sysctl(sysctls[i].name, O_WRONLY), EACCES);
		/* no secret */
		read_sysctl(sysctls[i].name);
	}
}

/* A namespace has its own of those that concern nobody else, and no others. */
static void namespaces(void)
{
	long before = read_sysctl("busy_poll_us");
	int fd = call(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));

	call(unshare(CLONE_NEWNET));
	for (size_t i = 0; i < SYSCTLS; i++) {
		if (sysctls[i].in_each_namespace)
			read_sysctl(sysctls[i].name);
		else
			call_fails(open_sysctl(sysctls[i].name, O_RDONLY),
				   ENOENT);
	}
	call(write_sysctl("busy_poll_us", before ? 0 : 17));
	call(setns(fd, CLONE_NEWNET));
	check_equal(read_sysctl("busy_poll_us"), before);
}

const struct test_case sysctl_cases[] = {
	{ "ranges", "what is out of range is EINVAL", ranges },
	{ "rings", "sizes of rings", rings },
	{ "unprivileged", "not for everybody to write", unprivileged },
	{ "namespaces", "a namespace's own, and the machine's", namespaces },
	{ }
};
