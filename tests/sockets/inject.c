// SPDX-License-Identifier: GPL-2.0-only
#include "inject.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "genl.h"

#define DEBUGFS		"/sys/kernel/debug"
#define CALLER		"thread-self"

/* More than any call needs: one that allocates without end is a fault, too. */
#define MOST_FAULTS	400
/* The works of one act may run in several threads, each of which counts alone. */
#define MOST_WORKERS	200
#define WORKS_MISSES	3
/* Faults that are counted in all threads together begin anywhere in the count. */
#define ANYWHERE_ROUNDS	40

static const char * const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return done;
}

static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n >= 0;
}

/* ---- What fails at all -------------------------------------------------- */

static void set(const char *kind, const char *attribute, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "/%s/%s", kind, attribute);
	if (!write_text(path, value))
		fail("%s: %s", path, errno_name(errno));
}

static void set_number(const char *kind, const char *attribute, unsigned long long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", value);
	set(kind, attribute, text);
}

/* Where the modules' code is: from the first to the last of its functions. */
static void find_modules(unsigned long long *start, unsigned long long *end)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long at;
	char line[512], type;

	*start = ~0ULL;
	*end = 0;
	while (file && fgets(line, sizeof(line), file)) {
		if (!strstr(line, "[schannel") ||
		    sscanf(line, "%llx %c", &at, &type) != 2 ||
		    tolower(type) != 't')
			continue;
		if (at < *start)
			*start = at;
		if (at > *end)
			*end = at;
	}
	if (file)
		fclose(file);
	check(*end);
	*end += 4096;
}

static void restrict_to_modules(void)
{
	unsigned long long start, end;

	find_modules(&start, &end);
	for (int i = 0; i < 3; i++) {
		set_number(kinds[i], "probability", 0);
		set_number(kinds[i], "verbose", 0);
		set_number(kinds[i], "stacktrace-depth", 32);
		set_number(kinds[i], "require-start", start);
		set_number(kinds[i], "require-end", end);
		set(kinds[i], "task-filter", "N");
	}
	set("failslab", "ignore-gfp-wait", "N");
	set("fail_page_alloc", "ignore-gfp-wait", "N");
	set("fail_page_alloc", "ignore-gfp-highmem", "N");
	set_number("fail_page_alloc", "min-order", 0);
}

/* ---- Which one fails ---------------------------------------------------- */

static char workers[MOST_WORKERS][16];	/* those that were told to fail */
static int nr_workers;

static bool thread_set(const char *thread, unsigned int nth)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "/proc/%s/fail-nth", thread);
	snprintf(text, sizeof(text), "%u", nth);
	return write_text(path, text);
}

/* Whether a thread that was told to fail has failed. */
static bool thread_reset(const char *thread)
{
	char path[64], text[16];
	bool hit;

	snprintf(path, sizeof(path), "/proc/%s/fail-nth", thread);
	if (!read_text(path, text, sizeof(text)))
		return false;
	hit = atoi(text) == 0;
	/* again if the thread has counted at the same time */
	do {
		thread_set(thread, 0);
	} while (read_text(path, text, sizeof(text)) && atoi(text));
	return hit;
}

static void workers_set(unsigned int nth)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char path[64], name[64];

	check(proc);
	nr_workers = 0;
	while ((entry = readdir(proc)) && nr_workers < MOST_WORKERS) {
		if (!isdigit((unsigned char)*entry->d_name) || strlen(entry->d_name) > 15)
			continue;
		snprintf(path, sizeof(path), "/proc/%.15s/comm", entry->d_name);
		if (!read_text(path, name, sizeof(name)) || strncmp(name, "kworker/", 8))
			continue;
		snprintf(workers[nr_workers], sizeof(workers[0]), "%.15s", entry->d_name);
		nr_workers += thread_set(entry->d_name, nth);
	}
	closedir(proc);
}

static bool workers_reset(void)
{
	bool hit = false;

	for (int i = 0; i < nr_workers; i++)
		hit |= thread_reset(workers[i]);
	return hit;
}

static void anywhere_set(unsigned int nth)
{
	for (int i = 0; i < 2; i++) {
		set_number(kinds[i], "interval", nth);
		set_number(kinds[i], "times", 1);
	}
	/* in turn, so that each of the two has small and large intervals */
	set_number(kinds[nth / 2 % 2], "probability", 100);
}

static bool anywhere_reset(void)
{
	for (int i = 0; i < 2; i++)
		set_number(kinds[i], "probability", 0);
	return true;
}

static void arm(enum inject_where where, unsigned int nth)
{
	switch (where) {
	case INJECT_CALL:
		check(thread_set(CALLER, nth));
		break;
	case INJECT_WORKS:
		workers_set(nth);
		break;
	case INJECT_ANYWHERE:
		anywhere_set(nth);
		break;
	}
}

static bool disarm(enum inject_where where)
{
	switch (where) {
	case INJECT_CALL:
		return thread_reset(CALLER);
	case INJECT_WORKS:
		return workers_reset();
	default:
		return anywhere_reset();
	}
}

/* ---- What must be there afterwards -------------------------------------- */

struct use {
	uint64_t flows;
	uint64_t pool;
};

static void add_use(const struct nlmsghdr *answer, void *arg)
{
	struct use *use = arg;

	use->flows += genl_number(answer, SCHANNEL_A_CHANNEL_FLOWS);
	use->pool += genl_number(answer, SCHANNEL_A_CHANNEL_POOL_USED);
}

static struct use use_now(void)
{
	struct use use = { 0 };

	check_equal(genl_dump(SCHANNEL_CMD_CHANNEL_GET, add_use, &use), 0);
	return use;
}

static void await_use(const struct use *before)
{
	int64_t end = now_ms() + patience_ms();
	struct use now;

	do {
		now = use_now();
		if (now.flows <= before->flows && now.pool <= before->pool)
			return;
		poll(NULL, 0, 20);
	} while (now_ms() < end);
	fail("%llu flows and %llu bytes of rings are left, before it were %llu and %llu",
	     (unsigned long long)now.flows, (unsigned long long)now.pool,
	     (unsigned long long)before->flows, (unsigned long long)before->pool);
}

static bool may_fail_with(const struct inject_target *target, int error)
{
	for (const int *may = target->errors; *may; may++) {
		if (*may == error)
			return true;
	}
	return false;
}

/* One round without a fault, so that what is there once and for all is there. */
static void rehearse(const struct inject_target *target)
{
	target->prepare();
	check_equal(target->act(), 0);
	check_equal(target->verify(0), 0);
}

/*
 * What works afterwards. A peer that had no memory for a mapping is given none to map for a moment:
 * until then calls that need some fail.
 */
static int verify(const struct inject_target *target, enum inject_where where, int error)
{
	int64_t end = now_ms() + patience_ms();
	int later;

	while ((later = target->verify(error)) == ENOBUFS && where != INJECT_CALL &&
	       now_ms() < end)
		poll(NULL, 0, 20);
	return later;
}

void inject(enum inject_where where, const struct inject_target *target)
{
	static const int needed[] = {
		[INJECT_CALL] = 1, [INJECT_WORKS] = WORKS_MISSES,
		[INJECT_ANYWHERE] = 1,
	};
	int misses = 0, hits = 0;
	struct use before;

	if (access("/proc/self/fail-nth", W_OK) || access(DEBUGFS "/failslab", X_OK))
		skip("this kernel has no fault injection");
	restrict_to_modules();
	rehearse(target);
	before = use_now();
	for (unsigned int nth = 1; misses < needed[where]; nth++) {
		int error, later;
		bool hit;

		if (nth > MOST_FAULTS)
			fail("more than %d allocations", MOST_FAULTS);
		if (where == INJECT_ANYWHERE && nth > ANYWHERE_ROUNDS)
			break;
		target->prepare();
		arm(where, nth);
		error = target->act();
		hit = disarm(where);
		if (error && (!hit || !may_fail_with(target, error)))
			fail("fault %u%s: %s", nth, hit ? "" : ", which did not occur",
			     errno_name(error));
		later = verify(target, where, error);
		if (later)
			fail("after fault %u (%s): %s", nth, errno_name(error),
			     errno_name(later));
		hits += hit;
		misses = hit ? 0 : misses + 1;
	}
	await_use(&before);
	if (!hits)
		skip("nothing in it can fail");
}
