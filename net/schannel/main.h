/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module's parameters say, and the parts main.c starts and stops. */
#ifndef _SCHANNEL_MAIN_H
#define _SCHANNEL_MAIN_H

#include <linux/types.h>

/* The family's number on this system. */
int sc_family(void);
/* Most pages of one channel's pool. */
u32 sc_pool_pages(void);
/* How long a reader or writer looks for the peer before it sleeps, in us. */
unsigned int sc_busy_poll_us(void);

int sc_socket_init(void);
void sc_socket_exit(void);

#endif /* _SCHANNEL_MAIN_H */
