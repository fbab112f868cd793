/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SCXEN_RESTORE_H
#define SCXEN_RESTORE_H

struct xenbus_driver;

int scxen_restore_init(struct xenbus_driver *frontend,
		       struct xenbus_driver *backend);
void scxen_restore_exit(void);

#endif
