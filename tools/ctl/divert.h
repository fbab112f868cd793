/* SPDX-License-Identifier: GPL-2.0-only */
/* The verdicts of the kernel on whether a TCP connection is diverted, as text. */
#ifndef CTL_DIVERT_H
#define CTL_DIVERT_H

#include <stddef.h>

/* The name that JSON has: "no_peer". "other" if the kernel is newer than this program. */
const char *divert_name(int verdict);

/* A sentence, to follow "because". */
const char *divert_text(int verdict);

#endif
