/* SPDX-License-Identifier: GPL-2.0-only */
/* All sockets there are, for who wants to see them. See diag.c. */
#ifndef _SCHANNEL_DIAG_H
#define _SCHANNEL_DIAG_H

struct sc_sock;

int sc_diag_add(struct sc_sock *ssk);
void sc_diag_remove(struct sc_sock *ssk);

int sc_diag_init(void);
void sc_diag_exit(void);

#endif /* _SCHANNEL_DIAG_H */
