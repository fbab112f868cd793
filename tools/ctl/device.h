/* SPDX-License-Identifier: GPL-2.0-only */
/* Monitor devices, which show the bytes of diverted TCP connections. */
#ifndef CTL_DEVICE_H
#define CTL_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <net/if.h>

struct device {
	int index;
	char name[IF_NAMESIZE];
};

/* Each of these returns false, with errno set, if it fails. */

/* Create a device, whose name the kernel chooses. It is down. */
bool device_create(struct device *device);

/* Set it up, once a packet socket is bound to it. */
bool device_start(const struct device *device);

bool device_remove(const struct device *device);

/* How many packets it had no memory for. */
bool device_dropped(const struct device *device, uint64_t *dropped);

/* Remove devices of this network namespace whose program was killed. */
void device_remove_abandoned(void);

#endif
