/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * There is one schanneld per host: it holds a lock on a file. The kernel releases the lock
 * when the process ends, so it is never stale.
 */
#ifndef SCHANNELD_INSTANCE_H
#define SCHANNELD_INSTANCE_H

#include <stddef.h>
#include <sys/types.h>

#define INSTANCE_FILE	"/run/schannel/schanneld"

/*
 * Take the lock, and write the path of the policy to the file. Returns 0, -EBUSY if another
 * schanneld holds the lock, or another negative errno.
 */
int instance_take(const char *path, const char *policy);

/*
 * The process id of the schanneld that holds the lock, 0 if there is none, or a negative
 * errno. policy is set to the path of its policy.
 */
pid_t instance_find(const char *path, char *policy, size_t size);

#endif
