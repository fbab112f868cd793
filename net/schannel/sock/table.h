/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of all sockets. See table.c. */
#ifndef _SCHANNEL_TABLE_H
#define _SCHANNEL_TABLE_H

struct sc_sock;

int sc_table_add(struct sc_sock *ssk);
void sc_table_remove(struct sc_sock *ssk);
struct sc_sock *sc_table_next(unsigned long from);

#endif /* _SCHANNEL_TABLE_H */
