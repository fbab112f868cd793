/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keeps the kernel's threads from running for a moment, so that a case can interrupt a call
 * that waits for them.
 */
#ifndef STARVE_H
#define STARVE_H

/*
 * From here on until starve_end(), or for half a second at most, only the caller
 * and interrupts run. Skips the case where that is not allowed.
 */
void starve_begin(void);
void starve_end(void);
/* The same from a signal handler; starve_end() is still to be called. */
void starve_stop(void);

#endif
