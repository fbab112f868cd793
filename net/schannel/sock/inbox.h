/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inbox: where all datagrams from a peer arrive. See inbox.c.
 */
#ifndef _SCHANNEL_INBOX_H
#define _SCHANNEL_INBOX_H

int sc_inbox_init(void);
void sc_inbox_exit(void);

#endif /* _SCHANNEL_INBOX_H */
