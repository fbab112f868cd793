/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before everything else in files that are compiled with -fsanitize=thread: what the
 * kernel's headers do for KCSAN is done for sc_race.ko.
 */
#ifndef SC_RACES_H
#define SC_RACES_H

#include <linux/types.h>

void sc_race_disable(void);
void sc_race_enable(void);
void sc_race_access(const volatile void *ptr, size_t size, int type);

#ifdef __SANITIZE_THREAD__
#include <linux/kcsan-checks.h>

#undef __kcsan_disable_current
#undef __kcsan_enable_current
#define __kcsan_disable_current	sc_race_disable
#define __kcsan_enable_current	sc_race_enable
#define __kcsan_check_access	sc_race_access
#endif

#endif
