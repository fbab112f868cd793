/* SPDX-License-Identifier: GPL-2.0-only */
/* Our own directories in xenstore: what changes there, and the limits that xenstored sets. */
#ifndef _SCHANNEL_XEN_STORE_H
#define _SCHANNEL_XEN_STORE_H

#include <xen/xenbus.h>

struct scxen_dev;

int scxen_publish(struct scxen_dev *xd,
		  int (*write)(struct scxen_dev *xd,
			       struct xenbus_transaction xbt));

void scxen_store_add(struct scxen_dev *xd);
void scxen_store_remove(struct scxen_dev *xd);
void scxen_store_removed(struct xenbus_device *dev);

int scxen_store_init(const struct xenbus_driver *frontend,
		     const struct xenbus_driver *backend);
void scxen_store_exit(void);

#endif /* _SCHANNEL_XEN_STORE_H */
