/* SPDX-License-Identifier: GPL-2.0-only */
/* sock_diag for the socket family. See diag.c. */
#ifndef _SCHANNEL_DIAG_H
#define _SCHANNEL_DIAG_H

int sc_diag_init(void);
void sc_diag_exit(void);

#endif /* _SCHANNEL_DIAG_H */
