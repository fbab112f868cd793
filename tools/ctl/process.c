// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "process.h"

#define NAME_SIZE	32

struct holder {
	uint64_t inode;
	unsigned int pid;
	unsigned int fd;
	char name[NAME_SIZE];
};

static struct holder *holders;
static size_t holders_nr, holders_max;

static void holder_add(uint64_t inode, unsigned int pid, unsigned int fd, const char *name)
{
	struct holder *holder;

	if (holders_nr == holders_max) {
		holders_max = holders_max ? holders_max * 2 : 64;
		holders = reallocarray(holders, holders_max, sizeof(*holders));
		if (!holders)
			errx(EXIT_FAILED, "out of memory");
	}
	holder = &holders[holders_nr++];
	*holder = (struct holder){ .inode = inode, .pid = pid, .fd = fd };
	snprintf(holder->name, NAME_SIZE, "%s", name);
}

static bool parse_number(const char *text, unsigned int *number)
{
	char *end;

	*number = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end;
}

static void read_name(unsigned int pid, char name[NAME_SIZE])
{
	char path[32];
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, name, NAME_SIZE - 1);
		close(fd);
	}
	name[len > 0 ? len : 0] = 0;
	name[strcspn(name, "\n")] = 0;
}

static void read_process(unsigned int pid)
{
	char path[32], target[64], name[NAME_SIZE] = "";
	struct dirent *entry;
	unsigned int fd;
	uint64_t inode;
	ssize_t len;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	dir = opendir(path);
	/* The process has ended, or belongs to another user. */
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (!parse_number(entry->d_name, &fd))
			continue;
		len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = 0;
		if (sscanf(target, "socket:[%" SCNu64, &inode) != 1)
			continue;
		if (!*name)
			read_name(pid, name);
		holder_add(inode, pid, fd, name);
	}
	closedir(dir);
}

static int holder_order(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->fd > y->fd) - (x->fd < y->fd);
}

static void read_all(void)
{
	struct dirent *entry;
	unsigned int pid;
	DIR *dir;

	dir = opendir("/proc");
	if (!dir)
		err(EXIT_FAILED, "/proc");
	while ((entry = readdir(dir)))
		if (parse_number(entry->d_name, &pid))
			read_process(pid);
	closedir(dir);
	if (holders_nr)
		qsort(holders, holders_nr, sizeof(*holders), holder_order);
}

/* The index of the first holder with this inode, or where it would be inserted. */
static size_t holder_first(uint64_t inode)
{
	size_t from = 0, to = holders_nr;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (holders[middle].inode < inode)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct json_object *process_list(uint64_t inode)
{
	struct json_object *list = list_new(), *record;
	static bool known;
	size_t i;

	if (!known)
		read_all();
	known = true;
	for (i = holder_first(inode); inode && i < holders_nr && holders[i].inode == inode; i++) {
		record = record_new();
		record_text(record, "name", holders[i].name);
		record_number(record, "pid", holders[i].pid);
		record_number(record, "fd", holders[i].fd);
		list_add(list, record);
	}
	return list;
}
