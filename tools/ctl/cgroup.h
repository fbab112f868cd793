/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control groups of cgroup2. Paths are relative to its mount point, as in /proc/PID/cgroup:
 * "/" is the root. The caller frees returned paths.
 */
#ifndef CTL_CGROUP_H
#define CTL_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The cgroup with a name given by the user: a path with or without the mount point, or the
 * name of a systemd unit, which is the name of its cgroup. Exits if none or several match.
 */
char *cgroup_find(const char *name);

/* The name as a path, whether or not the cgroup exists: "web" becomes "/web". */
char *cgroup_normal(const char *name);

/* The cgroup of the calling process; NULL, and errno is set, if there is none. */
char *cgroup_own(void);

/* Open the directory of a cgroup; its inode number is the id. -1, and errno is set. */
int cgroup_open(const char *path);

/* Create a child cgroup with a unique name. NULL, and errno is set. */
char *cgroup_create(const char *parent);

/* Move the calling process to a cgroup. -1, and errno is set. */
int cgroup_enter(const char *path);

/* Remove a cgroup. -1, and errno is set: EBUSY if it is not empty. */
int cgroup_remove(const char *path);

#endif
