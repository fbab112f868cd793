/* SPDX-License-Identifier: GPL-2.0-only */
/* What every part of schannel.ko uses and none of them owns. */
#ifndef _SCHANNEL_COMMON_H
#define _SCHANNEL_COMMON_H

struct workqueue_struct;

/* Runs everything that may sleep and must not hold up, or wait for, others. */
extern struct workqueue_struct *sc_wq;

int sc_family(void);

int sc_common_init(void);
void sc_common_exit(void);

#endif /* _SCHANNEL_COMMON_H */
