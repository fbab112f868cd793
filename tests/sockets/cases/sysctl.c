// SPDX-License-Identifier: GPL-2.0-only
/* net.schannel.*: which values may be written, and which users may write them. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../group.h"
#include "../setting.h"

static const struct sysctl {
	const char *name;
	long least;
	long most;
	bool in_each_namespace;
} sysctls[] = {
	{ "busy_poll_us", 0, 1000, true },
	{ "connect_timeout_ms", 100, 600000, true },
	{ "divert_delay_ms", 0, 60000, true },
	{ "divert_local", 0, 1, true },
	{ "pool_max_kib", 1024, 262144, false },
	{ "pool_total_mib", 1, 1048576, false },
	{ "ring_idle_ms", 10, 3600000, false },
	{ "ring_min_kib", 4, 4096, false },
	{ "ring_max_kib", 4, 4096, false },
	{ "dgram_ring_kib", 128, 1024, false },
	{ "orphan_timeout_ms", 100, 3600000, false },
	{ "max_orphans", 0, 16384, false },
};

#define SYSCTLS	(sizeof(sysctls) / sizeof(sysctls[0]))

/* The limits can be written; values beyond them fail and change nothing. */
static void ranges(void)
{
	for (size_t i = 0; i < SYSCTLS; i++) {
		const struct sysctl *s = &sysctls[i];
		long before = setting_read(s->name);

		check(before >= s->least && before <= s->most);
		call_fails(setting_write(s->name, s->least - 1), EINVAL);
		call_fails(setting_write(s->name, s->most + 1), EINVAL);
		call_fails(setting_write(s->name, 1L << 32), EINVAL);
		call_fails(setting_write_text(s->name, "much"), EINVAL);
		check_equal(setting_read(s->name), before);
		call(setting_write(s->name, s->most));
		check_equal(setting_read(s->name), s->most);
		/* the least may not be more than the most, nor the reverse */
		call(setting_write(s->name, before));
		if (strcmp(s->name, "ring_max_kib")) {
			call(setting_write(s->name, s->least));
			check_equal(setting_read(s->name), s->least);
		}
		call(setting_write(s->name, before));
	}
}

/* Sizes of rings are powers of two, and the least is not above the most. */
static void rings(void)
{
	long least = setting_read("ring_min_kib"), most = setting_read("ring_max_kib");

	call_fails(setting_write("ring_min_kib", 12), EINVAL);
	call_fails(setting_write("ring_max_kib", 1000), EINVAL);
	call_fails(setting_write("dgram_ring_kib", 129), EINVAL);
	call(setting_write("ring_max_kib", 64));
	call_fails(setting_write("ring_min_kib", 128), EINVAL);
	call(setting_write("ring_min_kib", 64));
	call_fails(setting_write("ring_max_kib", 32), EINVAL);
	call(setting_write("ring_min_kib", least));
	call(setting_write("ring_max_kib", most));
}

static void unprivileged(void)
{
	call(setgid(65534));
	call(setuid(65534));
	for (size_t i = 0; i < SYSCTLS; i++) {
		call_fails(setting_open(sysctls[i].name, O_WRONLY), EACCES);
		/* no secret */
		setting_read(sysctls[i].name);
	}
}

/* A namespace has its own copy of the per-namespace settings, and only those. */
static void namespaces(void)
{
	long before = setting_read("busy_poll_us");
	int fd = call(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));

	call(unshare(CLONE_NEWNET));
	for (size_t i = 0; i < SYSCTLS; i++) {
		if (sysctls[i].in_each_namespace)
			setting_read(sysctls[i].name);
		else
			call_fails(setting_open(sysctls[i].name, O_RDONLY),
				   ENOENT);
	}
	call(setting_write("busy_poll_us", before ? 0 : 17));
	call(setns(fd, CLONE_NEWNET));
	check_equal(setting_read("busy_poll_us"), before);
}

static const struct test_case cases[] = {
	{ "ranges", "values out of range are EINVAL", ranges },
	{ "rings", "sizes of rings", rings },
	{ "unprivileged", "only root may write", unprivileged },
	{ "namespaces", "settings of a namespace, and of the machine", namespaces },
	{ }
};

TEST_GROUP(sysctl, cases, .type = SOCK_STREAM,
	   .schannel_only = "net.schannel is AF_SCHANNEL's");
