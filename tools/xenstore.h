/* SPDX-License-Identifier: GPL-2.0-only */
/* libxenstore, for programs that also run where there is none. */
#ifndef TOOLS_XENSTORE_H
#define TOOLS_XENSTORE_H

#include <stdbool.h>

/*
 * Load it. Returns whether it is there; before that, the functions of xenstore.h
 * that this program uses must not be called.
 */
bool xenstore_load(void);

#endif
