/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control groups, of cgroup2. A path is one below where that is mounted, as in
 * /proc/PID/cgroup: "/" is the root. Paths returned are to be freed.
 */
#ifndef CTL_CGROUP_H
#define CTL_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Which one a user means: a path below the mount point or with it, or the name of
 * a systemd unit, which is that of its cgroup. Exits if there is none, or several.
 */
char *cgroup_find(const char *name);

/* The same text in its usual form, whether or not there is such a cgroup; "web" is "/web". */
char *cgroup_normal(const char *name);

/* That of the calling process; NULL, and errno, if there is none. */
char *cgroup_own(void);

/* A descriptor of its directory; -1 and errno. The inode is the id. */
int cgroup_open(const char *path);

/* A new one below this one, with a name of its own; NULL, and errno. */
char *cgroup_create(const char *parent);

/* Move the calling process; -1 and errno. */
int cgroup_enter(const char *path);

/* Remove one; EBUSY is that there still is something in it. -1 and errno. */
int cgroup_remove(const char *path);

#endif
