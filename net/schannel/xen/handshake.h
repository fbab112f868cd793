/* SPDX-License-Identifier: GPL-2.0-only */
/* The handshake of the two ends of a pair, by states and keys in xenstore. */
#ifndef _SCHANNEL_XEN_HANDSHAKE_H
#define _SCHANNEL_XEN_HANDSHAKE_H

#include <linux/jiffies.h>
#include <xen/interface/io/xenbus.h>

struct scxen_dev;

/* The shortest time between two set-ups, and between two tries of anything else. */
#define SCXEN_INTERVAL	HZ

void scxen_close(struct scxen_dev *xd, const char *reason, int err);

void scxen_front_step(struct scxen_dev *xd, enum xenbus_state theirs);
void scxen_back_step(struct scxen_dev *xd, enum xenbus_state theirs);

#endif /* _SCHANNEL_XEN_HANDSHAKE_H */
