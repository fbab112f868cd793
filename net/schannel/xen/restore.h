/* SPDX-License-Identifier: GPL-2.0-only */
/* The xenbus devices after a save and restore. */
#ifndef _SCHANNEL_XEN_RESTORE_H
#define _SCHANNEL_XEN_RESTORE_H

struct xenbus_driver;

int scxen_restore_init(struct xenbus_driver *frontend,
		       struct xenbus_driver *backend);
void scxen_restore_exit(void);

#endif /* _SCHANNEL_XEN_RESTORE_H */
