/* SPDX-License-Identifier: GPL-2.0-only */
/* The generic netlink family of the modules, without libschannel: this program is static. */
#ifndef GENL_H
#define GENL_H

#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>
#include <linux/schannel_netlink.h>

typedef void (*genl_take)(const struct nlmsghdr *answer, void *arg);

/*
 * A dump: calls @take, unless it is NULL, with each answer to @cmd. Returns 0 or a negative
 * errno.
 */
int genl_dump(enum schannel_cmd cmd, genl_take take, void *arg);
/* The same for a command that has one answer. */
int genl_get(enum schannel_cmd cmd, genl_take take, void *arg);

/* The attribute of this type, or NULL; @size is the least that it must have. */
const void *genl_find(const struct nlmsghdr *answer, uint16_t type, size_t size);

/* The attribute, a number; 0 if there is none. */
uint64_t genl_number(const struct nlmsghdr *answer, uint16_t type);

#endif
