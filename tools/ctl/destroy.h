/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CTL_DESTROY_H
#define CTL_DESTROY_H

#include <stdint.h>

/* End a socket. Returns 0, or -1 with errno: ENOENT, EPERM, EOPNOTSUPP, ... */
int destroy_socket(int family, uint64_t cookie);

#endif
