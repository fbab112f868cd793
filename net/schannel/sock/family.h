/* SPDX-License-Identifier: GPL-2.0-only */
/* The socket family. See family.c. */
#ifndef _SCHANNEL_FAMILY_H
#define _SCHANNEL_FAMILY_H

int sc_family_init(void);
void sc_family_exit(void);

#endif /* _SCHANNEL_FAMILY_H */
