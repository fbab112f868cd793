/* SPDX-License-Identifier: GPL-2.0-only */
/* The workqueue and the number of the address family, which all layers use. */
#ifndef _SCHANNEL_COMMON_H
#define _SCHANNEL_COMMON_H

struct workqueue_struct;

/* For works that may sleep and must neither delay nor wait for other works of the system. */
extern struct workqueue_struct *sc_wq;

int sc_family(void);

int sc_common_init(void);
void sc_common_exit(void);

#endif /* _SCHANNEL_COMMON_H */
