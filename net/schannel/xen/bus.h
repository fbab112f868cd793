/* SPDX-License-Identifier: GPL-2.0-only */
/* The xenbus drivers: which peers exist. */
#ifndef _SCHANNEL_XEN_BUS_H
#define _SCHANNEL_XEN_BUS_H

int scxen_bus_init(void);
void scxen_bus_exit(void);

#endif /* _SCHANNEL_XEN_BUS_H */
