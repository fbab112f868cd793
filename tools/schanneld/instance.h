/* SPDX-License-Identifier: GPL-2.0-only */
/* That there is one broker, and where: a lock on a file, which cannot be stale. */
#ifndef SCHANNELD_INSTANCE_H
#define SCHANNELD_INSTANCE_H

#include <stddef.h>
#include <sys/types.h>

#define INSTANCE_FILE	"/run/schannel/schanneld"

/* Be the broker. Returns 0, or -EBUSY if there is one, or another error. */
int instance_take(const char *path, const char *policy);

/*
 * The broker there is: its process id, 0 if there is none, or a negative errno.
 * policy becomes the path of the file it reads.
 */
pid_t instance_find(const char *path, char *policy, size_t size);

#endif
