/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module's parameter says, and the parts main.c starts and stops. */
#ifndef _SCHANNEL_MAIN_H
#define _SCHANNEL_MAIN_H

/* The family's number on this system. */
int sc_family(void);

int sc_netlink_init(void);
void sc_netlink_exit(void);
int sc_diag_init(void);
void sc_diag_exit(void);
int sc_socket_init(void);
void sc_socket_exit(void);

#endif /* _SCHANNEL_MAIN_H */
