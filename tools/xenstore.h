/* SPDX-License-Identifier: GPL-2.0-only */
/* libxenstore, for programs that also run where there is none. */
#ifndef TOOLS_XENSTORE_H
#define TOOLS_XENSTORE_H

#include <stdbool.h>

/*
 * Load the library. Returns whether it is installed. The functions of <xenstore.h> must not be
 * called before this has succeeded.
 */
bool xenstore_load(void);

/*
 * From now on, SIGALRM is raised when a single request of this process takes longer than so
 * many seconds. 0: no longer.
 */
void xenstore_time_limit(unsigned int seconds);

#endif
