/* SPDX-License-Identifier: GPL-2.0-only */
/* Which processes have a socket. */
#ifndef CTL_PROCESS_H
#define CTL_PROCESS_H

#include <stdint.h>

#include "record.h"

/*
 * A list of {name, pid, fd} for the socket with this inode. It is as complete as the
 * caller may look into others' /proc/PID/fd, and as it was at the first call.
 */
struct json_object *process_list(uint64_t inode);

#endif
