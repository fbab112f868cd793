/* SPDX-License-Identifier: GPL-2.0-only */
/* Filter expressions of tcpdump, see pcap-filter(7). */
#ifndef CTL_EXPRESSION_H
#define CTL_EXPRESSION_H

#include <linux/filter.h>

/* Join words to an expression, as tcpdump does. NULL if there are none. The caller frees it. */
char *expression_join(char **words);

/*
 * Compile an expression for packets that begin with an IP header. Exits if it is invalid, or
 * libpcap is not installed. The program lasts as long as the process.
 */
struct sock_fprog expression_compile(const char *text);

#endif
