/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All allocations that one function of the modules makes, itself or through others, fail: in any
 * thread of the kernel. A kernel without failslab skips the case; that of 'make check-debug'
 * has it.
 */
#ifndef FAILSLAB_H
#define FAILSLAB_H

void failslab_start(const char *function);
void failslab_stop(void);

#endif
