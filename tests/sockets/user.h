/* SPDX-License-Identifier: GPL-2.0-only */
/* Other users, and other cgroups: processes that a case starts to act as one. */
#ifndef USER_H
#define USER_H

#include <sys/types.h>

#include "family.h"

/* Users without any capability, both with files enough for every flow of a channel. */
#define USER_ROOT	0
#define USER_ONE	65534
#define USER_TWO	65533

/* A process, and what its work returned; it keeps its sockets until user_end(). */
struct user {
	pid_t pid;
	long said;
};

/*
 * Has a user do @work in a process of its own, in the memory cgroup @cgroup unless that is
 * NULL, and waits for the result. A failure in there fails the case.
 */
struct user user_start(uid_t uid, const char *cgroup, long (*work)(union address to),
		       union address to);
/* Fails the case if the process was killed meanwhile. */
void user_end(struct user *user);

/* Raise the limit of open files as far as it goes, or skip the case below @least. */
void user_allow_files(unsigned long least);

/* A memory cgroup below the root, with this memory.max; skips the case where there is none. */
void cgroup_make(const char *name, long max);
/* All of its processes must have ended. */
void cgroup_remove(const char *name);
/* A number of a file in it: of the line that begins with @key, if that is not NULL. */
long cgroup_read(const char *name, const char *file, const char *key);

#endif
