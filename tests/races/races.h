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

#include <net/sock.h>

/* The kernel's stores to a socket's flags are plain, and so they race with sock_flag(). */
static inline void sc_race_sock_orphan(struct sock *sk)
{
	sc_race_disable();
	sock_orphan(sk);
	sc_race_enable();
}

#define sock_orphan	sc_race_sock_orphan
#endif

#endif
