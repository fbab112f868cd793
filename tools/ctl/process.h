/* SPDX-License-Identifier: GPL-2.0-only */
/* The processes that have a socket open. */
#ifndef CTL_PROCESS_H
#define CTL_PROCESS_H

#include <stdint.h>

#include "record.h"

/*
 * A list of {name, pid, fd} for the socket with this inode. It lacks processes whose
 * /proc/PID/fd the caller may not read. /proc is read at the first call only.
 */
struct json_object *process_list(uint64_t inode);

#endif
