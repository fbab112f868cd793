/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIB_MONITOR_H
#define LIB_MONITOR_H

#include "netlink.h"
#include "schannel.h"

/* What a message says: 1 and an event, to be cleared; 0 if it is none; or -1 and errno. */
int scl_event_of(const struct nlmsghdr *nlh, struct schannel_event *event);
void scl_event_clear(struct schannel_event *event);

#endif
