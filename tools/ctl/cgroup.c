// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "command.h"

/* The template for mkdtemp(). */
#define RUN_NAME	"schannel-run-XXXXXX"

static char *need(char *text)
{
	if (!text)
		errx(EXIT_FAILED, "out of memory");
	return text;
}

static char *join(const char *a, const char *b)
{
	char *text;

	return need(asprintf(&text, "%s%s", a, b) < 0 ? NULL : text);
}

/* The first mount point of cgroup2. */
static const char *mount_point(void)
{
	static char *found;
	struct mntent *entry;
	FILE *mounts;

	if (found)
		return found;
	mounts = setmntent("/proc/self/mounts", "re");
	while (mounts && !found && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, "cgroup2"))
			found = need(strdup(entry->mnt_dir));
	if (mounts)
		endmntent(mounts);
	if (!found)
		errx(EXIT_FAILED, "no cgroup2 is mounted (mount -t cgroup2 none /sys/fs/cgroup)");
	return found;
}

static bool is_directory(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISDIR(status.st_mode);
}

static bool exists(const char *path)
{
	char *full = join(mount_point(), path);
	bool found = is_directory(full);

	free(full);
	return found;
}

char *cgroup_normal(const char *name)
{
	const char *root = mount_point();
	size_t len = strlen(root);
	char *text = join("/", name), *from, *to;

	if (!strncmp(name, root, len) && (name[len] == '/' || !name[len])) {
		free(text);
		text = join("/", name + len);
	}
	for (from = to = text; *from; from++)
		if (*from != '/' || (from[1] != '/' && (from[1] || to == text)))
			*to++ = *from;
	*to = 0;
	return text;
}

/* Search all cgroups: the cgroup of a unit may be in any slice. */
static char *find_unit(const char *name)
{
	const char *root = mount_point();
	char *const paths[] = { (char *)root, NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOSTAT, NULL);
	char *found = NULL;
	FTSENT *entry;

	while (tree && (entry = fts_read(tree))) {
		if (entry->fts_info != FTS_D || strcmp(entry->fts_name, name) || !entry->fts_level)
			continue;
		if (found)
			errx(EXIT_USAGE, "'%s' is ambiguous: %s or %s", name, found,
			     entry->fts_path + strlen(root));
		found = need(strdup(entry->fts_path + strlen(root)));
	}
	if (tree)
		fts_close(tree);
	return found;
}

char *cgroup_find(const char *name)
{
	char *path = cgroup_normal(name);

	if (exists(path))
		return path;
	free(path);
	path = strchr(name, '/') ? NULL : find_unit(name);
	if (!path)
		errx(EXIT_FAILED, "no cgroup and no running unit '%s'", name);
	return path;
}

char *cgroup_own(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char *line = NULL, *path = NULL;
	size_t size = 0;

	if (!file)
		return NULL;
	while (!path && getline(&line, &size, file) >= 0) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "0::", 3))
			path = need(strdup(line + 3));
	}
	free(line);
	fclose(file);
	if (!path)
		errno = ENOENT;
	return path;
}

int cgroup_open(const char *path)
{
	char *full = join(mount_point(), path);
	int fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	free(full);
	return fd;
}

char *cgroup_create(const char *parent)
{
	const char *root = mount_point();
	char *base = join(root, parent), *path = NULL, *full;

	full = join(base, parent[1] ? "/" RUN_NAME : RUN_NAME);
	if (mkdtemp(full))
		path = need(strdup(full + strlen(root)));
	free(base);
	free(full);
	return path;
}

int cgroup_enter(const char *path)
{
	int directory = cgroup_open(path), fd, ret = -1;

	if (directory < 0)
		return -1;
	fd = openat(directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		/* 0 stands for the writing process. */
		ret = write(fd, "0", 1) == 1 ? 0 : -1;
	close(directory);
	if (fd >= 0)
		close(fd);
	return ret;
}

int cgroup_remove(const char *path)
{
	char *full = join(mount_point(), path);
	int ret = rmdir(full);

	free(full);
	return ret;
}
