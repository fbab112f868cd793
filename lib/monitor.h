/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIB_MONITOR_H
#define LIB_MONITOR_H

#include "netlink.h"
#include "schannel.h"

/* Parse a message. 1: event is set, and has to be cleared; 0: not an event; -1 with errno. */
int scl_event_of(const struct nlmsghdr *nlh, struct schannel_event *event);
void scl_event_clear(struct schannel_event *event);

#endif
