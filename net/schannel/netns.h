/* SPDX-License-Identifier: GPL-2.0-only */
/* Network namespaces come and go. See netns.c. */
#ifndef _SCHANNEL_NETNS_H
#define _SCHANNEL_NETNS_H

int sc_netns_init(void);
void sc_netns_exit(void);

#endif /* _SCHANNEL_NETNS_H */
