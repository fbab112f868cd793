/* SPDX-License-Identifier: GPL-2.0-only */
/* A peer's name, UUID, addresses and memory limit, as the control domain publishes them. */
#ifndef _SCHANNEL_XEN_INFO_H
#define _SCHANNEL_XEN_INFO_H

#include <linux/types.h>

struct schannel_peer_info;
struct xenbus_device;

bool scxen_info_is_key(const char *path);
void scxen_info_read(struct xenbus_device *dev,
		     struct schannel_peer_info *info);

#endif /* _SCHANNEL_XEN_INFO_H */
