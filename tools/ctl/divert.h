/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel says of TCP connections and whether they are diverted, in words. */
#ifndef CTL_DIVERT_H
#define CTL_DIVERT_H

#include <stddef.h>

/* Short, as in JSON: "no_peer". Of what this tool does not know, "other". */
const char *divert_name(int verdict);

/* What it means: to be put behind "since". */
const char *divert_words(int verdict);

#endif
