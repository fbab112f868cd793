/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_SPRINTF_H
#define SHIM_LINUX_SPRINTF_H

#include <stdio.h>

#endif
